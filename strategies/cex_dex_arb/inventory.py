"""What our fills moved from one side to the other, and when that is worth a transfer."""

from decimal import Decimal

from bus.events import Fill
from bus.units import ZERO, sign

DUST_USD = Decimal(1)  #: less than this is a rounding rest of lots and raw units


class Inventory:
    """Signed base quantity by instrument, from fills alone."""

    def __init__(self) -> None:
        self.base: dict[str, Decimal] = {}

    def on_fill(self, fill: Fill) -> None:
        """Book a fill."""
        self.base[fill.instrument] = self.base.get(fill.instrument, ZERO) + sign(fill.side) * fill.qty

    def held(self, instrument: str) -> Decimal:
        """Base bought less sold; negative = sold more."""
        return self.base.get(instrument, ZERO)


def shift_pct(pool_base: Decimal, price: Decimal, inventory_usd: Decimal) -> Decimal:
    """Share of the working inventory that trades moved into the pool's wallet (negative: out of it), in percent."""
    return pool_base * price / inventory_usd * 100

"""What our fills moved from one side to the other, and when that is worth a transfer."""

from decimal import Decimal

from bus.events import Fill, InstrumentListed
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


def transfer_text(pool: InstrumentListed, cex: InstrumentListed, moved: Decimal) -> str:
    """What a person should do about `moved` base in the pool's wallet; a perp cannot be sent, so it is closed."""
    qty = f"{abs(moved):.6f} {pool.base}"
    if cex.kind == "perp":
        verb = "sell" if moved > 0 else "buy"
        return f"{verb} {qty} for the wallet of {pool.venue} and close as much of {cex.instrument}"
    source, target = (pool.venue, cex.venue) if moved > 0 else (cex.venue, pool.venue)
    return f"move {qty} from {source} to {target}"

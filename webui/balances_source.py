"""What the balances page shows: what each venue was last known to hold, what of it is spoken for, and gas per chain."""

from decimal import Decimal
from typing import Protocol

from msgspec import Struct


class BalanceRow(Struct, frozen=True, kw_only=True):
    """An asset at a venue, in its own units. `reserved`: held back for working orders and perpetual margin."""

    venue: str
    asset: str
    total: Decimal
    free: Decimal | None
    reserved: Decimal | None
    value_usd: Decimal | None  #: None = no price of the asset is known
    age_ms: int | None  #: since it last changed; None = not since this run began
    simulated: bool = True


class GasRow(Struct, frozen=True, kw_only=True):
    """What pays for gas on a chain. level: ok, low, unknown or played (simulated: gas is a cost, not a balance)."""

    chain: str
    asset: str  #: "" = not known which
    balance: Decimal | None
    gas_price_gwei: Decimal | None
    gas_age_ms: int | None
    native_usd: Decimal | None
    level: str
    note: str


class BalancesLook(Struct, frozen=True, kw_only=True):
    """Balances at this moment."""

    rows: tuple[BalanceRow, ...] = ()
    gas: tuple[GasRow, ...] = ()
    in_flight_usd: Decimal = Decimal(0)  #: what working orders may still open
    open_orders: int = 0
    simulated: bool = True


class BalancesSource(Protocol):
    """A cheap look at ledger, gate and market."""

    def look(self) -> BalancesLook: ...

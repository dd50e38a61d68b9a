"""What the funding monitor shows: rates per hour as paid to a long, how much of them is known, perpetual positions."""

from decimal import Decimal
from typing import Protocol

from msgspec import Struct


class FundingRow(Struct, frozen=True, kw_only=True):
    """One perpetual. Rates are fractions per hour as paid to a long (negative: longs pay); None = not known.

    `hours` are the last seven days, oldest first; None where no settled rate covers the hour: a hole.
    """

    venue: str
    instrument: str
    newest_per_hour: float
    is_estimate: bool
    age_ms: int | None
    interval_h: float
    next_settle_ns: int | None
    is_overdue: bool
    mean_24h: float | None
    covered_24h: int
    mean_7d: float | None
    covered_7d: int
    hours: tuple[float | None, ...] = ()


class PerpRow(Struct, frozen=True, kw_only=True):
    """An open perpetual position. `liquidation_distance_pct` None = nobody tells it, `note` says why."""

    strategy: str
    instrument: str
    qty: Decimal
    value_usd: Decimal | None
    funding_usd: Decimal
    liquidation_distance_pct: Decimal | None
    note: str
    simulated: bool = True


class FundingTable(Struct, frozen=True, kw_only=True):
    """All that is known of funding now."""

    rows: tuple[FundingRow, ...] = ()
    positions: tuple[PerpRow, ...] = ()
    note: str = ""


class FundingSource(Protocol):
    """The table, and a number that changes when it would."""

    async def table(self) -> FundingTable: ...

    def version(self) -> int: ...

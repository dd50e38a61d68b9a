"""What a person away from the page may ask and order. Chats and command lines speak to this; compose implements it."""

from decimal import Decimal
from typing import Protocol

from msgspec import Struct

PERIODS = ("24h", "7d", "30d", "all")  #: of `profit`, counted back from event time
DAYS_MAX = 31
LOG_LINES_MAX = 50


class StrategyStatus(Struct, frozen=True, kw_only=True):
    """One strategy now. None = not known."""

    name: str
    state: str
    reason: str
    pnl_today_usd: Decimal | None
    pnl_total_usd: Decimal | None
    open_orders: int
    positions: int
    simulated: bool


class Status(Struct, frozen=True, kw_only=True):
    """The kernel now. `mode`: DEMO, PAPER or LIVE."""

    mode: str
    data_note: str
    seq: int
    last_event_age_ms: int | None
    is_killed: bool
    kill_reason: str
    kill_by: str
    database: str
    strategies: tuple[StrategyStatus, ...]
    venues_amiss: tuple[str, ...]  #: `name: status`, of those that are not ok


class Earned(Struct, frozen=True, kw_only=True):
    """What one strategy earned in a period, after fees, gas and funding. None = not known."""

    name: str
    pnl_usd: Decimal | None
    simulated: bool


class Profit(Struct, frozen=True, kw_only=True):
    """A period by strategy. Real and simulated sums never mix."""

    period: str
    rows: tuple[Earned, ...]
    note: str = ""


class Day(Struct, frozen=True, kw_only=True):
    """One UTC day of event time, by strategy."""

    label: str  #: 2026-11-25
    rows: tuple[Earned, ...]
    is_whole: bool  #: False = the day has not ended


class Daily(Struct, frozen=True, kw_only=True):
    """Days, newest first."""

    days: tuple[Day, ...]
    note: str = ""


class Holding(Struct, frozen=True, kw_only=True):
    """What is held or owed at a venue in one asset; `value_usd` None = no price."""

    venue: str
    asset: str
    qty: Decimal
    value_usd: Decimal | None


class Balance(Struct, frozen=True, kw_only=True):
    """Equity and holdings."""

    equity_usd: Decimal | None
    exposure_usd: Decimal | None
    unpriced: int
    rows: tuple[Holding, ...]
    simulated: bool


class Score(Struct, frozen=True, kw_only=True):
    """One strategy's record since its log began."""

    name: str
    pnl_usd: Decimal | None
    seen: int | None
    approved: int | None
    landed: int | None
    profitable: int | None
    simulated: bool


class OpenLeg(Struct, frozen=True, kw_only=True):
    """One open position leg; qty signed, base units."""

    strategy: str
    instrument: str
    qty: Decimal
    value_usd: Decimal | None
    unrealised_usd: Decimal | None
    simulated: bool


class LogLine(Struct, frozen=True, kw_only=True):
    """Something that was told; `ts_ns` event time."""

    ts_ns: int
    severity: str
    source: str
    text: str


class Operator(Protocol):
    """Questions and orders.

    Questions that may need the database are coroutines and raise `StoreError` when it cannot answer. Orders return, in
    one sentence, what was done; they raise `ConfigError` for a name or word that is none.
    """

    def status(self) -> Status: ...

    async def profit(self, period: str) -> Profit: ...

    async def daily(self, days: int) -> Daily: ...

    def balance(self) -> Balance: ...

    def performance(self) -> tuple[Score, ...]: ...

    def positions(self) -> tuple[OpenLeg, ...]: ...

    def logs(self, module: str, limit: int) -> tuple[LogLine, ...]: ...

    def kill(self, reason: str, by: str) -> str: ...

    def reset_kill(self, reason: str, by: str) -> str: ...

    def command(self, strategy: str, word: str, by: str) -> str:
        """start, pause or stop one strategy, or `all`."""
        ...

    async def reload(self, by: str) -> str:
        """Read the settings again."""
        ...

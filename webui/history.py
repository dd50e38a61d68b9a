"""What the pages show of the past: equity, trades, performance and the story of one order.

The same values come from Postgres or, without a database, from memory rings; `note` says which and how far back.
"""

from decimal import Decimal

from msgspec import Struct

from webui.snapshot import CostItem


class EquityMark(Struct, frozen=True, kw_only=True):
    """Something worth a line on the time axis. kind: kill, deploy or restart."""

    ts_ns: int
    kind: str
    text: str


class EquitySeries(Struct, frozen=True, kw_only=True):
    """Equity over time, oldest first. A point whose value is None is a gap."""

    points: tuple[tuple[int, Decimal | None], ...] = ()
    marks: tuple[EquityMark, ...] = ()
    simulated: bool = True
    note: str = ""


class TradeQuery(Struct, frozen=True, kw_only=True):
    """Which trades to list: newest first, below `before_key` ("" = from the newest). Empty filters mean all."""

    strategy: str
    before_key: str = ""
    limit: int = 50
    instrument: str = ""
    side: str = ""
    outcome: str = ""  #: gain, loss or open


class TradeRow(Struct, frozen=True, kw_only=True):
    """One order that was filled, wholly or in part. `pnl_usd` None = still open or not attributable."""

    key: str  #: sorts like time; the keyset of paging
    ts_ns: int
    order_id: str
    instrument: str
    venue: str
    side: str
    qty: Decimal
    price: Decimal | None
    notional_usd: Decimal | None  #: None = the quote currency has no USD value
    status: str
    fees_usd: Decimal | None = None
    gas_usd: Decimal | None = None
    slippage_usd: Decimal | None = None
    expected_net_usd: Decimal | None = None
    pnl_usd: Decimal | None = None
    simulated: bool = True


class TradeList(Struct, frozen=True, kw_only=True):
    """A slice of the trades; `next_key` "" = there are no older ones."""

    rows: tuple[TradeRow, ...] = ()
    next_key: str = ""
    instruments: tuple[str, ...] = ()  #: choices of the filter
    note: str = ""


class StoryStep(Struct, frozen=True, kw_only=True):
    """One event in the life of an order, with its seq in the log and its facts as (label, text)."""

    seq: int | None
    ts_ns: int
    title: str
    facts: tuple[tuple[str, str], ...] = ()
    tone: str = ""


class Story(Struct, frozen=True, kw_only=True):
    """Cause, opportunity, verdict, order, every report, result: in the order of the log."""

    order_id: str
    instrument: str
    side: str
    steps: tuple[StoryStep, ...]
    simulated: bool = True


class Statistic(Struct, frozen=True, kw_only=True):
    """A named figure with its definition; `text` is typeset, "" = not known, then `definition` says what it needs."""

    title: str
    text: str
    definition: str
    unit: str = ""
    tone: str = ""


class Bucket(Struct, frozen=True):
    """P&L of one day, instrument or venue."""

    label: str
    pnl_usd: Decimal
    trades: int


class Realisation(Struct, frozen=True):
    """What an order was expected to earn and what it did, with the class of the gap."""

    order_id: str
    expected_usd: Decimal
    realised_usd: Decimal
    reason: str


class Performance(Struct, frozen=True, kw_only=True):
    """A period of one strategy. Costs are positive when paid; slippage is inside prices and shown for information."""

    pnl_usd: Decimal | None = None
    statistics: tuple[Statistic, ...] = ()
    costs: tuple[CostItem, ...] = ()
    by_day: tuple[Bucket, ...] = ()
    by_instrument: tuple[Bucket, ...] = ()
    by_venue: tuple[Bucket, ...] = ()
    realisations: tuple[Realisation, ...] = ()
    simulated: bool = True
    note: str = ""

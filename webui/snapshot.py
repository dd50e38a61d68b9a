"""What the pages show live: plain frozen values that the kernel's side fills from its folds.

Money is `Decimal` and travels as text; floats are for signals and sparklines only. None means "not known" and is shown
as a dash, with a reason where one is given. Times are nanoseconds UTC of event time, ages are milliseconds.
"""

from decimal import Decimal

from msgspec import Struct

STAGES = ("seen", "priced", "approved", "sent", "landed", "profitable")  #: the funnel, in order


class ReasonCount(Struct, frozen=True):
    """A reason code and how often it was given in this run."""

    reason: str
    count: int


class Funnel(Struct, frozen=True, kw_only=True):
    """How many candidates reached each stage in this run; None where nobody counts that stage."""

    seen: int | None = None
    priced: int | None = None
    approved: int | None = None
    sent: int | None = None
    landed: int | None = None
    profitable: int | None = None


class StageDrop(Struct, frozen=True, kw_only=True):
    """Why candidates did not reach `stage` (one of STAGES), most frequent first."""

    stage: str
    reasons: tuple[ReasonCount, ...]


class KillSwitch(Struct, frozen=True, kw_only=True):
    """The stop of everything: on or off, why, by whom, since when (event time)."""

    is_on: bool = False
    reason: str = ""
    by: str = ""
    since_ns: int | None = None


class Database(Struct, frozen=True, kw_only=True):
    """The projection's state: up, degraded (catching up or unreachable) or off; lag in events, None = not known."""

    state: str
    lag_events: int | None = None
    note: str = ""


class FeedRow(Struct, frozen=True, kw_only=True):
    """A feed or venue: ok, stale, degraded, down or paused, with the age of its last event."""

    name: str
    status: str
    age_ms: int | None = None
    note: str = ""


class AlertRow(Struct, frozen=True, kw_only=True):
    """Something a person should know. severity: info, warning or critical."""

    seq: int
    ts_ns: int
    severity: str
    source: str
    text: str


class ExposureRow(Struct, frozen=True, kw_only=True):
    """What is held or owed at a venue in one asset. `value_usd` None = no price for it."""

    venue: str
    asset: str
    qty: Decimal
    value_usd: Decimal | None = None


class StrategyRow(Struct, frozen=True, kw_only=True):
    """One strategy at a glance. state: running, paused, disabled, faulted, blocked or warming."""

    name: str
    title: str
    state: str
    state_reason: str = ""
    pnl_today_usd: Decimal | None = None
    pnl_total_usd: Decimal | None = None
    exposure_usd: Decimal | None = None
    open_orders: int = 0
    positions: int = 0
    funnel: Funnel = Funnel()
    why_not: tuple[ReasonCount, ...] = ()  #: the strategy's own reasons
    denied: tuple[ReasonCount, ...] = ()  #: the gate's reasons
    last_event_age_ms: int | None = None
    handler_p50_us: float | None = None
    handler_p99_us: float | None = None
    sparkline: tuple[float, ...] = ()  #: total P&L at recent samples, oldest first
    simulated: bool = True


class RecentTrade(Struct, frozen=True, kw_only=True):
    """A fill, for the short list of the overview."""

    seq: int
    ts_ns: int
    strategy: str
    instrument: str
    side: str
    qty: Decimal
    price: Decimal
    order_id: str
    simulated: bool = True


class Overview(Struct, frozen=True, kw_only=True):
    """The whole kernel at a glance. mode: DEMO, REPLAY, PAPER or LIVE; `data_note` says what the data is."""

    mode: str
    data_note: str
    run_id: str
    version: str
    seq: int
    now_ns: int
    last_event_age_ms: int | None = None
    equity_usd: Decimal | None = None
    pnl_today_usd: Decimal | None = None
    pnl_total_usd: Decimal | None = None
    exposure_usd: Decimal | None = None
    unpriced: int = 0  #: open positions without a price, left out of the sums
    kill: KillSwitch = KillSwitch()
    database: Database = Database(state="off")
    loop_lag_p99_us: float | None = None
    queue_depth: int | None = None
    strategies: tuple[StrategyRow, ...] = ()
    feeds: tuple[FeedRow, ...] = ()
    alerts: tuple[AlertRow, ...] = ()  #: newest first
    recent_trades: tuple[RecentTrade, ...] = ()  #: newest first
    exposures: tuple[ExposureRow, ...] = ()


class Figure(Struct, frozen=True, kw_only=True):
    """One labelled number of a strategy's view, already typeset. `key` is unique in the page; tone may be empty."""

    key: str
    title: str
    text: str
    unit: str = ""
    tone: str = ""
    hint: str = ""


class FigureGroup(Struct, frozen=True, kw_only=True):
    """Figures that belong together."""

    title: str
    figures: tuple[Figure, ...]


class CostItem(Struct, frozen=True):
    """One cost of a candidate or of a period; kind as in `bus.intents.Cost`."""

    kind: str
    usd: Decimal


class Candidate(Struct, frozen=True, kw_only=True):
    """The best rejected candidate: gross minus costs is the expected net, and why it was not taken."""

    opportunity: str
    instruments: tuple[str, ...]
    size_usd: Decimal
    gross_usd: Decimal
    costs: tuple[CostItem, ...]
    expected_net_usd: Decimal
    why_not: str
    note: str = ""
    ts_ns: int | None = None


class SignalPoint(Struct, frozen=True):
    """The signal and its threshold at a time; None is a gap and is drawn as one."""

    ts_ns: int
    value: float | None
    threshold: float | None = None


class Signal(Struct, frozen=True, kw_only=True):
    """The number a strategy watches, beside the number it compares with; points oldest first, a bounded ring."""

    title: str
    unit: str
    threshold_title: str
    points: tuple[SignalPoint, ...] = ()


class PositionRow(Struct, frozen=True, kw_only=True):
    """One open leg. `mark` None = no price. `group` joins the legs of one hedge. qty is signed, base units."""

    instrument: str
    venue: str
    qty: Decimal
    avg_price: Decimal
    mark: Decimal | None = None
    value_usd: Decimal | None = None
    unrealised_usd: Decimal | None = None
    realised_usd: Decimal | None = None
    fees_usd: Decimal | None = None
    funding_usd: Decimal | None = None
    opened_ts_ns: int | None = None
    mark_age_ms: int | None = None
    group: str = ""
    simulated: bool = True


class Positions(Struct, frozen=True, kw_only=True):
    """Open legs of a strategy, their net delta, and what is said about the exit."""

    rows: tuple[PositionRow, ...] = ()
    delta_usd: Decimal | None = None
    note: str = ""


class StrategyPage(Struct, frozen=True, kw_only=True):
    """A strategy's live page. `trades_version` changes whenever its list of trades does."""

    row: StrategyRow
    idea: str
    mode: str
    now_ns: int
    groups: tuple[FigureGroup, ...] = ()
    drops: tuple[StageDrop, ...] = ()
    best_rejected: Candidate | None = None
    feeds: tuple[FeedRow, ...] = ()
    signal: Signal | None = None
    trades_version: int = 0

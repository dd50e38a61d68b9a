"""The kernel's own facts: time, settings, commands, health, faults, samples."""

from decimal import Decimal

from bus.events.base import Event


class ClockTick(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="tick"):
    """Time passed with nothing else to tell it. Published live when a timer is due; timers themselves are derived."""


class TimerFired(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="timer"):
    """A `Wake` came due; reaches its owner alone."""

    strategy: str
    name: str
    due_ns: int


class SettingsChanged(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="settings"):
    """The whole settings of a strategy (or of "risk") as JSON text, valid from here on."""

    strategy: str
    settings_json: str
    version: int
    changed_by: str = ""


class KillSwitchSet(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="kill_switch"):
    """The operator (or a limit) stopped everything, or lifted the stop. `strategy` "" = all."""

    is_on: bool
    strategy: str
    reason: str
    by: str


class StrategyCommand(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="command"):
    """A word to one strategy: start, pause, stop, halt, flatten; or reset_breakers, to one or ("" = ) to all."""

    strategy: str
    command: str
    by: str
    reason: str = ""  #: what the person said


class StrategyStateChanged(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="strategy_state"):
    """running, paused, disabled, faulted, blocked or warming, with the reason a person can act on."""

    strategy: str
    state: str
    reason: str


class StrategyFaulted(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="faulted"):
    """A handler raised: the strategy is disabled and its orders are cancelled; the bus goes on."""

    strategy: str
    cause_seq: int
    error: str


class VenueHealth(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="venue_health"):
    """ok, stale, degraded, down or paused."""

    venue: str
    status: str
    reason: str


class FeedGap(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="feed_gap"):
    """Data of a source is missing between two times; nothing is filled in for it."""

    source: str
    instrument: str
    from_ts_ns: int
    to_ts_ns: int
    reason: str


class Alert(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="alert"):
    """Something a person should know. severity: info, warning or critical."""

    severity: str
    source: str
    code: str
    text: str


class StrategySampled(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="sampled"):
    """A strategy's books and funnel at a minute boundary of event time: the points of every chart.

    Counters are totals since the start of the run. `unpriced` counts open positions that had no mark (left out).
    """

    strategy: str  #: "" = the whole kernel
    realised_usd: Decimal
    unrealised_usd: Decimal
    fees_usd: Decimal
    gas_usd: Decimal
    funding_usd: Decimal
    exposure_usd: Decimal
    open_orders: int
    seen: int
    priced: int
    approved: int
    denied: int
    fills: int
    unpriced: int
    simulated: bool


class RunRestarted(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="restarted"):
    """First event of a run that continues a log: what recovery found."""

    previous_run: str
    is_tail_torn: bool
    open_orders: int
    note: str

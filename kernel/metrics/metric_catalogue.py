"""Every metric of the kernel: name, kind, labels, meaning. Pages of Grafana and alert rules are made and checked by it.

Names follow Prometheus: base units (seconds, bytes, ratio), counters end in `_total`. Labels come from closed or capped
sets alone: strategies, stages, reason codes, venues, chains; never a token address, an order id or a URL.
"""

from typing import Literal

from msgspec import Struct

MetricKind = Literal["gauge", "counter", "histogram"]


class Metric(Struct, frozen=True):
    """One family as Prometheus will see it. `title` is what a panel is called."""

    name: str
    kind: MetricKind
    help: str
    labels: tuple[str, ...] = ()
    unit: str = ""  #: of Grafana: s, bytes, percentunit, currencyUSD, short


CATALOGUE: dict[str, Metric] = {}


def _add(kind: MetricKind, name: str, help_: str, *labels: str, unit: str = "short") -> Metric:
    metric = CATALOGUE[name] = Metric(name, kind, help_, labels, unit)
    return metric


def _gauge(name: str, help_: str, *labels: str, unit: str = "short") -> Metric:
    return _add("gauge", name, help_, *labels, unit=unit)


def _counter(name: str, help_: str, *labels: str, unit: str = "short") -> Metric:
    return _add("counter", name, help_, *labels, unit=unit)


_USD = "currencyUSD"

# the process ------------------------------------------------------------------------------------------------------

INFO = _gauge("kernel_info", "Always 1; what runs.", "version", "mode", "profile", "run")
FAILED = _gauge("kernel_failed", "1 when the kernel ended itself because a fold or its log was in doubt.")
READY = _gauge("kernel_ready", "1 when the kernel may trade, as /readyz says.")
EVENTS = _counter("kernel_bus_events_total", "Number of the newest event of the log.")
QUEUE = _gauge("kernel_bus_queue_events", "Inputs that wait for the bus.")
LAST_EVENT_AGE = _gauge("kernel_last_event_age_seconds", "Wall time since the time of the newest event.", unit="s")
LOOP_LAG = _add("histogram", "kernel_loop_lag_seconds", "How late the event loop wakes up.", unit="s")
EVENT_LOG_WRITABLE = _gauge("kernel_event_log_writable", "1 while the event log can be written; else orders stop.")
KILL_SWITCH = _gauge("kernel_kill_switch_on", "1 while the kill switch is on, for all or for one strategy.", "scope")
ALERTS = _counter("kernel_alerts_total", "Alerts raised in this process.", "severity")
CPU = _counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", unit="s")
RSS = _gauge("process_resident_memory_bytes", "Resident memory size in bytes.", unit="bytes")
VIRTUAL = _gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", unit="bytes")
STARTED = _gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", unit="s")
OPEN_FDS = _gauge("process_open_fds", "Number of open file descriptors.")
MAX_FDS = _gauge("process_max_fds", "Maximum number of open file descriptors.")
SERIES_LEFT_OUT = _gauge("kernel_metric_series_left_out", "Series of this page that were beyond the cap of a family.")

# money and risk ---------------------------------------------------------------------------------------------------

PNL = _gauge("kernel_pnl_usd", "P&L of all strategies after all costs, this log.", "simulated", unit=_USD)
PNL_TODAY = _gauge("kernel_pnl_today_usd", "The same since midnight UTC.", "simulated", unit=_USD)
EXPOSURE = _gauge("kernel_exposure_usd", "Gross exposure of all strategies.", "simulated", unit=_USD)
UNPRICED = _gauge("kernel_unpriced_positions", "Open positions without a price: left out of P&L and exposure.")
OPEN_ORDERS = _gauge("kernel_open_orders", "Orders without a terminal report.")
RISK_USE = _gauge(
    "kernel_risk_use_ratio",
    "Share of a limit that is used (1 = full), by strategy or all.",
    "scope",
    "limit",
    unit="percentunit",
)

# strategies -------------------------------------------------------------------------------------------------------

STATE = _gauge("kernel_strategy_state", "1 for the state that the strategy is in.", "strategy", "state")
STRATEGY_PNL = _gauge("kernel_strategy_pnl_usd", "P&L after all costs, this log.", "strategy", "simulated", unit=_USD)
STRATEGY_PNL_TODAY = _gauge(
    "kernel_strategy_pnl_today_usd", "P&L since midnight UTC.", "strategy", "simulated", unit=_USD
)
STRATEGY_COSTS = _gauge(
    "kernel_strategy_costs_usd", "Fees and gas paid, this log.", "strategy", "simulated", "cost", unit=_USD
)
STRATEGY_EXPOSURE = _gauge(
    "kernel_strategy_exposure_usd", "Gross exposure at present marks.", "strategy", "simulated", unit=_USD
)
STRATEGY_POSITIONS = _gauge("kernel_strategy_positions", "Open positions.", "strategy")
STRATEGY_OPEN_ORDERS = _gauge("kernel_strategy_open_orders", "Orders without a terminal report.", "strategy")
FUNNEL = _counter(
    "kernel_strategy_funnel_total", "Candidates that got this far: seen to profitable.", "strategy", "stage"
)
WHY_NOT = _counter("kernel_strategy_why_not_total", "Candidates the strategy left, by reason.", "strategy", "reason")
DENIED = _counter("kernel_strategy_denied_total", "Orders the gate denied, by reason.", "strategy", "reason")
FILLS = _counter("kernel_strategy_fills_total", "Fills, parts of orders included.", "strategy")
HANDLER = _gauge(
    "kernel_strategy_handler_seconds", "Handler time of the last 1024 events.", "strategy", "quantile", unit="s"
)
EVENT_TO_INTENT = _add(
    "histogram",
    "kernel_strategy_event_to_intent_seconds",
    "From the time of an event to the gate's verdict on the intent that it led to.",
    "strategy",
    unit="s",
)
STRATEGY_EVENT_AGE = _gauge(
    "kernel_strategy_last_event_age_seconds", "Wall time since the strategy last heard an event.", "strategy", unit="s"
)
ORPHANS = _gauge("kernel_strategy_orphan_legs", "Hedges with unequal legs that are being mended.", "strategy")
UNKNOWN_ORDERS = _gauge("kernel_strategy_unknown_orders", "Orders of unknown outcome.", "strategy")
UNKNOWN_AGE = _gauge(
    "kernel_strategy_unknown_order_age_seconds",
    "For how long the oldest outcome is unknown; 0 = none.",
    "strategy",
    unit="s",
)

# venues, feeds, endpoints -----------------------------------------------------------------------------------------

VENUE_AGE = _gauge("kernel_venue_age_seconds", "Event time since the newest data of a venue.", "venue", unit="s")
VENUE_UP = _gauge("kernel_venue_up", "1 while the venue's health is ok and its data are not stale.", "venue")
VENUE_CHANGES = _counter("kernel_venue_health_changes_total", "Health events by their status.", "venue", "status")
FEED_GAPS = _counter("kernel_feed_gaps_total", "Gaps found in a source's data.", "source")
FEED_CONNECTED = _gauge("kernel_feed_connected", "1 while a live feed is connected.", "feed")
FEED_AGE = _gauge("kernel_feed_age_seconds", "Wall time since the last message of a live feed.", "feed", unit="s")
FEED_RECONNECTS = _counter("kernel_feed_reconnects_total", "Times a live feed connected again.", "feed")
FEED_RESYNCS = _counter("kernel_feed_resyncs_total", "Times a book or state was fetched anew after a gap.", "feed")
FEED_MALFORMED = _counter("kernel_feed_malformed_total", "Messages that were not what they claimed to be.", "feed")
RPC_HEALTHY = _gauge("kernel_rpc_healthy", "1 while an endpoint is used.", "provider", "chain", "endpoint")
RPC_AVAILABLE = _gauge("kernel_rpc_available_endpoints", "Endpoints of a kind that may be used.", "provider", "chain")
RPC_LATENCY = _gauge(
    "kernel_rpc_latency_seconds", "Recent latency of an endpoint.", "provider", "chain", "endpoint", unit="s"
)
RPC_HEAD_LAG = _gauge(
    "kernel_rpc_head_lag_blocks", "Blocks that an endpoint is behind the best.", "provider", "chain", "endpoint"
)
RPC_CALLS = _counter(
    "kernel_rpc_calls_total", "Calls by result: ok, failed, rate_limited.", "provider", "chain", "endpoint", "result"
)
GAS_RESERVE = _gauge(
    "kernel_gas_reserve_ratio", "Native balance over the least to keep; below 1 = no gas.", "chain", unit="percentunit"
)

# platform ---------------------------------------------------------------------------------------------------------

DATABASE_STATE = _gauge("kernel_database_state", "1 for the state that the database is in.", "state")
DATABASE_LAG = _gauge("kernel_database_lag_events", "Events of the log that the database has not yet.")
LOG_LINES = _counter("kernel_log_lines_total", "Log lines written.", "module")
LOG_DROPPED = _counter("kernel_log_dropped_lines_total", "Log lines lost to a full queue or disk.", "module")
LOG_FAILURES = _counter("kernel_log_write_failures_total", "Writes of log files that the system refused.")
LOG_QUEUE = _gauge("kernel_log_queue_lines", "Log lines that wait for the writer.")
STREAMS = _gauge("kernel_web_streams", "Open live streams of the dashboard.")
STREAM_RESYNCS = _counter("kernel_web_resyncs_total", "Times a slow client lost what was queued for it and began anew.")

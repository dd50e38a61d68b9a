"""Alert rules for Prometheus: what must be told to a person, why, and what to do. `python -m kernel.compose.ops` writes
them to ops/prometheus/rules.
"""

import json
from collections.abc import Iterable

from msgspec import Struct

UNKNOWN_ORDER_S = 60  #: an order of unknown outcome older than this needs a person
LOOP_LAG_S = 0.05
LIMIT_SHARE = 0.8  #: of a loss limit, before it stops the strategy
DATABASE_LAG_EVENTS = 10_000
NO_EVENT_S = 300


class Rule(Struct, frozen=True, kw_only=True):
    """One alert. `hold` is how long the expression must be true."""

    name: str
    expr: str
    hold: str = "0m"
    severity: str  #: critical = somebody must look now; warning = today
    summary: str
    action: str


PROCESS = (
    Rule(
        name="KernelDown",
        expr='up{job="kernel"} == 0',
        hold="1m",
        severity="critical",
        summary="The kernel does not answer.",
        action="Look at the service and the kernel's errors log; open orders at venues go on without it.",
    ),
    Rule(
        name="KernelFailed",
        expr="kernel_failed == 1",
        severity="critical",
        summary="The kernel ended itself because its state was in doubt.",
        action="Read the fault in kernel_errors.log, then start it again: it folds its log and adopts open orders.",
    ),
    Rule(
        name="KernelNotReady",
        expr="kernel_ready == 0",
        hold="2m",
        severity="critical",
        summary="The kernel runs but may not trade.",
        action="GET /readyz says why.",
    ),
    Rule(
        name="KernelRestarting",
        expr="changes(process_start_time_seconds[15m]) > 2",
        severity="warning",
        summary="The kernel started again more than twice in 15 minutes.",
        action="Look for what ends it in kernel_errors.log and the service's journal.",
    ),
    Rule(
        name="EventLogUnwritable",
        expr="kernel_event_log_writable == 0",
        severity="critical",
        summary="The event log cannot be written; new orders are stopped.",
        action="Free the disk or mend the folder's rights; the kernel goes on by itself.",
    ),
    Rule(
        name="LoopLag",
        expr="histogram_quantile(0.99, sum by (instance, le) (rate(kernel_loop_lag_seconds_bucket[5m])))"
        f" > {LOOP_LAG_S}",
        hold="5m",
        severity="warning",
        summary="The event loop wakes up late: strategies decide late.",
        action="Look for other load on the machine and at the strategies' handler times.",
    ),
    Rule(
        name="BusQueue",
        expr="kernel_bus_queue_events > 1000",
        hold="1m",
        severity="warning",
        summary="Events wait longer than they are handled.",
        action="Subscribe to fewer instruments, or look at the strategies' handler times.",
    ),
    Rule(
        name="NoEvents",
        expr=f"kernel_last_event_age_seconds > {NO_EVENT_S}",
        hold="5m",
        severity="warning",
        summary="Nothing came from any feed for minutes.",
        action="Look at the feeds' state on the System page and at the network.",
    ),
    Rule(
        name="FewDescriptors",
        expr="process_open_fds / process_max_fds > 0.8",
        hold="5m",
        severity="warning",
        summary="The process is about to run out of file descriptors.",
        action="Raise LimitNOFILE of the service; look for a feed that reconnects all the time.",
    ),
)

TRADING = (
    Rule(
        name="KillSwitchOn",
        expr="kernel_kill_switch_on == 1",
        severity="warning",
        summary="The kill switch is on for {{ $labels.scope }}.",
        action="Its reason is on the overview; lift it there when the reason is gone.",
    ),
    Rule(
        name="StrategyFaulted",
        expr='kernel_strategy_state{state="faulted"} == 1',
        severity="critical",
        summary="{{ $labels.strategy }} raised an error and is off; its orders were cancelled, positions stay.",
        action="Read its errors log; close its positions by hand or start it again.",
    ),
    Rule(
        name="OrphanLeg",
        expr="kernel_strategy_orphan_legs > 0",
        hold="1m",
        severity="critical",
        summary="A hedge of {{ $labels.strategy }} has unequal legs for over a minute.",
        action="The kernel goes on mending; look at the Positions page and close the leg by hand if it cannot.",
    ),
    Rule(
        name="UnknownOrder",
        expr=f"kernel_strategy_unknown_order_age_seconds > {UNKNOWN_ORDER_S}",
        severity="critical",
        summary=f"The outcome of an order of {{{{ $labels.strategy }}}} is unknown for over {UNKNOWN_ORDER_S} s.",
        action="Ask the venue; the kernel keeps the risk reserved and never sends it again by itself.",
    ),
    Rule(
        name="Drawdown",
        expr=f'kernel_risk_use_ratio{{limit="drawdown"}} > {LIMIT_SHARE}',
        severity="warning",
        summary="{{ $labels.scope }} used {{ $value | humanizePercentage }} of its drawdown limit.",
        action="At the limit new risk stops; decide before it does.",
    ),
    Rule(
        name="DailyLoss",
        expr=f'kernel_risk_use_ratio{{limit="daily_loss"}} > {LIMIT_SHARE}',
        severity="warning",
        summary="{{ $labels.scope }} used {{ $value | humanizePercentage }} of its loss limit of the day.",
        action="At the limit new risk stops until midnight UTC.",
    ),
    Rule(
        name="UnpricedPositions",
        expr="kernel_unpriced_positions > 0",
        hold="10m",
        severity="warning",
        summary="Open positions have no price: they are missing in P&L and exposure.",
        action="Look at the feeds of their venues.",
    ),
    Rule(
        name="NoGas",
        expr="kernel_gas_reserve_ratio < 1",
        hold="1m",
        severity="critical",
        summary="The wallet on {{ $labels.chain }} is below its gas reserve.",
        action="Send native tokens to it; without them exits on this chain fail too.",
    ),
)

DATA = (
    Rule(
        name="FeedStale",
        expr="kernel_venue_up == 0",
        hold="2m",
        severity="warning",
        summary="{{ $labels.venue }} is stale or unhealthy; the gate denies orders there.",
        action="Look at the venue's status page and at kernel_trading.log.",
    ),
    Rule(
        name="FeedDisconnected",
        expr="kernel_feed_connected == 0",
        hold="1m",
        severity="warning",
        summary="The feed {{ $labels.feed }} is not connected for over a minute.",
        action="It goes on trying; look at the network and the venue's status page.",
    ),
    Rule(
        name="FeedUnsteady",
        expr="increase(kernel_feed_reconnects_total[15m]) > 5",
        severity="warning",
        summary="The feed {{ $labels.feed }} connected again more than five times in 15 minutes.",
        action="Look for rate limits and for load on this machine.",
    ),
    Rule(
        name="RpcPoolExhausted",
        expr="kernel_rpc_available_endpoints == 0",
        hold="1m",
        severity="critical",
        summary="No endpoint of {{ $labels.provider }} on {{ $labels.chain }} can be used.",
        action="Add an endpoint or raise its limit on the RPC page.",
    ),
    Rule(
        name="RpcBehind",
        expr="kernel_rpc_head_lag_blocks > 10",
        hold="5m",
        severity="warning",
        summary="{{ $labels.endpoint }} on {{ $labels.chain }} is {{ $value }} blocks behind.",
        action="The pool prefers others; replace it if it stays so.",
    ),
)

PLATFORM = (
    Rule(
        name="DatabaseAway",
        expr='kernel_database_state{state="degraded"} == 1',
        hold="5m",
        severity="warning",
        summary="The database does not answer; trading goes on, pages show what memory has.",
        action="Look at the server; the kernel catches up by itself.",
    ),
    Rule(
        name="DatabaseBehind",
        expr=f"kernel_database_lag_events > {DATABASE_LAG_EVENTS}",
        hold="10m",
        severity="warning",
        summary="The database is {{ $value }} events behind the log.",
        action="Look at the server's load and disk.",
    ),
    Rule(
        name="LogLinesDropped",
        expr="increase(kernel_log_dropped_lines_total[5m]) > 0",
        severity="warning",
        summary="Log lines of {{ $labels.module }} were lost.",
        action="The log says lines_dropped with their number; look at the disk, or raise the queue in the settings.",
    ),
    Rule(
        name="LogFilesUnwritable",
        expr="increase(kernel_log_write_failures_total[5m]) > 0",
        severity="warning",
        summary="Log files cannot be written.",
        action="Free the disk or mend the rights of the logs folder.",
    ),
    Rule(
        name="MetricSeriesLeftOut",
        expr="kernel_metric_series_left_out > 0",
        hold="10m",
        severity="warning",
        summary="A metric has more series than the page may have: some are missing.",
        action="Look which label grew; this is a fault of the kernel.",
    ),
)

GROUPS = {"kernel": PROCESS, "trading": TRADING, "data": DATA, "platform": PLATFORM}


def rules() -> Iterable[Rule]:
    """All of them."""
    for group in GROUPS.values():
        yield from group


def rules_yaml() -> str:
    """The file for Prometheus. A JSON string is a YAML string, so nothing else needs quoting rules."""
    lines = ["# Written by `python -m kernel.compose.ops`; change kernel/compose/ops_rules.py instead.", "groups:"]
    for name, group in GROUPS.items():
        lines += [f"  - name: {name}", "    rules:"]
        for rule in group:
            lines += [
                f"      - alert: {rule.name}",
                f"        expr: {_quoted(rule.expr)}",
                f"        for: {rule.hold}",
                "        labels:",
                f"          severity: {rule.severity}",
                "        annotations:",
                f"          summary: {_quoted(rule.summary)}",
                f"          action: {_quoted(rule.action)}",
            ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)

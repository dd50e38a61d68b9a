"""Writes what happened to orders and strategies into the logs, from the bus, behind everything else.

Orders and their reports go to the module's trade log; denials, states, faults, alerts and switches to its trading log.
Nothing is written per tick: equal denials and opportunities are told once per ten seconds of event time, with their
number. Every line carries `seq`, the event's number in the event log, which is the truth; these lines are for reading.
"""

from collections.abc import Callable
from typing import Any

import structlog

from bus.bus import STAGE_VIEW, Bus
from bus.clock import NS_PER_S
from bus.events import (
    REPORTS,
    Alert,
    FeedGap,
    Fill,
    FundingPaid,
    KillSwitchSet,
    OrderApproved,
    OrderDenied,
    OrphanLeg,
    Rejected,
    Report,
    Reverted,
    RunRestarted,
    SettingsChanged,
    StrategyCommand,
    StrategyFaulted,
    StrategyStateChanged,
    Unknown,
    VenueHealth,
)
from bus.events.base import Event
from bus.intents import PlaceOrder
from kernel.logs.log_line import PublicId, iso_ns
from kernel.logs.log_writer import TRADES_SUFFIX
from kernel.logs.logs import DEFAULT_MODULE, MODULE_NAME

REPEAT_NS = 10 * NS_PER_S  #: equal denials and gaps are told once in this time
LOGGERS_MAX = 128
REPEATS_MAX = 1_024  #: kinds of repeated lines remembered
_SKIPPED = frozenset({"strategy", "order_id", "simulated", "ts_ns"})
_PUBLIC_IDS = frozenset({"tx", "fill_id", "venue_id"})  #: on chain these look like keys
_ALERT_LEVELS = {"info": "info", "warning": "warning", "critical": "error"}


class TradeLog:
    """The subscriber."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._loggers: dict[str, Any] = {}
        self._repeats: dict[tuple[str, ...], list[int]] = {}  #: key -> [told at, untold since]
        self._handlers: tuple[tuple[type[Event], Callable[[Any], None]], ...] = (
            (OrderApproved, self._on_approved),
            *((kind, self._on_report) for kind in REPORTS),
            (FundingPaid, self._on_funding),
            (OrderDenied, self._on_denied),
            (OrphanLeg, self._on_orphan),
            (StrategyStateChanged, self._on_state),
            (StrategyFaulted, self._on_faulted),
            (StrategyCommand, self._on_command),
            (SettingsChanged, self._on_settings),
            (KillSwitchSet, self._on_kill),
            (VenueHealth, self._on_health),
            (FeedGap, self._on_gap),
            (Alert, self._on_alert),
            (RunRestarted, self._on_restarted),
        )

    def start(self) -> None:
        """Begin to listen."""
        for kind, handler in self._handlers:
            self._bus.subscribe(kind, handler, STAGE_VIEW)

    def stop(self) -> None:
        """Listen no more."""
        for kind, handler in self._handlers:
            self._bus.unsubscribe(kind, handler)

    def _logger(self, module: str, suffix: str = "") -> Any:
        name = (module if MODULE_NAME.fullmatch(module) else DEFAULT_MODULE) + suffix
        logger = self._loggers.get(name)
        if logger is None:
            if len(self._loggers) >= LOGGERS_MAX:  # hostile names of sources; the files are capped by kernel.logs.logs
                self._loggers.clear()
            logger = self._loggers[name] = structlog.get_logger(name)
        return logger

    def _place(self, event: Event) -> dict[str, Any]:
        return {"seq": self._bus.seq, "event_time": iso_ns(event.ts_ns)}

    def _is_repeated(self, event: Event, *key: str) -> int | None:
        """None when it was told a moment ago, else how many equal ones were not told since."""
        told = self._repeats.get(key)
        if told is not None and 0 <= event.ts_ns - told[0] < REPEAT_NS:
            told[1] += 1
            return None
        if told is None and len(self._repeats) >= REPEATS_MAX:
            del self._repeats[next(iter(self._repeats))]
        self._repeats[key] = [event.ts_ns, 0]
        return 0 if told is None else told[1]

    # trades -----------------------------------------------------------------------------------------------------

    def _on_approved(self, order: OrderApproved) -> None:
        intent = order.intent
        if isinstance(intent, PlaceOrder):
            what: dict[str, Any] = {"instrument": intent.instrument, "side": intent.side, "qty": intent.qty}
        else:
            what = {
                "route": tuple(hop.pool for hop in intent.route),
                "side": intent.base_side,
                "amount_in_raw": str(intent.amount_in),
                "amount_out_min_raw": str(intent.amount_out_min),
            }
        self._logger(order.strategy, TRADES_SUFFIX).info(
            "order_approved",
            order_id=order.order_id,
            **what,
            notional_usd=intent.notional_usd,
            group=order.group,
            is_unwind=order.is_unwind,
            cause_seq=order.cause_seq,
            **self._place(order),
        )

    def _on_report(self, report: Report) -> None:
        tag = str(type(report).__struct_config__.tag)
        name = "filled_part" if isinstance(report, Fill) else f"order_{tag}"
        fields: dict[str, Any] = {}
        for key in report.__struct_fields__:
            value = getattr(report, key)
            if key not in _SKIPPED and value != "":
                fields[key] = PublicId(value) if key in _PUBLIC_IDS else value
                if key.endswith("_raw"):  # raw amounts are text at any size
                    fields[key] = str(value)
        log = self._logger(report.strategy, TRADES_SUFFIX)
        tell = log.warning if isinstance(report, Rejected | Reverted | Unknown) else log.info
        tell(name, order_id=report.order_id, simulated=report.simulated, **fields, **self._place(report))

    def _on_funding(self, paid: FundingPaid) -> None:
        fields = {key: getattr(paid, key) for key in paid.__struct_fields__ if key not in ("strategy", "ts_ns")}
        self._logger(paid.strategy, TRADES_SUFFIX).info("funding_paid", **fields, **self._place(paid))

    # trading ----------------------------------------------------------------------------------------------------

    def _on_denied(self, denied: OrderDenied) -> None:
        untold = self._is_repeated(denied, "denied", denied.strategy, denied.reason, denied.scope)
        if untold is None:
            return
        self._logger(denied.strategy).info(
            "order_denied",
            reason=denied.reason,
            scope=denied.scope,
            limit=denied.limit,
            asked=denied.asked,
            notional_usd=denied.notional_usd,
            equal_before=untold,
            **self._place(denied),
        )

    def _on_orphan(self, leg: OrphanLeg) -> None:
        log = self._logger(leg.strategy)
        if leg.is_resolved:
            log.info("orphan_leg_mended", group=leg.group, **self._place(leg))
            return
        log.warning(
            "orphan_leg_found",
            group=leg.group,
            instrument=leg.instrument,
            side=leg.side,
            qty=leg.qty,
            action=leg.action,
            **self._place(leg),
        )

    def _on_state(self, changed: StrategyStateChanged) -> None:
        self._logger(changed.strategy).info(
            "state_changed", state=changed.state, reason=changed.reason, **self._place(changed)
        )

    def _on_faulted(self, fault: StrategyFaulted) -> None:
        self._logger(fault.strategy).error(
            "strategy_faulted", error=fault.error, cause_seq=fault.cause_seq, **self._place(fault)
        )

    def _on_command(self, command: StrategyCommand) -> None:
        self._logger(command.strategy).info(
            "command_given", command=command.command, by=command.by, **self._place(command)
        )

    def _on_settings(self, changed: SettingsChanged) -> None:
        """Not the values: their history has its own place and its own masking."""
        self._logger(changed.strategy).info(
            "settings_changed", of=changed.strategy, version=changed.version, by=changed.changed_by,
            **self._place(changed),
        )  # fmt: skip

    def _on_kill(self, switch: KillSwitchSet) -> None:
        log = self._logger(switch.strategy or DEFAULT_MODULE)
        tell = log.error if switch.is_on else log.warning
        tell(
            "kill_switch_set" if switch.is_on else "kill_switch_lifted",
            reason=switch.reason,
            by=switch.by,
            scope=switch.strategy or "all",
            **self._place(switch),
        )

    def _on_health(self, health: VenueHealth) -> None:
        untold = self._is_repeated(health, "health", health.venue, health.status)
        if untold is None:
            return
        log = self._logger(DEFAULT_MODULE)
        tell = log.info if health.status == "ok" else log.warning
        tell("venue_health_changed", venue=health.venue, status=health.status, reason=health.reason,
             equal_before=untold, **self._place(health))  # fmt: skip

    def _on_gap(self, gap: FeedGap) -> None:
        untold = self._is_repeated(gap, "gap", gap.source, gap.instrument)
        if untold is None:
            return
        self._logger(DEFAULT_MODULE).warning(
            "feed_gap_found",
            source=gap.source,
            instrument=gap.instrument,
            missing_ms=(gap.to_ts_ns - gap.from_ts_ns) / 1e6,
            reason=gap.reason,
            equal_before=untold,
            **self._place(gap),
        )

    def _on_alert(self, alert: Alert) -> None:
        tell = getattr(self._logger(alert.source), _ALERT_LEVELS.get(alert.severity, "warning"))
        tell("alert_raised", severity=alert.severity, source=alert.source, code=alert.code, text=alert.text,
             **self._place(alert))  # fmt: skip

    def _on_restarted(self, restarted: RunRestarted) -> None:
        self._logger(DEFAULT_MODULE).info(
            "run_restarted",
            previous_run=restarted.previous_run,
            open_orders=restarted.open_orders,
            is_tail_torn=restarted.is_tail_torn,
            note=restarted.note,
            **self._place(restarted),
        )

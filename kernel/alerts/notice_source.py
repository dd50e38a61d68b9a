"""Events as notices: which facts are worth telling, how grave they are, and their words."""

from collections.abc import Callable
from typing import Any

from bus.events import (
    Alert,
    Event,
    Fill,
    KillSwitchSet,
    OrphanLeg,
    RunRestarted,
    StrategyFaulted,
    StrategyStateChanged,
    Unknown,
    VenueHealth,
)
from kernel.alerts.legible import legible
from kernel.alerts.notice import SEVERITIES, Notice, Severity
from kernel.secrets.redaction import redact

_Told = tuple[Severity, str, str, str]  #: severity, source, code, text
SOURCE_CHARS_MAX = 80
CODE_CHARS_MAX = 80


def _alert(event: Any) -> _Told:
    severity: Severity = event.severity if event.severity in SEVERITIES else "warning"
    return severity, event.source, event.code, event.text


def _kill(event: Any) -> _Told:
    scope = event.strategy or "everything"
    if event.is_on:
        text = f"kill switch ON for {scope}, by {event.by}: {event.reason}. Orders are cancelled, new ones denied"
        return "critical", event.strategy or "kernel", "kill_on", text
    text = f"kill switch lifted for {scope}, by {event.by}: {event.reason}"
    return "warning", event.strategy or "kernel", "kill_off", text


def _faulted(event: Any) -> _Told:
    text = f"faulted on seq {event.cause_seq}: {event.error}. It is off, its orders are cancelled"
    return "critical", event.strategy, "faulted", text


def _state(event: Any) -> _Told:
    severity: Severity = "warning" if event.state in ("faulted", "blocked") else "info"
    return severity, event.strategy, f"state_{event.state}", f"{event.state}: {event.reason}"


def _orphan(event: Any) -> _Told:
    if event.is_resolved:
        return "info", event.strategy, "orphan_leg_mended", f"hedge {event.group} is equal again"
    text = f"{event.qty:f} of {event.instrument} stands alone ({event.side}, hedge {event.group}); {event.action} runs"
    return "critical", event.strategy, "orphan_leg", text


def _unknown(event: Any) -> _Told:
    text = f"order {event.order_id}: not known whether it landed, treated as landed: {event.reason}"
    return "warning", event.strategy, "unknown_order", text


def _health(event: Any) -> _Told:
    severity: Severity = "info" if event.status == "ok" else "warning"
    return severity, event.venue, f"venue_{event.status}", f"{event.venue} is {event.status}: {event.reason}"


def _restarted(event: Any) -> _Told:
    torn = f"; the torn tail was cut: {event.note}" if event.is_tail_torn else ""
    text = f"restarted after {event.previous_run} with {event.open_orders} open order(s){torn}"
    return "warning" if event.is_tail_torn else "info", "kernel", "restarted", text


def _fill(event: Any) -> _Told:
    mark = " (simulated)" if event.simulated else ""
    costs = f"fee {event.fee_usd:f} USD, gas {event.gas_usd:f} USD"
    text = f"{event.side} {event.qty:f} {event.instrument} at {event.price:f}, {costs}{mark}, order {event.order_id}"
    return "info", event.strategy, "fill", text


NOTICED: dict[type[Event], Callable[[Any], _Told]] = {
    Alert: _alert,
    KillSwitchSet: _kill,
    StrategyFaulted: _faulted,
    StrategyStateChanged: _state,
    OrphanLeg: _orphan,
    Unknown: _unknown,
    VenueHealth: _health,
    RunRestarted: _restarted,
    Fill: _fill,
}


def notice_of(seq: int, event: Event) -> Notice:
    """The notice of one of the `NOTICED` kinds; its text is scrubbed of secrets and of what a person cannot see."""
    severity, source, code, text = NOTICED[type(event)](event)
    return Notice(
        severity=severity,
        source=legible(source, SOURCE_CHARS_MAX),
        code=legible(code, CODE_CHARS_MAX),
        text=legible(redact(text)),
        seq=seq,
        ts_ns=event.ts_ns,
        is_always_told=isinstance(event, KillSwitchSet | Fill),
    )

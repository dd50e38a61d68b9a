"""Tables `system_logs` and `alerts`: what an operator reads; also what the projector could not project, and why."""

from collections.abc import Callable
from typing import Any

from bus.events import (
    Alert,
    FeedGap,
    KillSwitchSet,
    OrphanLeg,
    RunRestarted,
    SettingsChanged,
    StrategyCommand,
    StrategyFaulted,
    StrategyStateChanged,
    VenueHealth,
)
from bus.events.base import Event
from bus.ids import stable_uuid
from persistence.projection_row import Place, Row
from persistence.projection_text import clip

UPSERT = """
INSERT INTO system_logs (id, run_id, seq, ts_ns, module, level, event, message, metadata)
SELECT id, run_id, seq, ts_ns, module, level, event, message, metadata
FROM json_populate_recordset(NULL::system_logs, $1::json)
ON CONFLICT (id) DO NOTHING"""

UPSERT_ALERTS = """
INSERT INTO alerts (id, run_id, seq, ts_ns, module, severity, code, message, status, metadata)
SELECT id, run_id, seq, ts_ns, module, severity, code, message, 'open', metadata
FROM json_populate_recordset(NULL::alerts, $1::json)
ON CONFLICT (id) DO NOTHING"""

PROJECTOR = "projector"
SEVERITIES = frozenset({"info", "warning", "critical"})


class LogRow(Row, kw_only=True):
    """One line of the operator's log."""

    module: str
    level: str
    event: str
    message: str


class AlertRow(Row, kw_only=True):
    """One alert; its status belongs to the operator and is never overwritten."""

    module: str
    severity: str
    code: str
    message: str


_Told = tuple[str, str, str, dict[str, Any]]  #: module, level, message, metadata


def _faulted(event: Any) -> _Told:
    return event.strategy, "error", event.error, {"cause_seq": event.cause_seq}


def _state(event: Any) -> _Told:
    level = {"faulted": "error", "blocked": "warning"}.get(event.state, "info")
    return event.strategy, level, f"{event.state}: {event.reason}", {"state": clip(event.state)}


def _kill(event: Any) -> _Told:
    text = f"{'on' if event.is_on else 'off'}: {event.reason}"
    return event.strategy, "warning", text, {"is_on": event.is_on, "by": clip(event.by)}


def _restarted(event: Any) -> _Told:
    told = {"previous_run": clip(event.previous_run), "is_tail_torn": event.is_tail_torn}
    text = f"continues {event.previous_run} with {event.open_orders} open orders; {event.note}"
    return "", "warning" if event.is_tail_torn else "info", text, told


def _settings(event: Any) -> _Told:
    told = {"version": str(event.version), "by": clip(event.changed_by)}
    return event.strategy, "info", event.settings_json, told


def _command(event: Any) -> _Told:
    return event.strategy, "info", event.command, {"by": clip(event.by)}


def _health(event: Any) -> _Told:
    level = "info" if event.status == "ok" else "warning"
    return event.venue, level, f"{event.status}: {event.reason}", {"status": clip(event.status)}


def _gap(event: Any) -> _Told:
    told = {"instrument": clip(event.instrument), "from_ts_ns": event.from_ts_ns, "to_ts_ns": event.to_ts_ns}
    return event.source, "warning", event.reason, told


def _orphan(event: Any) -> _Told:
    told = {"group": clip(event.group), "instrument": clip(event.instrument), "qty": str(event.qty)}
    word = "resolved" if event.is_resolved else event.action
    return event.strategy, "info" if event.is_resolved else "warning", f"{word}: {event.side} {event.qty}", told


LOGGED: dict[type[Event], Callable[[Any], _Told]] = {
    StrategyFaulted: _faulted,
    StrategyStateChanged: _state,
    KillSwitchSet: _kill,
    RunRestarted: _restarted,
    SettingsChanged: _settings,
    StrategyCommand: _command,
    VenueHealth: _health,
    FeedGap: _gap,
    OrphanLeg: _orphan,
}


def log_row(place: Place, event: Event) -> LogRow:
    """The line of one of the `LOGGED` kinds."""
    module, level, message, metadata = LOGGED[type(event)](event)
    return LogRow(
        id=stable_uuid(place.run_id, place.seq, "system_logs"),
        run_id=place.run_id,
        seq=place.seq,
        ts_ns=event.ts_ns,
        module=clip(module) or "kernel",
        level=level,
        event=str(type(event).__struct_config__.tag),
        message=clip(message),
        metadata=metadata,
    )


def projector_row(place: Place, ts_ns: int, event: str, message: str) -> LogRow:
    """The projector's own line: what it could not project (`quarantined`, `damaged`) or did (`reprojected`)."""
    return LogRow(
        id=stable_uuid(place.run_id, place.seq, PROJECTOR, event),
        run_id=place.run_id,
        seq=place.seq,
        ts_ns=ts_ns,
        module=PROJECTOR,
        level="error",
        event=event,
        message=clip(message),
    )


def alert_row(place: Place, event: Alert) -> AlertRow:
    """The row of an alert; an unknown severity counts as a warning and is kept in the metadata."""
    is_known = event.severity in SEVERITIES
    return AlertRow(
        id=stable_uuid(place.run_id, place.seq, "alerts"),
        run_id=place.run_id,
        seq=place.seq,
        ts_ns=event.ts_ns,
        module=clip(event.source),
        severity=event.severity if is_known else "warning",
        code=clip(event.code),
        message=clip(event.text),
        metadata={} if is_known else {"severity": clip(event.severity)},
    )

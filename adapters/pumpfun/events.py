"""Events of pump.fun and PumpSwap out of transactions and logs, typed; anything else is passed over."""

from collections.abc import Iterable, Mapping
from typing import Any

from adapters.pumpfun.addresses import PUMP, PUMP_SWAP
from adapters.pumpfun.borsh import record_of
from adapters.pumpfun.event_records import CURVE_EVENTS, SWAP_EVENTS, PumpEvent
from adapters.pumpfun.transaction import SELF_CALL, emitted_in_calls, emitted_in_logs, is_failed
from adapters.solana.tracked_pool import UnknownLayout

_RECORDS = {str(PUMP): record_of(CURVE_EVENTS), str(PUMP_SWAP): record_of(SWAP_EVENTS)}


def decode_event(program: str, data: bytes) -> PumpEvent | None:
    """What a program emitted, with or without the mark of a self-call in front; None for what we do not follow.

    Raises `UnknownLayout` where a followed event does not have its fields: the program changed.
    """
    lookup = _RECORDS.get(program)
    if lookup is None:
        return None
    if data[:8] == SELF_CALL:
        data = data[8:]
    record = lookup(data)
    event: PumpEvent | None = record.decode(data) if record else None
    return event


def events_in_logs(lines: Iterable[Any]) -> tuple[PumpEvent, ...]:
    """Events of the log lines of one transaction, as `logsSubscribe` brings them. Never raises."""
    return _decoded(emitted_in_logs(lines))


def events_in_transaction(transaction: Mapping[str, Any]) -> tuple[PumpEvent, ...]:
    """Events of one landed transaction, as getTransaction or a block brings it; none of a failed one. Never raises.

    Our programs' calls may be anywhere in it, a router's included. Logs serve only where calls were not recorded.
    """
    if is_failed(transaction):
        return ()
    found = _decoded(emitted_in_calls(transaction, _RECORDS))
    meta = transaction["meta"]
    if found or meta.get("innerInstructions") is not None:
        return found
    lines = meta.get("logMessages")
    return events_in_logs(lines) if isinstance(lines, list) else ()


def _decoded(emitted: Iterable[tuple[str, bytes]]) -> tuple[PumpEvent, ...]:
    events = []
    for program, data in emitted:
        try:
            event = decode_event(program, data)
        except UnknownLayout:
            continue
        if event is not None:
            events.append(event)
    return tuple(events)

"""An event as text for people: one line, and JSON with every field by its name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, get_args

import msgspec

from bus.events import AnyEvent
from bus.events.base import Event

SUMMARY_CHARS_MAX = 180
VALUE_CHARS_MAX = 48
UNSAID = frozenset({"ts_ns", "strategy"})


def _kinds() -> Mapping[str, type[Event]]:
    return MappingProxyType({str(each.__struct_config__.tag): each for each in _leaves(AnyEvent)})


def _leaves(kind: Any) -> list[type[Event]]:
    parts = get_args(kind)
    return [leaf for part in parts for leaf in _leaves(part)] if parts else [kind]


KINDS = _kinds()  #: tag -> class


def tag_of(event: Event) -> str:
    """The word that begins its array in the log."""
    return str(type(event).__struct_config__.tag)


def summary_of(event: Event) -> str:
    """The fields that say something, in one line; whose it is comes first."""
    parts = []
    strategy = getattr(event, "strategy", "")
    if strategy:
        parts.append(str(strategy)[:VALUE_CHARS_MAX])
    length = 0
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if name in UNSAID or value in ("", None) or value == () or value is False:
            continue
        text = _value(value)
        parts.append(f"{name} {text}")
        length += len(name) + len(text) + 4
        if length > SUMMARY_CHARS_MAX:
            break
    return " · ".join(parts)[:SUMMARY_CHARS_MAX]


def json_of(event: Event) -> str:
    """Every field by name, indented; integers of any size and decimals stay exact."""
    fields = {"kind": tag_of(event)} | {name: getattr(event, name) for name in event.__struct_fields__}
    return msgspec.json.format(msgspec.json.encode(fields), indent=2).decode()


def _value(value: Any) -> str:
    if isinstance(value, str | int | float):
        text = str(value)
    else:
        text = msgspec.json.encode(value).decode().strip('"')
    return text if len(text) <= VALUE_CHARS_MAX else text[: VALUE_CHARS_MAX - 1] + "…"

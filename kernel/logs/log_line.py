"""One log line: a record of the caller's side made into JSON, by the writer's thread.

Nothing a line holds may break it: unknown objects are shown by a `repr` that cannot raise, long texts are cut, depth
and length are bounded, secrets are masked, and what still cannot be encoded leaves a line that says so.
"""

import dataclasses
import enum
import re
import reprlib
import traceback
from contextvars import Context
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import PurePath
from types import TracebackType
from typing import Any

import msgspec
from msgspec import Struct

from bus.clock import NS_PER_S
from kernel.secrets.redaction import MASK, mask_remembered, redact
from kernel.secrets.secret import Secret

DEBUG, INFO, WARNING, ERROR, CRITICAL = 10, 20, 30, 40, 50
LEVELS = {"debug": DEBUG, "info": INFO, "warning": WARNING, "error": ERROR, "critical": CRITICAL}
NAMES = {number: name for name, number in LEVELS.items()}
TEXT_CHARS_MAX = 8_000  #: of one value: a long traceback fits
ITEMS_MAX = 100  #: of one list or table
DEPTH_MAX = 6
LINE_BYTES_MAX = 32 * 1024  #: a longer line keeps its head alone
INT_BITS_MAX = 53  #: longer integers are text: most readers of JSON would round them
_CONTEXT_PREFIX = "structlog_"  #: of the context variables that structlog.contextvars.bind_contextvars makes
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_PUBLIC_ID = re.compile(r"[0-9A-Za-z]{1,128}")
_SECRET_KEY = re.compile(r"private_?key|mnemonic|seed_?phrase|passw|passphrase|api_?(key|secret)|authorization|cookie")

Fields = dict[str, Any]


class PublicId(str):
    """A text that is public although it looks like a key, such as a Solana signature: only known secrets are masked.

    Letters and digits alone, at most 128; any other text is treated like all texts.
    """


#: (ts_ns, level, module with its suffix, logger, fields with event, context)
Record = tuple[int, int, str, str, Fields, Context]

_encoder = msgspec.json.Encoder()
_shown = reprlib.Repr()
_shown.maxother = _shown.maxstring = TEXT_CHARS_MAX


def render(record: Record) -> tuple[bytes, Fields]:
    """The JSON line with its line feed, and the plain fields of it (for the terminal)."""
    ts_ns, level, module, logger, fields, context = record
    module, _, _ = module.partition(".")
    line: Fields = {"ts": iso_ns(ts_ns), "level": NAMES.get(level, "info"), "module": module}
    try:
        event = fields.get("event")
        line["event"] = _text(event) if isinstance(event, str) else plain(event)
        if logger != record[2]:
            line["logger"] = logger
        for variable, value in context.items():
            if variable.name.startswith(_CONTEXT_PREFIX) and value is not Ellipsis:
                _put(line, variable.name.removeprefix(_CONTEXT_PREFIX), value)
        for key, value in fields.items():
            if key != "event":
                _put(line, key, value)
        encoded = _encoder.encode(line)
    except (TypeError, ValueError, RuntimeError, OverflowError, msgspec.MsgspecError) as error:
        # A table that its owner changed meanwhile, or a text that is no Unicode.
        line = {**_head(line), "note": f"the fields could not be written: {type(error).__name__}"}
        encoded = _encoder.encode(line)
    if len(encoded) >= LINE_BYTES_MAX:
        line = {**_head(line), "note": f"the fields were {len(encoded)} bytes and were left out"}
        encoded = _encoder.encode(line)
    return encoded + b"\n", line


def _head(line: Fields) -> Fields:
    head: Fields = {"ts": line["ts"], "level": line["level"], "module": line["module"]}
    head["event"] = str(line.get("event", ""))[:200].encode("utf-8", "replace").decode()
    return head


def _put(line: Fields, key: str, value: Any) -> None:
    key = _text(str(key))[:100]
    if key == "exc_info":
        if value := _trace(value):
            line["exception"] = value
        return
    if key in ("ts", "level", "module", "event", "logger"):
        key += "_"
    if _SECRET_KEY.search(key.lower()) and isinstance(value, str | bytes):
        line[key] = MASK
        return
    line[key] = plain(value)


def plain(value: Any, depth: int = 0) -> Any:
    """The value as JSON knows it, without secrets; never raises for what a `__repr__` does."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, PublicId) and _PUBLIC_ID.fullmatch(value):
        return mask_remembered(str.__str__(value))
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return int(value) if value.bit_length() <= INT_BITS_MAX else str(value)
    if isinstance(value, float):
        return float(value) if value - value == 0 else str(value)
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes | bytearray):
        return _text(value[:TEXT_CHARS_MAX].hex())
    if isinstance(value, BaseException):
        return _text("".join(traceback.TracebackException.from_exception(value).format_exception_only()).strip())
    if depth >= DEPTH_MAX:
        return f"<{type(value).__name__}>"
    return _composed(value, depth)


def _composed(value: Any, depth: int) -> Any:
    if isinstance(value, dict):
        table: Fields = {}
        for key in list(value)[:ITEMS_MAX]:
            _put_nested(table, key, value.get(key), depth)
        return table
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each, depth + 1) for each in list(value)[:ITEMS_MAX]]
    if isinstance(value, enum.Enum):
        return plain(value.value, depth + 1)
    if isinstance(value, PurePath):
        return _text(str(value))
    if isinstance(value, Struct):
        names = value.__struct_fields__
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = tuple(each.name for each in dataclasses.fields(value))
    else:
        return _text(_shown.repr_instance(value, 1))
    table = {}
    for name in names[:ITEMS_MAX]:
        _put_nested(table, name, getattr(value, name, None), depth)
    return table


def _put_nested(table: Fields, key: Any, value: Any, depth: int) -> None:
    name = _text(key if isinstance(key, str) else str(plain(key, depth + 1)))[:100]
    is_secret = _SECRET_KEY.search(name.lower()) is not None and isinstance(value, str | bytes)
    table[name] = MASK if is_secret else plain(value, depth + 1)


def _text(text: str) -> str:
    """Masked, cut, and made of characters that UTF-8 knows."""
    if type(text) is not str:  # an enumeration's member or the like, which the encoder does not take
        text = str.__str__(text)
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    if len(text) > 2 * TEXT_CHARS_MAX:  # masked before it is cut for good, so that no half of a secret stays
        text = text[: 2 * TEXT_CHARS_MAX]
    text = redact(text)
    return text if len(text) <= TEXT_CHARS_MAX else f"{text[:TEXT_CHARS_MAX]}… ({len(text)} characters)"


def _trace(given: Any) -> str:
    """The traceback of an `exc_info`: an exception, or what sys.exc_info() gives."""
    error = given[1] if isinstance(given, tuple) and len(given) == 3 else given
    if not isinstance(error, BaseException):
        return ""
    trace = given[2] if isinstance(given, tuple) else error.__traceback__
    found = trace if isinstance(trace, TracebackType) else None
    lines = traceback.TracebackException(type(error), error, found, limit=-20, compact=True).format()
    return _text("".join(lines).rstrip())


def iso_ns(ts_ns: int) -> str:
    """UTC ISO text that keeps the nanoseconds: 2026-11-24T12:00:00.000000001Z."""
    seconds, rest = divmod(ts_ns, NS_PER_S)
    return f"{_iso_second(seconds)}.{rest:09d}Z"


@lru_cache(maxsize=2)  # lines come in order: nearly all share their second with the one before
def _iso_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def console_line(line: Fields) -> str:
    """For a terminal: no control characters, so that hostile text cannot move its cursor."""
    rest = " ".join(f"{key}={value}" for key, value in line.items() if key not in ("ts", "level", "module", "event"))
    text = f"{str(line['ts'])[11:23]} {line['level']:8} {line['module']}: {line.get('event', '')} {rest}".rstrip()
    return _CONTROL.sub("·", text.replace("\n", " ⏎ "))

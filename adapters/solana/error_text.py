"""A transaction's error in words: the runtime's JSON and the last of its logs, bounded, as both are hostile."""

from collections.abc import Sequence
from typing import Any

LOG_LINES_SHOWN = 3
LINE_CHARS_MAX = 160
TEXT_CHARS_MAX = 600
TELLING = ("error", "failed", "panicked", "insufficient", "exceeded")


def error_text(err: Any, logs: Sequence[str] | None = None) -> str:
    """What failed, as short as can be acted on.

    >>> error_text({"InstructionError": [2, {"Custom": 6001}]})
    'instruction 2: custom program error 6001 (0x1771)'
    """
    told = [_clean(line) for line in logs or () if any(word in line[:400].lower() for word in TELLING)]
    text = "; ".join([_reason(err), *told[-LOG_LINES_SHOWN:]])
    return text[:TEXT_CHARS_MAX]


def _reason(err: Any) -> str:
    if isinstance(err, dict) and len(err) == 1:
        inside = err.get("InstructionError")
        if isinstance(inside, list) and len(inside) == 2 and type(inside[0]) is int:
            return f"instruction {inside[0]}: {_instruction(inside[1])}"
    return _clean(err if isinstance(err, str) else repr(err))


def _instruction(what: Any) -> str:
    if isinstance(what, dict) and type(what.get("Custom")) is int:
        code = what["Custom"]
        return f"custom program error {code} ({hex(code)})" if 0 <= code < 1 << 32 else "custom program error"
    return _clean(what if isinstance(what, str) else repr(what))


def _clean(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text[:LINE_CHARS_MAX]).strip()

"""Rows of a CSV file: exact numbers, UTC times, and text that a spreadsheet would run as a formula made inert."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal


def iso(ts_ns: int) -> str:
    """UTC to the millisecond."""
    return datetime.fromtimestamp(ts_ns // 1_000_000 / 1_000, UTC).isoformat(timespec="milliseconds")


def plain(value: object) -> str:
    """A CSV field. Text that a spreadsheet would run as a formula gets a leading apostrophe; numbers never do."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    text = str(value)
    return "'" + text if isinstance(value, str) and text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def line(fields: Sequence[str]) -> str:
    """One line of the file."""
    out = io.StringIO()
    csv.writer(out).writerow(fields)
    return out.getvalue()


def attachment(name: str) -> dict[str, str]:
    """The header that makes a browser save it."""
    return {"Content-Disposition": f'attachment; filename="{name}"'}

"""Lines of a CSV download. Text that a spreadsheet would run as a formula gets an apostrophe; numbers never do."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def iso(ts_ns: int) -> str:
    """UTC to the millisecond."""
    return datetime.fromtimestamp(ts_ns // 1_000_000 / 1_000, UTC).isoformat(timespec="milliseconds")


def csv_field(value: object) -> str:
    """One field; None is a blank."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    text = str(value)
    return "'" + text if isinstance(value, str) and text[:1] in FORMULA_STARTS else text


def csv_line(fields: Sequence[object]) -> str:
    """One line with its end; every field is guarded."""
    out = io.StringIO()
    csv.writer(out).writerow([csv_field(each) for each in fields])
    return out.getvalue()


def attachment(name: str) -> dict[str, str]:
    """The header of a download; `name` is ours, never somebody's text."""
    return {"Content-Disposition": f'attachment; filename="{name}"'}

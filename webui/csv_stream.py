"""A list as a CSV file, streamed slice by slice with a limit that the file tells."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from kernel.errors import StoreError
from webui.csv_lines import attachment, csv_line, iso

CSV_ROWS = 50_000  #: the file says when it stops here
CSV_SLICE = 500
SLICES_MAX = 400  #: of a filter that finds little: each slice is a bounded search
Fetch = Callable[[str], Awaitable[Any]]  #: key -> a list with `rows` and `next_key`


async def csv_response(name: str, columns: Sequence[str], fetch: Fetch, before_key: str) -> Response:
    """Rows newest first from a key on. 503 when the first slice cannot be had; later trouble stands in the file."""
    try:
        first = await fetch(before_key)
    except StoreError as error:
        raise HTTPException(503, str(error)) from error
    except ValueError as error:
        raise HTTPException(400, str(error)) from error
    return StreamingResponse(
        _lines(columns, fetch, first), media_type="text/csv; charset=utf-8", headers=attachment(name)
    )


async def _lines(columns: Sequence[str], fetch: Fetch, listed: Any) -> AsyncIterator[str]:
    yield csv_line(("time_utc", *columns))
    written = 0
    for _ in range(SLICES_MAX):
        for row in listed.rows:
            yield csv_line((iso(row.ts_ns), *(_field(getattr(row, column)) for column in columns)))
        written += len(listed.rows)
        if not listed.next_key:
            return
        if written >= CSV_ROWS:
            break
        try:
            listed = await fetch(listed.next_key)
        except StoreError as error:
            yield csv_line((f"incomplete: {error}",))
            return
    yield csv_line((f"stopped after {written} rows; filter to see the rest",))


def _field(value: object) -> object:
    if isinstance(value, tuple):
        return "; ".join(f"{each.kind} {each.usd:f}" if hasattr(each, "usd") else str(each) for each in value)
    return value

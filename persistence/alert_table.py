"""Table `alerts` for the operator: lists, counts, and his word on each (acknowledged, resolved) with his name and time.

The projector only inserts rows; the status is the operator's alone. Every function raises `StoreError` while the
database is away, and `ValueError` for a key, filter or id that is none.
"""

from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from persistence.postgres import Database

LIMIT_MAX = 500
IDS_MAX = 500  #: of one acknowledgement: a page of them
NOTE_CHARS_MAX = 500
FAR_NS = 2**63 - 1
SEVERITIES = ("info", "warning", "critical")
STATUSES = ("open", "acknowledged", "resolved")

LIST = """
SELECT id, run_id, seq, ts_ns, module, severity, code, message, status, metadata -> 'operator' AS history
FROM alerts
WHERE (ts_ns, id) < ($1, $2) AND ($3::text IS NULL OR module = $3) AND ($4::text IS NULL OR severity = $4)
  AND ($5::text IS NULL OR status = $5) AND ($6::text IS NULL OR code = $6) AND ts_ns >= $7
ORDER BY ts_ns DESC, id DESC
LIMIT $8"""

MARK = """
UPDATE alerts
SET status = $2, updated_at = now(), metadata = metadata || jsonb_build_object('operator',
    coalesce(metadata -> 'operator', '[]'::jsonb) || jsonb_build_array(jsonb_build_object(
        'status', $2::text, 'by', $3::text, 'ts_ns', $4::bigint, 'note', $5::text)))
WHERE id = ANY($1::uuid[]) AND status = ANY($6::text[])"""

COUNTS = "SELECT status, severity, count(*) AS count FROM alerts GROUP BY status, severity"
MODULES = "SELECT DISTINCT module FROM alerts ORDER BY module LIMIT 200"


class AlertQuery(Struct, frozen=True, kw_only=True):
    """Which alerts to list, newest first, below `before_key` ("" = from the newest). Empty filters mean all."""

    before_key: str = ""
    limit: int = 50
    module: str = ""
    severity: str = ""
    status: str = ""
    code: str = ""
    from_ns: int = 0


class Mark(Struct, frozen=True, kw_only=True):
    """What an operator said about an alert; `ts_ns` wall time."""

    status: str
    by: str
    ts_ns: int
    note: str


class AlertRow(Struct, frozen=True, kw_only=True):
    """One alert. `message` may quote on-chain strings: hostile. `marks`: oldest first."""

    id: str
    key: str  #: of paging
    run_id: str
    seq: int
    ts_ns: int
    module: str
    severity: str
    code: str
    message: str
    status: str
    marks: tuple[Mark, ...]


class AlertPage(Struct, frozen=True, kw_only=True):
    """A slice; `next_key` "" = there are no older ones. `modules`: choices of the filter."""

    rows: tuple[AlertRow, ...]
    next_key: str
    modules: tuple[str, ...]


async def alerts(database: Database, query: AlertQuery) -> AlertPage:
    """A slice of the alerts."""
    _check("severity", query.severity, SEVERITIES)
    _check("status", query.status, STATUSES)
    limit = max(1, min(query.limit, LIMIT_MAX))
    before_ns, before_id = _key(query.before_key)
    async with database.acquire() as connection:
        records = await connection.fetch(
            LIST, before_ns, before_id, query.module or None, query.severity or None, query.status or None,
            query.code or None, max(0, min(query.from_ns, FAR_NS)), limit + 1,
        )  # fmt: skip
        modules = await connection.fetch(MODULES)
    rows = tuple(_row(record) for record in records[:limit])
    return AlertPage(
        rows=rows,
        next_key=rows[-1].key if len(records) > limit else "",
        modules=tuple(record["module"] for record in modules),
    )


async def acknowledge(database: Database, ids: tuple[str, ...], *, by: str, ts_ns: int, note: str = "") -> int:
    """Somebody has seen these and cares for them. Returns how many were open until now."""
    return await _mark(database, ids, "acknowledged", ("open",), by, ts_ns, note)


async def resolve(database: Database, ids: tuple[str, ...], *, by: str, ts_ns: int, note: str = "") -> int:
    """These are over. Returns how many were open or acknowledged until now."""
    return await _mark(database, ids, "resolved", ("open", "acknowledged"), by, ts_ns, note)


async def _mark(
    database: Database, ids: tuple[str, ...], status: str, from_: tuple[str, ...], by: str, ts_ns: int, note: str
) -> int:
    if len(ids) > IDS_MAX:
        raise ValueError(f"ids: expected at most {IDS_MAX}, found {len(ids)}")
    if not by:
        raise ValueError("by: expected the name of the person, found nothing")
    try:
        found = [UUID(each) for each in ids]
    except ValueError as error:
        raise ValueError("ids: expected ids of alerts, found another text") from error
    note = note.replace("\x00", "")[:NOTE_CHARS_MAX]
    async with database.acquire() as connection:
        done = await connection.execute(MARK, found, status, by.replace("\x00", "")[:80], ts_ns, note, list(from_))
    return int(done.rpartition(" ")[2])


async def counts(database: Database) -> dict[tuple[str, str], int]:
    """How many alerts there are by (status, severity)."""
    async with database.acquire() as connection:
        records = await connection.fetch(COUNTS)
    return {(record["status"], record["severity"]): record["count"] for record in records}


def _row(record: Any) -> AlertRow:
    history = record["history"]
    return AlertRow(
        id=str(record["id"]),
        key=f"{record['ts_ns']}.{record['id']}",
        run_id=record["run_id"],
        seq=record["seq"],
        ts_ns=record["ts_ns"],
        module=record["module"],
        severity=record["severity"],
        code=record["code"],
        message=record["message"],
        status=record["status"],
        marks=_marks(history),
    )


def _marks(history: Any) -> tuple[Mark, ...]:
    try:
        return msgspec.convert(history or [], tuple[Mark, ...])
    except msgspec.ValidationError:  # written by another hand
        return ()


def _check(name: str, value: str, known: tuple[str, ...]) -> None:
    if value and value not in known:
        raise ValueError(f"{name}: expected one of {', '.join(known)}, found {value!r:.40}")


def _key(text: str) -> tuple[int, UUID]:
    if not text:
        return FAR_NS, UUID(int=2**128 - 1)
    time, _, row_id = text.partition(".")
    try:
        found = int(time), UUID(row_id)
    except ValueError as error:
        raise ValueError(f"before_key: expected the key of an alert, found {text!r:.80}") from error
    if not 0 <= found[0] <= FAR_NS:
        raise ValueError(f"before_key: expected the key of an alert, found {text!r:.80}")
    return found

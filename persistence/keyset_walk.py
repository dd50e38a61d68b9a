"""One page of a table with (module, ts_ns, id), newest first, over one or several modules, in bounded time.

Equalities are meant to have an index with (module, column, ts_ns, id). Other conditions have none: a page with one of
them looks at no more than `SCAN_ROWS` rows of each module and then says how far it came, so that a rare value costs the
reader another click and not the database a scan.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from persistence.page_key import key_of, parse_key
from persistence.postgres import Database

LIMIT_MAX = 500
SCAN_ROWS = 10_000  #: some 35 ms of index and heap at worst
MODULES_MAX = 64


class Walked(Struct, frozen=True):
    """A page. `next_key` "" = nothing older; `searched_to_ns` > 0: looked back to there only, and more may follow."""

    records: list[Any]
    next_key: str
    searched_to_ns: int = 0


async def walk(
    database: Database,
    table: str,
    columns: str,
    modules: Sequence[str],
    before_key: str = "",
    limit: int = 50,
    *,
    equal: Mapping[str, str] | None = None,
    where: Sequence[tuple[str, Any]] = (),
) -> Walked:
    """`table`, `columns`, the names in `equal` and the texts in `where` (with one `{}` for the value) are constants.

    Raises `StoreError` while the database is away and `ValueError` for a key that is none.
    """
    limit = max(1, min(limit, LIMIT_MAX))
    before_ns, before_id = parse_key(before_key)
    values: list[Any] = [list(modules[:MODULES_MAX]), before_ns, before_id]
    conditions = [f"{table}.module = wanted.module", f"({table}.ts_ns, {table}.id) < ($2, $3)"]
    for name, value in (equal or {}).items():
        values.append(value)
        conditions.append(f"{table}.{name} = ${len(values)}")
    async with database.acquire() as connection:
        horizon: tuple[int, UUID] | None = None
        if where:
            record = await connection.fetchrow(
                _query(table, "ts_ns, id", conditions, f"OFFSET {SCAN_ROWS} LIMIT 1", 1), *values
            )
            if record is not None:
                horizon = record["ts_ns"], record["id"]
                values += horizon
                conditions.append(f"({table}.ts_ns, {table}.id) >= (${len(values) - 1}, ${len(values)})")
        for text, value in where:
            values.append(value)
            conditions.append(text.format(f"${len(values)}"))
        found = await connection.fetch(_query(table, columns, conditions, f"LIMIT {limit + 1}", limit + 1), *values)
    if len(found) > limit:
        return Walked(found[:limit], key_of(found[limit - 1]))
    if horizon is not None:
        return Walked(found, f"{horizon[0]}.{horizon[1]}", horizon[0])
    return Walked(found, "")


def _query(table: str, columns: str, conditions: list[str], part: str, limit: int) -> str:
    """Newest first in each module by its index, then merged: there is no index on time alone."""
    inner = f"SELECT {columns} FROM {table} WHERE {' AND '.join(conditions)} ORDER BY ts_ns DESC, id DESC {part}"
    return (
        f"SELECT page.* FROM unnest($1::text[]) AS wanted(module) CROSS JOIN LATERAL ({inner}) AS page"
        f" ORDER BY ts_ns DESC, id DESC LIMIT {limit}"
    )

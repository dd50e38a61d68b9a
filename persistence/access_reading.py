"""The access log read back, by names: the table grows with every signature and is never read as a whole.

Raises `StoreError` while the database is away.
"""

from collections.abc import Sequence

from msgspec import Struct

from kernel.secrets.access_entry import OPERATOR
from persistence.postgres import Database

LIMIT_MAX = 500
NAMES_MAX = 2_000

_LATEST = """
SELECT l.* FROM unnest($1::text[]) AS n(name) CROSS JOIN LATERAL (
    SELECT ts_ns, module, secret_name, purpose, source, result, is_first FROM credential_access_log
    WHERE secret_name = n.name ORDER BY ts_ns DESC LIMIT $2) l
ORDER BY l.ts_ns DESC LIMIT $3"""
_LAST_MODULES = """
SELECT n.name, l.module FROM unnest($1::text[]) AS n(name) CROSS JOIN LATERAL (
    SELECT module FROM (SELECT module FROM credential_access_log WHERE secret_name = n.name
                        ORDER BY ts_ns DESC LIMIT 100) newest
    WHERE module <> $2 LIMIT 1) l"""


class AccessRow(Struct, frozen=True, kw_only=True):
    """One access; `is_first`: this module had never asked for this secret before."""

    ts_ns: int
    module: str
    secret_name: str
    purpose: str
    source: str
    result: str
    is_first: bool


async def latest_accesses(database: Database, names: Sequence[str], *, limit: int, each: int) -> list[AccessRow]:
    """The newest accesses of these names, newest first: at most `each` of one name, `limit` in all."""
    most = max(1, min(limit, LIMIT_MAX))
    async with database.acquire() as connection:
        rows = await connection.fetch(_LATEST, list(names)[:NAMES_MAX], max(1, min(each, most)), most)
    return [AccessRow(**dict(row)) for row in rows]


async def last_modules(database: Database, names: Sequence[str]) -> dict[str, str]:
    """Which module asked last, of the newest hundred accesses of each name; an operator's look does not count."""
    async with database.acquire() as connection:
        rows = await connection.fetch(_LAST_MODULES, list(names)[:NAMES_MAX], OPERATOR)
    return {row["name"]: row["module"] for row in rows}

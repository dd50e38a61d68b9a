"""`config_settings` and `config_history`: what is set in the database, written whole or not at all.

A module's version counts its saves. A write names the version that it was made for, and is refused when another save
came between. Values are plain JSON; None = not set here.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from msgspec import Struct

from bus.clock import NS_PER_S
from kernel.errors import StoreError
from persistence.postgres import Database

WHO_MAX, WHY_MAX = 120, 500
HISTORY_MAX = 200  #: saves in one slice
_Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"


class VersionTaken(StoreError):
    """Somebody saved this module meanwhile; nothing was written."""

    def __init__(self, module: str, expected: int, found: int, by: str) -> None:
        self.module, self.expected, self.found, self.by = module, expected, found, by
        super().__init__(
            f"{module}: {by or 'somebody'} saved version {found} meanwhile, this change was made for version"
            f" {expected}; look at the new values and save again"
        )


class StoredModule(Struct, frozen=True, kw_only=True):
    """What the database sets in one module. `locked` are rows that may not be edited, and so are not used."""

    module: str
    version: int = 0
    values: dict[str, Any] = {}
    locked: dict[str, Any] = {}
    updated_by: str = ""
    updated_ts_ns: int = 0


class ModuleWrite(Struct, frozen=True, kw_only=True):
    """A change of one module: `changes` by key, None = take it out; `kinds` are the value types for the table."""

    module: str
    config_type: str
    version: int  #: that the change was made for; -1 = whatever is there
    changes: dict[str, Any]
    kinds: dict[str, str]


class Save(Struct, frozen=True, kw_only=True):
    """One entry of the history: (old, new) by key."""

    id: int
    module: str
    version: int
    changes: dict[str, tuple[Any, Any]]
    who: str
    why: str
    ts_ns: int


Check = Callable[[str, dict[str, Any]], None]  #: (module, its values after the change); raises to refuse all


class SettingsTable:
    """The two tables. Everything raises `StoreError` when the database does not answer."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def read(self, module: str | None = None) -> dict[str, StoredModule]:
        """What is set, of one module or of all that ever were."""
        async with self.database.acquire() as connection:
            return await _read(connection, module)

    async def write(self, writes: Sequence[ModuleWrite], who: str, why: str, check: Check) -> dict[str, int]:
        """All of it in one transaction; the new versions of the modules that changed.

        `check` sees each module's values as they would be, and refuses by raising. Raises `VersionTaken`.
        """
        versions: dict[str, int] = {}
        async with self.database.acquire() as connection, connection.transaction():
            for write in sorted(writes, key=lambda each: each.module):
                await connection.execute(
                    "SELECT pg_advisory_xact_lock(hashtextextended('config:' || $1, 0))", write.module
                )
                stored = (await _read(connection, write.module)).get(write.module, StoredModule(module=write.module))
                if write.version not in (-1, stored.version):
                    raise VersionTaken(write.module, write.version, stored.version, stored.updated_by)
                changes = {
                    key: (stored.values.get(key), value)
                    for key, value in write.changes.items()
                    if stored.values.get(key) != value or type(stored.values.get(key)) is not type(value)
                }
                refused = sorted(changes.keys() & stored.locked.keys())
                if refused:
                    raise StoreError(f"{write.module}: {', '.join(refused)} may not be edited (is_editable is false)")
                after = {**stored.values, **write.changes}
                check(write.module, {key: value for key, value in after.items() if value is not None})
                if changes:
                    versions[write.module] = stored.version + 1
                    await _save(connection, write, changes, stored.version + 1, who[:WHO_MAX], why[:WHY_MAX])
        return versions

    async def history(self, module: str | None, before_id: int | None, limit: int) -> list[Save]:
        """Saves, newest first, below an id."""
        conditions = "is_first AND ($1::text IS NULL OR module = $1) AND ($2::bigint IS NULL OR id < $2)"
        if module is not None:  # the planner needs the plain form to use the module's index
            conditions = "is_first AND module = $1 AND ($2::bigint IS NULL OR id < $2)"
        async with self.database.acquire() as connection:
            rows = await connection.fetch(
                f"""WITH saves AS (
                        SELECT id, module, version FROM config_history WHERE {conditions} ORDER BY id DESC LIMIT $3
                    )
                    SELECT saves.id AS save, each.* FROM saves
                    JOIN config_history AS each USING (module, version)
                    ORDER BY saves.id DESC, each.id""",
                module,
                before_id,
                min(limit, HISTORY_MAX),
            )
        grouped: dict[int, list[asyncpg.Record]] = {}
        for row in rows:
            grouped.setdefault(row["save"], []).append(row)
        return [_save_of(id_, of_save) for id_, of_save in grouped.items()]

    async def as_of(self, module: str, version: int) -> dict[str, Any]:
        """What was set right after a version (0 = nothing yet). Raises `StoreError` for a version that never was."""
        async with self.database.acquire() as connection:
            rows = await connection.fetch(
                """SELECT DISTINCT ON (key) key, new_value FROM config_history
                   WHERE module = $1 AND version <= $2 ORDER BY key, version DESC""",
                module,
                version,
            )
            newest = await connection.fetchval("SELECT max(version) FROM config_history WHERE module = $1", module)
        if not 0 <= version <= (newest or 0):
            raise StoreError(f"{module}: there is no version {version}; the newest is {newest or 0}")
        return {row["key"]: row["new_value"] for row in rows if row["new_value"] is not None}


async def _read(connection: _Connection, module: str | None) -> dict[str, StoredModule]:
    rows = await connection.fetch(
        "SELECT module, key, value, is_editable, version, updated_by, updated_at FROM config_settings"
        " WHERE $1::text IS NULL OR module = $1 ORDER BY module, version, key",
        module,
    )
    found: dict[str, StoredModule] = {}
    for row in rows:  # the newest version comes last and says who and when
        before = found.get(row["module"], StoredModule(module=row["module"]))
        entry = {} if row["value"] is None else {row["key"]: row["value"]}
        found[row["module"]] = StoredModule(
            module=row["module"],
            version=row["version"],
            values={**before.values, **entry} if row["is_editable"] else before.values,
            locked=before.locked if row["is_editable"] else {**before.locked, row["key"]: row["value"]},
            updated_by=row["updated_by"],
            updated_ts_ns=_ns(row["updated_at"]),
        )
    return found


async def _save(
    connection: _Connection,
    write: ModuleWrite,
    changes: Mapping[str, tuple[Any, Any]],
    version: int,
    who: str,
    why: str,
) -> None:
    ordered = sorted(changes.items())
    await connection.executemany(
        """INSERT INTO config_settings (module, key, config_type, value, value_type, version, updated_by)
           VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT (module, key) DO UPDATE SET value = excluded.value, value_type = excluded.value_type,
               config_type = excluded.config_type, version = excluded.version, updated_by = excluded.updated_by,
               updated_at = now()""",
        [
            (write.module, key, write.config_type, new, write.kinds.get(key, "text"), version, who)
            for key, (_, new) in ordered
        ],
    )
    await connection.executemany(
        """INSERT INTO config_history
               (module, key, config_type, old_value, new_value, version, is_first, changed_by, reason)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        [
            (write.module, key, write.config_type, old, new, version, place == 0, who, why)
            for place, (key, (old, new)) in enumerate(ordered)
        ],
    )


def _save_of(id_: int, rows: list[asyncpg.Record]) -> Save:
    first = rows[0]
    return Save(
        id=id_,
        module=first["module"],
        version=first["version"],
        changes={row["key"]: (row["old_value"], row["new_value"]) for row in rows},
        who=first["changed_by"],
        why=first["reason"],
        ts_ns=_ns(first["created_at"]),
    )


def _ns(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * (NS_PER_S // 1_000_000)

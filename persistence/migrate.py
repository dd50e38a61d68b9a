"""Forward-only schema migrations: numbered SQL files, applied once each, in order, under one lock.

A file is `migrations/NNNN_name.sql`, numbered from 0001 without gaps. It may start with dbmate's `-- migrate:up`.
`-- no-transaction` (or dbmate's `transaction:false`) among its first lines runs its one statement outside a
transaction, for CREATE INDEX CONCURRENTLY. An applied file never changes again: its hash is compared each time.
"""

import asyncio
import hashlib
import importlib.resources
import re
from collections.abc import Sequence
from importlib.resources.abc import Traversable
from typing import Literal, TypeAlias

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy

from persistence.errors import MigrationFailed, MigrationRefused

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"

LOCK_KEY = 0x6B65726E656C  # "kernel"; one lock per database, whatever the schema
LOCK_TIMEOUT_S = 60.0
LOCK_POLL_S = 0.05
STATEMENT_TIMEOUT_S = 3600.0  # in place of the session's own: building an index may take long

_FILE = re.compile(r"(\d{4})_([a-z0-9]+(?:_[a-z0-9]+)*)\.sql")
_LEDGER_COLUMNS = {"version", "name", "sha256", "applied_at"}
_CREATE_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)"""


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """One file: its number, its name, its SQL with LF line ends, and the SHA-256 (hex) of that text."""

    version: int
    name: str
    sql: str
    sha256: str
    is_transactional: bool


class MigrationState(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `db status`. `edited`: the file changed since; `unknown`: applied, but this code has no such file."""

    version: int
    name: str
    state: Literal["applied", "pending", "edited", "unknown"]


def load_migrations(folder: Traversable | None = None) -> tuple[Migration, ...]:
    """Read and check the files (default: the `migrations` package). Raises MigrationRefused on gaps and doubles."""
    source = importlib.resources.files("migrations") if folder is None else folder
    found: list[Migration] = []
    for entry in sorted(source.iterdir(), key=lambda entry: entry.name):
        if not entry.name.endswith(".sql"):
            continue
        matched = _FILE.fullmatch(entry.name)
        if matched is None:
            raise MigrationRefused(f"{entry.name}: expected a name like 0007_add_lanes.sql")
        found.append(_parse(int(matched[1]), matched[2], entry.read_bytes()))
    for expected, migration in enumerate(found, start=1):
        if migration.version != expected:
            kind = "a second file with number" if migration.version < expected else "a gap: no file before"
            raise MigrationRefused(
                f"migrations: expected {expected:04d} next, found {kind} {migration.version:04d} "
                f"({migration.name}); number the files 0001, 0002, … once each"
            )
    return tuple(found)


async def migrate(connection: Connection, migrations: Sequence[Migration] | None = None) -> list[Migration]:
    """Apply what is pending and return it, in order; empty if the schema was up to date.

    The connection must be outside a transaction and not behind a transaction pooler (the lock is per session).
    Raises MigrationRefused (edited file, newer database, foreign table, lock held) or MigrationFailed (bad SQL).
    """
    if connection.is_in_transaction():
        raise MigrationRefused("migrate: expected a connection outside a transaction, found one inside")
    known = load_migrations() if migrations is None else tuple(migrations)
    await _take_lock(connection)
    try:
        await connection.execute(f"SET statement_timeout = {int(STATEMENT_TIMEOUT_S * 1000)}")
        await connection.execute(_CREATE_LEDGER)
        applied = await _read_ledger(connection)
        _refuse_contradictions(known, applied)
        pending = [migration for migration in known if migration.version not in applied]
        for migration in pending:
            await _apply(connection, migration)
        return pending
    finally:
        if not connection.is_closed():
            await connection.execute("SELECT pg_advisory_unlock($1)", LOCK_KEY)
            await connection.execute("RESET statement_timeout")


async def status(connection: Connection, migrations: Sequence[Migration] | None = None) -> list[MigrationState]:
    """Every migration that the code or the database knows, by number. Changes nothing, takes no lock."""
    known = {migration.version: migration for migration in (load_migrations() if migrations is None else migrations)}
    exists = await connection.fetchval("SELECT to_regclass('schema_migrations') IS NOT NULL")
    applied = await _read_ledger(connection) if exists else {}
    states = []
    for version in sorted(known.keys() | applied.keys()):
        ours, theirs = known.get(version), applied.get(version)
        state: Literal["applied", "pending", "edited", "unknown"]
        if ours is None:
            state = "unknown"
        elif theirs is None:
            state = "pending"
        else:
            state = "applied" if theirs == (ours.name, ours.sha256) else "edited"
        name = ours.name if ours is not None else applied[version][0]
        states.append(MigrationState(version=version, name=name, state=state))
    return states


def _parse(version: int, name: str, raw: bytes) -> Migration:
    label = f"{version:04d}_{name}.sql"
    try:
        text = raw.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise MigrationRefused(f"{label}: expected UTF-8 text ({error})") from error
    if re.search(r"^--\s*migrate:down", text, re.MULTILINE):
        raise MigrationRefused(f"{label}: found a migrate:down section; migrations go forward only, remove it")
    header = []
    for line in text.splitlines():
        if line.strip() and not line.startswith("--"):
            break
        header.append(line)
    untransacted = re.compile(r"--\s*(no-transaction|migrate:up\b.*\btransaction:\s*false)\b")
    return Migration(
        version=version,
        name=name,
        sql=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        is_transactional=not any(untransacted.match(line) for line in header),
    )


async def _take_lock(connection: Connection) -> None:
    """Poll rather than wait in the server: a waiting statement would block CREATE INDEX CONCURRENTLY for ever."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + LOCK_TIMEOUT_S
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_KEY):
        if loop.time() > deadline_s:
            raise MigrationRefused(
                f"migrate: another process has been migrating this database for {LOCK_TIMEOUT_S:.0f} s; "
                "wait for it or end it, then start again"
            )
        await asyncio.sleep(LOCK_POLL_S)


async def _read_ledger(connection: Connection) -> dict[int, tuple[str, str]]:
    columns = await connection.fetch(
        "SELECT attname FROM pg_attribute "
        "WHERE attrelid = to_regclass('schema_migrations') AND attnum > 0 AND NOT attisdropped"
    )
    names = {row["attname"] for row in columns}
    if names != _LEDGER_COLUMNS:
        raise MigrationRefused(
            f"table schema_migrations: expected columns {sorted(_LEDGER_COLUMNS)}, found {sorted(names)}; "
            "another tool owns this database, use an empty one"
        )
    rows = await connection.fetch("SELECT version, name, sha256 FROM schema_migrations ORDER BY version")
    return {row["version"]: (row["name"], row["sha256"]) for row in rows}


def _refuse_contradictions(known: tuple[Migration, ...], applied: dict[int, tuple[str, str]]) -> None:
    newest = known[-1].version if known else 0
    newer = [version for version in applied if version > newest]
    if newer:
        raise MigrationRefused(
            f"the database has migration {max(newer):04d} ({applied[max(newer)][0]}), this code knows up to "
            f"{newest:04d}: the database is newer than the code, install the newer release"
        )
    for migration in known:
        recorded = applied.get(migration.version)
        if recorded is not None and recorded != (migration.name, migration.sha256):
            raise MigrationRefused(
                f"{migration.version:04d}_{migration.name}.sql was edited after it was applied (as {recorded[0]}, "
                f"sha256 {recorded[1][:12]}…, now {migration.sha256[:12]}…): restore it, put the change in a new file"
            )
        if recorded is None and any(version > migration.version for version in applied):
            raise MigrationRefused(
                f"{migration.version:04d}_{migration.name}.sql is missing in the database while a later one is "
                "applied: table schema_migrations was changed by hand, restore it"
            )


async def _apply(connection: Connection, migration: Migration) -> None:
    try:
        if migration.is_transactional:
            async with connection.transaction():
                await connection.execute(migration.sql, timeout=STATEMENT_TIMEOUT_S)
                await _record(connection, migration)
        else:
            await connection.execute(migration.sql, timeout=STATEMENT_TIMEOUT_S)
            await _record(connection, migration)
    except (asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError):
        raise
    except asyncpg.PostgresError as error:
        undone = "rolled back" if migration.is_transactional else "not in a transaction: remove what it left by hand"
        line = migration.sql.count("\n", 0, int(error.position)) + 1 if error.position else None
        place = f", line {line}" if line is not None else ""
        raise MigrationFailed(
            f"{migration.version:04d}_{migration.name}.sql{place}: {type(error).__name__}: {error} ({undone})"
        ) from error


async def _record(connection: Connection, migration: Migration) -> None:
    await connection.execute(
        "INSERT INTO schema_migrations (version, name, sha256) VALUES ($1, $2, $3)",
        migration.version,
        migration.name,
        migration.sha256,
    )

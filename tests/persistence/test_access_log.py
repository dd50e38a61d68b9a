"""The access log keeps what it was told, in order, once, and can only grow."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from kernel.secrets.access_entry import AccessEntry, Result, Source
from kernel.secrets.secret import Secret
from persistence import access_log
from persistence.access_log import AccessLog
from persistence.errors import DatabaseDown
from persistence.master_key import MasterKey, new_master_key_text
from persistence.postgres import Database
from persistence.secret_table import SecretTable

pytestmark = pytest.mark.postgres
AWAY = "postgresql://kernel@127.0.0.1:1/kernel"


def entry(
    ts_ns: int, *, module: str = "cex_dex_arb", name: str = "PRIVATE_KEY", source: Source = "file",
    result: Result = "ok", **metadata: Any,
) -> AccessEntry:  # fmt: skip
    return AccessEntry(
        ts_ns=ts_ns, module=module, name=name, purpose="sign", source=source, result=result, metadata=metadata
    )


@pytest.fixture
async def database(pg_db: str) -> AsyncIterator[Database]:
    database = Database(pg_db)
    yield database
    await database.close()


@pytest.fixture
async def connection(pg_db: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    connection = await asyncpg.connect(pg_db)
    yield connection
    await connection.close()


async def test_a_pair_is_first_once_also_across_restarts(
    database: Database, connection: "asyncpg.Connection[Any]"
) -> None:
    told: list[tuple[str, str]] = []
    for start_ns in (1, 10):
        log = AccessLog(database, on_first_seen=lambda module, name: told.append((module, name)))
        log.record(entry(start_ns))
        log.record(entry(start_ns + 1))
        log.record(entry(start_ns + 2, module="lp_manager"))
        assert await log.flush()
    rows = await connection.fetch("SELECT ts_ns, module, is_first FROM credential_access_log ORDER BY ts_ns")
    assert [tuple(row) for row in rows] == [
        (1, "cex_dex_arb", True),
        (2, "cex_dex_arb", False),
        (3, "lp_manager", True),
        (10, "cex_dex_arb", False),
        (11, "cex_dex_arb", False),
        (12, "lp_manager", False),
    ]
    assert told == [("cex_dex_arb", "PRIVATE_KEY"), ("lp_manager", "PRIVATE_KEY")]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE credential_access_log SET result = 'missing'",
        "DELETE FROM credential_access_log",
        "TRUNCATE credential_access_log",
    ],
)
async def test_the_log_can_only_grow(database: Database, connection: "asyncpg.Connection[Any]", statement: str) -> None:
    log = AccessLog(database, on_first_seen=lambda module, name: None)
    log.record(entry(1))
    await log.flush()
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await connection.execute(statement)
    assert await connection.fetchval("SELECT result FROM credential_access_log") == "ok"


async def test_entries_wait_for_a_database_that_is_away_and_the_alert_does_not() -> None:
    told: list[tuple[str, str]] = []
    log = AccessLog(Database(AWAY), on_first_seen=lambda module, name: told.append((module, name)))
    log.record(entry(1))
    assert not await log.flush()
    assert not await log.flush()
    assert (log.kept, told) == (1, [("cex_dex_arb", "PRIVATE_KEY")])


async def test_kept_entries_are_written_when_the_database_is_back(
    pg_db: str, connection: "asyncpg.Connection[Any]"
) -> None:
    where = [AWAY]

    def dsn() -> str:
        if where[0] == AWAY:
            raise DatabaseDown("not started yet")
        return where[0]

    database = Database(dsn)
    log = AccessLog(database, on_first_seen=lambda module, name: None)
    log.record(entry(1))
    assert not await log.flush()
    where[0] = pg_db
    assert await log.flush()
    assert (log.kept, await connection.fetchval("SELECT count(*) FROM credential_access_log")) == (0, 1)
    await database.close()


async def test_the_queue_is_bounded_and_counts_what_it_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_log, "KEPT_MAX", 3)
    log = AccessLog(Database(AWAY), on_first_seen=lambda module, name: None)
    for number in range(5):
        log.record(entry(number))
    assert (log.kept, log.dropped) == (3, 2)


async def test_the_task_writes_by_itself_and_close_writes_the_rest(
    database: Database, connection: "asyncpg.Connection[Any]"
) -> None:
    log = AccessLog(database, on_first_seen=lambda module, name: None)
    task = asyncio.create_task(log.run())
    log.record(entry(1))
    async with asyncio.timeout(10):
        while log.kept:
            await asyncio.sleep(0.005)
    task.cancel()
    log.record(entry(2))
    await log.close()
    assert await connection.fetchval("SELECT count(*) FROM credential_access_log") == 2


async def test_reading_a_stored_secret_dates_its_row(database: Database) -> None:
    table = SecretTable(database, MasterKey(new_master_key_text(), origin="a test"))
    await table.put("api", Secret("some-value-of-no-form"))
    log = AccessLog(database, on_first_seen=lambda module, name: None)
    log.record(entry(1_700_000_000_000_000_000, name="api", source="database"))
    log.record(entry(1_600_000_000_000_000_000, name="api", source="database"))
    await log.flush()
    used = (await table.rows())[0].last_used_at
    assert used is not None and used.timestamp() == 1_700_000_000


async def test_what_a_key_signed_survives_a_restart(database: Database) -> None:
    log = AccessLog(database, on_first_seen=lambda module, name: None)
    log.record(entry(5, source="signer", result="signed", spent_raw=str(2**200)))
    log.record(entry(9, source="signer", result="signed", spent_raw="7"))
    log.record(entry(9, source="signer", result="refused"))
    await log.flush()
    assert await log.spent_since("PRIVATE_KEY", 5) == [(5, 2**200), (9, 7)]
    assert await log.spent_since("PRIVATE_KEY", 6) == [(9, 7)]

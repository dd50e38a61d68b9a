import asyncio
import os
import signal
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import asyncpg
import pytest

from persistence import postgres
from persistence.embedded_postgres import EmbeddedPostgres
from persistence.errors import DatabaseDown, DatabaseRefused
from persistence.postgres import Database
from tests.postgres_fixture import FAST_UNSAFE, at_database

pytestmark = pytest.mark.postgres
UINT256_MAX = 2**256 - 1


@pytest.fixture
async def database(pg_db: str) -> AsyncIterator[Database]:
    database = Database(pg_db)
    yield database
    await database.close()


async def test_nothing_is_opened_before_it_is_needed(database: Database) -> None:
    assert not database.is_up
    async with database.acquire() as connection:
        assert await connection.fetchval("SELECT 1") == 1
    assert database.is_up


async def test_json_and_256_bit_numbers_come_back_exactly_also_through_copy(database: Database) -> None:
    value = {"amount": UINT256_MAX, "text": 'ünïcode \\ " <img onerror=x>', "list": [1, 2.5, None, True]}
    async with database.acquire() as connection, connection.transaction():
        await connection.execute("CREATE TEMP TABLE t (n numeric, b jsonb, j json)")
        await connection.execute("INSERT INTO t VALUES ($1, $2, $3)", Decimal(UINT256_MAX), value, value)
        await connection.copy_records_to_table("t", records=[(Decimal(UINT256_MAX), value, value)])
        rows = await connection.fetch("SELECT * FROM t")
    assert [tuple(row) for row in rows] == [(Decimal(UINT256_MAX), value, value)] * 2


async def test_sessions_use_utc_and_have_a_statement_timeout(database: Database) -> None:
    async with database.acquire() as connection:
        assert await connection.fetchval("SHOW timezone") == "UTC"
        assert await connection.fetchval("SHOW statement_timeout") == "10s"


async def test_a_statement_over_the_limit_is_ended_and_the_database_stays_up(pg_db: str) -> None:
    database = Database(pg_db, statement_timeout_s=0.05)
    try:
        await database.connect()
        with pytest.raises(DatabaseDown, match=r"statement ended by the server \(limit 0\.05 s\)"):
            async with database.acquire() as connection:
                await connection.execute("SELECT pg_sleep(60)")
        assert database.is_up
        await database.connect()
    finally:
        await database.close()


async def test_an_sql_error_passes_unchanged(database: Database) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        async with database.acquire() as connection:
            await connection.execute("SELECT * FROM no_such_table")
    await database.connect()


async def test_an_error_of_the_callers_own_passes_unchanged(database: Database) -> None:
    with pytest.raises(FileNotFoundError):
        async with database.acquire():
            raise FileNotFoundError("the caller's file")
    await database.connect()
    assert database.is_up


async def test_more_callers_than_connections_wait_their_turn(database: Database) -> None:
    async def one() -> int:
        async with database.acquire() as connection:
            return int(await connection.fetchval("SELECT pg_backend_pid()"))

    assert len(set(await asyncio.gather(*(one() for _ in range(20))))) <= postgres.POOL_SIZE


async def test_all_connections_busy_is_told_as_such(pg_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "ACQUIRE_TIMEOUT_S", 0.05)
    database = Database(pg_db, size=1)
    try:
        async with database.acquire():
            with pytest.raises(DatabaseDown, match="all 1 connections busy"):
                async with database.acquire():
                    pass
        await database.connect()
    finally:
        await database.close()


async def test_a_connection_killed_under_us_is_database_down_and_the_next_one_works(database: Database) -> None:
    with pytest.raises(DatabaseDown):
        async with database.acquire() as connection:
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert not database.is_up
    await database.connect()
    assert database.is_up


async def test_a_missing_database_is_refused_not_retried(pg_server: str) -> None:
    database = Database(at_database(pg_server, "no_such_database"))
    with pytest.raises(DatabaseRefused, match=r"no_such_database.*check DATABASE_URL"):
        await database.connect()
    await database.close()


@pytest.mark.parametrize("dsn", ["mysql://localhost/x", "postgresql://host:port/x"])
async def test_a_dsn_that_is_none_is_refused(dsn: str) -> None:
    database = Database(dsn)
    with pytest.raises(DatabaseRefused, match="check DATABASE_URL"):
        await database.connect()
    await database.close()


async def test_close_twice_is_nothing_and_close_does_not_wait_for_ever(
    pg_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "CLOSE_TIMEOUT_S", 0.05)
    database = Database(pg_db)
    with pytest.raises(DatabaseDown):
        async with database.acquire() as connection:
            await database.close()
            await connection.execute("SELECT 1")
    await database.close()


@pytest.mark.slow
async def test_a_server_stopped_for_a_while_fails_fast_and_comes_back_by_itself(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "pg", settings=FAST_UNSAFE)
    database = Database(server.start())
    try:
        await database.connect()
        server.stop()
        with pytest.raises(DatabaseDown, match="database away"):
            await database.connect()
        with pytest.raises(DatabaseDown, match="next attempt in"):
            async with database.acquire():
                pass
        for _ in range(8):
            with pytest.raises(DatabaseDown):
                await database.connect()
        assert database._backoff_s == postgres.BACKOFF_S_MAX
        assert not database.is_up
        server.start()
        await database.connect()
        assert database.is_up
        async with database.acquire() as connection:
            assert await connection.fetchval("SELECT 1") == 1
    finally:
        await database.close()
        server.stop()


@pytest.mark.slow
async def test_a_server_that_falls_silent_is_database_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("CONNECT_TIMEOUT_S", "ACQUIRE_TIMEOUT_S"):
        monkeypatch.setattr(postgres, limit, 0.2)
    server = EmbeddedPostgres(tmp_path / "pg", settings=FAST_UNSAFE)
    database = Database(server.start(), statement_timeout_s=0.2)
    try:
        async with database.acquire() as connection:
            backend = await connection.fetchval("SELECT pg_backend_pid()")
        for pid in (server.pid, backend):
            os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(DatabaseDown, match="database away"):
                await database.connect()
            assert not database.is_up
        finally:
            for pid in (server.pid, backend):
                os.kill(pid, signal.SIGCONT)
        await database.connect()
        assert database.is_up
    finally:
        await database.close()
        server.stop()

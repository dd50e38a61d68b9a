import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from persistence import migrate as runner
from persistence.errors import MigrationFailed, MigrationRefused
from persistence.migrate import load_migrations, migrate, status
from persistence.postgres import Database
from tests.shared_data import PROJECT

postgres = pytest.mark.postgres


def write(folder: Path, **files: str) -> Path:
    for name, sql in files.items():
        (folder / f"{name.removeprefix('m')}.sql").write_text(sql)
    return folder


@pytest.fixture
async def connection(pg_empty_db: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    connection = await asyncpg.connect(pg_empty_db)
    yield connection
    await connection.close()


async def tables(connection: "asyncpg.Connection[Any]") -> set[str]:
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {row["tablename"] for row in rows}


def test_a_gap_in_the_numbers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MigrationRefused, match="expected 0002 next, found a gap"):
        load_migrations(write(tmp_path, m0001_a="", m0003_c=""))


def test_a_number_used_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MigrationRefused, match="expected 0003 next, found a second file with number 0002"):
        load_migrations(write(tmp_path, m0001_a="", m0002_b="", m0002_c=""))


@pytest.mark.parametrize("name", ["1_a", "0001-a", "0001_A", "first"])
def test_a_file_name_out_of_form_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(MigrationRefused, match="expected a name like"):
        load_migrations(write(tmp_path, **{name: ""}))


def test_a_down_section_is_refused_as_it_would_run_too(tmp_path: Path) -> None:
    with pytest.raises(MigrationRefused, match="go forward only"):
        load_migrations(write(tmp_path, m0001_a="-- migrate:up\nSELECT 1;\n-- migrate:down\nDROP TABLE a;"))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "0001_a.sql").write_bytes(b"SELECT '\xff'")
    with pytest.raises(MigrationRefused, match="expected UTF-8"):
        load_migrations(tmp_path)


def test_line_ends_do_not_change_the_hash(tmp_path: Path) -> None:
    (tmp_path / "0001_a.sql").write_bytes(b"SELECT 1;\nSELECT 2;\n")
    unix = load_migrations(tmp_path)
    (tmp_path / "0001_a.sql").write_bytes(b"SELECT 1;\r\nSELECT 2;\r\n")
    assert load_migrations(tmp_path) == unix


@pytest.mark.parametrize(
    ("sql", "is_transactional"),
    [
        ("SELECT 1", True),
        ("-- migrate:up\nSELECT 1", True),
        ("-- no-transaction\nSELECT 1", False),
        ("-- migrate:up\n-- no-transaction\nSELECT 1", False),
        ("-- migrate:up transaction:false\nSELECT 1", False),
        ("SELECT 1;\n-- no-transaction", True),
    ],
)
def test_only_the_header_takes_a_file_out_of_its_transaction(tmp_path: Path, sql: str, is_transactional: bool) -> None:
    (loaded,) = load_migrations(write(tmp_path, m0001_a=sql))
    assert loaded.is_transactional is is_transactional


@postgres
async def test_from_empty_all_are_applied_and_twice_is_nothing(connection: "asyncpg.Connection[Any]") -> None:
    known = list(load_migrations())
    assert {line.state for line in await status(connection)} == {"pending"}
    assert await tables(connection) == set()
    assert await migrate(connection) == known
    assert await migrate(connection) == []
    assert [(line.version, line.state) for line in await status(connection)] == [
        (migration.version, "applied") for migration in known
    ]


@postgres
@pytest.mark.slow
def test_two_processes_at_once_apply_each_migration_once(pg_empty_db: str) -> None:
    program = (
        "import asyncio, asyncpg, sys\n"
        "from persistence.migrate import migrate\n"
        "async def main():\n"
        "    connection = await asyncpg.connect(sys.argv[1])\n"
        "    sys.stdin.read(1)\n"
        "    print(len(await migrate(connection)))\n"
        "asyncio.run(main())\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, pg_empty_db],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("g")
        process.stdin.flush()
    applied = sorted(int(process.communicate(timeout=60)[0]) for process in processes)
    assert applied == [0, len(load_migrations())]
    assert [process.returncode for process in processes] == [0, 0]


@postgres
async def test_an_index_built_concurrently_does_not_lock_up_with_a_waiting_migrator(
    connection: "asyncpg.Connection[Any]", pg_empty_db: str, tmp_path: Path
) -> None:
    write(
        tmp_path,
        m0001_a="CREATE TABLE a AS SELECT n FROM generate_series(1, 50000) AS n",
        m0002_b="-- no-transaction\nCREATE INDEX CONCURRENTLY a_n ON a (n)",
    )
    known = load_migrations(tmp_path)
    other = await asyncpg.connect(pg_empty_db)
    try:
        counts = await asyncio.gather(migrate(connection, known), migrate(other, known))
    finally:
        await other.close()
    assert sorted(len(applied) for applied in counts) == [0, 2]
    assert await connection.fetchval("SELECT indisvalid FROM pg_index WHERE indexrelid = 'a_n'::regclass")


@postgres
async def test_an_edited_file_is_refused_and_named(connection: "asyncpg.Connection[Any]", tmp_path: Path) -> None:
    await migrate(connection, load_migrations(write(tmp_path, m0001_a="CREATE TABLE a ()")))
    edited = load_migrations(write(tmp_path, m0001_a="CREATE TABLE a (n int)", m0002_b="CREATE TABLE b ()"))
    with pytest.raises(MigrationRefused, match=r"0001_a\.sql was edited after it was applied"):
        await migrate(connection, edited)
    assert await tables(connection) == {"a", "schema_migrations"}
    assert [line.state for line in await status(connection, edited)] == ["edited", "pending"]


@postgres
async def test_a_database_newer_than_the_code_is_refused(connection: "asyncpg.Connection[Any]", tmp_path: Path) -> None:
    both = load_migrations(write(tmp_path, m0001_a="CREATE TABLE a ()", m0002_b="CREATE TABLE b ()"))
    await migrate(connection, both)
    with pytest.raises(MigrationRefused, match=r"has migration 0002 \(b\), this code knows up to 0001"):
        await migrate(connection, both[:1])
    assert [line.state for line in await status(connection, both[:1])] == ["applied", "unknown"]


@postgres
async def test_a_ledger_row_removed_by_hand_is_refused(connection: "asyncpg.Connection[Any]", tmp_path: Path) -> None:
    both = load_migrations(write(tmp_path, m0001_a="CREATE TABLE a ()", m0002_b="CREATE TABLE b ()"))
    await migrate(connection, both)
    await connection.execute("DELETE FROM schema_migrations WHERE version = 1")
    with pytest.raises(MigrationRefused, match="changed by hand"):
        await migrate(connection, both)


@postgres
async def test_bad_sql_rolls_its_file_back_keeps_the_earlier_ones_and_can_be_mended(
    connection: "asyncpg.Connection[Any]", tmp_path: Path
) -> None:
    write(tmp_path, m0001_a="CREATE TABLE a ()", m0002_b="CREATE TABLE b ();\nCREATE TABBLE c ();")
    with pytest.raises(MigrationFailed, match=r"0002_b\.sql, line 2: PostgresSyntaxError.*rolled back"):
        await migrate(connection, load_migrations(tmp_path))
    assert await tables(connection) == {"a", "schema_migrations"}
    mended = load_migrations(write(tmp_path, m0002_b="CREATE TABLE b ()"))
    assert [migration.version for migration in await migrate(connection, mended)] == [2]


@postgres
async def test_a_failed_file_without_transaction_says_that_something_may_be_left(
    connection: "asyncpg.Connection[Any]", tmp_path: Path
) -> None:
    write(tmp_path, m0001_a="-- no-transaction\nCREATE INDEX CONCURRENTLY a_n ON a (n)")
    with pytest.raises(MigrationFailed, match=r"UndefinedTableError.*remove what it left by hand"):
        await migrate(connection, load_migrations(tmp_path))


@postgres
async def test_a_failure_frees_the_lock(
    connection: "asyncpg.Connection[Any]", pg_empty_db: str, tmp_path: Path
) -> None:
    with pytest.raises(MigrationFailed):
        await migrate(connection, load_migrations(write(tmp_path, m0001_a="nonsense")))
    other = await asyncpg.connect(pg_empty_db)
    try:
        assert len(await migrate(other, load_migrations(write(tmp_path, m0001_a="SELECT 1")))) == 1
    finally:
        await other.close()


@postgres
async def test_a_lock_that_stays_held_is_refused_in_the_end(
    connection: "asyncpg.Connection[Any]", pg_empty_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "LOCK_TIMEOUT_S", 0.0)
    other = await asyncpg.connect(pg_empty_db)
    try:
        await other.execute("SELECT pg_advisory_lock($1)", runner.LOCK_KEY)
        with pytest.raises(MigrationRefused, match="another process has been migrating"):
            await migrate(connection)
    finally:
        await other.close()


@postgres
async def test_a_long_migration_is_not_cut_by_the_sessions_statement_timeout(pg_empty_db: str, tmp_path: Path) -> None:
    known = load_migrations(write(tmp_path, m0001_a="SELECT pg_sleep(0.1)"))
    database = Database(pg_empty_db, statement_timeout_s=0.05)
    try:
        async with database.acquire() as connection:
            assert len(await migrate(connection, known)) == 1
            assert await connection.fetchval("SHOW statement_timeout") == "50ms"
    finally:
        await database.close()


@postgres
async def test_a_ledger_of_another_tool_is_refused(connection: "asyncpg.Connection[Any]") -> None:
    await connection.execute("CREATE TABLE schema_migrations (version varchar PRIMARY KEY)")
    with pytest.raises(MigrationRefused, match="another tool owns this database"):
        await migrate(connection)
    with pytest.raises(MigrationRefused, match="another tool owns this database"):
        await status(connection)


@postgres
async def test_inside_a_transaction_it_is_refused(connection: "asyncpg.Connection[Any]") -> None:
    async with connection.transaction():
        with pytest.raises(MigrationRefused, match="outside a transaction"):
            await migrate(connection)

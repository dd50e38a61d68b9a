"""What the store of secrets refuses: exchanged rows, older rows, wrong keys, half rotations."""

import asyncio
import signal
import subprocess
import sys
import traceback
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import structlog

from kernel.errors import ConfigError, KernelError
from kernel.secrets.secret import Secret
from kernel.secrets.secret_errors import BadSecret, SecretTampered, WrongMasterKey
from persistence.errors import DatabaseDown
from persistence.master_key import MasterKey, new_master_key_text
from persistence.postgres import Database
from persistence.secret_table import SecretTable
from tests.shared_data import PROJECT

pytestmark = pytest.mark.postgres
VALUE = "swordfish-under-the-moon-1"
OTHER = "another-value-of-no-shape-2"


@pytest.fixture
def master() -> MasterKey:
    return MasterKey(new_master_key_text(), origin="a test")


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


@pytest.fixture
def table(database: Database, master: MasterKey) -> SecretTable:
    return SecretTable(database, master)


async def value_of(table: SecretTable, name: str) -> str:
    stored = await table.read(name)
    assert stored is not None
    return stored.secret.reveal()


async def test_a_value_comes_back_and_is_nowhere_in_the_database(
    table: SecretTable, connection: "asyncpg.Connection[Any]"
) -> None:
    assert await table.put("api", Secret(VALUE)) == 1
    assert await value_of(table, "api") == VALUE
    dump = ""
    for name in ("secure_credentials", "secure_credential_keys"):
        dump += str([dict(row) for row in await connection.fetch(f"SELECT * FROM {name}")])
    assert "api" in dump and VALUE not in dump


async def test_a_name_that_is_not_there_is_none(table: SecretTable) -> None:
    assert await table.read("api") is None
    assert not await table.has("api")
    assert not await table.delete("api")


async def test_the_ciphertexts_of_two_rows_cannot_be_exchanged(
    table: SecretTable, connection: "asyncpg.Connection[Any]"
) -> None:
    await table.put("mine", Secret(VALUE))
    await table.put("thine", Secret(OTHER))
    await connection.execute(
        "UPDATE secure_credentials a SET ciphertext = b.ciphertext FROM secure_credentials b WHERE a.name <> b.name"
    )
    with pytest.raises(SecretTampered, match="'mine' refused: its ciphertext belongs to the row 'thine'"):
        await table.read("mine")


async def test_an_older_ciphertext_is_refused_in_its_own_row(
    table: SecretTable, connection: "asyncpg.Connection[Any]"
) -> None:
    await table.put("api", Secret(VALUE))
    old = await connection.fetchval("SELECT ciphertext FROM secure_credentials")
    await table.put("api", Secret(OTHER))
    await connection.execute("UPDATE secure_credentials SET ciphertext = $1", old)
    with pytest.raises(SecretTampered, match="ciphertext is version 1, the row says 2"):
        await table.read("api")


async def test_a_whole_row_that_goes_back_is_refused_by_who_saw_the_newer_one(
    table: SecretTable, connection: "asyncpg.Connection[Any]"
) -> None:
    await table.put("api", Secret(VALUE))
    old = await connection.fetchrow("SELECT ciphertext, version FROM secure_credentials")
    await table.put("api", Secret(OTHER))
    assert old is not None
    await connection.execute("UPDATE secure_credentials SET ciphertext = $1, version = $2", *old)
    with pytest.raises(SecretTampered, match="version 2 was read before, now the row says 1"):
        await table.read("api")


async def test_a_deleted_version_is_never_used_again(table: SecretTable, connection: "asyncpg.Connection[Any]") -> None:
    await table.put("api", Secret(VALUE))
    old = await connection.fetchval("SELECT ciphertext FROM secure_credentials")
    assert await table.delete("api")
    assert await table.read("api") is None
    assert await connection.fetchval("SELECT ciphertext FROM secure_credentials") == ""
    assert await table.put("api", Secret(OTHER)) == 3
    await connection.execute("UPDATE secure_credentials SET ciphertext = $1", old)
    with pytest.raises(SecretTampered):
        await table.read("api")


@pytest.mark.parametrize("damage", ["'x' || ciphertext", "substr(ciphertext, 1, 40)", "'ü'"])
async def test_a_damaged_ciphertext_is_refused(
    table: SecretTable, connection: "asyncpg.Connection[Any]", damage: str
) -> None:
    await table.put("api", Secret(VALUE))
    await connection.execute(f"UPDATE secure_credentials SET ciphertext = {damage}")
    with pytest.raises(SecretTampered, match="damaged or made with another key"):
        await table.read("api")


async def test_another_master_key_neither_reads_nor_writes_nor_rotates(table: SecretTable, database: Database) -> None:
    await table.put("api", Secret(VALUE))
    stranger = SecretTable(database, MasterKey(new_master_key_text(), origin="elsewhere"))
    for action in (
        stranger.read("api"),
        stranger.put("api", Secret(OTHER)),
        stranger.rotate_values(),
        stranger.rotate_master(table.master),
        stranger.check_master(),
    ):
        with pytest.raises(WrongMasterKey, match=f"need master key {table.master.master_id}, the one from elsewhere"):
            await action
    assert await value_of(table, "api") == VALUE


async def test_a_wrapped_key_under_another_id_is_refused(
    table: SecretTable, connection: "asyncpg.Connection[Any]", master: MasterKey
) -> None:
    from persistence.data_key import DataKey

    await table.put("api", Secret(VALUE))
    await connection.execute("UPDATE secure_credential_keys SET wrapped_key = $1", master.wrap(DataKey.generate()))
    with pytest.raises(SecretTampered, match="damaged or was exchanged"):
        await table.read("api")


async def test_rotating_the_master_key_touches_no_value(
    table: SecretTable, database: Database, master: MasterKey, connection: "asyncpg.Connection[Any]"
) -> None:
    await table.put("api", Secret(VALUE))
    before = await connection.fetch("SELECT * FROM secure_credentials")
    new = MasterKey(new_master_key_text(), origin="the new file")
    assert await table.rotate_master(new) == 1
    assert await connection.fetch("SELECT * FROM secure_credentials") == before
    assert await value_of(table, "api") == VALUE
    assert await value_of(SecretTable(database, new), "api") == VALUE
    with pytest.raises(WrongMasterKey):
        await SecretTable(database, master).read("api")


async def test_rotating_values_leaves_one_key_and_forgets_the_old(
    table: SecretTable, connection: "asyncpg.Connection[Any]"
) -> None:
    for number in range(5):
        await table.put(f"api{number}", Secret(f"{VALUE}{number}"))
    before = await connection.fetch("SELECT name, version, updated_at, ciphertext FROM secure_credentials ORDER BY 1")
    assert await table.rotate_values() == 5
    after = await connection.fetch("SELECT name, version, updated_at, ciphertext FROM secure_credentials ORDER BY 1")
    assert [tuple(row)[:3] for row in after] == [tuple(row)[:3] for row in before]
    assert not {row["ciphertext"] for row in after} & {row["ciphertext"] for row in before}
    keys = await connection.fetch("SELECT id, wrapped_key, retired_at FROM secure_credential_keys ORDER BY created_at")
    assert [(bool(row["wrapped_key"]), row["retired_at"] is None) for row in keys] == [(False, False), (True, True)]
    assert await connection.fetchval("SELECT count(DISTINCT key_id) FROM secure_credentials") == 1
    assert [await value_of(table, f"api{number}") for number in range(5)] == [f"{VALUE}{n}" for n in range(5)]


async def test_one_unreadable_row_stops_a_rotation_and_nothing_has_changed(
    table: SecretTable, connection: "asyncpg.Connection[Any]"
) -> None:
    await table.put("api1", Secret(VALUE))
    await table.put("api2", Secret(OTHER))
    await connection.execute("UPDATE secure_credentials SET ciphertext = 'x' WHERE name = 'api2'")
    before = await connection.fetch("SELECT * FROM secure_credentials ORDER BY name")
    with pytest.raises(SecretTampered):
        await table.rotate_values()
    assert await connection.fetch("SELECT * FROM secure_credentials ORDER BY name") == before
    assert await value_of(table, "api1") == VALUE


@pytest.mark.slow
async def test_writers_and_readers_beside_rotations_lose_nothing(pg_db: str, master: MasterKey) -> None:
    writing, rotating, reading = (Database(pg_db) for _ in range(3))
    try:
        await SecretTable(rotating, master).put("a", Secret("value-0"))
        writer, rotator, reader = (SecretTable(each, master) for each in (writing, rotating, reading))
        seen = []

        async def write() -> None:
            for number in range(1, 31):
                await writer.put("a", Secret(f"value-{number}"))

        async def rotate() -> None:
            for _ in range(15):
                await rotator.rotate_values()

        async def read() -> None:
            for _ in range(60):
                seen.append(int((await value_of(reader, "a")).removeprefix("value-")))

        await asyncio.gather(write(), rotate(), read())
        assert await value_of(reader, "a") == "value-30"
        assert seen == sorted(seen)
    finally:
        for each in (writing, rotating, reading):
            await each.close()


ROTATE = """
import asyncio, sys
from kernel.secrets.secret import Secret
from persistence.master_key import MasterKey
from persistence.postgres import Database
from persistence.secret_table import SecretTable
dsn, key = sys.stdin.read().split()
asyncio.run(SecretTable(Database(dsn), MasterKey(Secret(key), origin="pipe")).rotate_values())
"""


@pytest.mark.slow
async def test_kill_9_in_the_middle_of_a_rotation_leaves_everything_readable(
    pg_db: str, database: Database, connection: "asyncpg.Connection[Any]"
) -> None:
    text = new_master_key_text()
    table = SecretTable(database, MasterKey(text, origin="a test"))
    for number in range(6):
        await table.put(f"api{number}", Secret(f"{VALUE}{number}"))
    before = await connection.fetch("SELECT * FROM secure_credentials ORDER BY name")
    held = connection.transaction()
    await held.start()
    await connection.execute("SELECT FROM secure_credentials WHERE name = 'api5' FOR UPDATE")  # it gets this far
    child = subprocess.Popen([sys.executable, "-c", ROTATE], stdin=subprocess.PIPE, cwd=PROJECT)
    assert child.stdin is not None
    child.stdin.write(f"{pg_db} {text.reveal()}".encode())
    child.stdin.close()
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%ciphertext%'"
    async with asyncio.timeout(30), database.acquire() as watching:
        while not await watching.fetchval(blocked):
            assert child.poll() is None
            await asyncio.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    await held.rollback()
    async with asyncio.timeout(30):
        while await connection.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory')"):
            await asyncio.sleep(0.02)
    assert await connection.fetch("SELECT * FROM secure_credentials ORDER BY name") == before
    assert [await value_of(table, f"api{number}") for number in range(6)] == [f"{VALUE}{n}" for n in range(6)]
    assert await table.rotate_values() == 6


async def test_a_change_that_expected_another_version_is_refused(table: SecretTable) -> None:
    await table.put("api", Secret(VALUE), expected_version=0)
    with pytest.raises(ConfigError, match="expected version 0, found 1; somebody changed it"):
        await table.put("api", Secret(OTHER), expected_version=0)
    with pytest.raises(ConfigError, match="expected version 7, found 1"):
        await table.delete("api", expected_version=7)
    assert await table.put("api", Secret(OTHER), expected_version=1) == 2


async def test_of_many_writers_that_expect_the_same_version_one_wins(table: SecretTable) -> None:
    done = await asyncio.gather(
        *(table.put("api", Secret(f"{VALUE}{n}"), expected_version=0) for n in range(4)), return_exceptions=True
    )
    assert sorted(map(type, done), key=str) == sorted([int, *[ConfigError] * 3], key=str)


@pytest.mark.parametrize("name", ["", "1a", "a b", "a/../b", "a" * 129, "ü"])
async def test_a_bad_name_is_refused(table: SecretTable, name: str) -> None:
    with pytest.raises(BadSecret):
        await table.put(name, Secret(VALUE))


async def test_a_value_of_the_wrong_form_is_refused_before_it_is_stored(table: SecretTable) -> None:
    with pytest.raises(BadSecret, match="PRIVATE_KEY: expected 64 hexadecimal") as found:
        await table.put("PRIVATE_KEY", Secret(VALUE))
    assert VALUE not in str(found.value)
    assert await table.rows() == []


async def test_the_list_has_ages_and_no_values(table: SecretTable) -> None:
    await table.put("b", Secret(VALUE))
    await table.put("a", Secret(OTHER))
    rows = await table.rows()
    assert [(row.name, row.version, row.last_used_at) for row in rows] == [("a", 1, None), ("b", 1, None)]
    assert VALUE not in repr(rows)


async def test_a_database_that_is_away_says_so(master: MasterKey) -> None:
    table = SecretTable(Database("postgresql://kernel@127.0.0.1:1/kernel"), master)
    with pytest.raises(DatabaseDown):
        await table.read("api")


HIDDEN = [VALUE, OTHER]  # not a local: a traceback with locals would show it


async def test_nothing_leaks_into_a_traceback_with_locals(
    table: SecretTable, connection: "asyncpg.Connection[Any]", master: MasterKey
) -> None:
    await table.put("mine", Secret(VALUE))
    await table.put("thine", Secret(OTHER))
    await connection.execute(
        "UPDATE secure_credentials a SET ciphertext = b.ciphertext FROM secure_credentials b WHERE a.name <> b.name"
    )
    row = await connection.fetchrow("SELECT id, wrapped_key FROM secure_credential_keys")
    assert row is not None
    key = master.unwrap(row["id"], row["wrapped_key"])
    assert key is not None
    HIDDEN.append(key.material().reveal())
    for action in (table.read("mine"), table.rotate_values(), table.put("PRIVATE_KEY", Secret(VALUE))):
        with pytest.raises(KernelError) as found:
            await action
        error = found.value
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        shown += str(structlog.tracebacks.extract(type(error), error, error.__traceback__, show_locals=True))
        assert "ciphertext" in shown or "problem" in shown  # locals are in it
        assert [each for each in HIDDEN if each in shown] == []
    assert [each for each in HIDDEN if each in f"{master!r} {key!r} {table!r} {vars(table)!r}"] == []

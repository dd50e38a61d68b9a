"""Stored settings: whole saves or none, versions, history, restore, notices; against a real Postgres."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from kernel.errors import StoreError
from kernel.settings import SettingsRefused
from persistence.postgres import Database
from persistence.settings_listener import SettingsListener
from persistence.settings_table import ModuleWrite, SettingsTable, StoredModule, VersionTaken

pytestmark = pytest.mark.postgres


@pytest.fixture
async def table(pg_db: str) -> AsyncIterator[SettingsTable]:
    database = Database(pg_db)
    yield SettingsTable(database)
    await database.close()


def write(version: int, module: str = "risk", **changes: Any) -> ModuleWrite:
    return ModuleWrite(module=module, config_type="RISK_MANAGEMENT", version=version, changes=changes, kinds={})


def fine(module: str, values: dict[str, Any]) -> None:
    """Anything goes."""


async def test_a_save_is_read_back_exactly_with_its_version(table: SettingsTable) -> None:
    values = {"a": 0.1, "b": 10**30, "c": ["x", "é\U0001f600"], "d": {"k": True}, "e": ""}
    assert await table.write([write(0, **values)], "ann", "first", fine) == {"risk": 1}
    stored = (await table.read())["risk"]
    assert stored.values == values and stored.version == 1 and stored.updated_by == "ann" and stored.updated_ts_ns > 0


async def test_a_save_for_an_old_version_is_refused_and_names_who_came_first(table: SettingsTable) -> None:
    await table.write([write(0, a=1)], "ann", "why", fine)
    with pytest.raises(VersionTaken, match="ann saved version 1 meanwhile"):
        await table.write([write(0, a=2)], "bob", "why", fine)
    assert (await table.read("risk"))["risk"].values == {"a": 1}


async def test_two_saves_at_once_never_both_win(table: SettingsTable) -> None:
    results = await asyncio.gather(
        *(table.write([write(0, a=number)], f"p{number}", "why", fine) for number in range(4)), return_exceptions=True
    )
    assert sum(result == {"risk": 1} for result in results) == 1
    assert sum(isinstance(result, VersionTaken) for result in results) == 3
    assert (await table.read("risk"))["risk"].version == 1


async def test_a_refused_check_leaves_every_module_as_it_was(table: SettingsTable) -> None:
    await table.write([write(0, a=1)], "ann", "why", fine)

    def refuse(module: str, values: dict[str, Any]) -> None:
        if module == "risk.s":
            raise SettingsRefused(module, {"b": "too large"})

    with pytest.raises(SettingsRefused):
        await table.write([write(1, a=5), write(0, "risk.s", b=9)], "ann", "why", refuse)
    assert {name: each.values for name, each in (await table.read()).items()} == {"risk": {"a": 1}}
    assert len(await table.history(None, None, 10)) == 1


async def test_the_check_sees_the_values_as_they_would_be(table: SettingsTable) -> None:
    await table.write([write(0, a=1, b=2)], "ann", "why", fine)
    seen: list[dict[str, Any]] = []
    await table.write([write(1, a=None, c=3)], "ann", "why", lambda _, values: seen.append(values))
    assert seen == [{"b": 2, "c": 3}]
    assert (await table.read("risk"))["risk"] == StoredModule(
        module="risk", version=2, values={"b": 2, "c": 3}, updated_by="ann",
        updated_ts_ns=(await table.read("risk"))["risk"].updated_ts_ns,
    )  # fmt: skip


async def test_saving_what_is_there_makes_no_version(table: SettingsTable) -> None:
    await table.write([write(0, a=1)], "ann", "why", fine)
    assert await table.write([write(1, a=1)], "ann", "again", fine) == {}
    assert await table.write([write(1, a=1.0)], "ann", "a number of another kind", fine) == {"risk": 2}


async def test_rows_that_may_not_be_edited_are_neither_used_nor_written(table: SettingsTable) -> None:
    await table.write([write(0, a=1, b=2)], "ann", "why", fine)
    async with table.database.acquire() as connection:
        await connection.execute("UPDATE config_settings SET is_editable = false WHERE key = 'a'")
    stored = (await table.read())["risk"]
    assert stored.values == {"b": 2} and stored.locked == {"a": 1}
    with pytest.raises(StoreError, match="a may not be edited"):
        await table.write([write(1, a=5)], "ann", "why", fine)


async def test_history_tells_old_and_new_and_pages_by_saves(table: SettingsTable) -> None:
    await table.write([write(0, a=1, b=2)], "ann", "one", fine)
    await table.write([write(0, "paper", x=1)], "ann", "other", fine)
    await table.write([write(1, a=7, b=None)], "bob", "two", fine)
    first, second = await table.history(None, None, 2)
    assert (first.who, first.why, first.version) == ("bob", "two", 2)
    assert first.changes == {"a": (1, 7), "b": (2, None)}
    assert second.module == "paper"
    older = await table.history(None, second.id, 2)
    assert [each.why for each in older] == ["one"] and older[0].changes == {"a": (None, 1), "b": (None, 2)}
    assert [each.why for each in await table.history("risk", None, 10)] == ["two", "one"]


async def test_the_values_of_any_version_can_be_had_again(table: SettingsTable) -> None:
    for version, changes in enumerate(({"a": 1}, {"b": 2}, {"a": None, "b": 3})):
        await table.write([write(version, **changes)], "ann", "why", fine)
    assert [await table.as_of("risk", version) for version in range(4)] == [{}, {"a": 1}, {"a": 1, "b": 2}, {"b": 3}]
    with pytest.raises(StoreError, match="no version 4; the newest is 3"):
        await table.as_of("risk", 4)


async def test_history_cannot_be_rewritten(table: SettingsTable) -> None:
    await table.write([write(0, a=1)], "ann", "why", fine)
    for statement in (
        "UPDATE config_history SET changed_by = 'x'",
        "DELETE FROM config_history",
        "TRUNCATE config_history",
    ):
        async with table.database.acquire() as connection:
            with pytest.raises(asyncpg.RaiseError, match="append-only"):
                await connection.execute(statement)


async def test_a_lost_connection_is_made_again_and_what_was_missed_is_read(table: SettingsTable) -> None:
    heard: list[str] = []
    connected = asyncio.Semaphore(0)
    changed = asyncio.Semaphore(0)

    async def on_connected() -> None:
        heard.append(f"all {(await table.read()).get('risk', StoredModule(module='risk')).values}")
        connected.release()

    async def on_change(module: str) -> None:
        heard.append(f"{module} {(await table.read(module))[module].values}")
        changed.release()

    listener = SettingsListener(table.database, on_connected, on_change)
    running = asyncio.create_task(listener.run())
    async with asyncio.timeout(10):
        await connected.acquire()
        await table.write([write(0, a=1, b=1)], "ann", "why", fine)
        await changed.acquire()
        async with table.database.acquire() as connection, connection.transaction():
            await connection.execute("UPDATE config_settings SET value = '5' WHERE key = 'a'")
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
                " AND datname = current_database()"
            )
        await connected.acquire()
    running.cancel()
    assert heard[0] == "all {}" and heard[1] == "risk {'a': 1, 'b': 1}" and heard[-1] == "all {'a': 5, 'b': 1}"

"""The operator's word on alerts: listed by key, marked once, never overwritten by the projection."""

from collections.abc import AsyncIterator
from uuid import UUID

import msgspec
import pytest

from bus.events import Alert
from persistence import alert_table
from persistence.alert_table import AlertQuery, acknowledge, alerts, counts, resolve
from persistence.postgres import Database
from persistence.projection_row import Place
from persistence.projection_system_logs import UPSERT_ALERTS, AlertRow, alert_row

pytestmark = pytest.mark.postgres
SEVERITIES = ("info", "warning", "critical")


def rows(count: int) -> list[AlertRow]:
    return [
        alert_row(
            Place(run_id="r0001", seq=seq, is_simulated=True),
            Alert(ts_ns=seq // 2, severity=SEVERITIES[seq % 3], source=f"m{seq % 2}", code="c", text=f"<b>{seq}</b>"),
        )
        for seq in range(1, count + 1)
    ]


async def insert(database: Database, made: list[AlertRow]) -> None:
    async with database.acquire() as connection:
        await connection.execute(UPSERT_ALERTS, msgspec.to_builtins(made))


@pytest.fixture
async def database(pg_db: str) -> AsyncIterator[Database]:
    made = Database(pg_db)
    await insert(made, rows(25))
    yield made
    await made.close()


async def test_paging_by_key_gives_every_alert_once_newest_first(database: Database) -> None:
    found, key = [], ""
    while True:
        page = await alerts(database, AlertQuery(before_key=key, limit=7))
        found += page.rows
        key = page.next_key
        if not key:
            break
    assert len({each.id for each in found}) == 25
    assert [each.ts_ns for each in found] == sorted((each.ts_ns for each in found), reverse=True)
    assert page.modules == ("m0", "m1")


async def test_filters_narrow_the_list(database: Database) -> None:
    page = await alerts(database, AlertQuery(module="m1", severity="critical", status="open", code="c", from_ns=3))
    assert {(each.module, each.severity) for each in page.rows} == {("m1", "critical")}
    assert min(each.ts_ns for each in page.rows) >= 3
    assert (await alerts(database, AlertQuery(code="none"))).rows == ()


async def test_marks_are_kept_with_name_time_and_note_and_survive_a_new_projection(database: Database) -> None:
    first = (await alerts(database, AlertQuery(limit=1))).rows[0]
    assert await acknowledge(database, (first.id,), by="ann", ts_ns=7, note="looking") == 1
    assert await acknowledge(database, (first.id,), by="bob", ts_ns=8) == 0
    assert await resolve(database, (first.id,), by="bob", ts_ns=9, note='"; DROP TABLE alerts; --') == 1
    assert await resolve(database, (first.id,), by="eve", ts_ns=10) == 0
    await insert(database, rows(25))
    again = (await alerts(database, AlertQuery(status="resolved"))).rows
    assert [each.id for each in again] == [first.id]
    assert [(each.status, each.by, each.ts_ns) for each in again[0].marks] == [
        ("acknowledged", "ann", 7), ("resolved", "bob", 9),
    ]  # fmt: skip
    assert (await counts(database))[("resolved", first.severity)] == 1
    assert sum((await counts(database)).values()) == 25


async def test_several_are_marked_at_once_and_unknown_ones_count_nothing(database: Database) -> None:
    ids = tuple(each.id for each in (await alerts(database, AlertQuery(limit=10))).rows)
    assert await resolve(database, (*ids, str(UUID(int=1))), by="ann", ts_ns=1) == 10
    assert await acknowledge(database, ids, by="ann", ts_ns=2) == 0


async def test_marks_of_another_hand_do_not_break_the_list(database: Database) -> None:
    async with database.acquire() as connection:
        await connection.execute("UPDATE alerts SET metadata = '{\"operator\": [5]}'::text::jsonb")
    assert {each.marks for each in (await alerts(database, AlertQuery())).rows} == {()}


@pytest.mark.parametrize("query", [{"before_key": "x"}, {"before_key": "-1.x"}, {"severity": "bad"}, {"status": "bad"}])
async def test_a_key_or_filter_that_is_none_is_refused(database: Database, query: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="expected"):
        await alerts(database, AlertQuery(**query))  # type: ignore[arg-type]


async def test_ids_and_names_that_are_none_are_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="ids"):
        await acknowledge(database, ("x",), by="ann", ts_ns=1)
    with pytest.raises(ValueError, match="by"):
        await acknowledge(database, (), by="", ts_ns=1)
    with pytest.raises(ValueError, match="at most"):
        await acknowledge(database, (str(UUID(int=1)),) * (alert_table.IDS_MAX + 1), by="ann", ts_ns=1)

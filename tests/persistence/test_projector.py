import asyncio
import random
from collections.abc import AsyncIterator
from decimal import Decimal, localcontext
from pathlib import Path

import pytest

from bus.bus import Bus
from bus.clock import NS_PER_MINUTE
from bus.events import RunRestarted
from kernel.errors import BadInput, StoreError
from kernel.finance.money import MONEY
from kernel.ledger import Ledger
from kernel.market import Market
from kernel.position import ClosedTrade
from persistence import projector as module
from persistence.event_log import cut_torn_tail
from persistence.postgres import Database
from persistence.projector import Projector
from tests.persistence.projector_logs import START_NS, Segment, Trading, header, rows
from tests.postgres_fixture import query

pytestmark = pytest.mark.postgres


class Killed(Exception):
    """The process died here."""


class Mortal(Projector):
    """Dies at drawn places: with everything sent and nothing committed, or committed and not yet remembered."""

    def __init__(self, *args: object, draw: random.Random, **more: object) -> None:
        super().__init__(*args, **more)  # type: ignore[arg-type]
        self._draw = draw

    async def _before_commit(self) -> None:
        if self._draw.random() < 0.4:
            raise Killed

    async def _write(self, batch: object, reached: int) -> None:
        await super()._write(batch, reached)  # type: ignore[arg-type]
        if self._draw.random() < 0.4:
            raise Killed


@pytest.fixture
async def database(pg_db: str) -> AsyncIterator[Database]:
    database = Database(pg_db)
    yield database
    await database.close()


async def test_a_log_is_projected_into_every_table(database: Database, pg_db: str, tmp_path: Path) -> None:
    last = Segment(tmp_path, header()).write(Trading().events(3000))
    projector = Projector(database, tmp_path)
    assert await projector.catch_up() == last == projector.last_seq
    found = rows(pg_db)
    assert all(found.values()), {name: len(each) for name, each in found.items()}
    assert projector.quarantined == 0, [each for each in found["system_logs"] if each["module"] == "projector"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_projector_that_dies_anywhere_gives_the_rows_of_one_that_never_died(
    seed: int, database: Database, pg_db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trading = Trading(seed=seed)
    first = Segment(tmp_path, header())
    first.write(trading.events(700), flush_every=97)
    trading.run = "r0002"
    second = Segment(tmp_path, header("r0002", first.seq + 1, 2, "r0001"))
    last = second.write(trading.events(700))
    draw = random.Random(seed)
    deaths = 0
    with monkeypatch.context() as small:
        reached = 0
        while reached < last:
            small.setattr(module, "BATCH_EVENTS_MAX", draw.randrange(1, 60))
            try:
                reached = await Mortal(database, tmp_path, draw=draw).catch_up()
            except Killed:
                deaths += 1
    assert deaths > 10
    survived = rows(pg_db)
    assert await Projector(database, tmp_path).reproject() == last
    assert rows(pg_db) == survived


async def test_projecting_again_over_rows_that_stand_changes_nothing(
    database: Database, pg_db: str, tmp_path: Path
) -> None:
    last = Segment(tmp_path, header()).write(Trading().events(1500))
    await Projector(database, tmp_path).catch_up()
    before = rows(pg_db)
    query(pg_db, lambda connection: connection.execute("DELETE FROM kernel_offsets; DELETE FROM kernel_fold_state"))
    query(pg_db, lambda connection: connection.execute("DELETE FROM positions WHERE status = 'open'"))
    query(pg_db, lambda connection: connection.execute("DELETE FROM orders WHERE NOT is_terminal"))
    assert await Projector(database, tmp_path).catch_up() == last
    after = rows(pg_db)
    for table in ("trades", "performance_metrics", "alerts", "system_logs", "market_data", "funding_rate_history"):
        assert [each["id"] for each in after[table]] == [each["id"] for each in before[table]], table


async def test_positions_are_those_of_the_ledger(database: Database, pg_db: str, tmp_path: Path) -> None:
    events = list(Trading(seed=9).events(4000))
    bus, market = Bus(), Market()
    market.attach(bus)
    ledger = Ledger(market)
    ledger.attach(bus)
    closed: list[ClosedTrade] = []
    ledger.watch_closed(closed.append)
    bus.feed(events)
    Segment(tmp_path, header()).write(events)
    await Projector(database, tmp_path).catch_up()
    found = rows(pg_db)["positions"]
    opened = {(each["module"], each["instrument"]): each for each in found if each["status"] == "open"}
    assert opened.keys() == ledger.positions.keys() and opened
    for key, position in ledger.positions.items():
        row = opened[key]
        assert row["qty"] == position.qty
        assert Decimal(row["metadata"]["cost_quote"]) == position.cost_quote
        assert row["realised_pnl_usd"] == position.realised_usd
        assert row["fees_usd"] == position.fees_usd
        assert row["gas_usd"] == position.gas_usd
        assert row["funding_usd"] == position.funding_usd
        assert row["opened_ts_ns"] == position.opened_ts_ns

    with localcontext(MONEY):
        net = [
            each["realised_pnl_usd"] - each["fees_usd"] - each["gas_usd"] + each["funding_usd"]
            for each in found
            if each["status"] == "closed" and not each["metadata"]["unconverted_fills"]
        ]
        total = sum(each["realised_pnl_usd"] for each in found)
    assert sum(each["status"] == "closed" for each in found) == len(closed) > 5
    assert sorted(net) == sorted(each.pnl_usd for each in closed if each.pnl_usd is not None)
    assert total == ledger.books(None).realised_usd


async def test_a_fill_told_twice_is_one_trade_and_a_late_one_is_booked(
    database: Database, pg_db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_EVENTS_MAX", 1)  # nothing of the batch is left to recognise it by
    events = list(Trading(seed=4).events(1500))
    fills = [each for each in events if type(each).__name__ == "Fill"]
    distinct = {(each.order_id, each.fill_id) for each in fills}  # type: ignore[attr-defined]
    assert len(distinct) < len(fills)
    Segment(tmp_path, header()).write(events)
    await Projector(database, tmp_path).catch_up()
    found = rows(pg_db)
    assert {(each["order_id"], each["venue_fill_id"]) for each in found["trades"]} == distinct
    assert len(found["trades"]) == len(distinct)
    by_order = {each["order_id"]: each["filled_qty"] for each in found["orders"]}
    for order_id in {each["order_id"] for each in found["trades"]}:
        booked = sum(each["qty"] for each in found["trades"] if each["order_id"] == order_id)
        assert by_order[order_id] == booked


async def test_a_growing_file_is_followed_at_every_length(database: Database, pg_db: str, tmp_path: Path) -> None:
    source, grown = tmp_path / "source", tmp_path / "grown"
    grown.mkdir()
    segment = Segment(source, header())
    last = segment.write(Trading().events(600), flush_every=40)
    whole = segment.writer.path.read_bytes()
    projector = Projector(database, grown)
    assert await projector.catch_up() == 0
    draw = random.Random(1)
    reached = [0]
    with (grown / segment.writer.path.name).open("wb", buffering=0) as file:
        sent = 0
        while sent < len(whole):
            step = draw.randrange(1, 2500)
            file.write(whole[sent : sent + step])
            sent += step
            reached.append(await projector.catch_up())
    assert reached == sorted(reached) and len(set(reached)) > 5
    assert projector.last_seq == last
    followed = rows(pg_db)
    await projector.reproject()
    assert rows(pg_db) == followed


async def test_runs_and_segments_follow_each_other_and_a_torn_tail_is_told(
    database: Database, pg_db: str, tmp_path: Path
) -> None:
    projector = Projector(database, tmp_path)
    trading = Trading()
    first = Segment(tmp_path, header())
    first.write(trading.events(300))
    second = Segment(tmp_path, header("r0001", first.seq + 1, 2))
    end = second.write(trading.events(300))
    await projector.catch_up()
    with second.writer.path.open("ab") as file:
        file.write(b"half a block")
    assert await projector.catch_up() == end
    third = Segment(tmp_path, header("r0002", end + 1, 3, "r0001"))
    trading.run = "r0002"
    restarted = RunRestarted(ts_ns=trading.ts_ns, previous_run="r0001", is_tail_torn=True, open_orders=0, note="cut")
    third.write([restarted, *trading.events(300)])
    assert await projector.catch_up() == third.seq
    cut_torn_tail(second.writer.path)
    runs = {each["run_id"]: each for each in rows(pg_db)["runs"]}
    assert runs["r0001"]["last_seq"] == end and runs["r0001"]["end_reason"] == "torn tail"
    assert runs["r0002"]["last_seq"] == third.seq and runs["r0002"]["previous_run"] == "r0001"
    followed = rows(pg_db)
    await projector.reproject()
    assert rows(pg_db) == followed


async def test_a_log_that_lost_its_end_is_projected_again_and_says_so(
    database: Database, pg_db: str, tmp_path: Path
) -> None:
    first = Segment(tmp_path, header())
    first.write(Trading().events(300), flush_every=50)
    await Projector(database, tmp_path).catch_up()
    raw = first.writer.path.read_bytes()
    first.writer.path.write_bytes(raw[: len(raw) * 2 // 3])
    kept = cut_torn_tail(first.writer.path).last_seq
    assert kept < first.seq
    second = Segment(tmp_path, header("r0002", kept + 1, 2, "r0001"))
    second.write(Trading("r0002", kept + 1, seed=5).events(300))
    assert await Projector(database, tmp_path).catch_up() == second.seq
    found = rows(pg_db)
    assert max(each["seq"] for each in found["trades"] if each["run_id"] == "r0001") <= kept
    (told,) = [each for each in found["system_logs"] if each["event"] == "reprojected"]
    assert f"up to seq {first.seq} of run r0001" in told["message"]


async def test_a_database_of_another_log_is_refused(database: Database, tmp_path: Path) -> None:
    for name in ("a", "b"):
        Segment(tmp_path / name, header(note=name)).write(Trading().events(20))
    await Projector(database, tmp_path / "a").catch_up()
    with pytest.raises(StoreError, match="the database holds run r0001 of another event log"):
        await Projector(database, tmp_path / "b").catch_up()


async def test_two_projectors_at_once_write_what_one_would(
    database: Database, pg_db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_EVENTS_MAX", 50)
    last = Segment(tmp_path, header()).write(Trading().events(1000))
    one, two = Projector(database, tmp_path), Projector(database, tmp_path)
    assert await asyncio.gather(one.catch_up(), two.catch_up()) == [last, last]
    both = rows(pg_db)
    await one.reproject()
    assert rows(pg_db) == both


async def test_a_projector_that_was_overtaken_does_not_write_what_is_old(
    database: Database, pg_db: str, tmp_path: Path
) -> None:
    last = Segment(tmp_path, header()).write(Trading().events(600))
    slow = Projector(database, tmp_path)
    await slow.catch_up(100)
    assert await Projector(database, tmp_path).catch_up() == last
    newest = rows(pg_db)
    assert await slow.catch_up(200) == last
    assert rows(pg_db) == newest


async def test_market_data_is_sampled_once_a_minute_and_instrument(
    database: Database, pg_db: str, tmp_path: Path
) -> None:
    Segment(tmp_path, header()).write(Trading().events(5000))
    await Projector(database, tmp_path).catch_up()
    samples = [(each["instrument"], each["ts_ns"] // NS_PER_MINUTE) for each in rows(pg_db)["market_data"]]
    assert len(samples) == len(set(samples)) > 20


async def test_catching_up_to_a_seq_stops_there(database: Database, pg_db: str, tmp_path: Path) -> None:
    last = Segment(tmp_path, header()).write(Trading().events(800))
    newest = last
    projector = Projector(database, tmp_path, log_seq=lambda: newest)
    assert await projector.catch_up(333) == 333
    assert projector.lag_events == last - 333
    assert max(each["seq"] for each in rows(pg_db)["orders"]) <= 333
    assert await projector.catch_up() == last
    assert projector.lag_events == 0


async def test_damage_in_the_middle_costs_its_block_alone(database: Database, pg_db: str, tmp_path: Path) -> None:
    segment = Segment(tmp_path, header())
    segment.write(Trading().events(100), flush_every=500)
    good_bytes = segment.writer.bytes_written
    good_seq = segment.seq
    trading = Trading(first_seq=segment.seq + 1, ts_ns=START_NS + NS_PER_MINUTE)
    lost = segment.write(trading.events(100))
    last = segment.write(trading.events(100))
    with segment.writer.path.open("r+b") as file:
        file.seek(good_bytes + 40)
        file.write(b"damage!")
    projector = Projector(database, tmp_path)
    assert await projector.catch_up() == last
    (told,) = [each for each in rows(pg_db)["system_logs"] if each["event"] == "damaged"]
    assert f"seq {good_seq + 1} to {lost} are missing" in told["message"]
    assert await Projector(database, tmp_path).catch_up() == last


async def test_damage_at_the_end_waits_and_says_why(database: Database, tmp_path: Path) -> None:
    segment = Segment(tmp_path, header())
    good = segment.write(Trading().events(50))
    with segment.writer.path.open("ab") as file:
        file.write(b"\xff" * 64)
    projector = Projector(database, tmp_path)
    with pytest.raises(BadInput, match="the file is damaged from there on"):
        await projector.catch_up()
    assert projector.last_seq == good

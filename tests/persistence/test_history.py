from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bus.bus import Bus
from bus.clock import NS_PER_DAY
from bus.events import (
    Fill,
    Filled,
    FundingPaid,
    InstrumentListed,
    OpportunitySeen,
    OrderApproved,
    OrderDenied,
    StrategySampled,
)
from bus.events.base import Event
from bus.intents import PlaceOrder
from kernel.errors import StoreError
from kernel.ledger import Ledger
from kernel.market import Market
from persistence import history
from persistence.history import TradeQuery, TradeRow
from persistence.postgres import Database
from persistence.projector import Projector
from tests.persistence.projector_logs import CEX, PERP, START_NS, Segment, Trading, header, rows

pytestmark = pytest.mark.postgres
NAME = "cex_dex_arb"


@pytest.fixture
def events() -> list[Event]:
    return list(Trading(seed=3).events(2500))


@pytest.fixture
async def database(pg_db: str, tmp_path: Path, events: list[Event]) -> AsyncIterator[Database]:
    database = Database(pg_db)
    Segment(tmp_path, header()).write(events)
    await Projector(database, tmp_path).catch_up()
    yield database
    await database.close()


def sampled(events: list[Event], module: str) -> list[StrategySampled]:
    return [each for each in events if isinstance(each, StrategySampled) and each.strategy == module]


def pnl(sample: StrategySampled) -> Decimal:
    return sample.realised_usd + sample.unrealised_usd - sample.fees_usd - sample.gas_usd + sample.funding_usd


async def all_trades(database: Database, **filters: Any) -> list[TradeRow]:
    found: list[TradeRow] = []
    key = ""
    while True:
        page = await history.trades(database, TradeQuery(module=NAME, before_key=key, limit=7, **filters))
        found += page.rows
        key = page.next_key
        if not key:
            return found


async def test_equity_is_every_sample_where_they_fit(database: Database, events: list[Event]) -> None:
    for name in (NAME, None):
        samples = sampled(events, name or "")
        found = await history.equity(database, name, 0, 5000)
        assert found.span_ns == 0 and found.simulated
        assert [(each.ts_ns, each.pnl_usd) for each in found.points] == [(each.ts_ns, pnl(each)) for each in samples]
    assert {each.kind for each in found.marks} <= {"kill_switch", "settings", "restarted"} and found.marks
    assert [each.ts_ns for each in found.marks] == sorted(each.ts_ns for each in found.marks)


@pytest.mark.parametrize("points_max", [2, 5, 13])
async def test_thinned_equity_keeps_the_last_sample_and_the_limit(
    points_max: int, database: Database, events: list[Event]
) -> None:
    samples = sampled(events, "")
    assert len(samples) > points_max
    found = await history.equity(database, None, 0, points_max)
    assert 2 <= len(found.points) <= points_max and found.span_ns > 0
    times = [each.ts_ns for each in found.points]
    assert times == sorted(times) and times[-1] == samples[-1].ts_ns
    assert set(times) <= {each.ts_ns for each in samples}


async def test_equity_since_a_moment_starts_there_and_an_unknown_name_is_empty(
    database: Database, events: list[Event]
) -> None:
    since_ns = sampled(events, "")[6].ts_ns
    found = await history.equity(database, None, since_ns, 5000)
    assert found.points[0].ts_ns == since_ns
    assert (await history.equity(database, "nobody", 0, 100)).points == ()


async def test_trades_walk_by_key_and_miss_or_repeat_none(database: Database, pg_db: str) -> None:
    walked = await all_trades(database)
    stored = [each for each in rows(pg_db)["orders"] if each["module"] == NAME and each["filled_qty"] > 0]
    assert len(walked) == len({each.order_id for each in walked}) == len(stored) > 50
    assert [each.ts_ns for each in walked] == sorted((each.ts_ns for each in walked), reverse=True)
    fills = rows(pg_db)["trades"]
    for row in walked[:20]:
        own = [each for each in fills if each["order_id"] == row.order_id]
        assert row.qty == sum(each["qty"] for each in own)
        assert row.slippage_usd == sum(each["slippage_usd"] for each in own)
        closing = [each["realised_pnl_usd"] for each in own if each["realised_pnl_usd"] is not None]
        expected = sum(closing) - row.fees_usd - row.gas_usd if closing else None
        assert row.pnl_usd == expected


async def test_trade_filters_split_the_trades(database: Database) -> None:
    everything = await all_trades(database)
    assert len(everything) == sum([len(await all_trades(database, side=side)) for side in ("buy", "sell")])
    by_outcome = [await all_trades(database, outcome=each) for each in ("gain", "loss", "open")]
    assert all(by_outcome) and sum(map(len, by_outcome)) == len(everything)
    assert all(each.pnl_usd is not None and each.pnl_usd > 0 for each in by_outcome[0])
    assert {each.instrument for each in await all_trades(database, instrument=CEX)} == {CEX}
    assert await all_trades(database, simulated=False) == []
    middle_ns = everything[len(everything) // 2].ts_ns
    late = await all_trades(database, from_ns=middle_ns)
    assert late == [each for each in everything if each.ts_ns >= middle_ns]
    page = await history.trades(database, TradeQuery(module=NAME))
    assert CEX in page.instruments


@pytest.mark.parametrize("key", ["x", "1", "1.x", "-1.00000000-0000-0000-0000-000000000000", f"{2**70}.{'0' * 32}"])
async def test_a_key_that_is_none_is_refused(key: str, database: Database) -> None:
    with pytest.raises(ValueError, match="before_key: expected the key of a row"):
        await history.trades(database, TradeQuery(module=NAME, before_key=key))


async def test_positions_and_exposures_are_those_of_the_ledger(database: Database, events: list[Event]) -> None:
    bus, market = Bus(), Market()
    market.attach(bus)
    ledger = Ledger(market)
    ledger.attach(bus)
    bus.feed(events)
    page = await history.positions(database, NAME, status="open")
    held = {each.instrument: each.qty for each in ledger.positions_of(NAME)}
    assert {each.instrument: each.qty for each in page.rows} == held
    closed = await history.positions(database, NAME, status="closed", limit=2)
    assert all(each.qty == 0 and each.closed_ts_ns == each.ts_ns for each in closed.rows)
    if closed.next_key:
        older = await history.positions(database, NAME, status="closed", before_key=closed.next_key)
        assert older.rows[0].ts_ns <= closed.rows[-1].ts_ns
    venues = await history.exposures(database)
    assert sum(each.positions for each in venues) == len(ledger.positions)
    assert all(each.exposure_usd > 0 for each in venues if each.unpriced < each.positions)


async def test_performance_is_the_difference_of_samples(database: Database, events: list[Event]) -> None:
    samples = sampled(events, NAME)
    whole = await history.performance(database, NAME, 0)
    assert whole.pnl_usd == pnl(samples[-1])
    half = await history.performance(database, NAME, samples[8].ts_ns)
    assert half.pnl_usd == pnl(samples[-1]) - pnl(samples[7])
    own = [each for each in events if isinstance(each, OpportunitySeen | OrderDenied) and each.strategy == NAME]
    reasons: dict[str, int] = {}
    for each in own:
        reason = each.why_not if isinstance(each, OpportunitySeen) else each.reason
        if reason:
            reasons[reason] = reasons.get(reason, 0) + 1
    assert dict(whole.why_not) == reasons
    assert sum(each.pnl_usd for each in whole.by_day) == whole.pnl_usd
    assert whole.by_day[0].label == "2023-11-14"
    assert sum(each.count for each in whole.by_instrument) >= whole.wins + whole.losses > 0
    assert sum(each.pnl_usd for each in whole.by_venue) == whole.gross_gain_usd + whole.gross_loss_usd
    assert whole.realisations and whole.slippage_usd > 0
    nobody = await history.performance(database, "nobody", 0)
    assert nobody.pnl_usd is None and nobody.by_day == ()


async def test_days_add_up_over_midnight(pg_db: str, tmp_path: Path) -> None:
    one = next(each for each in Trading(seed=3).events(2500) if isinstance(each, StrategySampled))
    marks = [(0, 5), (NS_PER_DAY // 2, 7), (NS_PER_DAY, 4), (3 * NS_PER_DAY, 10)]
    start_ns = START_NS - START_NS % NS_PER_DAY
    samples = [
        msgspec.structs.replace(one, strategy=NAME, ts_ns=start_ns + after_ns, realised_usd=Decimal(usd), fills=usd)
        for after_ns, usd in marks
    ]
    Segment(tmp_path, header()).write(samples)
    database = Database(pg_db)
    await Projector(database, tmp_path).catch_up()
    base = pnl(samples[0]) - 5
    found = await history.performance(database, NAME, 0)
    assert [(each.label, each.pnl_usd) for each in found.by_day] == [
        ("2023-11-14", base + 7), ("2023-11-15", Decimal(-3)), ("2023-11-17", Decimal(6)),
    ]  # fmt: skip
    await database.close()


@pytest.mark.parametrize(("hedge", "realised_usd"), [("spot", Decimal("13.5")), ("perp", None)])
async def test_an_opportunity_realises_what_its_spot_legs_matched_and_a_hedge_with_a_perp_stays_open(
    hedge: str, realised_usd: Decimal | None, pg_db: str, tmp_path: Path
) -> None:
    told = list(Trading(seed=3).events(2500))
    listed = [
        msgspec.structs.replace(each, kind=hedge)
        if isinstance(each, InstrumentListed) and each.instrument == CEX
        else each
        for each in told[:4]
    ]
    seen = next(each for each in told if isinstance(each, OpportunitySeen) and not each.why_not)
    approved = next(each for each in told if isinstance(each, OrderApproved) and isinstance(each.intent, PlaceOrder))
    story: list[Event] = [
        *listed,
        msgspec.structs.replace(seen, strategy=NAME, opportunity="o1", expected_net_usd=Decimal(9)),
    ]
    filled = next(each for each in told if isinstance(each, Filled))
    for number, (instrument, side, qty, price) in enumerate(
        (("uniswap_v3.polygon:USDC/WETH-500", "buy", "2", "1990"), (CEX, "sell", "1.5", "2000"))
    ):
        name = f"r0001-{NAME}-9-{number}"
        intent = msgspec.structs.replace(
            approved.intent, instrument=instrument, side=side, qty=Decimal(qty), opportunity="o1"
        )
        common: dict[str, Any] = {"strategy": NAME, "order_id": name, "ts_ns": seen.ts_ns + number}
        story += [
            msgspec.structs.replace(approved, intent=intent, **common),
            Fill(
                simulated=True, instrument=instrument, side=side, qty=Decimal(qty), price=Decimal(price),
                fee_usd=Decimal("0.5"), gas_usd=Decimal("0.25"), slippage_usd=Decimal(1), fill_id="1", **common,
            ),  # type: ignore[arg-type]
            msgspec.structs.replace(filled, **common),
        ]  # fmt: skip
    Segment(tmp_path, header()).write(story)
    database = Database(pg_db)
    await Projector(database, tmp_path).catch_up()
    (found,) = [each for each in rows(pg_db)["opportunities"] if each["opportunity"] == "o1"]
    assert found["realised_pnl_usd"] == realised_usd  # 1.5 * 10, less 1 of fees and 0.5 of gas
    assert found["gap_reason"] == (None if realised_usd is not None else "position open")
    realisations = (await history.performance(database, NAME, 0)).realisations
    assert [(each.expected_usd, each.realised_usd) for each in realisations] == (
        [(Decimal(9), realised_usd)] if realised_usd is not None else []
    )
    await database.close()


async def test_a_round_trip_realises_its_legs_its_costs_and_the_funding_of_its_position(
    pg_db: str, tmp_path: Path
) -> None:
    told = list(Trading(seed=3).events(2500))
    seen = next(each for each in told if isinstance(each, OpportunitySeen) and not each.why_not)
    approved = next(each for each in told if isinstance(each, OrderApproved) and isinstance(each.intent, PlaceOrder))
    filled = next(each for each in told if isinstance(each, Filled))
    story: list[Event] = [*told[:4], msgspec.structs.replace(seen, strategy=NAME, opportunity="o1")]
    for number, (side, price) in enumerate((("sell", "100"), ("buy", "97"))):
        common: dict[str, Any] = {
            "strategy": NAME,
            "order_id": f"r0001-{NAME}-9-{number}",
            "ts_ns": seen.ts_ns + number,
        }
        intent = msgspec.structs.replace(approved.intent, instrument=PERP, side=side, qty=Decimal(2), opportunity="o1")
        story += [
            msgspec.structs.replace(approved, intent=intent, **common),
            Fill(
                simulated=True, instrument=PERP, side=side, qty=Decimal(2), price=Decimal(price),
                fee_usd=Decimal("0.5"), fill_id="1", **common,
            ),  # type: ignore[arg-type]
            msgspec.structs.replace(filled, **common),
            FundingPaid(
                ts_ns=seen.ts_ns + number, strategy=NAME, instrument=PERP, settle_ts_ns=number, amount_usd="0.75",
                position_qty="-2", simulated=True,
            ),
        ]  # fmt: skip
    Segment(tmp_path, header()).write(story)
    database = Database(pg_db)
    await Projector(database, tmp_path).catch_up(len(story) - 4)
    assert (await history.performance(database, NAME, 0)).realisations == ()
    await Projector(database, tmp_path).catch_up()
    (found,) = (await history.performance(database, NAME, 0)).realisations
    assert found.realised_usd == 2 * (100 - 97) - 1 + Decimal("0.75")  # the second payment met no position
    await database.close()


async def test_a_story_has_cause_opportunity_verdict_and_every_report(database: Database, events: list[Event]) -> None:
    order = next(
        each
        for each in events
        if isinstance(each, OrderApproved) and each.strategy == NAME
        and sum(isinstance(other, Fill) and other.order_id == each.order_id for other in events) > 1
    )  # fmt: skip
    found = await history.story(database, NAME, order.order_id)
    assert found is not None
    assert found.cause_seq == order.cause_seq
    kinds = [each.kind for each in found.steps]
    assert kinds[:3] == ["opportunity", "approved", "submitted"] and "fill" in kinds
    assert [each.seq for each in found.steps] == sorted(each.seq for each in found.steps)
    assert events[found.steps[1].seq - 1] is order
    for step in found.steps[2:]:
        assert getattr(events[step.seq - 1], "order_id", "") == order.order_id
    fill = next(each for each in found.steps if each.kind == "fill")
    assert {"qty", "price", "fee_usd"} <= {label for label, _ in fill.facts}
    assert await history.story(database, "drift_funding_arb", order.order_id) is None
    assert await history.story(database, NAME, "no such order") is None


async def test_how_far_the_tables_follow_the_log_is_told(database: Database, events: list[Event]) -> None:
    found = await history.projected_through(database)
    assert found is not None
    assert (found.run_id, found.seq, found.ts_ns) == ("r0001", len(events), events[-1].ts_ns)


async def test_a_database_that_is_away_is_a_store_error() -> None:
    database = Database("postgresql://kernel@/none?host=/nowhere")
    with pytest.raises(StoreError):
        await history.equity(database, None, 0, 10)
    await database.close()

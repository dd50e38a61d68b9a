"""Orders, candidates and funding by key: every row once, in order, whatever the filter, and nothing is scanned."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from persistence import funding_rates, keyset_walk, opportunity_history, order_history
from persistence.errors import DatabaseDown
from persistence.postgres import Database
from persistence.projection_opportunities import opportunity_uuid

pytestmark = pytest.mark.postgres
MODULES = ("alpha", "beta")
HOUR_NS = 3_600_000_000_000
COUNT = 60

ORDER = """
INSERT INTO orders (id, order_id, run_id, seq, cause_seq, ts_ns, reported_ts_ns, module, simulated, venue, instrument,
                    kind, side, qty, notional_usd, expected_net_usd, opportunity, status, is_terminal, filled_qty,
                    fee_usd, gas_usd)
VALUES (md5($1::text)::uuid, $1::text, 'r1', $2, $2, $3::bigint, $3::bigint + 5000000, $4, true, $5, 'v:I',
        'place_order', 'buy', 1, 100, 2, $6, $7, true, $8, 0.5, 0.1)"""

TRADE = """
INSERT INTO trades (id, order_id, run_id, seq, ts_ns, module, simulated, venue, instrument, side, qty, price,
                    slippage_usd, realised_pnl_usd)
VALUES (md5('t' || $1::text)::uuid, $1::text, 'r1', $2, $3, $4, true, 'v', 'v:I', 'buy', 1, 100, 0.25, 3)"""

SEEN = """
INSERT INTO opportunities (id, opportunity, run_id, seq, cause_seq, ts_ns, module, simulated, instrument, instruments,
                           status, size_usd, gross_usd, costs, expected_net_usd, why_not, verdict, gap_reason)
VALUES ($1, $2, 'r1', $3, $3, $4, $5, true, 'v:I', ARRAY['v:I'], 'priced', 100, 5,
        '[{"name": "tip", "usd": "0.75"}, {"name": "odd", "usd": "Infinity"}]', $6, $7, $8, 'slippage')"""

RATE = """
INSERT INTO funding_rate_history (id, run_id, seq, ts_ns, venue, instrument, settle_ts_ns, rate_per_hour, interval_h,
                                  is_estimate)
VALUES (md5(random()::text)::uuid, $1, 1, 1, 'v', $2, $3, $4, 1, $5)"""


@pytest.fixture
async def database(pg_db: str) -> AsyncIterator[Database]:
    connection = await asyncpg.connect(pg_db)
    await _fill(connection)
    await connection.close()
    made = Database(pg_db)
    yield made
    await made.close()


async def _fill(connection: "asyncpg.Connection[Any]") -> None:
    for n in range(1, COUNT + 1):
        module = MODULES[n % 2]
        ts_ns = 1_000 * (n // 4)  # several rows share a time
        status = "denied" if n % 3 == 0 else "filled"
        await connection.execute(
            ORDER, f"o{n}", n, ts_ns, module, "rare" if n % 20 == 0 else "v", f"op{n}", status, int(n % 3 != 0)
        )
        if n % 3:
            await connection.execute(TRADE, f"o{n}", n, ts_ns, module)
        why_not = None if n % 3 else "below_min"
        verdict = "approved" if n % 3 else None
        row_id = opportunity_uuid("r1", module, f"op{n}")
        await connection.execute(SEEN, row_id, f"op{n}", n, ts_ns, module, Decimal(n % 10), why_not, verdict)


async def _all_orders(database: Database, **filters: str) -> list[order_history.OrderRow]:
    rows: list[order_history.OrderRow] = []
    key = ""
    for _ in range(COUNT + 2):
        page = await order_history.orders(database, MODULES, before_key=key, limit=7, **filters)
        rows += page.rows
        key = page.next_key
        if not key:
            return rows
    raise AssertionError("paging does not end")


async def test_paging_over_several_modules_gives_every_row_once_newest_first(database: Database) -> None:
    rows = await _all_orders(database)
    assert len({row.order_id for row in rows}) == len(rows) == COUNT
    assert [row.ts_ns for row in rows] == sorted((row.ts_ns for row in rows), reverse=True)


async def test_an_order_comes_with_its_costs_its_result_and_the_reason_of_the_gap(database: Database) -> None:
    by_id = {row.order_id: row for row in await _all_orders(database)}
    filled, denied = by_id["o1"], by_id["o3"]
    assert (filled.slippage_usd, filled.tip_usd, filled.realised_usd) == (
        Decimal("0.25"),
        Decimal("0.75"),
        Decimal("2.4"),
    )
    assert (filled.gap_reason, filled.took_ns) == ("slippage", 5_000_000)
    assert (denied.status, denied.slippage_usd, denied.realised_usd) == ("denied", None, None)


async def test_filters_give_what_a_reader_would_pick_by_hand(database: Database) -> None:
    everything = await _all_orders(database)
    assert await _all_orders(database, status="denied") == [row for row in everything if row.status == "denied"]
    assert await _all_orders(database, venue="rare") == [row for row in everything if row.venue == "rare"]


async def test_a_filter_without_an_index_says_how_far_it_looked_and_goes_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = await _all_orders(database)
    monkeypatch.setattr(keyset_walk, "SCAN_ROWS", 5)
    first = await order_history.orders(database, MODULES, venue="nowhere")
    assert first.rows == () and first.next_key and first.searched_to_ns > 0
    assert await _all_orders(database, venue="rare") == [row for row in everything if row.venue == "rare"]


async def test_candidates_are_filtered_by_verdict_reason_and_net(database: Database) -> None:
    ask = opportunity_history.candidates
    approved = (await ask(database, MODULES, verdict="approved", limit=100)).rows
    assert len(approved) == 40 and {row.why_not for row in approved} == {""}
    assert len((await ask(database, ("alpha",), why_not="below_min", limit=100)).rows) == 10
    rich = (await ask(database, MODULES, net_usd_min=Decimal(9), limit=100)).rows
    assert len(rich) == 6 and {row.expected_net_usd for row in rich} == {Decimal(9)}
    assert rich[0].costs[0] == ("tip", Decimal("0.75"))


async def test_a_key_that_is_none_is_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="before_key"):
        await order_history.orders(database, MODULES, before_key="1; DROP TABLE orders")


async def test_settled_rates_come_once_per_settlement_without_estimates(database: Database) -> None:
    async with database.acquire() as connection:
        for run in ("r1", "r2"):
            for hour in range(5):
                await connection.execute(RATE, run, "v:P", hour * HOUR_NS, Decimal(hour), False)
        await connection.execute(RATE, "r1", "v:P", 9 * HOUR_NS, Decimal(1), True)
    found = await funding_rates.settled_rates(database, ["v:P", "v:Q"], 2 * HOUR_NS, 99 * HOUR_NS)
    assert [(each.settle_ts_ns, each.rate_per_hour) for each in found["v:P"]] == [
        (hour * HOUR_NS, float(hour)) for hour in (2, 3, 4)
    ]
    assert "v:Q" not in found


async def test_a_database_that_is_away_is_a_store_error() -> None:
    with pytest.raises(DatabaseDown):
        await order_history.orders(Database("postgresql://nobody@127.0.0.1:9/none"), MODULES)

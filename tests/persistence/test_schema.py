"""The migrated schema itself: exact and finite amounts, times that agree, pages that walk an index."""

import uuid
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from tests.postgres_fixture import query

pytestmark = pytest.mark.postgres

TRADE = {
    "id": uuid.UUID(int=1),
    "order_id": "run-demo-1-0",
    "run_id": "run",
    "seq": 1,
    "ts_ns": 1_700_000_000_123_456_789,
    "module": "cex_dex_arb",
    "simulated": True,
    "venue": "binance",
    "instrument": "binance:ETHUSDT",
    "side": "buy",
    "qty": Decimal("0.1"),
    "price": Decimal("1800.01"),
}
# Every event time and every generated twin of it.
TWINS = """
SELECT count(*) FROM information_schema.columns
WHERE table_schema = 'public' AND column_name = 'ts_ns' AND table_name NOT IN
    (SELECT table_name FROM information_schema.columns WHERE column_name = 'event_at' AND is_generated = 'ALWAYS')
"""


@pytest.fixture
async def connection(pg_db: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    connection = await asyncpg.connect(pg_db)
    yield connection
    await connection.close()


async def insert(connection: "asyncpg.Connection[Any]", table: str, row: dict[str, Any]) -> None:
    places = ", ".join(f"${number}" for number in range(1, len(row) + 1))
    await connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", *row.values())


async def test_no_money_column_is_a_float(connection: "asyncpg.Connection[Any]") -> None:
    floats = await connection.fetch(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND data_type IN ('real', 'double precision', 'money')"
    )
    assert floats == []


async def test_what_is_traded_always_says_whether_it_is_simulated(connection: "asyncpg.Connection[Any]") -> None:
    rows = await connection.fetch(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' "
        "AND column_name = 'simulated' AND data_type = 'boolean' AND is_nullable = 'NO' AND column_default IS NULL"
    )
    assert {row["table_name"] for row in rows} >= {
        "trades",
        "orders",
        "positions",
        "opportunities",
        "performance_metrics",
    }


async def test_every_event_time_has_its_timestamp(connection: "asyncpg.Connection[Any]") -> None:
    assert await connection.fetchval(TWINS) == 0


@pytest.mark.parametrize("ts_ns", [0, 1, 999, 1_000, 1_700_000_000_123_456_789, 4_102_444_799_999_999_999])
async def test_the_timestamp_is_the_nanoseconds_cut_to_microseconds(
    connection: "asyncpg.Connection[Any]", ts_ns: int
) -> None:
    await insert(connection, "trades", TRADE | {"ts_ns": ts_ns})
    micros = await connection.fetchval("SELECT (extract(epoch FROM event_at) * 1000000)::bigint FROM trades")
    assert micros == ts_ns // 1000


async def test_a_256_bit_amount_is_exact(connection: "asyncpg.Connection[Any]") -> None:
    amount = 2**256 - 1
    await insert(connection, "trades", TRADE | {"amount_out_raw": Decimal(amount)})
    assert int(await connection.fetchval("SELECT amount_out_raw FROM trades")) == amount


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("column", ["qty", "fee_usd", "realised_pnl_usd"])
async def test_an_amount_that_is_no_number_is_refused(
    connection: "asyncpg.Connection[Any]", column: str, amount: str
) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await insert(connection, "trades", TRADE | {column: Decimal(amount)})


async def test_a_closed_position_holds_nothing(connection: "asyncpg.Connection[Any]") -> None:
    position = {
        "id": uuid.UUID(int=1),
        "run_id": "run",
        "seq": 1,
        "ts_ns": 1,
        "opened_ts_ns": 1,
        "module": "m",
        "simulated": True,
        "venue": "v",
        "instrument": "v:I",
        "status": "closed",
        "qty": Decimal(1),
    }
    with pytest.raises(asyncpg.CheckViolationError):
        await insert(connection, "positions", position)


async def test_both_token_lists_keep_one_row_a_token(connection: "asyncpg.Connection[Any]") -> None:
    for table in ("blacklisted_tokens", "ignored_tokens"):
        token = {"chain": "ethereum", "address": "0xA", "reason": "honeypot", "source": "operator"}
        await insert(connection, table, token | {"id": uuid.UUID(int=1)})
        with pytest.raises(asyncpg.UniqueViolationError):
            await insert(connection, table, token | {"id": uuid.UUID(int=2)})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flavour", "index"),
    [("", "trades_module_time"), ("AND NOT simulated", "trades_module_real_time")],
)
def test_a_page_deep_in_many_trades_reads_only_its_own_rows(pg_db: str, flavour: str, index: str) -> None:
    async def plan(connection: "asyncpg.Connection[Any]") -> str:
        await connection.execute(
            "INSERT INTO trades (id, order_id, run_id, seq, ts_ns, module, simulated, venue, instrument, side, qty, "
            "price) SELECT md5(n::text)::uuid, 'o' || n, 'run', n, n / 3, 'module' || n % 10, "
            "n % 1000 <> 0, 'v', 'v:I', 'buy', 1, 1 FROM generate_series(1, 30000) AS n"
        )
        await connection.execute("ANALYZE trades")
        rows = await connection.fetch(
            "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT * FROM trades "
            f"WHERE module = 'module0' {flavour} "
            "AND (ts_ns, id) < (5000, 'ffffffff-ffff-ffff-ffff-ffffffffffff') ORDER BY ts_ns DESC, id DESC LIMIT 10"
        )
        return "\n".join(row[0] for row in rows)

    text = query(pg_db, plan)
    assert f"Index Scan using {index} on" in text
    assert "Sort" not in text
    assert "Filter" not in text


@pytest.mark.slow
def test_pages_by_key_show_every_trade_once_also_at_equal_times(pg_db: str) -> None:
    async def walk(connection: "asyncpg.Connection[Any]") -> list[uuid.UUID]:
        for number in range(100):
            await insert(connection, "trades", TRADE | {"id": uuid.UUID(int=number), "ts_ns": number // 7})
        seen: list[uuid.UUID] = []
        key: tuple[int, uuid.UUID] = (2**63 - 1, uuid.UUID(int=2**128 - 1))
        while True:
            rows = await connection.fetch(
                "SELECT ts_ns, id FROM trades WHERE module = 'cex_dex_arb' AND (ts_ns, id) < ($1, $2) "
                "ORDER BY ts_ns DESC, id DESC LIMIT 9",
                *key,
            )
            if not rows:
                return seen
            seen += [row["id"] for row in rows]
            key = (rows[-1]["ts_ns"], rows[-1]["id"])

    assert query(pg_db, walk) == [uuid.UUID(int=number) for number in reversed(range(100))]

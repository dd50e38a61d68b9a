"""Server time of the pages with a big history behind them: `python -m tests.bench.pages [--rows N] [--events N]`.

Fills a private Postgres with synthetic orders, fills and opportunities and writes a synthetic log, then prints the 95th
percentile of each page's question. The rows are made up and say nothing about any market.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from random import Random

import asyncpg

from bus.bus import Bus
from bus.clock import stopwatch_ns
from bus.events import Quote
from kernel.compose.system_events import SystemEvents
from kernel.log import LogHeader
from persistence import funding_rates, history, opportunity_history, order_history
from persistence.embedded_postgres import EmbeddedPostgres
from persistence.event_log import EventLogWriter, segment_name
from persistence.migrate import migrate
from persistence.postgres import Database
from webui.events_source import EventQuery

REPEATS = 40
MODULES = ("cex_dex_arb", "drift_funding_arb")
END_NS = 1_750_000_000_000_000_000
STEP_NS = 1_000_000_000

ORDERS = f"""
INSERT INTO orders (id, order_id, run_id, seq, cause_seq, ts_ns, reported_ts_ns, module, simulated, venue, instrument,
                    kind, side, qty, notional_usd, expected_net_usd, opportunity, status, is_terminal, filled_qty,
                    average_price, fee_usd, gas_usd)
SELECT md5('o' || n)::uuid, 'r1-' || n, 'r1', n, n, {END_NS} - n::bigint * {STEP_NS}, {END_NS} - n::bigint * {STEP_NS},
       CASE WHEN n % 10 = 0 THEN 'drift_funding_arb' ELSE 'cex_dex_arb' END, true,
       CASE WHEN n % 1000 = 0 THEN 'rare' ELSE 'simulated' END, 'simulated:ETHUSDC', 'place_order', 'buy', 1, 1000, 2,
       'op-' || n, CASE WHEN n % 50000 = 7 THEN 'unknown' WHEN n % 3 = 0 THEN 'denied' ELSE 'filled' END, true,
       CASE WHEN n % 3 = 0 THEN 0 ELSE 1 END, 3000, 0.5, 0.1
FROM generate_series(1, $1) AS n"""

TRADES = f"""
INSERT INTO trades (id, order_id, run_id, seq, ts_ns, module, simulated, venue, instrument, side, qty, price,
                    notional_usd, fee_usd, slippage_usd, realised_pnl_usd)
SELECT md5('t' || n)::uuid, 'r1-' || n, 'r1', n, {END_NS} - n::bigint * {STEP_NS},
       CASE WHEN n % 10 = 0 THEN 'drift_funding_arb' ELSE 'cex_dex_arb' END, true, 'simulated', 'simulated:ETHUSDC',
       'buy', 1, 3000, 3000, 0.5, 0.1, CASE WHEN n % 2 = 0 THEN (n % 13) - 6 END
FROM generate_series(1, $1) AS n WHERE n % 3 <> 0"""

OPPORTUNITIES = f"""
INSERT INTO opportunities (id, opportunity, run_id, seq, cause_seq, ts_ns, module, simulated, instrument, instruments,
                           status, size_usd, gross_usd, costs, expected_net_usd, why_not, verdict)
SELECT md5('p' || n)::uuid, 'op-' || n, 'r1', n, n, {END_NS} - n::bigint * {STEP_NS},
       CASE WHEN n % 10 = 0 THEN 'drift_funding_arb' ELSE 'cex_dex_arb' END, true, 'simulated:ETHUSDC',
       ARRAY['simulated:ETHUSDC'], 'priced', 1000, 3, '[{{"name": "fee", "usd": "1.25"}}]', (n % 997) / 100.0 - 5,
       CASE WHEN n % 100000 = 5 THEN 'rare_reason' WHEN n % 3 = 0 THEN NULL ELSE 'below_threshold' END,
       CASE WHEN n % 3 = 0 THEN 'approved' END
FROM generate_series(1, $1) AS n"""

POSITIONS = f"""
INSERT INTO positions (id, run_id, seq, ts_ns, opened_ts_ns, closed_ts_ns, module, simulated, venue, instrument, status,
                       qty)
SELECT md5('q' || n)::uuid, 'r1', n, {END_NS} - n::bigint * {STEP_NS}, 1, 2, 'cex_dex_arb', true, 'simulated',
       'simulated:I' || n % 40, 'closed', 0
FROM generate_series(1, $1::int / 3) AS n"""

FUNDING = f"""
INSERT INTO funding_rate_history (id, run_id, seq, ts_ns, venue, instrument, settle_ts_ns, rate_per_hour, interval_h,
                                  is_estimate)
SELECT md5('f' || i || '-' || n)::uuid, 'r1', n, {END_NS} - n::bigint * 3600 * {STEP_NS}, 'perp', 'perp:' || i,
       {END_NS} - n::bigint * 3600 * {STEP_NS}, 0.00001, 1, false
FROM generate_series(1, 50) AS i, generate_series(0, 8760) AS n"""


async def fill(dsn: str, rows: int) -> None:
    """A migrated database with `rows` of each kind."""
    connection = await asyncpg.connect(dsn)
    await migrate(connection)
    for text in (ORDERS, TRADES, OPPORTUNITIES, POSITIONS):
        await connection.execute(text, rows)
    await connection.execute(FUNDING)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


def write_log(folder: Path, events: int) -> None:
    """A log of quotes."""
    header = LogHeader(run="r1", created_ts_ns=1, code_version="bench", profile="bench")
    log = EventLogWriter(folder / segment_name(header), header)
    random = Random(1)
    for seq in range(1, events + 1):
        bid = 3_000.0 + random.random()
        log.append(
            seq,
            False,
            Quote(
                ts_ns=seq * 1_000_000,
                instrument="simulated:ETHUSDC",
                venue_ts_ns=0,
                bid=bid,
                ask=bid + 0.1,
                bid_qty=1.0,
                ask_qty=1.0,
            ),
        )
    log.close()


async def p95_ms(ask: Callable[[int], Awaitable[object]]) -> tuple[float, float]:
    """(first, 95th percentile of the later ones) of a question, each time with another argument."""
    took: list[float] = []
    for number in range(REPEATS + 1):
        started_ns = stopwatch_ns()
        await ask(number)
        took.append((stopwatch_ns() - started_ns) / 1e6)
    later = sorted(took[1:])
    return took[0], later[int(0.95 * len(later))]


def questions(database: Database, events: SystemEvents, count: int) -> dict[str, Callable[[int], Awaitable[object]]]:
    """What each page asks."""
    random = Random(2)

    def key(_: int) -> str:
        return f"{END_NS - random.randrange(900_000) * STEP_NS}.{'0' * 32}"

    orders, candidates = order_history.orders, opportunity_history.candidates
    return {
        "orders, newest": lambda n: orders(database, MODULES),
        "orders, anywhere": lambda n: orders(database, MODULES, before_key=key(n)),
        "orders, state unknown": lambda n: orders(database, MODULES, status="unknown"),
        "orders, rare venue": lambda n: orders(database, MODULES, venue="rare", before_key=key(n)),
        "orders, venue that has none": lambda n: orders(database, MODULES, venue="none", before_key=key(n)),
        "candidates, newest": lambda n: candidates(database, MODULES),
        "candidates, anywhere": lambda n: candidates(database, MODULES, before_key=key(n)),
        "candidates, rare reason": lambda n: candidates(database, MODULES, why_not="rare_reason"),
        "candidates, verdict approved": lambda n: candidates(database, MODULES, verdict="approved", before_key=key(n)),
        "candidates, net >= 4.9": lambda n: candidates(
            database, MODULES, net_usd_min=Decimal("4.9"), before_key=key(n)
        ),
        "candidates, net >= 100 (none)": lambda n: candidates(
            database, MODULES, net_usd_min=Decimal(100), before_key=key(n)
        ),
        "trades page, newest": lambda n: history.trades(database, history.TradeQuery(module=MODULES[0])),
        "trades page, anywhere": lambda n: history.trades(
            database, history.TradeQuery(module=MODULES[0], before_key=key(n))
        ),
        "trades page, gains": lambda n: history.trades(
            database, history.TradeQuery(module=MODULES[0], outcome="gain", before_key=key(n))
        ),
        "funding, 50 perpetuals": lambda n: funding_rates.settled_rates(
            database, [f"perp:{each}" for each in range(1, 51)], END_NS - 9 * 86_400 * STEP_NS, END_NS
        ),
        "events, newest": lambda n: events.page(EventQuery()),
        "events, anywhere": lambda n: events.page(EventQuery(before_seq=random.randrange(2, count))),
        "events, text that is nowhere": lambda n: events.page(
            EventQuery(before_seq=random.randrange(count // 2, count), text="nowhere")
        ),
    }


async def main(rows: int, count: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = EmbeddedPostgres(folder / "pg", settings={"fsync": "off", "synchronous_commit": "off"})
        dsn = server.start()
        try:
            started_ns = stopwatch_ns()
            await fill(dsn, rows)
            (folder / "log").mkdir()
            write_log(folder / "log", count)
            took_s = (stopwatch_ns() - started_ns) / 1e9
            print(f"{rows:,} orders and opportunities, {count:,} events; made in {took_s:.0f} s")
            database = Database(dsn)
            events = SystemEvents(Bus(), folder / "log")
            started_ns = stopwatch_ns()
            await events.page(EventQuery())
            print(f"{'events, first look (indexes the log)':36}{(stopwatch_ns() - started_ns) / 1e6:9.1f} ms")
            for label, ask in questions(database, events, count).items():
                first, p95 = await p95_ms(ask)
                print(f"{label:36}{p95:9.1f} ms p95   first {first:7.1f} ms", flush=True)
            await database.close()
        finally:
            server.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=10_000_000)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.rows, arguments.events))

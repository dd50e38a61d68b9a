"""The seeded synthetic feed of the benchmarks: 75 % quotes, 20 % trades, 5 % pool states over three instruments.

A quote changes one side of the book, one in ten moves the price by a tick; sizes are lots of 0.001; the venue's stamps
are whole milliseconds, as most venues send them; receipt times are nanoseconds with gaps below 2 ms.
"""

import random
from collections.abc import Iterator

from bus.events import Event, InstrumentListed, PoolState, Quote, Trade

A, B, POOL = "simulated:ETHUSDC", "simulated_perp:ETHUSDC", "uniswap_v3.simulated:USDC/WETH-500"
START_NS = 1_700_000_000_000_000_000


def listings() -> list[Event]:
    """The three instruments."""
    order_books = [
        InstrumentListed(
            ts_ns=START_NS,
            instrument=name,
            venue=name.partition(":")[0],
            kind=kind,
            base="ETH",
            quote="USDC",
            underlying="ETH",
            tick_size="0.01",
            lot_size="0.001",
        )
        for name, kind in ((A, "spot"), (B, "perp"))
    ]
    pool = InstrumentListed(
        ts_ns=START_NS,
        instrument=POOL,
        venue="uniswap_v3.simulated",
        kind="pool",
        base="WETH",
        quote="USDC",
        underlying="ETH",
        base_decimals=18,
        quote_decimals=6,
        fee_pips=500,
        tick_spacing=10,
        chain="simulated",
    )
    return [*order_books, pool]


def quotes(count: int, seed: int = 1) -> Iterator[Event]:
    """`count` quotes of two instruments: the workload of the peer comparison."""
    return feed(count, seed, quote_share=1.0)


def feed(count: int, seed: int = 1, quote_share: float = 0.75) -> Iterator[Event]:
    """`count` events, the same for the same seed."""
    draw = random.Random(seed)
    ts_ns = START_NS
    books = {A: [200_000, 200_001, 5.0, 7.0], B: [200_010, 200_011, 5.0, 7.0]}
    sqrt_price_x96 = 1_771_595_571_142_957_102_961_017_161_607_260
    for number in range(count):
        ts_ns += draw.randrange(2_000_000)
        venue_ts_ns = ts_ns // 1_000_000 * 1_000_000 - 1_000_000 * draw.randrange(1, 5)
        name = A if draw.random() < 0.5 else B
        book = books[name]
        kind = draw.random()
        if kind < quote_share:
            change = draw.random()
            if change < 0.1:
                step = draw.choice((-1, 1))
                book[0] += step
                book[1] += step
            if change < 0.55:
                book[2] = round(draw.random() * 10 + 0.2, 3)
            else:
                book[3] = round(draw.random() * 10 + 0.2, 3)
            yield Quote(
                ts_ns=ts_ns,
                instrument=name,
                venue_ts_ns=venue_ts_ns,
                bid=book[0] / 100,
                ask=book[1] / 100,
                bid_qty=float(book[2]),
                ask_qty=float(book[3]),
            )
        elif kind < 0.95:
            is_buy = draw.random() < 0.5
            yield Trade(
                ts_ns=ts_ns,
                instrument=name,
                venue_ts_ns=venue_ts_ns,
                price=book[1 if is_buy else 0] / 100,
                qty=round(draw.random() + 0.001, 3),
                is_buy=is_buy,
            )
        else:
            sqrt_price_x96 += draw.randrange(-(10**27), 10**27)
            yield PoolState(
                ts_ns=ts_ns,
                instrument=POOL,
                block=number // 1000,
                log_index=number % 1000,
                sqrt_price_x96=sqrt_price_x96,
                tick=200_311,
                liquidity=12_453_647_101_533_358_277,
            )

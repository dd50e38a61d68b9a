"""Pools from minutes and from logs: exact integers, known when they could be known."""

import pytest

from adapters.uniswap.wire import BURN_TOPIC, COLLECT_TOPIC, MINT_TOPIC, SWAP_TOPIC
from bus.events import FeedGap, LiquidityChanged, PoolState, PoolSwap
from kernel.amm.v3_ticks import sqrt_ratio_at_tick
from kernel.errors import BadInput
from tests.adapters.importing.scratch import Scratch

POOL = "uniswap_v3.ethereum:USDC/WETH-500"
T0 = 1_700_000_040 * 10**9
TX = "0x" + "ab" * 32
PRICE = 1662995104975155420368771254341874


def minutes(path: str, extra: str = "") -> str:
    return f'type = "univ3_minute_csv"\npath = "{path}"\ninstrument = "{POOL}"\n{extra}'


def events_source(path: str, shape: str, extra: str = "") -> str:
    return f'type = "univ3_events_csv"\nformat = "{shape}"\npath = "{path}"\ninstrument = "{POOL}"\n{extra}'


def test_a_minute_is_known_at_its_end_and_says_that_it_is_sampled(scratch: Scratch) -> None:
    events, _ = scratch.run(minutes(scratch.sample("pool_minutes.csv")))
    assert events[0] == PoolState(
        ts_ns=T0 + 60 * 10**9,
        instrument=POOL,
        block=0,
        log_index=0,
        sqrt_price_x96=sqrt_ratio_at_tick(200000),
        tick=200000,
        liquidity=4 * 10**18,
        is_sampled=True,
    )


def test_a_missing_minute_is_a_gap(scratch: Scratch) -> None:
    events, report = scratch.run(minutes(scratch.sample("pool_minutes.csv")))
    assert [type(event) for event in events] == [PoolState, PoolState, FeedGap, PoolState]
    gap = events[2]
    assert isinstance(gap, FeedGap)
    assert (gap.from_ts_ns, gap.to_ts_ns, gap.ts_ns) == (T0 + 120 * 10**9, T0 + 180 * 10**9, T0 + 240 * 10**9)
    assert report.sources[0].steps_missing == 1
    assert "  gap 2023-11-14T22:16:00Z to 2023-11-14T22:17:00Z: 1 pool states of 1m missing" in report.lines()


@pytest.mark.parametrize(
    ("tick", "liquidity", "reason"),
    [
        ("200000.5", "1", "expected an integer"),
        ("nan", "1", "expected an integer"),
        ("", "1", "expected an integer"),
        ("9" * 90, "1", "expected an integer"),
        ("887273", "1", "expected a tick"),
        ("250000", "1", "jumps"),
        ("200001", "-1", "expected liquidity"),
        ("200001", str(1 << 128), "expected liquidity"),
    ],
)
def test_impossible_pool_minutes_are_refused(scratch: Scratch, tick: str, liquidity: str, reason: str) -> None:
    name = scratch.sample("pool_minutes.csv")
    text = (scratch.root / name).read_text() + f"2023-11-14 22:18:00,0,0,{tick},0,0,0,0,0,{liquidity}\n"
    with pytest.raises(BadInput, match=reason):
        scratch.run(minutes(scratch.write("a.csv", text)))


def word(value: int) -> str:
    return f"{value % (1 << 256):064x}"


def raw_row(block: int, second: int, index: int, topics: tuple[str, ...], *words: int) -> str:
    listed = "[" + ", ".join(f"'{topic}'" for topic in topics) + "]"
    data = "0x" + "".join(word(each) for each in words)
    return f'{block},2023-11-14 22:14:{second:02},{TX},1,{index},"{listed}",{data}\n'


OWNER = "0x" + "00" * 12 + "cd" * 20
TICKS = ("0x" + word(-20), "0x" + word(30))
RAW = "block_number,block_timestamp,transaction_hash,transaction_index,log_index,topics,data\n" + "".join(
    (
        raw_row(7, 0, 3, (SWAP_TOPIC, OWNER, OWNER), -22686110, 10**16, PRICE, 5 * 10**18, 199045),
        raw_row(7, 0, 9, (MINT_TOPIC, OWNER, *TICKS), 1, 77, 5, 6),
        raw_row(8, 12, 0, (BURN_TOPIC, OWNER, *TICKS), 70, 5, 6),
        raw_row(8, 12, 1, (COLLECT_TOPIC, OWNER, *TICKS), 1, 5, 6),
        raw_row(8, 12, 2, (BURN_TOPIC, OWNER, *TICKS), 0, 0, 0),
    )
)
DECODED = (
    "block_number,block_timestamp,tx_type,transaction_hash,tx_index,log_index,sender,receipt,amount0,amount1,"
    "total_liquidity,total_liquidity_delta,sqrtPriceX96,current_tick,tick_lower,tick_upper,liquidity\n"
    f"7,2023-11-14 22:14:00,SWAP,{TX},1,3,,,-22686110,10000000000000000,5000000000000000000,0,{PRICE},199045.0,,,\n"
    f"7,2023-11-14 22:14:00,MINT,{TX},1,9,,,5,6,9,0,{PRICE},199045.0,-20.0,30.0,77\n"
    f"8,2023-11-14 22:14:12,BURN,{TX},1,0,,,5,6,9,0,{PRICE},199045.0,-20.0,30.0,70\n"
    f"8,2023-11-14 22:14:12,COLLECT,{TX},1,1,,,5,6,9,0,{PRICE},199045.0,-20.0,30.0,\n"
    f"8,2023-11-14 22:14:12,BURN,{TX},1,2,,,0,0,9,0,{PRICE},199045.0,-20.0,30.0,0\n"
)


def test_raw_and_decoded_rows_give_the_same_events(scratch: Scratch) -> None:
    raw, report = scratch.run(events_source(scratch.write("raw.csv", RAW), "raw", "clock_offset_ms = 4000"))
    decoded, _ = scratch.run(events_source(scratch.write("dec.csv", DECODED), "decoded", "clock_offset_ms = 4000"))
    expected = [
        PoolSwap(
            ts_ns=T0 + 4 * 10**9,
            instrument=POOL,
            block=7,
            log_index=3,
            tx=TX,
            amount0=-22686110,
            amount1=10**16,
            sqrt_price_x96=PRICE,
            tick=199045,
            liquidity=5 * 10**18,
        ),
        *(
            LiquidityChanged(
                ts_ns=T0 + (4 + late) * 10**9,
                instrument=POOL,
                block=block,
                log_index=index,
                tx=TX,
                tick_lower=-20,
                tick_upper=30,
                liquidity_delta=delta,
            )
            for late, block, index, delta in ((0, 7, 9, 77), (12, 8, 0, -70))
        ),
    ]
    assert raw == decoded == expected
    assert (report.sources[0].rows_read, report.sources[0].rows_passed_over) == (5, 2)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (",1,9,", ",1,3,", "duplicate"),
        (",1,9,", ",1,2,", "unsorted"),
        ("22:14:12", "22:13:12", "unsorted"),
        (SWAP_TOPIC, SWAP_TOPIC[:-2], "32 hex bytes"),
        (word(PRICE), word(PRICE)[:-1], "whole 32-byte"),
        (word(199045), word(887273), "expected a tick"),
        (TX, "0x12", "transaction_hash"),
        ("7,2023", "7.5,2023", "block_number"),
    ],
)
def test_logs_that_cannot_be_are_refused(scratch: Scratch, old: str, new: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        scratch.run(events_source(scratch.write("raw.csv", RAW.replace(old, new)), "raw"))

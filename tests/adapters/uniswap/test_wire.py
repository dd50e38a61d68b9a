"""Logs of a V3 pool decode by hand-computed words, and refuse bytes that do not fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.uniswap.wire import (
    BURN_TOPIC,
    COLLECT_TOPIC,
    MINT_TOPIC,
    SWAP_TOPIC,
    CollectLog,
    LiquidityLog,
    SwapLog,
    decode_log,
)
from kernel.amm.v3_ticks import MAX_SQRT_RATIO, MAX_TICK, MIN_SQRT_RATIO, MIN_TICK
from kernel.errors import BadWire

OWNER = "0x" + "00" * 12 + "ab" * 20
ticks = st.integers(MIN_TICK, MAX_TICK)
int256 = st.integers(-(1 << 255), (1 << 255) - 1)
uint128 = st.integers(0, (1 << 128) - 1)


def word(value: int) -> str:
    return f"{value % (1 << 256):064x}"


def data(*values: int) -> str:
    return "0x" + "".join(word(value) for value in values)


@given(int256, int256, st.integers(MIN_SQRT_RATIO, MAX_SQRT_RATIO - 1), uint128, ticks)
def test_a_swap_round_trips(amount0: int, amount1: int, price: int, liquidity: int, tick: int) -> None:
    assert decode_log((SWAP_TOPIC, OWNER, OWNER), data(amount0, amount1, price, liquidity, tick)) == SwapLog(
        amount0=amount0, amount1=amount1, sqrt_price_x96=price, liquidity=liquidity, tick=tick
    )


@given(uint128, st.integers(MIN_TICK, MAX_TICK - 1))
def test_mint_and_burn_differ_in_sign_and_layout(liquidity: int, lower: int) -> None:
    topics = (OWNER, "0x" + word(lower), "0x" + word(lower + 1))
    minted = decode_log((MINT_TOPIC, *topics), data(0xABCD, liquidity, 7, 8))
    burned = decode_log((BURN_TOPIC, *topics), data(liquidity, 7, 8))
    for log, delta in ((minted, liquidity), (burned, -liquidity)):
        assert log == LiquidityLog(tick_lower=lower, tick_upper=lower + 1, liquidity_delta=delta, amount0=7, amount1=8)


def test_a_collection_and_an_unknown_event() -> None:
    topics = (COLLECT_TOPIC, OWNER, "0x" + word(-60), "0x" + word(60))
    assert decode_log(topics, data(1, 2, 3)) == CollectLog(tick_lower=-60, tick_upper=60, amount0=2, amount1=3)
    assert decode_log(("0x" + "12" * 32,), "0x") is None


@pytest.mark.parametrize(
    ("topics", "payload", "message"),
    [
        ((), "0x", "found none"),
        (("0x12",), "0x", "32 hex bytes"),
        ((SWAP_TOPIC, OWNER, OWNER), "0x12", "whole 32-byte"),
        ((SWAP_TOPIC, OWNER, OWNER), "zz", "whole 32-byte"),
        ((SWAP_TOPIC, OWNER), data(1, -1, 1 << 96, 1, 0), "3 topics and 5 words, found 2"),
        ((SWAP_TOPIC, OWNER, OWNER), data(1, -1, 1 << 96, 1), "found 3 topics and 4 words"),
        ((SWAP_TOPIC, OWNER, OWNER), data(1, -1, 1, 1, 0), "sqrt price"),
        ((SWAP_TOPIC, OWNER, OWNER), data(1, -1, 1 << 96, 1 << 128, 0), "liquidity"),
        ((SWAP_TOPIC, OWNER, OWNER), data(1, -1, 1 << 96, 1, MAX_TICK + 1), "tick"),
        ((BURN_TOPIC, OWNER, "0x" + word(60), "0x" + word(60)), data(1, 0, 0), "lower < upper"),
    ],
)
def test_bytes_that_do_not_fit_are_bad_wire(topics: tuple[str, ...], payload: str, message: str) -> None:
    with pytest.raises(BadWire, match=message):
        decode_log(topics, payload)

"""A Whirlpool is built from its accounts in any order, never from half of what a quote needs."""

from itertools import permutations

import pytest

from bus.pool_parts.base import PoolPart
from bus.pool_parts.token_fee import TokenFee
from bus.pool_parts.whirlpool import WhirlpoolOracle, WhirlpoolState, WhirlpoolTickArray
from kernel.amm.errors import PoolRefused
from kernel.amm.whirlpool_builder import ARRAYS_UNSORTED_MAX, WhirlpoolBuilder
from kernel.amm.whirlpool_ticks import sqrt_price_at_tick

NOW_S = 1_770_000_000
SIZE = 88 * 64
STATE = WhirlpoolState(64, 64, 3_000, 1_300, 10**9, 1 << 64, 0)
ADAPTIVE = WhirlpoolState(64, 1_024, 3_000, 1_300, 10**9, 1 << 64, 0)
ORACLE = WhirlpoolOracle(NOW_S, 30, 600, 5_000, 4_000, 350_000, 64, 64, NOW_S, NOW_S, 0, 0, 0)
ARRAY = WhirlpoolTickArray(0, ((64, -(10**9)),))
FEES = (TokenFee(True, 0, 0), TokenFee(False, 0, 0))


def builder_of(*parts: PoolPart) -> WhirlpoolBuilder:
    """A builder that has taken the parts."""
    builder = WhirlpoolBuilder()
    for part in parts:
        builder.add(part)
    return builder


def state_at(tick: int) -> WhirlpoolState:
    """The pool at another tick."""
    return WhirlpoolState(64, 64, 3_000, 1_300, 10**9, sqrt_price_at_tick(tick), tick)


def test_the_order_of_the_parts_does_not_matter() -> None:
    quotes = set()
    for parts in permutations((STATE, ARRAY, *FEES)):
        pool = builder_of(*parts).pool()
        assert pool is not None
        quotes.add(pool.quote_in(False, 1_000, NOW_S))
    assert len(quotes) == 1


@pytest.mark.parametrize("missing", [STATE, *FEES])
def test_without_a_part_that_every_quote_needs_there_is_no_pool(missing: PoolPart) -> None:
    assert builder_of(*(part for part in (STATE, ARRAY, *FEES) if part != missing)).pool() is None


def test_an_adaptive_fee_waits_for_its_oracle() -> None:
    builder = builder_of(ADAPTIVE, ARRAY, *FEES)
    assert builder.pool() is None
    builder.add(ORACLE)
    pool = builder.pool()
    assert pool is not None
    assert pool.quote_in(False, 1_000, NOW_S).fee
    with pytest.raises(PoolRefused, match="swap_disabled"):
        pool.quote_in(False, 1_000, NOW_S - 1)


def test_a_time_before_the_oracles_own_is_refused() -> None:
    oracle = WhirlpoolOracle(0, 30, 600, 5_000, 4_000, 350_000, 64, 64, NOW_S, NOW_S + 5, 0, 0, 0)
    pool = builder_of(ADAPTIVE, ARRAY, oracle, *FEES).pool()
    assert pool is not None
    with pytest.raises(PoolRefused, match="state_inconsistent"):
        pool.quote_in(False, 1_000, NOW_S)


def test_the_pool_is_the_same_object_until_a_part_changes() -> None:
    builder = builder_of(STATE, ARRAY, *FEES)
    pool = builder.pool()
    for part in (STATE, ARRAY, *FEES):
        builder.add(part)
    assert builder.pool() is pool
    builder.add(WhirlpoolTickArray(0, ()))
    assert builder.pool() is not pool
    assert pool is not None
    assert pool.arrays[0] == ARRAY.ticks


def test_an_array_left_behind_is_forgotten() -> None:
    builder = builder_of(STATE, ARRAY, *FEES)
    builder.add(state_at(5 * SIZE))
    builder.add(state_at(0))
    pool = builder.pool()
    assert pool is not None
    with pytest.raises(PoolRefused, match="depth_unknown"):
        pool.quote_in(False, 1_000, NOW_S)


@pytest.mark.parametrize(
    "part",
    [
        WhirlpoolTickArray(1, ()),
        WhirlpoolTickArray(100 * SIZE, ()),
        WhirlpoolTickArray(0, ((63, 1),)),
        WhirlpoolTickArray(0, ((64, 1), (64, 1))),
        WhirlpoolTickArray(0, ((SIZE, 1),)),
        WhirlpoolTickArray(0, ((64, 1 << 127),)),
        WhirlpoolState(0, 0, 3_000, 0, 0, 1 << 64, 0),
        WhirlpoolState(128, 128, 3_000, 0, 0, 1 << 64, 0),
        WhirlpoolState(64, 64, 1_000_000, 0, 0, 1 << 64, 0),
        WhirlpoolState(64, 64, 3_000, 0, -1, 1 << 64, 0),
        WhirlpoolState(64, 64, 3_000, 0, 0, 1 << 64, 1),
        WhirlpoolState(64, 64, 3_000, 0, 0, 1, -443_636),
        WhirlpoolState(64, 64, 3_000, 0, 0, 1 << 64, 1 << 31),
        WhirlpoolOracle(0, 30, 600, 5_000, 4_000, 350_000, 0, 64, 0, 0, 0, 0, 0),
        WhirlpoolOracle(0, 30, 600, 5_000, 4_000, 350_000, 64, 500_000, 0, 0, 0, 0, 0),
        TokenFee(True, 10_001, 0),
        PoolPart(),
    ],
)
def test_a_part_that_contradicts_itself_or_the_pool_is_refused_and_changes_nothing(part: PoolPart) -> None:
    builder = builder_of(STATE, ARRAY, *FEES)
    pool = builder.pool()
    with pytest.raises(PoolRefused, match="state_inconsistent"):
        builder.add(part)
    assert builder.pool() is pool


def test_an_array_that_came_before_the_pool_is_checked_when_the_pool_comes() -> None:
    builder = builder_of(WhirlpoolTickArray(64, ()), *FEES)
    with pytest.raises(PoolRefused, match="state_inconsistent"):
        builder.add(STATE)


def test_arrays_before_the_pool_are_limited() -> None:
    builder = builder_of(*(WhirlpoolTickArray(number * SIZE, ()) for number in range(ARRAYS_UNSORTED_MAX)))
    with pytest.raises(PoolRefused, match="state_inconsistent"):
        builder.add(WhirlpoolTickArray(-SIZE, ()))

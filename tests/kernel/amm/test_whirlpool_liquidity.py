"""What goes into a position comes out of it, but for the rounding, and its fees survive counters that wrap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.amm.errors import PoolRefused
from kernel.amm.whirlpool_amounts import U128_MAX
from kernel.amm.whirlpool_liquidity import (
    NOTHING,
    PositionFees,
    decrease,
    fees_owed,
    increase,
    increase_by_amount,
    side_of,
)
from kernel.amm.whirlpool_ticks import sqrt_price_at_tick

ONE = 1 << 64
TICKS = st.integers(-5_000, 5_000)


@given(TICKS, TICKS, TICKS, st.integers(1, 10**15))
def test_a_position_returns_at_most_a_unit_less_than_it_cost(tick: int, first: int, second: int, size: int) -> None:
    where = sqrt_price_at_tick(tick), first, second, 100
    paid, got = increase(size, *where), decrease(size, *where)
    for cost, back in ((paid.amount_a, got.amount_a), (paid.amount_b, got.amount_b)):
        assert cost - back in (0, 1)
    assert paid.limit_a >= paid.amount_a
    assert got.limit_b <= got.amount_b
    assert increase(size, where[0], second, first, 100) == paid


@given(TICKS, TICKS, TICKS, st.integers(0, 10**15), st.booleans())
def test_an_amount_buys_liquidity_that_costs_no_more(
    tick: int, first: int, second: int, amount: int, is_a: bool
) -> None:
    fees = ((100, 10**6), (30, 10**9))
    quote = increase_by_amount(is_a, amount, sqrt_price_at_tick(tick), first, second, 0, fees)
    assert (quote.amount_a if is_a else quote.amount_b) <= amount


def test_a_price_on_a_bound_is_outside_the_range() -> None:
    assert side_of(sqrt_price_at_tick(-10), -10, 10) == "price_below_range"
    assert side_of(sqrt_price_at_tick(10), -10, 10) == "price_above_range"
    assert side_of(ONE, -10, 10) == "price_in_range"
    assert side_of(ONE, 0, 0) == "invalid"
    assert increase_by_amount(True, 10, ONE, 5, 5, 0) == NOTHING


def test_counters_that_wrapped_are_worth_their_difference() -> None:
    before = PositionFees(U128_MAX, 0, 0, U128_MAX, 0)
    after = PositionFees((1 << 64) * 9 - 1, 0, 0, U128_MAX, 4)
    assert fees_owed(100, 0, -10, 10, before) == 0
    assert fees_owed(100, 0, -10, 10, after) == 904
    assert fees_owed(100, 0, -10, 10, after, (1_000, 50)) == 854


def test_fees_above_a_u64_are_refused() -> None:
    with pytest.raises(PoolRefused, match="amount_out_of_range"):
        fees_owed(1 << 70, 0, -10, 10, PositionFees(1 << 64, 0, 0, 0, 0))
    with pytest.raises(PoolRefused, match="arithmetic_overflow"):
        fees_owed(1, 0, -10, 10, PositionFees(1 << 64, 0, 0, 0, (1 << 64) - 1))

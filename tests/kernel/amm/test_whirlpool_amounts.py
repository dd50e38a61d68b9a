"""Amounts and prices of a Whirlpool favour the pool, and refuse what is no u64 or off the price scale."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.amm.errors import PoolRefused
from kernel.amm.token_fee import U64_MAX
from kernel.amm.whirlpool_amounts import (
    amount_a_delta,
    amount_b_delta,
    amount_max,
    amount_min,
    next_sqrt_price_from_a,
    next_sqrt_price_from_b,
)
from kernel.amm.whirlpool_ticks import MAX_SQRT_PRICE, MIN_SQRT_PRICE

ONE = 1 << 64
PRICES = st.integers(MIN_SQRT_PRICE, MAX_SQRT_PRICE)
NEAR_ONE = st.integers(ONE // 1_000, ONE * 1_000)
LIQUIDITY = st.integers(1, 10**12)


@given(NEAR_ONE, NEAR_ONE, LIQUIDITY)
def test_rounding_up_is_at_most_one_more_in_either_order(first: int, second: int, liquidity: int) -> None:
    for delta in (amount_a_delta, amount_b_delta):
        down, up = (delta(first, second, liquidity, round_up=each) for each in (False, True))
        assert up - down in (0, 1)
        assert delta(second, first, liquidity, round_up=True) == up


@given(NEAR_ONE, LIQUIDITY, st.integers(0, 10**9))
def test_an_input_always_pays_for_the_way_it_goes(price: int, liquidity: int, amount: int) -> None:
    down = next_sqrt_price_from_a(price, liquidity, amount, is_input=True) if amount < liquidity else price
    up = next_sqrt_price_from_b(price, liquidity, amount, is_input=True) if amount < liquidity else price
    assert down <= price <= up
    assert amount_a_delta(down, price, liquidity, round_up=True) <= amount
    assert amount_b_delta(price, up, liquidity, round_up=True) <= amount


@pytest.mark.parametrize("next_price", [next_sqrt_price_from_a, next_sqrt_price_from_b])
def test_more_than_there_is_cannot_be_taken_out(next_price) -> None:  # type: ignore[no-untyped-def]
    for liquidity in (0, 1, 1_000):
        with pytest.raises(PoolRefused, match="price_out_of_range"):
            next_price(ONE, liquidity, 10**6, is_input=False)
    assert next_price(ONE, 1_000, 0, is_input=False) == ONE


@pytest.mark.parametrize("delta", [amount_a_delta, amount_b_delta])
def test_an_amount_above_a_u64_is_refused(delta) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(PoolRefused, match="amount_out_of_range"):
        delta(MIN_SQRT_PRICE, MAX_SQRT_PRICE, 1 << 70, round_up=False)


@given(st.integers(0, U64_MAX // 2), st.integers(0, 10_000))
def test_slippage_widens_in_the_wallets_disfavour_only(amount: int, slippage_bps: int) -> None:
    assert amount_min(amount, slippage_bps) <= amount <= amount_max(amount, slippage_bps)
    assert amount_min(amount, 0) == amount == amount_max(amount, 0)


def test_a_slippage_above_the_whole_is_refused() -> None:
    for limit in (amount_min, amount_max):
        with pytest.raises(PoolRefused, match="range_invalid"):
            limit(1, 10_001)

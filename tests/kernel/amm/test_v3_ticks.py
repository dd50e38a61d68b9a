"""Tick and price arithmetic against its definition in high precision, and against the contract's refusals."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.amm import v3_ticks
from kernel.amm.errors import PoolRefused
from kernel.amm.v3_ticks import (
    MAX_SQRT_RATIO,
    MAX_TICK,
    MIN_SQRT_RATIO,
    MIN_TICK,
    Q96,
    UINT128_MAX,
    UINT160_MAX,
    UINT256_MAX,
    add_liquidity_delta,
    amount0_delta,
    amount1_delta,
    liquidity_per_tick_max,
    next_sqrt_price_from_input,
    next_sqrt_price_from_output,
    sqrt_ratio_at_tick,
    swap_step,
    tick_at_sqrt_ratio,
)

PRICES = st.integers(MIN_SQRT_RATIO, MAX_SQRT_RATIO - 1)
LIQUIDITY = st.integers(1, UINT128_MAX)


def test_the_factors_are_powers_of_the_tick_base() -> None:
    with localcontext() as context:
        context.prec = 80
        for bit, factor in enumerate(v3_ticks._RATIO_X128_BY_BIT):
            exact = Decimal(2) ** 128 / Decimal("1.0001") ** (Decimal(2) ** (bit - 1))
            assert factor == int(exact.to_integral_value())


def test_the_ends_of_the_scale_are_the_published_constants() -> None:
    assert sqrt_ratio_at_tick(MIN_TICK) == MIN_SQRT_RATIO
    assert sqrt_ratio_at_tick(MAX_TICK) == MAX_SQRT_RATIO
    assert sqrt_ratio_at_tick(0) == Q96
    assert tick_at_sqrt_ratio(MIN_SQRT_RATIO) == MIN_TICK
    assert tick_at_sqrt_ratio(MAX_SQRT_RATIO - 1) == MAX_TICK - 1


@pytest.mark.parametrize("tick", [MIN_TICK - 1, MAX_TICK + 1, 1 << 23])
def test_ticks_off_the_scale_are_refused(tick: int) -> None:
    with pytest.raises(PoolRefused, match="tick_out_of_range"):
        sqrt_ratio_at_tick(tick)


@pytest.mark.parametrize("price", [0, -1, MIN_SQRT_RATIO - 1, MAX_SQRT_RATIO, 1 << 200])
def test_prices_off_the_scale_are_refused(price: int) -> None:
    with pytest.raises(PoolRefused, match="price_out_of_range"):
        tick_at_sqrt_ratio(price)


@given(st.integers(MIN_TICK, MAX_TICK - 1))
def test_a_tick_begins_exactly_at_its_ratio(tick: int) -> None:
    ratio = sqrt_ratio_at_tick(tick)
    assert tick_at_sqrt_ratio(ratio) == tick
    assert ratio < sqrt_ratio_at_tick(tick + 1)
    if tick > MIN_TICK:
        assert tick_at_sqrt_ratio(ratio - 1) == tick - 1


@given(PRICES)
def test_every_price_lies_within_its_tick(price: int) -> None:
    tick = tick_at_sqrt_ratio(price)
    assert sqrt_ratio_at_tick(tick) <= price < sqrt_ratio_at_tick(tick + 1)


@given(PRICES, PRICES, LIQUIDITY)
def test_rounding_up_adds_at_most_one_unit(one: int, other: int, liquidity: int) -> None:
    for delta in (amount0_delta, amount1_delta):
        down, up = (delta(one, other, liquidity, round_up=up) for up in (False, True))
        assert up - down in (0, 1)
        assert down == delta(other, one, liquidity, round_up=False)


@given(PRICES, LIQUIDITY, st.integers(0, UINT256_MAX), st.booleans())
def test_input_never_pays_for_more_than_it_moves(price: int, liquidity: int, amount: int, down: bool) -> None:
    try:
        after = next_sqrt_price_from_input(price, liquidity, amount, zero_for_one=down)
    except PoolRefused as refused:
        assert refused.reason in ("price_out_of_range", "amount_out_of_range")
        return
    assert after <= price if down else after >= price
    delta = amount0_delta if down else amount1_delta
    assert delta(after, price, liquidity, round_up=True) <= amount if after else True


@given(PRICES, LIQUIDITY, st.integers(1, UINT128_MAX), st.booleans())
def test_output_is_always_covered_by_the_move(price: int, liquidity: int, amount: int, down: bool) -> None:
    try:
        after = next_sqrt_price_from_output(price, liquidity, amount, zero_for_one=down)
    except PoolRefused as refused:
        assert refused.reason in ("insufficient_liquidity", "price_out_of_range")
        return
    assert after < price if down else after > price
    assert (amount1_delta if down else amount0_delta)(after, price, liquidity, round_up=False) >= amount


def test_a_256_bit_overflow_takes_the_coarser_form() -> None:
    price, liquidity, amount = UINT160_MAX, UINT128_MAX, 1 << 100
    exact = -(-(liquidity << 96) * price // ((liquidity << 96) + amount * price))
    coarse = next_sqrt_price_from_input(price, liquidity, amount, zero_for_one=True)
    assert coarse == -(-(liquidity << 96) // ((liquidity << 96) // price + amount))
    assert coarse >= exact


def test_worked_step_numbers() -> None:
    # 1e12 in at price 1 with liquidity 1e18 and 0.3 %, recorded from QuoterV2 on the real pool bytecode.
    after, paid, out, fee = swap_step(Q96, sqrt_ratio_at_tick(-60), 10**18, 10**12, 3000, exact_in=True)
    assert (after, out, paid + fee) == (79228083523865064300074843162, 996999005991, 10**12)


@pytest.mark.parametrize(("liquidity", "delta"), [(0, -1), (UINT128_MAX, 1), (5, -6)])
def test_liquidity_never_leaves_uint128(liquidity: int, delta: int) -> None:
    with pytest.raises(PoolRefused, match="liquidity_out_of_range"):
        add_liquidity_delta(liquidity, delta)


def test_liquidity_per_tick_is_the_published_one() -> None:
    # v3-core documentation and its tests state these for the three first fee tiers.
    assert liquidity_per_tick_max(10) == 1917569901783203986719870431555990
    assert liquidity_per_tick_max(60) == 11505743598341114571880798222544994
    assert liquidity_per_tick_max(200) == 38350317471085141830651933667504588


@pytest.mark.parametrize(("price", "liquidity"), [(0, 1), (1, 0)])
def test_no_price_or_no_liquidity_is_refused(price: int, liquidity: int) -> None:
    for move in (next_sqrt_price_from_input, next_sqrt_price_from_output):
        with pytest.raises(PoolRefused):
            move(price, liquidity, 1, zero_for_one=True)

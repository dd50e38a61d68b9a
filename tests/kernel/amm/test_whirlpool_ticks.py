"""The two halves of the Whirlpool price scale against their definition, and which arrays a swap may enter."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.amm import whirlpool_ticks
from kernel.amm.errors import PoolRefused
from kernel.amm.whirlpool_ticks import (
    MAX_SQRT_PRICE,
    MAX_TICK,
    MIN_SQRT_PRICE,
    MIN_TICK,
    array_start,
    arrays_of_swap,
    sqrt_price_at_tick,
    tick_at_sqrt_price,
)

TICKS = st.integers(MIN_TICK, MAX_TICK)


def test_the_factors_are_powers_of_the_tick_base() -> None:
    with localcontext() as context:
        context.prec = 80
        for bit, (up, down) in enumerate(
            zip(whirlpool_ticks._UP_X96_BY_BIT, whirlpool_ticks._DOWN_X64_BY_BIT, strict=True)
        ):
            power = Decimal("1.0001") ** (Decimal(2) ** (bit - 1))
            # The published factors were themselves rounded at some step: relative error, not the last unit.
            assert abs(up / (Decimal(2) ** 96 * power) - 1) < Decimal(10) ** -22
            assert abs(down * power - Decimal(2) ** 64) <= power * Decimal(2)


def test_the_ends_and_the_middle_of_the_scale_are_the_programs_constants() -> None:
    assert sqrt_price_at_tick(MIN_TICK) == MIN_SQRT_PRICE
    assert sqrt_price_at_tick(MAX_TICK) == MAX_SQRT_PRICE
    assert sqrt_price_at_tick(0) == 1 << 64
    assert tick_at_sqrt_price(MIN_SQRT_PRICE) == MIN_TICK
    assert tick_at_sqrt_price(MAX_SQRT_PRICE) == MAX_TICK


@given(TICKS)
def test_a_tick_is_found_again_from_its_price_and_not_from_one_unit_less(tick: int) -> None:
    price = sqrt_price_at_tick(tick)
    assert tick_at_sqrt_price(price) == tick
    if tick > MIN_TICK:
        assert tick_at_sqrt_price(price - 1) == tick - 1


@pytest.mark.parametrize("tick", [MIN_TICK - 1, MAX_TICK + 1])
def test_ticks_off_the_scale_are_refused(tick: int) -> None:
    with pytest.raises(PoolRefused, match="tick_out_of_range"):
        sqrt_price_at_tick(tick)


@pytest.mark.parametrize("price", [0, MIN_SQRT_PRICE - 1, MAX_SQRT_PRICE + 1])
def test_prices_off_the_scale_are_refused(price: int) -> None:
    with pytest.raises(PoolRefused, match="price_out_of_range"):
        tick_at_sqrt_price(price)


@pytest.mark.parametrize(
    ("is_a_to_b", "spacing", "tick", "starts"),
    [
        (True, 1, 0, (0, -88, -176)),
        (True, 1, -1, (-88, -176, -264)),
        (True, 1, MIN_TICK + 1, (-443_696,)),
        (False, 1, 86, (0, 88, 176)),
        (False, 1, 87, (88, 176, 264)),
        (False, 64, 5_567, (0, 5_632, 11_264)),
        (False, 64, 5_568, (5_632, 11_264, 16_896)),
        (False, 64, 443_608, (439_296,)),
        (True, 32_768, 0, (0, -2_883_584)),
        (False, 32_768, -32_769, (-2_883_584, 0)),
        (False, 32_768, -32_768, (0,)),
    ],
)
def test_a_swap_enters_three_arrays_at_most_and_looks_ahead_upwards(
    is_a_to_b: bool, spacing: int, tick: int, starts: tuple[int, ...]
) -> None:
    assert arrays_of_swap(tick, spacing, is_a_to_b) == starts


@given(TICKS, st.integers(1, 65_535))
def test_an_array_covers_the_ticks_it_starts_before(tick: int, spacing: int) -> None:
    start = array_start(tick, spacing)
    assert start <= tick < start + 88 * spacing
    assert start % (88 * spacing) == 0

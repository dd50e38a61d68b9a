from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.amm.errors import PoolRefused
from kernel.amm.raydium_clmm_ticks import (
    MAX_SQRT_PRICE,
    MAX_TICK,
    MIN_SQRT_PRICE,
    MIN_TICK,
    sqrt_price_at_tick,
    tick_at_sqrt_price,
)


def test_the_ends_are_the_programs() -> None:
    assert sqrt_price_at_tick(MIN_TICK) == MIN_SQRT_PRICE
    assert sqrt_price_at_tick(MAX_TICK) == MAX_SQRT_PRICE
    assert sqrt_price_at_tick(0) == 1 << 64


@given(st.integers(MIN_TICK, MAX_TICK))
def test_prices_are_near_the_formula(tick: int) -> None:
    square = Fraction(sqrt_price_at_tick(tick), 1 << 64) ** 2
    assert float(square) == pytest.approx(1.0001**tick, rel=1e-8)


@given(st.integers(MIN_TICK, MAX_TICK - 1), st.data())
def test_the_tick_of_a_price_is_the_one_below_it(tick: int, data: st.DataObject) -> None:
    low, high = sqrt_price_at_tick(tick), sqrt_price_at_tick(tick + 1)
    assert low < high
    assert tick_at_sqrt_price(data.draw(st.integers(low, high - 1))) == tick


@pytest.mark.parametrize("tick", [MIN_TICK - 1, MAX_TICK + 1])
def test_ticks_outside_are_refused(tick: int) -> None:
    with pytest.raises(PoolRefused, match="tick_out_of_range"):
        sqrt_price_at_tick(tick)


@pytest.mark.parametrize("price", [MIN_SQRT_PRICE - 1, MAX_SQRT_PRICE + 1, 0, -1])
def test_prices_outside_are_refused(price: int) -> None:
    with pytest.raises(PoolRefused, match="price_out_of_range"):
        tick_at_sqrt_price(price)

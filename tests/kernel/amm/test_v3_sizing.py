"""Sizing against brute force and against worked numbers."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from kernel.amm.errors import PoolRefused
from kernel.amm.v3 import V3Pool, pool_after, pool_within_interval, swap_exact_in
from kernel.amm.v3_sizing import (
    best_size_to_price,
    price_of_purchase,
    price_of_sale,
    price_where_margin_ends,
)
from kernel.amm.v3_ticks import Q96, sqrt_ratio_at_tick, tick_at_sqrt_ratio
from tests.kernel.amm.v3_pools import pool_of, pools


def gain(pool: V3Pool, zero_for_one: bool, num: int, den: int, amount_in: int) -> int:
    """Gain of a size in units of 1/den of an input unit; 0 for doing nothing, nothing for a refused size."""
    if amount_in == 0:
        return 0
    try:
        quote = swap_exact_in(pool, zero_for_one, amount_in)
    except PoolRefused:
        return -1
    return quote.amount_out * num - quote.amount_in * den


def outside_price(pool: V3Pool, zero_for_one: bool, edge_millis: int) -> tuple[int, int]:
    """An outside price better than the pool's by edge/1000, per unit paid out in units taken in."""
    squared = pool.sqrt_price_x96**2
    num, den = (1 << 192, squared) if zero_for_one else (squared, 1 << 192)
    price = Fraction(num * (1000 + edge_millis), den * 1000).limit_denominator(10**12)
    return max(1, price.numerator), price.denominator


@st.composite
def small_pools(draw: st.DrawFn) -> V3Pool:
    """Pools of some hundred raw units around price 0.1..10, where each unit matters; narrow and wide ranges."""
    spacing = draw(st.sampled_from([1, 10, 60]))
    fee_pips = draw(st.sampled_from([0, 500, 3000, 50_000]))
    centre = draw(st.integers(-20_000, 20_000)) // spacing
    reach = draw(st.sampled_from([5, 50, 400]))
    bounds = st.integers(centre - reach, centre + reach)
    ranges = draw(st.lists(st.tuples(bounds, bounds, st.integers(1, 3_000)), min_size=1, max_size=5))
    positions = [(min(a, b) * spacing, max(a, b) * spacing, size) for a, b, size in ranges if a != b]
    tick = centre * spacing + draw(st.integers(0, spacing - 1))
    low, high = sqrt_ratio_at_tick(tick), sqrt_ratio_at_tick(tick + 1)
    price = draw(st.integers(low, high - 1))
    return pool_of(positions, sqrt_price_x96=price, tick=tick, fee_pips=fee_pips, tick_spacing=spacing)


@pytest.mark.slow
@given(small_pools(), st.booleans(), st.integers(-20, 900), st.integers(1, 600))
@settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_no_size_beats_the_chosen_one_on_small_pools(
    pool: V3Pool, zero_for_one: bool, edge_millis: int, cap: int
) -> None:
    num, den = outside_price(pool, zero_for_one, edge_millis)
    size, quote = best_size_to_price(pool, zero_for_one, price_num=num, price_den=den, amount_in_max=cap)
    assert 0 <= size <= cap
    brute = 0
    for amount_in in range(1, cap + 1):
        tried = swap_exact_in(pool, zero_for_one, amount_in)
        if tried.amount_in < amount_in:
            break  # The pool takes no more than this.
        brute = max(brute, tried.amount_out * num - amount_in * den)
    assert gain(pool, zero_for_one, num, den, size) == brute
    assert (quote is None) == (size == 0)


@pytest.mark.slow
@given(pools(), st.booleans(), st.integers(1, 400), st.data())
@settings(max_examples=200, deadline=None)
def test_no_size_beats_the_chosen_one_by_a_unit_of_each_token(
    pool: V3Pool, zero_for_one: bool, edge_millis: int, data: st.DataObject
) -> None:
    num, den = outside_price(pool, zero_for_one, edge_millis)
    size, _ = best_size_to_price(pool, zero_for_one, price_num=num, price_den=den)
    best = gain(pool, zero_for_one, num, den, size)
    tries = [
        *(size + data.draw(st.integers(-(10**power), 10**power)) for power in range(0, 19, 2)),
        *(size * data.draw(st.integers(0, 2_000)) // 1_000 for _ in range(4)),
    ]
    for amount_in in tries:
        if amount_in > 0:
            assert gain(pool, zero_for_one, num, den, amount_in) <= best + num + den


@pytest.mark.slow
@given(pools(), st.booleans(), st.integers(1, 400))
@settings(max_examples=200, deadline=None)
def test_after_the_chosen_size_nothing_is_left_to_gain(pool: V3Pool, zero_for_one: bool, edge_millis: int) -> None:
    num, den = outside_price(pool, zero_for_one, edge_millis)
    size, quote = best_size_to_price(pool, zero_for_one, price_num=num, price_den=den)
    if quote is None:
        return
    rest, after = best_size_to_price(pool_after(pool, quote), zero_for_one, price_num=num, price_den=den)
    assert rest == 0 or gain(pool_after(pool, quote), zero_for_one, num, den, rest) <= 2 * (num + den)
    assert after is None or rest < size or size < 100


@pytest.mark.parametrize("zero_for_one", [True, False])
def test_the_size_stays_within_the_known_range(zero_for_one: bool) -> None:
    price = 3 * Q96 // 2
    pool = pool_within_interval(
        sqrt_price_x96=price, tick=tick_at_sqrt_ratio(price), liquidity=10**18, fee_pips=500, tick_spacing=10
    )
    num, den = outside_price(pool, zero_for_one, 500)
    size, quote = best_size_to_price(pool, zero_for_one, price_num=num, price_den=den)
    assert quote is not None and quote.amount_in == size
    assert pool.known_low <= quote.tick_after < pool.known_high
    with pytest.raises(PoolRefused, match="depth_unknown"):
        swap_exact_in(pool, zero_for_one, size + 10)


@pytest.mark.parametrize("zero_for_one", [True, False])
def test_the_cap_binds(zero_for_one: bool) -> None:
    pool = pool_of([(-6000, 6000, 10**18)], sqrt_price_x96=Q96, tick=0)
    size, quote = best_size_to_price(pool, zero_for_one, price_num=11, price_den=10, amount_in_max=10**6)
    assert quote is not None and 10**6 - 2 <= size <= 10**6
    assert best_size_to_price(pool, zero_for_one, price_num=11, price_den=10, amount_in_max=0) == (0, None)


@pytest.mark.parametrize("zero_for_one", [True, False])
def test_a_fair_price_within_the_fee_earns_nothing(zero_for_one: bool) -> None:
    pool = pool_of([(-6000, 6000, 10**18)], sqrt_price_x96=Q96, tick=0)
    assert best_size_to_price(pool, zero_for_one, price_num=1003, price_den=1000) == (0, None)
    assert best_size_to_price(pool, zero_for_one, price_num=1, price_den=1) == (0, None)
    size, _ = best_size_to_price(pool, zero_for_one, price_num=1004, price_den=1000)
    assert size > 0


def test_the_margin_ends_where_the_fee_eats_it() -> None:
    down = Fraction(price_where_margin_ends(3000, True, 1, 1), Q96) ** 2
    up = Fraction(price_where_margin_ends(3000, False, 1, 1), Q96) ** 2
    assert abs(down - 1 / Fraction(997, 1000)) < Fraction(1, 10**25)
    assert abs(up - Fraction(997, 1000)) < Fraction(1, 10**25)


def test_venue_quotes_become_raw_prices() -> None:
    assert Fraction(*price_of_sale(Decimal(2000), Decimal(10), 18, 6)) == Fraction(1998, 10**12)
    assert Fraction(*price_of_purchase(Decimal(2000), Decimal(10), 18, 6)) == Fraction(10**12, 2002)


@pytest.mark.parametrize(("num", "den", "cap"), [(0, 1, None), (1, 0, None), (-1, 1, None), (1, 1, -1)])
def test_absurd_prices_and_caps_are_refused(num: int, den: int, cap: int | None) -> None:
    pool = pool_of([(-60, 60, 10**18)], sqrt_price_x96=Q96, tick=0)
    with pytest.raises(ValueError):
        best_size_to_price(pool, True, price_num=num, price_den=den, amount_in_max=cap)

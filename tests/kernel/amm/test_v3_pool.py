"""The V3 pool behind the common contract answers what `kernel.amm.v3` answers, at any depth, with tables of any age."""

from itertools import islice
from math import isclose

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.amm.errors import PoolRefused
from kernel.amm.v3 import V3Pool, pool_within_interval, swap_exact_in, swap_exact_out
from kernel.amm.v3_pool import V3Depth
from kernel.amm.v3_ticks import MAX_SQRT_RATIO, MAX_TICK, MIN_SQRT_RATIO, MIN_TICK, Q96
from tests.kernel.amm.v3_pools import pool_of, pools

SIZES = st.integers(0, 30).flatmap(lambda power: st.integers(1, 10 ** (power + 1)))


def answer(ask, *arguments):  # type: ignore[no-untyped-def]
    """(in, out, fee) of either kind of quote, or the reason of the refusal."""
    try:
        quote = ask(*arguments)
    except PoolRefused as refused:
        return refused.reason
    return (quote.amount_in, quote.amount_out, quote.fee if hasattr(quote, "fee") else quote.fee_paid)


def narrowed(state: V3Pool, low: int | None, high: int | None) -> V3Pool:
    """The same pool known between two distances from its tick only."""
    known_low = None if low is None else max(MIN_TICK, state.tick - low)
    known_high = None if high is None else min(MAX_TICK, state.tick + high)
    keep = range(MIN_TICK if known_low is None else known_low, (MAX_TICK if known_high is None else known_high) + 1)
    return V3Pool(
        sqrt_price_x96=state.sqrt_price_x96,
        tick=state.tick,
        liquidity=state.liquidity,
        fee_pips=state.fee_pips,
        tick_spacing=state.tick_spacing,
        ticks=tuple(each for each in state.ticks if each[0] in keep),
        known_low=known_low,
        known_high=known_high,
    )


@pytest.mark.slow
@given(
    pools(),
    st.none() | st.integers(0, 40_000),
    st.none() | st.integers(1, 40_000),
    st.booleans(),
    st.lists(SIZES, max_size=6),
    st.integers(0, 12),
)
@settings(max_examples=150, deadline=None)
def test_quotes_and_refusals_are_those_of_the_pool(
    state: V3Pool, low: int | None, high: int | None, is_a_to_b: bool, sizes: list[int], walked: int
) -> None:
    state = narrowed(state, low, high)
    depth = V3Depth(state)
    stops = list(islice(depth.segments(is_a_to_b, 0), walked))
    ends = [int(each.in_end) for each in stops if each.in_end < 2**53]
    for amount in [*sizes, *ends, *(end - 1 for end in ends), *(end + 1 for end in ends)]:
        assert answer(depth.quote_in, is_a_to_b, amount, 0) == answer(swap_exact_in, state, is_a_to_b, amount)
    outs = [int(each.out_start) for each in stops if each.out_start < 2**53]
    for amount in [*sizes, *outs, *(out + 1 for out in outs)]:
        assert answer(depth.quote_out, is_a_to_b, amount, 0) == answer(swap_exact_out, state, is_a_to_b, amount)


@pytest.mark.slow
@given(pools(), st.booleans(), SIZES, SIZES)
@settings(max_examples=60, deadline=None)
def test_the_state_after_a_swap_is_that_of_the_pool(state: V3Pool, is_a_to_b: bool, amount: int, more: int) -> None:
    depth = V3Depth(state)
    if isinstance(answer(depth.quote_in, is_a_to_b, amount, 0), str):
        with pytest.raises(PoolRefused):
            depth.after(is_a_to_b, amount, 0)
        return
    quote, after = depth.after(is_a_to_b, amount, 0)
    assert quote == depth.quote_in(is_a_to_b, amount, 0)
    for is_back in (True, False):
        assert answer(after.quote_in, is_back, more, 0) == answer(swap_exact_in, after.state, is_back, more)


@pytest.mark.slow
@given(pools(), st.booleans())
@settings(max_examples=80, deadline=None)
def test_depth_agrees_with_quotes_within_rounding(state: V3Pool, is_a_to_b: bool) -> None:
    depth = V3Depth(state)
    before = None
    for count, segment in enumerate(islice(depth.segments(is_a_to_b, 0), 30), start=1):
        assert segment.in_start <= segment.in_end and segment.curve >= 0
        if before is None:
            assert segment.rate == depth.rate(is_a_to_b, 0)
        else:
            assert segment.in_start == before.in_end
        before = segment
        width = (segment.in_end - segment.in_start) / 2
        amount = int(segment.in_start + width)
        if amount < 1:
            continue
        d = amount - segment.in_start
        expected = segment.out_start + segment.rate * d / (1 + segment.curve * d)
        out = depth.quote_in(is_a_to_b, amount, 0).amount_out
        assert isclose(out, expected, rel_tol=1e-9, abs_tol=2 * count + 2 * segment.rate)


def test_rate_is_zero_without_liquidity_or_knowledge() -> None:
    empty = V3Depth(V3Pool(sqrt_price_x96=Q96, tick=0, liquidity=0, fee_pips=500, tick_spacing=10))
    assert (empty.rate(True, 0), empty.rate(False, 0)) == (0.0, 0.0)
    edge = V3Depth(pool_within_interval(sqrt_price_x96=Q96, tick=0, liquidity=10**12, fee_pips=500, tick_spacing=10))
    assert edge.rate(True, 0) == 0.0 and edge.rate(False, 0) == pytest.approx(0.9995)


def test_a_contradictory_table_has_no_depth_and_its_quotes_say_why() -> None:
    torn = V3Depth(
        V3Pool(sqrt_price_x96=Q96, tick=0, liquidity=7, fee_pips=500, tick_spacing=10, ticks=((-10, 5), (10, -5)))
    )
    assert torn.rate(True, 0) == 0.0 and list(torn.segments(False, 0)) == []
    with pytest.raises(PoolRefused, match="state_inconsistent"):
        torn.quote_in(True, 100, 0)


def test_far_liquidity_is_reached_without_walking_every_word() -> None:
    far = pool_of([(-880_000, -879_999, 10**18)], sqrt_price_x96=Q96, tick=0, fee_pips=500, tick_spacing=1)
    depth = V3Depth(far)
    (segment,) = depth.segments(True, 0)
    assert segment.rate < 1e-30
    assert list(depth.segments(False, 0)) == []


@pytest.mark.parametrize(
    ("price", "tick", "is_a_to_b"), [(MIN_SQRT_RATIO, MIN_TICK, True), (MAX_SQRT_RATIO - 1, MAX_TICK - 1, False)]
)
def test_at_the_end_of_the_scale_nothing_is_had(price: int, tick: int, is_a_to_b: bool) -> None:
    depth = V3Depth(V3Pool(sqrt_price_x96=price, tick=tick, liquidity=0, fee_pips=500, tick_spacing=10))
    assert depth.rate(is_a_to_b, 0) == 0.0
    with pytest.raises(PoolRefused, match="price_limit_out_of_range"):
        depth.quote_in(is_a_to_b, 1, 0)

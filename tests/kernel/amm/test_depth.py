"""Depth near the price: worked numbers, and the disguises of thin pools."""

from collections.abc import Iterator
from itertools import count, pairwise
from math import inf

import pytest
from hypothesis import given, settings

from kernel.amm.cycle_walk import Hop
from kernel.amm.depth import SEGMENTS_MAX, Depth, depth_in_quote
from kernel.amm.pool import Segment
from kernel.amm.v3_pool import V3Depth
from kernel.amm.v3_ticks import Q96
from tests.kernel.amm.drawn_cycles import cycles
from tests.kernel.amm.sizing_pools import ConstantProduct, FixedPriceBins
from tests.kernel.amm.v3_pools import pool_of


def test_the_worked_example_holds_from_either_side() -> None:
    pool = ConstantProduct(1000, 1000, 0)
    for is_quote_b in (True, False):
        depth = depth_in_quote(pool, is_quote_b=is_quote_b, range_bps=100, now_s=0)
        assert depth == pytest.approx((5.0126, 5.0378), abs=1e-3)
        assert depth.least == depth.sold


def test_depth_is_counted_in_the_quote_token() -> None:
    pool = ConstantProduct(1_000, 150_000, 0)
    in_b = depth_in_quote(pool, is_quote_b=True, range_bps=100, now_s=0)
    in_a = depth_in_quote(pool, is_quote_b=False, range_bps=100, now_s=0)
    assert in_b.sold == pytest.approx(150 * in_a.sold)


def test_a_narrow_range_holds_more_of_the_same_money() -> None:
    wide = V3Depth(pool_of([(-6000, 6000, 10**12)], sqrt_price_x96=Q96, tick=0, fee_pips=100))
    narrow = V3Depth(pool_of([(-60, 60, 10**12)], sqrt_price_x96=Q96, tick=0, fee_pips=100))
    near = [depth_in_quote(pool, is_quote_b=True, range_bps=30, now_s=0).least for pool in (wide, narrow)]
    far = [depth_in_quote(pool, is_quote_b=True, range_bps=500, now_s=0).least for pool in (wide, narrow)]
    assert near[0] == pytest.approx(near[1]) and far[0] > 7 * far[1]


def test_liquidity_behind_a_gap_counts_nothing() -> None:
    split = V3Depth(pool_of([(-9000, -3000, 10**18), (3000, 9000, 10**18)], sqrt_price_x96=Q96, tick=0))
    assert split.rate(True, 0) > 0 and split.rate(False, 0) > 0
    assert depth_in_quote(split, is_quote_b=True, range_bps=200, now_s=0) == (0.0, 0.0)


def test_one_side_alone_counts_nothing() -> None:
    only_bids = FixedPriceBins([(1, 1, 10**12, 0)], [])
    assert depth_in_quote(only_bids, is_quote_b=True, range_bps=200, now_s=0) == (0.0, 0.0)


def test_a_fee_above_the_range_leaves_nothing() -> None:
    pool = ConstantProduct(10**12, 10**12, 30_000)
    assert depth_in_quote(pool, is_quote_b=True, range_bps=200, now_s=0) == (0.0, 0.0)
    assert depth_in_quote(pool, is_quote_b=True, range_bps=400, now_s=0).least > 0


def test_a_thick_unit_before_a_void_counts_as_the_unit() -> None:
    bins = [(1, 1, 10, 0), (1, 2, 10**15, 0)]
    depth = depth_in_quote(FixedPriceBins(bins, bins), is_quote_b=True, range_bps=500, now_s=0)
    assert depth == (10.0, 10.0)


@pytest.mark.slow
@given(cycles(log10_amount_max=12, log10_price_max=4))
@settings(max_examples=60, deadline=None)
def test_depth_grows_with_the_range_and_is_had_at_that_price(hops: tuple[Hop, ...]) -> None:
    for pool, is_quote_b in hops:
        # Two units in and out for each of the steps and bins passed, in units of the quote token.
        rounding = 60 * (1 + pool.rate(is_quote_b, 0))
        ranges_bps = (10, 100, 1000, 9000)
        steps = [depth_in_quote(pool, is_quote_b=is_quote_b, range_bps=each, now_s=0) for each in ranges_bps]
        for narrow, wide in pairwise(steps):
            assert narrow.sold <= wide.sold + rounding and narrow.bought <= wide.bought + rounding
        for range_bps, depth in zip(ranges_bps, steps, strict=True):
            sold = int(depth.sold * (1 - 1e-9) - rounding)
            if sold > 10**6:
                paid = pool.quote_out(is_quote_b, sold, 0).amount_in
                middle = (pool.rate(is_quote_b, 0) / pool.rate(not is_quote_b, 0)) ** 0.5
                assert sold >= (paid - 60) * middle * (1 - range_bps / 10_000) * (1 - 1e-6)


class Claims(ConstantProduct):
    def segments(self, is_a_to_b: bool, now_s: int) -> Iterator[Segment]:
        yield Segment(0.0, inf, 0.0, 1.0, 0.0)


class Crumbs(ConstantProduct):
    def segments(self, is_a_to_b: bool, now_s: int) -> Iterator[Segment]:
        for start in count():
            yield Segment(float(start), start + 1.0, float(start), 1.0, 0.0)


def test_endless_claims_end() -> None:
    assert depth_in_quote(Claims(1, 1, 0), is_quote_b=True, range_bps=100, now_s=0) == (0.0, 0.0)
    crumbs = depth_in_quote(Crumbs(1, 1, 0), is_quote_b=True, range_bps=100, now_s=0)
    assert crumbs == Depth(float(SEGMENTS_MAX), float(SEGMENTS_MAX))


@pytest.mark.parametrize("range_bps", [0, -1, 10_000, inf])
def test_absurd_ranges_are_refused(range_bps: float) -> None:
    with pytest.raises(ValueError, match="range_bps"):
        depth_in_quote(ConstantProduct(1, 1), is_quote_b=True, range_bps=range_bps, now_s=0)

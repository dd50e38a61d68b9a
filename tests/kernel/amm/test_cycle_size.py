"""Sizing of cycles against exhaustive search, golden sections over exact quotes, and worked numbers."""

from collections.abc import Iterator
from itertools import islice
from math import inf, nan

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from kernel.amm.cycle_size import EVALUATIONS_MAX, CycleSize, best_cycle_size
from kernel.amm.cycle_walk import COMBINATIONS_MAX, Hop, find_peak
from kernel.amm.errors import PoolRefused
from kernel.amm.pool import PoolQuote, Segment
from kernel.amm.token_fee import amount_after
from kernel.amm.v3 import pool_within_interval
from kernel.amm.v3_pool import V3Depth
from kernel.amm.v3_ticks import Q96
from tests.kernel.amm.drawn_cycles import cycles
from tests.kernel.amm.golden_section import golden_section
from tests.kernel.amm.sizing_pools import ConstantProduct, FixedPriceBins

NO_SHRINK = [Phase.explicit, Phase.reuse, Phase.generate]


def gain_of(hops: tuple[Hop, ...], amount_in: int) -> int | None:
    """What a size gains by exact quotes; None where a pool refuses."""
    amount, leaves = amount_in, None
    try:
        for pool, is_a_to_b in hops:
            quote = pool.quote_in(is_a_to_b, amount, 0)
            leaves = quote.amount_in if leaves is None else leaves
            amount = quote.amount_out
    except PoolRefused:
        return None
    assert leaves is not None
    return amount - leaves


def teeth(hops: tuple[Hop, ...], amount_in: int) -> float:
    """Value in the start token of a unit in and a unit out for each stretch of depth that a size enters."""
    worth, units = 1.0, []
    amount = amount_in
    for pool, is_a_to_b in hops:
        entered = sum(1 for each in islice(pool.segments(is_a_to_b, 0), 200) if each.in_start < amount)
        units.append(max(1, entered))
        amount = pool.quote_in(is_a_to_b, amount, 0).amount_out
    total = 0.0
    for (pool, is_a_to_b), count in zip(reversed(hops), reversed(units), strict=True):
        rate = pool.rate(is_a_to_b, 0)
        total += count * worth * (1 + rate)
        worth *= rate
    return total


def two_products(fee_pips: int = 0) -> tuple[Hop, Hop]:
    """The worked example of `cycle_walk`, in millions of units: 50 of 1000 earns most."""
    million = 10**6
    return (
        Hop(ConstantProduct(1000 * million, 1000 * million, fee_pips), True),
        Hop(ConstantProduct(1210 * million, 1000 * million, fee_pips), False),
    )


@pytest.mark.slow
@given(cycles(log10_amount_max=3, log10_price_max=2), st.sampled_from([100, 700]))
@settings(max_examples=60, deadline=None, phases=NO_SHRINK)
def test_no_size_of_small_pools_gains_more_than_the_sawtooth_above_the_answer(hops: tuple[Hop, ...], cap: int) -> None:
    found = best_cycle_size(hops, amount_in_max=cap, now_s=0)
    best, size = max((gain_of(hops, amount_in) or 0, amount_in) for amount_in in range(1, cap + 1))
    gain = found.gain if found else 0
    if best > 0:
        assert 0 <= gain <= best
        assert best - gain <= teeth(hops, size)
    else:
        assert found is None


@pytest.mark.slow
@given(cycles(log10_amount_max=18, log10_price_max=6))
@settings(max_examples=150, deadline=None, phases=NO_SHRINK)
def test_a_golden_section_over_exact_quotes_finds_no_more(hops: tuple[Hop, ...]) -> None:
    cap = 10**21
    found = best_cycle_size(hops, amount_in_max=cap, now_s=0)
    size, best, _ = golden_section(lambda amount_in: gain_of(hops, amount_in), 1, cap)
    gain = found.gain if found else 0
    assert best <= gain or best - gain <= teeth(hops, size) + size * 2.0**-50


@pytest.mark.slow
@given(cycles(log10_amount_max=15, log10_price_max=4), st.integers(1, 10**16))
@settings(max_examples=200, deadline=None)
def test_the_answer_is_what_chained_quotes_give(hops: tuple[Hop, ...], cap: int) -> None:
    found = best_cycle_size(hops, amount_in_max=cap, now_s=0)
    if found is None:
        return
    assert 1 <= found.amount_in <= cap
    amount = found.amount_in
    for (pool, is_a_to_b), quote in zip(hops, found.quotes, strict=True):
        assert pool.quote_in(is_a_to_b, amount, 0) == quote
        amount = quote.amount_out
    assert amount == found.amount_out
    assert found.gain == found.amount_out - found.quotes[0].amount_in >= 1


def test_the_worked_example() -> None:
    found = best_cycle_size(two_products(), amount_in_max=10**12, now_s=0)
    assert found is not None and found.ended_by == "margin"
    assert abs(found.amount_in - 50 * 10**6) <= 3
    assert found.gain == 5 * 10**6 or found.gain == 5 * 10**6 - 1


def test_the_cap_binds() -> None:
    found = best_cycle_size(two_products(), amount_in_max=10**6, now_s=0)
    assert found is not None and found.ended_by == "amount_in_max"
    assert 10**6 - 2 <= found.amount_in <= 10**6
    assert best_cycle_size(two_products(), amount_in_max=0, now_s=0) is None


def test_a_difference_within_the_fees_earns_nothing() -> None:
    assert best_cycle_size(two_products(fee_pips=110_000), amount_in_max=10**12, now_s=0) is None


def test_cycles_below_the_wanted_gain_are_left_out() -> None:
    assert best_cycle_size(two_products(), amount_in_max=10**12, now_s=0, gain_min=5 * 10**6 + 1) is None
    assert best_cycle_size(two_products(), amount_in_max=10**12, now_s=0, gain_min=5 * 10**6 - 1) is not None


def test_the_size_ends_before_the_unknown() -> None:
    known = V3Depth(pool_within_interval(sqrt_price_x96=Q96, tick=0, liquidity=10**15, fee_pips=500, tick_spacing=10))
    hops = (Hop(known, False), Hop(ConstantProduct(10**15, 2 * 10**15), True))
    found = best_cycle_size(hops, amount_in_max=10**18, now_s=0)
    assert found is not None and found.ended_by == "depth"
    with pytest.raises(PoolRefused, match="depth_unknown"):
        known.quote_in(False, found.amount_in + 8, 0)


def test_bins_are_used_to_the_unit() -> None:
    bids = [(3, 2, 1_500, 0), (1, 2, 10**9, 0)]
    asks = [(1, 1, 10**9, 0)]
    hops = (Hop(FixedPriceBins(bids, asks), True), Hop(FixedPriceBins(bids, asks), False))
    found = best_cycle_size(hops, amount_in_max=10**9, now_s=0)
    assert found is not None and (found.amount_in, found.amount_out) == (1_000, 1_500)


def test_a_coarse_token_in_the_middle_costs_the_least_input_that_gets_it() -> None:
    fine, coarse = 10**24, 10**6
    hops = (Hop(ConstantProduct(fine, coarse), True), Hop(ConstantProduct(fine * 11 // 10, coarse), False))
    found = best_cycle_size(hops, amount_in_max=fine, now_s=0)
    assert found is not None
    assert hops[0].pool.quote_in(True, found.amount_in - 10**3, 0).amount_out < found.quotes[0].amount_out


def test_a_pool_that_answers_no_exact_outputs_is_sized_in_the_start_token() -> None:
    class InputsAlone(ConstantProduct):
        def quote_out(self, is_a_to_b: bool, amount_out: int, now_s: int) -> PoolQuote:
            raise PoolRefused("swap_disabled", "this program has no exact output")

    fine, coarse = 10**18, 10**12
    hops = (Hop(InputsAlone(fine, coarse), True), Hop(ConstantProduct(fine * 11 // 10, coarse), False))
    found = best_cycle_size(hops, amount_in_max=fine, now_s=0)
    whole = best_cycle_size(
        (hops[1]._replace(pool=ConstantProduct(fine, coarse), is_a_to_b=True), hops[1]), amount_in_max=fine, now_s=0
    )
    assert found is not None and whole is not None and 0 <= whole.gain - found.gain <= 4 * fine // coarse


@pytest.mark.parametrize(
    ("pools", "best"),
    [
        ([(2078, 30, 3000), (90, 120, 0), (30, 2493, 0)], 35),
        ([(3628, 20, 3000), (60, 80, 0), (20, 5079, 0)], 105),
        ([(5336, 41, 3000), (123, 164, 0), (41, 9071, 0)], 480),
    ],
)
def test_among_few_units_the_best_tooth_is_taken_not_the_nearest(pools: list[tuple[int, int, int]], best: int) -> None:
    hops = tuple(Hop(ConstantProduct(*each), True) for each in pools)
    found = best_cycle_size(hops, amount_in_max=3000, now_s=0)
    assert max(gain_of(hops, amount_in) or 0 for amount_in in range(1, 3000)) == best
    assert found is not None and found.gain == best


def test_exact_quotes_correct_a_depth_that_is_a_little_off() -> None:
    class Understated(ConstantProduct):
        def segments(self, is_a_to_b: bool, now_s: int) -> Iterator[Segment]:
            for each in super().segments(is_a_to_b, now_s):
                yield each._replace(curve=each.curve * (1 + 1e-6))

    first, second = two_products()
    exact = best_cycle_size((first, second), amount_in_max=10**12, now_s=0)
    off = (Hop(Understated(10**9, 10**9, 0), True), second)
    found = best_cycle_size(off, amount_in_max=10**12, now_s=0)
    peak = find_peak(off, 10**12, 0)
    assert exact is not None and found is not None and peak is not None
    assert found.gain >= exact.gain and found.amount_in != int(peak.amounts[0])


class CappedFee(ConstantProduct):
    """The second token withholds a share of what arrives, up to a most: larger sizes lose relatively less."""

    FEE_BPS, FEE_MAX = 500, 10_000

    def quote_in(self, is_a_to_b: bool, amount_in: int, now_s: int) -> PoolQuote:
        quote = super().quote_in(is_a_to_b, amount_in, now_s)
        return quote._replace(amount_out=amount_after(quote.amount_out, self.FEE_BPS, self.FEE_MAX))

    def segments(self, is_a_to_b: bool, now_s: int) -> Iterator[Segment]:
        (whole,) = super().segments(is_a_to_b, now_s)
        out = self.FEE_MAX * 10_000 / self.FEE_BPS
        turn = out / (whole.rate - out * whole.curve)
        kept = 1 - self.FEE_BPS / 10_000
        yield Segment(0.0, turn, 0.0, whole.rate * kept, whole.curve)
        bend = 1 + whole.curve * turn
        yield Segment(turn, inf, out - self.FEE_MAX, whole.rate / bend**2, whole.curve / bend)


def test_a_fee_that_stops_to_grow_hides_no_larger_size() -> None:
    hops = (Hop(CappedFee(10**9, 10**9, 0), True), Hop(ConstantProduct(1_030_000_000, 10**9, 0), False))
    found = best_cycle_size(hops, amount_in_max=10**9, now_s=0)
    _, best, _ = golden_section(lambda amount_in: gain_of(hops, amount_in), 10**6, 10**9)
    assert found is not None and best > 10**4 and abs(found.gain - best) <= 3


class Hostile(ConstantProduct):
    """Claims whatever depth it is told."""

    def __init__(self, claims: list[Segment]) -> None:
        super().__init__(10**9, 10**9, 0)
        self.claims = claims

    def segments(self, is_a_to_b: bool, now_s: int) -> Iterator[Segment]:
        yield from self.claims


@pytest.mark.parametrize(
    "claim",
    [
        Segment(0.0, inf, 0.0, nan, 0.0),
        Segment(0.0, inf, 0.0, inf, 0.0),
        Segment(0.0, inf, 0.0, 1e308, 1e308),
        Segment(0.0, inf, 0.0, 1e308, 0.0),
        Segment(0.0, inf, 0.0, 5e-324, 0.0),
        Segment(0.0, inf, 0.0, -1.0, 0.0),
        Segment(0.0, inf, 0.0, 2.0, -1.0),
        Segment(0.0, inf, 0.0, 2.0, nan),
        Segment(0.0, nan, 0.0, 2.0, 0.0),
        Segment(5.0, 1.0, 0.0, 2.0, 0.0),
        Segment(0.0, 0.0, 0.0, 2.0, 0.0),
        Segment(0.0, 1e308, 0.0, 1e300, 0.0),
    ],
)
def test_absurd_depth_never_makes_an_answer_that_quotes_do_not_give(claim: Segment) -> None:
    honest = ConstantProduct(10**9, 10**9, 0)
    for hops in ((Hop(Hostile([claim]), True), Hop(honest, False)), (Hop(honest, False), Hop(Hostile([claim]), True))):
        assert best_cycle_size(hops, amount_in_max=10**30, now_s=0) is None
    three = (Hop(Hostile([claim]), True), Hop(Hostile([claim]), True), Hop(Hostile([claim]), True))
    assert best_cycle_size(three, amount_in_max=10**400, now_s=0) is None


def test_endless_depth_in_no_width_ends() -> None:
    taken = 0

    class Endless(ConstantProduct):
        def segments(self, is_a_to_b: bool, now_s: int) -> Iterator[Segment]:
            nonlocal taken
            while True:
                taken += 1
                yield Segment(0.0, 0.0, 0.0, 2.0, 0.0)

    hops = (Hop(Endless(10**9, 10**9), True), Hop(ConstantProduct(10**9, 10**9), False))
    assert best_cycle_size(hops, amount_in_max=10**9, now_s=0) is None
    assert taken <= COMBINATIONS_MAX + 1


def test_the_effort_is_bounded() -> None:
    asked = 0

    class Counting(ConstantProduct):
        def quote_in(self, is_a_to_b: bool, amount_in: int, now_s: int) -> PoolQuote:
            nonlocal asked
            asked += 1
            # Ever more for more: a pool whose quotes and depth disagree invites to climb for ever.
            return PoolQuote(amount_in, amount_in * amount_in, 0)

    hops = (Hop(Counting(10**9, 2 * 10**9), True), Hop(ConstantProduct(10**9, 10**9), False))
    best_cycle_size(hops, amount_in_max=10**30, now_s=0)
    assert asked <= EVALUATIONS_MAX


def test_a_pool_that_takes_less_is_paid_less() -> None:
    class Sparing(ConstantProduct):
        def quote_in(self, is_a_to_b: bool, amount_in: int, now_s: int) -> PoolQuote:
            return super().quote_in(is_a_to_b, amount_in, now_s)._replace(amount_in=amount_in - 1)

    hops = (Hop(Sparing(10**9, 10**9, 0), True), Hop(ConstantProduct(10**9, 2 * 10**9, 0), True))
    found = best_cycle_size(hops, amount_in_max=10**9, now_s=0)
    assert isinstance(found, CycleSize)
    assert found.gain == found.amount_out - found.amount_in + 1
    assert best_cycle_size(hops, amount_in_max=10**9, now_s=0, gain_min=found.gain) == found


def test_a_pool_is_used_once() -> None:
    pool = ConstantProduct(10**9, 10**9)
    with pytest.raises(ValueError, match="each pool once"):
        best_cycle_size((Hop(pool, True), Hop(pool, False)), amount_in_max=1, now_s=0)


@pytest.mark.parametrize("arguments", [{"amount_in_max": -1}, {"gain_min": 0}, {"evaluations_max": 0}])
def test_absurd_arguments_are_refused(arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="expected"):
        best_cycle_size(two_products(), **{"amount_in_max": 1, "now_s": 0, **arguments})


def test_one_and_four_hops_are_refused() -> None:
    for hops in (two_products()[:1], two_products() + two_products()):
        with pytest.raises(ValueError, match="hops"):
            best_cycle_size(hops, amount_in_max=1, now_s=0)


def test_the_walk_says_where_the_peak_is_in_every_token() -> None:
    peak = find_peak(two_products(), 10**12, 0)
    assert peak is not None and peak.ended_by == "margin"
    first, middle, last = peak.amounts
    assert first == pytest.approx(50e6) and middle == pytest.approx(1000e6 * 50 / 1050) and last == pytest.approx(55e6)

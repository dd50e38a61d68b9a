from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.pool_parts.raydium_clmm import RaydiumClmmTickArray, RaydiumDynamicFee
from kernel.amm.errors import PoolRefused
from kernel.amm.pool import PoolQuote
from kernel.amm.raydium_clmm import ARRAYS_MAX, RaydiumClmmPool
from kernel.amm.raydium_clmm_ladder import STEPS_MAX
from kernel.amm.raydium_clmm_walk import walk
from tests.kernel.amm.raydium_pools import NOW_S, clmm_pool, clmm_pools

AMOUNTS = st.integers(0, 55).flatmap(lambda bits: st.integers(1, 1 << bits))


def _outcome(ask: Any, *arguments: Any) -> PoolQuote | str:
    try:
        quote: PoolQuote = ask(*arguments)
    except PoolRefused as refused:
        return refused.reason
    return quote


def _walked(pool: RaydiumClmmPool, is_a_to_b: bool, amount: int, is_exact_in: bool) -> tuple[int, int] | None:
    """(the other amount, fee), or None where the program would not fill the swap."""
    arrays = [
        pool.arrays[number]
        for number in sorted(pool.arrays, reverse=is_a_to_b)
        if (number <= _here(pool) if is_a_to_b else number >= _here(pool))
    ]
    walked = walk(pool.state, pool.config, arrays, is_a_to_b, amount, is_exact_in, NOW_S)
    return None if walked.remaining or not walked.calculated else (walked.calculated, walked.fee)


def _quoted(pool: RaydiumClmmPool, is_a_to_b: bool, amount: int, is_exact_in: bool) -> tuple[int, int] | None:
    found = _outcome(pool.quote_in if is_exact_in else pool.quote_out, is_a_to_b, amount, NOW_S)
    return None if isinstance(found, str) else (found.amount_out if is_exact_in else found.amount_in, found.fee)


def _same(pool: RaydiumClmmPool, is_a_to_b: bool, amount: int, is_exact_in: bool) -> None:
    quoted, walked = _quoted(pool, is_a_to_b, amount, is_exact_in), _walked(pool, is_a_to_b, amount, is_exact_in)
    if quoted is None or walked is None:
        assert quoted == walked
        return
    assert quoted[0] == walked[0]
    # A walk counts what somebody gets of the fee; for orders filled while no liquidity is active that is less.
    assert quoted[1] >= walked[1]
    if not any(tick.orders or tick.orders_part_filled for array in pool.arrays.values() for tick in array.ticks):
        assert quoted[1] == walked[1]


def _here(pool: RaydiumClmmPool) -> int:
    return pool.state.tick // (60 * pool.state.tick_spacing)


@settings(max_examples=300, deadline=None)
@given(pool=clmm_pools(), amount=AMOUNTS, is_a_to_b=st.booleans(), is_exact_in=st.booleans())
@pytest.mark.slow
def test_prefix_sums_give_what_walking_step_by_step_gives(
    pool: RaydiumClmmPool, amount: int, is_a_to_b: bool, is_exact_in: bool
) -> None:
    _same(pool, is_a_to_b, amount, is_exact_in)


@settings(max_examples=60, deadline=None)
@given(pool=clmm_pools(), is_a_to_b=st.booleans(), is_exact_in=st.booleans(), data=st.data())
@pytest.mark.slow
def test_prefix_sums_hold_to_the_unit_at_the_ends_of_steps(
    pool: RaydiumClmmPool, is_a_to_b: bool, is_exact_in: bool, data: st.DataObject
) -> None:
    ladder = pool._ladder(is_a_to_b, is_exact_in, NOW_S)
    while ladder.extend():
        pass
    ends = sorted({each for each in (*ladder.gates, *ladder.spent) if 0 < each < 1 << 63})
    if not ends:
        return
    amount = max(1, data.draw(st.sampled_from(ends)) + data.draw(st.integers(-2, 2)))
    _same(pool, is_a_to_b, amount, is_exact_in)


@settings(max_examples=100, deadline=None)
@given(pool=clmm_pools(), amount=AMOUNTS, is_a_to_b=st.booleans())
@pytest.mark.slow
def test_swapping_forth_and_back_never_gains(pool: RaydiumClmmPool, amount: int, is_a_to_b: bool) -> None:
    try:
        quote, moved = pool.after(is_a_to_b, amount, NOW_S)
        back = moved.quote_in(not is_a_to_b, quote.amount_out, NOW_S)
    except PoolRefused:
        return
    assert back.amount_out <= amount


@settings(max_examples=100, deadline=None)
@given(pool=clmm_pools(), first=AMOUNTS, second=AMOUNTS, is_a_to_b=st.booleans())
@pytest.mark.slow
def test_two_swaps_in_a_row_give_no_more_than_one_of_both_amounts_but_for_a_falling_fee(
    pool: RaydiumClmmPool, first: int, second: int, is_a_to_b: bool
) -> None:
    if pool.state.dynamic_fee is not None:
        return
    try:
        quote, moved = pool.after(is_a_to_b, first, NOW_S)
        then = moved.quote_in(is_a_to_b, second, NOW_S)
        whole = pool.quote_in(is_a_to_b, first + second, NOW_S)
    except PoolRefused:
        return
    # Each of the two swaps may round a step's fee once less than the one swap that ends its step there.
    assert quote.amount_out + then.amount_out <= whole.amount_out * (1 + 1e-9) + 2 + whole.amount_out // second


@settings(max_examples=100, deadline=None)
@given(pool=clmm_pools(), amount=AMOUNTS, is_a_to_b=st.booleans())
@pytest.mark.slow
def test_the_input_that_an_output_costs_gets_at_least_that_output(
    pool: RaydiumClmmPool, amount: int, is_a_to_b: bool
) -> None:
    try:
        cost = pool.quote_out(is_a_to_b, amount, NOW_S)
        got = pool.quote_in(is_a_to_b, cost.amount_in, NOW_S)
    except PoolRefused:
        return
    assert got.amount_out >= amount


@settings(max_examples=60, deadline=None)
@given(pool=clmm_pools(), is_a_to_b=st.booleans(), share=st.floats(0.05, 0.95))
@pytest.mark.slow
def test_segments_come_close_to_exact_quotes(pool: RaydiumClmmPool, is_a_to_b: bool, share: float) -> None:
    for segment in pool.segments(is_a_to_b, NOW_S):
        length = segment.in_end - segment.in_start
        amount = int(segment.in_start + share * length)
        if length < 10**7 or segment.in_end > 1e17:
            continue
        spent = amount - segment.in_start
        estimate = segment.out_start + segment.rate * spent / (1 + segment.curve * spent)
        try:
            exact = pool.quote_in(is_a_to_b, amount, NOW_S).amount_out
        except PoolRefused:
            return
        assert exact == pytest.approx(estimate, rel=1e-6, abs=200)


def test_a_tick_with_orders_gives_them_before_its_liquidity() -> None:
    pool = clmm_pool([(-60, 60, 10**9)], orders=[(0, 1_000, 500)], tick=0, fee_rate=0)
    assert pool.quote_in(True, 1_000, NOW_S) == PoolQuote(1_000, 1_000, 0)
    _, moved = pool.after(True, 1_000, NOW_S)
    [entry] = [tick for array in moved.arrays.values() for tick in array.ticks if tick.tick == 0]
    assert (entry.orders, entry.orders_part_filled) == (0, 500)
    assert (moved.state.tick, moved.state.sqrt_price_x64) == (0, 1 << 64)


def test_an_output_that_is_complete_pays_for_no_step_behind_it() -> None:
    pool = clmm_pool([(0, 10, 1)], orders=[(0, 1, 0)], tick=-1, fee_rate=0)
    assert pool.quote_out(False, 1, NOW_S) == PoolQuote(1, 1, 0)


def test_an_array_whose_last_order_is_filled_is_no_longer_marked() -> None:
    pool = clmm_pool([(-1200, 60, 10**9)], orders=[(-600, 1_000, 0)], tick=-600, fee_rate=0)
    assert pool.state.bitmap.bit_count() == 3
    _, moved = pool.after(True, 5_000, NOW_S)
    assert moved.state.bitmap.bit_count() == 2
    assert moved.quote_in(True, 5_000, NOW_S).amount_out > 0


def test_the_fee_falls_as_the_clock_goes_on() -> None:
    dynamic = RaydiumDynamicFee(10, 100, 5_000, 50_000, 500_000, 0, 300_000, 300_000, NOW_S)
    pool = clmm_pool([(-6000, 6000, 10**15)], tick=5, dynamic_fee=dynamic)
    held, decayed, reset = (pool.quote_in(True, 10**6, NOW_S + later).fee for later in (0, 50, 200))
    assert held > decayed > reset == 2_500
    assert pool.after(True, 10**6, NOW_S + 50)[1].state.dynamic_fee == RaydiumDynamicFee(
        10, 100, 5_000, 50_000, 500_000, 0, 150_000, 150_000, NOW_S + 50
    )


@pytest.mark.parametrize(("fee_on", "is_a_to_b", "is_in"), [(0, True, True), (1, False, False), (2, False, True)])
def test_the_fee_is_taken_on_the_side_that_the_pool_names(fee_on: int, is_a_to_b: bool, is_in: bool) -> None:
    pool = clmm_pool([(-600, 600, 10**15)], fee_on=fee_on, fee_rate=100_000)
    quote = pool.quote_in(is_a_to_b, 1_000_000, NOW_S)
    assert quote.fee == pytest.approx(100_000, abs=2)
    assert quote.amount_out == pytest.approx(900_000, abs=3)
    assert _is_from_input(pool, is_a_to_b) is is_in


def _is_from_input(pool: RaydiumClmmPool, is_a_to_b: bool) -> bool:
    return pool._ladder(is_a_to_b, True, NOW_S).is_fee_in


def test_transfer_fees_are_in_the_quote() -> None:
    plain = clmm_pool([(-600, 600, 10**15)])
    taxed = clmm_pool([(-600, 600, 10**15)], token_fees=((100, 10**9), (200, 10**9)))
    quote = taxed.quote_in(True, 1_000_000, NOW_S)
    out = plain.quote_in(True, 990_000, NOW_S).amount_out
    assert quote.amount_out == out - -(-out * 200 // 10_000)
    back = taxed.quote_out(True, quote.amount_out, NOW_S)
    assert back.amount_in <= 1_000_000
    assert back.amount_out >= quote.amount_out


@pytest.mark.parametrize(
    ("pool", "amount", "reason"),
    [
        (clmm_pool(status=1 << 4), 1_000, "swap_disabled"),
        (clmm_pool(open_time_s=NOW_S), 1_000, "swap_disabled"),
        (clmm_pool(), 0, "amount_too_small"),
        (clmm_pool(), 1 << 64, "amount_out_of_range"),
        (clmm_pool(), 10**15, "insufficient_liquidity"),
        (clmm_pool(), 1, "amount_too_small"),
        (clmm_pool(token_fees=((10_000, 1 << 60), (0, 0))), 1_000, "amount_too_small"),
    ],
)
def test_what_the_program_refuses_is_refused(pool: RaydiumClmmPool, amount: int, reason: str) -> None:
    with pytest.raises(PoolRefused) as caught:
        pool.quote_in(True, amount, NOW_S)
    assert caught.value.reason == reason
    assert caught.value.__traceback__ is not None


def test_a_refusal_can_be_had_again() -> None:
    pool = clmm_pool()
    assert {_outcome(pool.quote_in, True, 10**15, NOW_S) for _ in range(3)} == {"insufficient_liquidity"}


def test_an_array_that_was_not_read_is_no_depth() -> None:
    pool = clmm_pool([(-60, 60, 10**9), (-6000, 6000, 10**9)])
    known = {number: array for number, array in pool.arrays.items() if number != -10}
    partly = RaydiumClmmPool(pool.state, pool.config, known, ())
    assert partly.quote_in(True, 1_000_000, NOW_S) == pool.quote_in(True, 1_000_000, NOW_S)
    assert _outcome(partly.quote_in, True, 10**15, NOW_S) == "depth_unknown"


@pytest.mark.parametrize("number", [-1, -2])
def test_an_array_that_should_have_ticks_and_has_none_is_no_depth(number: int) -> None:
    pool = clmm_pool([(-1200, 600, 10**9), (-600, 600, 10**9)], tick=30)
    arrays = {**pool.arrays, number: RaydiumClmmTickArray(number * 600, ())}
    partly = RaydiumClmmPool(pool.state, pool.config, arrays, ())
    assert _outcome(pool.quote_in, True, 10**8, NOW_S) != "depth_unknown"
    assert _outcome(partly.quote_in, True, 10**8, NOW_S) == "depth_unknown"


def test_no_more_arrays_are_used_than_a_transaction_passes() -> None:
    pool = clmm_pool([(-600 * (each + 1), -600 * each, 10**9) for each in range(ARRAYS_MAX + 1)])
    assert _outcome(pool.quote_in, True, 10**12, NOW_S) == "arrays_exhausted"


def test_a_missing_extension_is_unknown_depth_and_an_empty_one_the_end() -> None:
    pool = clmm_pool([(-6, 6, 10**9)], tick_spacing=1)
    unread = RaydiumClmmPool(pool.state, pool.config, pool.arrays, None)
    assert _outcome(pool.quote_in, True, 10**12, NOW_S) == "insufficient_liquidity"
    assert _outcome(unread.quote_in, True, 10**12, NOW_S) == "depth_unknown"


def test_a_fee_with_endless_groups_ends_the_table() -> None:
    dynamic = RaydiumDynamicFee(10, 100, 5_000, 0, (1 << 32) - 1, 0, 0, 0, NOW_S)
    pool = clmm_pool([(-10_000, 10_000, 10**15)], tick_spacing=1, dynamic_fee=dynamic)
    ladder = pool._ladder(True, True, NOW_S)
    while ladder.extend():
        pass
    assert len(ladder.steps) == STEPS_MAX
    assert _outcome(pool.quote_in, True, 10**15, NOW_S) == "depth_unknown"


def test_the_rate_is_zero_where_nothing_can_be_swapped() -> None:
    assert clmm_pool(status=255).rate(True, NOW_S) == 0.0
    assert clmm_pool().rate(True, NOW_S) == pytest.approx(0.9975)

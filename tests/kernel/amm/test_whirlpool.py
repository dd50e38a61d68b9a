"""Quotes of a Whirlpool against the same swap done step by step, and what must hold of any swap."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bus.pool_parts.token_fee import TokenFee
from bus.pool_parts.whirlpool import WhirlpoolState
from kernel.amm.errors import PoolRefused
from kernel.amm.token_fee import U64_MAX
from kernel.amm.whirlpool import WhirlpoolPool
from kernel.amm.whirlpool_fee import reference, regime
from kernel.amm.whirlpool_ticks import (
    MAX_SQRT_PRICE,
    MAX_TICK,
    MIN_SQRT_PRICE,
    MIN_TICK,
    TICK_ARRAY_SIZE,
    array_start,
    sqrt_price_at_tick,
)
from tests.kernel.amm.whirlpool_pools import NOW_S, OutOfArrays, Walked, pools, walk

AMOUNTS = st.integers(1, 10**4) | st.integers(1, 10**8) | st.integers(1, 10**15)
SIZE = TICK_ARRAY_SIZE * 64


def _reference(pool: WhirlpoolPool) -> tuple[int, int]:
    if pool.oracle is None:
        return 0, 0
    start = reference(pool.oracle, pool.state.tick_current, regime(pool.oracle, NOW_S), NOW_S)
    return start.group, start.volatility


def _walk(pool: WhirlpoolPool, is_a_to_b: bool, amount: int, *, is_input: bool) -> Walked | None:
    try:
        return walk(pool, is_a_to_b, amount, is_input=is_input, reference=_reference(pool))
    except OutOfArrays:
        return None


def _check_in(pool: WhirlpoolPool, is_a_to_b: bool, amount: int) -> None:
    try:
        walked = _walk(pool, is_a_to_b, amount, is_input=True)
    except PoolRefused:
        assume(False)
    if walked is None or pool.state.sqrt_price == (MIN_SQRT_PRICE if is_a_to_b else MAX_SQRT_PRICE):
        with pytest.raises(PoolRefused, match=r"arrays_exhausted|depth_unknown|price_limit"):
            pool.quote_in(is_a_to_b, amount, NOW_S)
        return
    quote, after = pool.after(is_a_to_b, amount, NOW_S)
    assert quote == walked[:3]
    state = after.state
    assert (state.sqrt_price, state.tick_current, state.liquidity) == walked[3:6]
    if after.oracle is not None:
        assert after.oracle.volatility_accumulator == walked.volatility


def _check_out(pool: WhirlpoolPool, is_a_to_b: bool, amount: int) -> None:
    try:
        walked = _walk(pool, is_a_to_b, amount, is_input=False)
    except PoolRefused:
        assume(False)
    if walked is None or walked.amount_out != amount:
        with pytest.raises(PoolRefused, match=r"arrays_exhausted|depth_unknown|insufficient_liq|price_limit"):
            pool.quote_out(is_a_to_b, amount, NOW_S)
        return
    assert pool.quote_out(is_a_to_b, amount, NOW_S) == walked[:3]


@given(pools(), st.booleans(), AMOUNTS)
@settings(max_examples=150)
@pytest.mark.slow
def test_exact_input_at_a_fixed_fee_is_the_swap_done_step_by_step(
    pool: WhirlpoolPool, is_a_to_b: bool, amount: int
) -> None:
    _check_in(pool, is_a_to_b, amount)


@given(pools(), st.booleans(), AMOUNTS)
@settings(max_examples=150)
@pytest.mark.slow
def test_exact_output_at_a_fixed_fee_is_the_swap_done_step_by_step(
    pool: WhirlpoolPool, is_a_to_b: bool, amount: int
) -> None:
    _check_out(pool, is_a_to_b, amount)


@given(pools(is_adaptive=True), st.booleans(), AMOUNTS)
@settings(max_examples=150, deadline=None)
@pytest.mark.slow
def test_exact_input_at_an_adaptive_fee_is_the_swap_done_step_by_step(
    pool: WhirlpoolPool, is_a_to_b: bool, amount: int
) -> None:
    _check_in(pool, is_a_to_b, amount)


@given(pools(is_adaptive=True), st.booleans(), AMOUNTS)
@settings(max_examples=150, deadline=None)
@pytest.mark.slow
def test_exact_output_at_an_adaptive_fee_is_the_swap_done_step_by_step(
    pool: WhirlpoolPool, is_a_to_b: bool, amount: int
) -> None:
    _check_out(pool, is_a_to_b, amount)


@given(pools() | pools(is_adaptive=True), st.booleans(), st.integers(0, 60), st.integers(-2, 2))
@settings(max_examples=150, deadline=None)
@pytest.mark.slow
def test_at_and_around_every_stop_the_quote_is_the_swap_done_step_by_step(
    pool: WhirlpoolPool, is_a_to_b: bool, number: int, more: int
) -> None:
    try:
        table = pool.table(is_a_to_b, NOW_S)
    except PoolRefused:
        return
    for at, _ in table.all_steps():
        if at == number:
            break
    for sums, check in ((table.ins, _check_in), (table.outs, _check_out)):
        amount = sums[min(number, len(sums) - 1)] + more
        if 0 < amount <= U64_MAX:
            check(pool, is_a_to_b, amount)


@given(pools(has_token_fees=True), st.booleans(), AMOUNTS)
@settings(max_examples=150)
@pytest.mark.slow
def test_what_exact_output_asks_for_buys_at_least_that_output(
    pool: WhirlpoolPool, is_a_to_b: bool, amount: int
) -> None:
    try:
        wanted = pool.quote_out(is_a_to_b, amount, NOW_S)
        bought = pool.quote_in(is_a_to_b, wanted.amount_in, NOW_S)
    except PoolRefused:
        return
    assert wanted.amount_out >= amount
    assert bought.amount_out >= amount


@given(pools(), st.booleans(), AMOUNTS, AMOUNTS)
@settings(max_examples=150)
@pytest.mark.slow
def test_a_swap_in_two_parts_and_back_never_turns_a_profit(
    pool: WhirlpoolPool, is_a_to_b: bool, first: int, second: int
) -> None:
    try:
        _, between = pool.after(is_a_to_b, first, NOW_S)
        there, after = between.after(is_a_to_b, second, NOW_S)
        back = after.quote_in(not is_a_to_b, there.amount_out, NOW_S)
    except PoolRefused:
        return
    assert back.amount_out <= there.amount_in


@given(pools(has_token_fees=True), st.booleans())
@settings(max_examples=150, deadline=None)
@pytest.mark.slow
def test_segments_follow_the_exact_quotes(pool: WhirlpoolPool, is_a_to_b: bool) -> None:
    before = 0.0
    for number, segment in enumerate(pool.segments(is_a_to_b, NOW_S)):
        assert segment.in_start >= before * (1 - 1e-9)
        before = segment.in_end
        amount = int((segment.in_start + segment.in_end) / 2)
        if number > 6 or not 10**4 < amount <= U64_MAX:
            continue
        try:
            quote = pool.quote_in(is_a_to_b, amount, NOW_S)
        except PoolRefused:
            continue
        d = amount - segment.in_start
        expected = segment.out_start + segment.rate * d / (1 + segment.curve * d)
        slack = 30 + 30 * segment.rate + abs(expected) * 1e-3
        assert abs(expected - quote.amount_out) <= slack


def _pool(*, liquidity: int = 10**9, tick: int = 0, arrays: dict[int, tuple[tuple[int, int], ...]]) -> WhirlpoolPool:
    return WhirlpoolPool(WhirlpoolState(64, 64, 3_000, 0, liquidity, sqrt_price_at_tick(tick), tick), arrays)


def test_a_known_empty_array_is_crossed_and_an_unknown_one_is_refused() -> None:
    known = _pool(arrays={0: (), SIZE: (), 2 * SIZE: ()})
    unknown = _pool(arrays={0: (), SIZE: ()})
    assert known.quote_in(False, 500_000_000, NOW_S).amount_in == 500_000_000
    assert sqrt_price_at_tick(SIZE) < known.table(False, NOW_S).end_of(500_000_000).sqrt_price
    with pytest.raises(PoolRefused, match="depth_unknown"):
        unknown.quote_in(False, 10**12, NOW_S)
    with pytest.raises(PoolRefused, match="depth_unknown"):
        unknown.quote_in(True, 10**12, NOW_S)


def test_a_fourth_array_is_beyond_any_swap_however_well_known() -> None:
    pool = _pool(arrays={number * SIZE: () for number in range(-5, 6)})
    with pytest.raises(PoolRefused, match="arrays_exhausted"):
        pool.quote_in(False, U64_MAX, NOW_S)
    with pytest.raises(PoolRefused, match="arrays_exhausted"):
        pool.quote_in(True, U64_MAX, NOW_S)


def test_without_the_array_of_the_price_nothing_is_quoted() -> None:
    pool = _pool(arrays={SIZE: (), -SIZE: ()})
    for is_a_to_b in (False, True):
        with pytest.raises(PoolRefused, match="depth_unknown"):
            pool.quote_in(is_a_to_b, 1, NOW_S)
        assert pool.rate(is_a_to_b, NOW_S) == 0.0


def test_input_beyond_the_end_of_the_scale_is_left_in_the_wallet() -> None:
    start = array_start(MAX_TICK, 64)
    pool = _pool(liquidity=10**6, tick=MAX_TICK - 10, arrays={start: ()})
    quote, after = pool.after(False, U64_MAX, NOW_S)
    assert quote.amount_in < U64_MAX
    assert after.state.sqrt_price == MAX_SQRT_PRICE
    with pytest.raises(PoolRefused, match="insufficient_liquidity"):
        pool.quote_out(False, U64_MAX, NOW_S)
    with pytest.raises(PoolRefused, match="price_limit_out_of_range"):
        after.quote_in(False, 1, NOW_S)


def test_the_lower_end_of_the_scale_is_an_end_too() -> None:
    start = array_start(MIN_TICK, 64)
    pool = _pool(liquidity=10**6, tick=MIN_TICK + 10, arrays={start: ()})
    quote, after = pool.after(True, U64_MAX, NOW_S)
    assert quote.amount_in < U64_MAX
    assert after.state.sqrt_price == MIN_SQRT_PRICE
    assert after.state.tick_current == MIN_TICK - 1


def test_ticks_that_take_away_more_liquidity_than_there_is_are_refused_when_met() -> None:
    pool = _pool(arrays={0: ((64, -(10**10)),), SIZE: (), 2 * SIZE: ()})
    table = pool.table(False, NOW_S)
    assert pool.quote_in(False, 1_000, NOW_S).amount_out
    assert pool.quote_in(False, table.ins[1] - 1, NOW_S).amount_out
    for amount in (table.ins[1], 10**9):
        with pytest.raises(PoolRefused, match="liquidity_out_of_range"):
            pool.quote_in(False, amount, NOW_S)


@pytest.mark.parametrize(
    ("amount", "reason"), [(0, "amount_too_small"), (-1, "amount_out"), (U64_MAX + 1, "amount_out")]
)
def test_amounts_that_are_no_u64_above_zero_are_refused(amount: int, reason: str) -> None:
    pool = _pool(arrays={0: (), SIZE: (), 2 * SIZE: ()})
    with pytest.raises(PoolRefused, match=reason):
        pool.quote_in(False, amount, NOW_S)
    with pytest.raises(PoolRefused, match=reason):
        pool.quote_out(False, amount, NOW_S)


def test_an_amount_that_the_transfer_fee_eats_is_too_small() -> None:
    fees = TokenFee(True, 10_000, 10), TokenFee(False, 0, 0)
    pool = WhirlpoolPool(WhirlpoolState(64, 64, 0, 0, 10**9, 1 << 64, 0), {0: (), -SIZE: ()}, None, fees)
    with pytest.raises(PoolRefused, match="amount_too_small"):
        pool.quote_in(True, 10, NOW_S)
    assert pool.quote_in(True, 1_010, NOW_S).amount_out == 999


def test_an_adaptive_fee_without_its_oracle_is_no_pool() -> None:
    with pytest.raises(PoolRefused, match="state_inconsistent"):
        WhirlpoolPool(WhirlpoolState(64, 1_024, 0, 0, 10**9, 1 << 64, 0), {})

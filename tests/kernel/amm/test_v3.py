"""Laws of the pool: value, order, refusals and the folding of events."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kernel.amm.errors import PoolRefused
from kernel.amm.v3 import (
    SwapQuote,
    V3Pool,
    amounts_for_liquidity,
    apply_mint_burn,
    apply_swap,
    pool_after,
    pool_within_interval,
    price_fraction,
    price_x96_to_float,
    swap_exact_in,
    swap_exact_out,
)
from kernel.amm.v3_ticks import (
    INT256_MAX,
    MAX_SQRT_RATIO,
    MAX_TICK,
    MIN_SQRT_RATIO,
    MIN_TICK,
    Q96,
    liquidity_per_tick_max,
    sqrt_ratio_at_tick,
    swap_step,
    tick_at_sqrt_ratio,
)
from tests.kernel.amm.v3_pools import pool_of, pools

AMOUNTS = st.integers(0, 30).flatmap(lambda power: st.integers(1, 10**power))
POOL = pool_of([(-6000, 6000, 10**18)], sqrt_price_x96=Q96, tick=0)


def reference_swap(pool: V3Pool, zero_for_one: bool, amount: int, limit: int, exact_in: bool) -> SwapQuote:
    """The contract's loop as written down in its documentation, with the bitmap read tick by tick; slow."""
    net, spacing = dict(pool.ticks), pool.tick_spacing
    price, tick, liquidity = pool.sqrt_price_x96, pool.tick, pool.liquidity
    remaining, total_in, total_out, fees, crossed = amount, 0, 0, 0, 0
    while remaining and price != limit:
        compressed = tick // spacing if zero_for_one else tick // spacing + 1
        if zero_for_one:
            while compressed * spacing not in net and compressed % 256 != 0:
                compressed -= 1
        else:
            while compressed * spacing not in net and compressed % 256 != 255:
                compressed += 1
        stop = min(max(compressed * spacing, MIN_TICK), MAX_TICK)
        stop_price = sqrt_ratio_at_tick(stop)
        target = max(stop_price, limit) if zero_for_one else min(stop_price, limit)
        after, paid, out, fee = swap_step(price, target, liquidity, remaining, pool.fee_pips, exact_in=exact_in)
        remaining -= paid + fee if exact_in else out
        total_in, total_out, fees = total_in + paid + fee, total_out + out, fees + fee
        if after == stop_price:
            if stop in net:
                liquidity += -net[stop] if zero_for_one else net[stop]
                crossed += 1
            tick = stop - 1 if zero_for_one else stop
        elif after != price:
            tick = tick_at_sqrt_ratio(after)
        price = after
    return SwapQuote(total_in, total_out, fees, price, tick, liquidity, crossed)


def open_limit(pool: V3Pool, zero_for_one: bool) -> int:
    limit = MIN_SQRT_RATIO + 1 if zero_for_one else MAX_SQRT_RATIO - 1
    assume(limit < pool.sqrt_price_x96 if zero_for_one else limit > pool.sqrt_price_x96)
    return limit


@pytest.mark.slow
@given(pools(), st.booleans(), AMOUNTS, st.booleans(), st.integers(-2_000, 2_000) | st.none())
@settings(max_examples=300, deadline=None)
def test_quotes_equal_the_loop_step_by_step(
    pool: V3Pool, zero_for_one: bool, amount: int, exact_in: bool, limit_ticks: int | None
) -> None:
    limit = open_limit(pool, zero_for_one)
    if limit_ticks is not None:
        limit = sqrt_ratio_at_tick(pool.tick + limit_ticks)
        assume(limit < pool.sqrt_price_x96 if zero_for_one else limit > pool.sqrt_price_x96)
    swap = swap_exact_in if exact_in else swap_exact_out
    expected = reference_swap(pool, zero_for_one, amount, limit, exact_in)
    assert swap(pool, zero_for_one, amount, limit) == expected
    # Once more, now from steps that are kept, and from a neighbouring state that shares them.
    assert swap(pool, zero_for_one, amount, limit) == expected
    moved = pool_after(pool, expected)
    if not zero_for_one and moved.sqrt_price_x96 > MIN_SQRT_RATIO + 1:
        back = reference_swap(moved, True, amount, MIN_SQRT_RATIO + 1, exact_in)
        assert swap(moved, True, amount, MIN_SQRT_RATIO + 1) == back


@pytest.mark.slow
@given(pools(), st.booleans(), AMOUNTS)
@settings(max_examples=200, deadline=None)
def test_there_and_back_never_creates_value(pool: V3Pool, zero_for_one: bool, amount: int) -> None:
    there = swap_exact_in(pool, zero_for_one, amount)
    assert there.amount_in <= amount
    if there.amount_out == 0:
        return
    back = swap_exact_in(pool_after(pool, there), not zero_for_one, there.amount_out)
    assert back.amount_out <= there.amount_in


@pytest.mark.slow
@given(pools(), st.booleans(), AMOUNTS)
@settings(max_examples=200, deadline=None)
def test_exact_out_asks_no_less_than_exact_in_needs(pool: V3Pool, zero_for_one: bool, amount: int) -> None:
    try:
        bought = swap_exact_out(pool, zero_for_one, amount)
    except PoolRefused as refused:
        assert refused.reason == "insufficient_liquidity"
        return
    assert bought.amount_out == amount
    assert swap_exact_in(pool, zero_for_one, bought.amount_in).amount_out >= amount


@pytest.mark.slow
@given(pools(), st.booleans(), AMOUNTS, AMOUNTS)
@settings(max_examples=200, deadline=None)
def test_more_in_never_gives_less_and_splitting_never_gains(
    pool: V3Pool, zero_for_one: bool, first: int, second: int
) -> None:
    part = swap_exact_in(pool, zero_for_one, first)
    whole = swap_exact_in(pool, zero_for_one, first + second)
    assert whole.amount_out >= part.amount_out
    further = part.sqrt_price_x96_after - whole.sqrt_price_x96_after
    assert further >= 0 if zero_for_one else further <= 0
    if part.amount_in < first:
        return
    rest = swap_exact_in(pool_after(pool, part), zero_for_one, second)
    if whole.amount_in == first + second and rest.amount_in == second:
        # The fee is rounded down once per step, so that a split may save one unit of input: worth of output
        # at the best price on the way, and one for the roundings of the output itself.
        unit = swap_exact_in(pool, zero_for_one, 2).amount_out if pool.liquidity else whole.amount_out
        assert part.amount_out + rest.amount_out <= whole.amount_out + unit + 1


@pytest.mark.slow
@given(pools(), st.booleans(), AMOUNTS)
@settings(max_examples=200, deadline=None)
def test_the_fee_is_the_stated_share_rounded_for_the_pool(pool: V3Pool, zero_for_one: bool, amount: int) -> None:
    quote = swap_exact_in(pool, zero_for_one, amount)
    assert quote.fee_paid * 1_000_000 >= quote.amount_in * pool.fee_pips - 1_000_000
    assert 0 <= quote.fee_paid <= quote.amount_in


@pytest.mark.slow
@given(pools(), st.booleans(), AMOUNTS, st.integers(0, 3), st.integers(1, 3))
@settings(max_examples=200, deadline=None)
def test_a_known_range_answers_as_the_whole_pool_or_refuses(
    pool: V3Pool, zero_for_one: bool, amount: int, below: int, above: int
) -> None:
    spacing = pool.tick_spacing
    low = (pool.tick // spacing - below * 7) * spacing
    high = (pool.tick // spacing + above * 7) * spacing
    part = V3Pool(
        sqrt_price_x96=pool.sqrt_price_x96,
        tick=pool.tick,
        liquidity=pool.liquidity,
        fee_pips=pool.fee_pips,
        tick_spacing=spacing,
        ticks=tuple(pair for pair in pool.ticks if low < pair[0] < high),
        known_low=low,
        known_high=high,
    )
    truth = swap_exact_in(pool, zero_for_one, amount)
    try:
        quote = swap_exact_in(part, zero_for_one, amount)
    except PoolRefused as refused:
        assert refused.reason == "depth_unknown"
        edge = sqrt_ratio_at_tick(low if zero_for_one else high)
        reached = truth.sqrt_price_x96_after
        assert reached <= edge if zero_for_one else reached >= edge
        return
    assert quote == truth


def test_an_interval_is_exact_inside_and_refuses_beyond() -> None:
    pool = pool_within_interval(sqrt_price_x96=Q96, tick=0, liquidity=10**18, fee_pips=3000, tick_spacing=60)
    assert swap_exact_in(pool, False, 10**12) == swap_exact_in(POOL, False, 10**12)
    for swap, zero_for_one, amount in ((swap_exact_in, False, 10**17), (swap_exact_out, False, 10**17)):
        with pytest.raises(PoolRefused) as refused:
            swap(pool, zero_for_one, amount)
        assert refused.value.reason == "depth_unknown"
    with pytest.raises(PoolRefused, match="depth_unknown"):
        swap_exact_in(pool, True, 1)  # The price stands on the lower edge: not one unit downward is known.


@pytest.mark.parametrize("amount", [0, -1, INT256_MAX + 1])
def test_amounts_outside_the_contracts_type_are_refused(amount: int) -> None:
    for swap in (swap_exact_in, swap_exact_out):
        with pytest.raises(PoolRefused, match="amount_out_of_range"):
            swap(POOL, True, amount)


@pytest.mark.parametrize(
    ("zero_for_one", "limit"),
    [(True, Q96), (True, MIN_SQRT_RATIO), (True, Q96 + 1), (False, Q96), (False, MAX_SQRT_RATIO), (False, 0)],
)
def test_limits_on_the_wrong_side_are_refused(zero_for_one: bool, limit: int) -> None:
    with pytest.raises(PoolRefused, match="price_limit_out_of_range"):
        swap_exact_in(POOL, zero_for_one, 1000, limit)


def test_an_empty_pool_takes_nothing() -> None:
    empty = V3Pool(sqrt_price_x96=Q96, tick=0, liquidity=0, fee_pips=3000, tick_spacing=60)
    quote = swap_exact_in(empty, True, 10**18)
    assert (quote.amount_in, quote.amount_out, quote.sqrt_price_x96_after) == (0, 0, MIN_SQRT_RATIO + 1)
    with pytest.raises(PoolRefused, match="insufficient_liquidity"):
        swap_exact_out(empty, True, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"fee_pips": 1_000_000},
        {"fee_pips": -1},
        {"tick_spacing": 0},
        {"tick_spacing": 16384},
        {"liquidity": -1},
        {"liquidity": 1 << 128},
        {"sqrt_price_x96": 0},
        {"sqrt_price_x96": MAX_SQRT_RATIO},
        {"tick": 1},
        {"tick": -2},
        {"tick": MAX_TICK},
        {"known_low": 60},
        {"known_high": 0},
        {"known_low": MIN_TICK - 1},
    ],
)
def test_contradictory_states_are_refused_at_once(wrong: dict[str, int]) -> None:
    scalars = {"sqrt_price_x96": Q96, "tick": 0, "liquidity": 0, "fee_pips": 3000, "tick_spacing": 60}
    with pytest.raises(PoolRefused, match="state_inconsistent"):
        V3Pool(**{**scalars, **wrong})


@pytest.mark.parametrize(
    ("ticks", "gross"),
    [
        (((60, -5), (-60, 5)), None),
        (((-60, 5), (-60, -5)), None),
        (((-61, 5), (60, -5)), None),
        (((-60, 5), (887280, -5)), None),
        (((-60, 4), (60, -4)), None),
        (((-60, 5), (60, -4)), None),
        ((), None),
        (((-60, 5), (60, -5)), (5,)),
        (((-60, 5), (60, -5)), (5, 4)),
        (((-60, 1 << 127), (60, -(1 << 127))), None),
    ],
)
def test_contradictory_tables_are_refused_on_use(
    ticks: tuple[tuple[int, int], ...], gross: tuple[int, ...] | None
) -> None:
    pool = V3Pool(
        sqrt_price_x96=Q96,
        tick=0,
        liquidity=5,
        fee_pips=3000,
        tick_spacing=60,
        ticks=ticks,
        liquidity_gross=gross,
    )
    with pytest.raises(PoolRefused, match="state_inconsistent"):
        swap_exact_in(pool, True, 1)


def test_a_burn_undoes_a_mint() -> None:
    minted = apply_mint_burn(POOL, -600, 660, 77)
    assert minted.liquidity == POOL.liquidity + 77
    assert dict(minted.ticks) == {-6000: 10**18, -600: 77, 660: -77, 6000: -(10**18)}
    assert apply_mint_burn(minted, -600, 660, -77) == POOL
    above = apply_mint_burn(POOL, 60, 120, 5)
    assert above.liquidity == POOL.liquidity
    assert apply_mint_burn(POOL, 60, 120, 0) is POOL


def test_a_tick_of_net_zero_stays_while_its_gross_is_positive() -> None:
    stacked = apply_mint_burn(apply_mint_burn(POOL, -120, -60, 9), -60, 60, 9)
    assert dict(stacked.ticks)[-60] == 0
    assert dict(apply_mint_burn(stacked, -120, -60, -9).ticks)[-60] == 9
    quote = swap_exact_in(stacked, True, 4 * 10**15)
    assert quote.ticks_crossed == 1 and quote.liquidity_after == stacked.liquidity


def test_a_burn_to_net_zero_without_gross_ends_the_known_range_there() -> None:
    blind = V3Pool(
        sqrt_price_x96=Q96,
        tick=0,
        liquidity=10**18,
        fee_pips=3000,
        tick_spacing=60,
        ticks=((-6000, 10**18 - 9), (-60, 9), (120, -9), (6000, -(10**18 - 9))),
    )
    burnt = apply_mint_burn(blind, -60, 120, -9)
    assert (burnt.known_low, burnt.known_high, burnt.ticks) == (-60, 120, ())
    with pytest.raises(PoolRefused, match="depth_unknown"):
        swap_exact_in(burnt, True, 10**17)


@pytest.mark.parametrize(("lower", "upper"), [(60, 60), (60, 0), (-61, 60), (0, 887280), (-887280, 0)])
def test_ranges_the_contract_refuses_are_refused(lower: int, upper: int) -> None:
    for act in (apply_mint_burn, amounts_for_liquidity):
        with pytest.raises(PoolRefused, match="range_invalid"):
            act(POOL, lower, upper, 1)


@pytest.mark.parametrize(
    ("lower", "upper", "delta"),
    [(-6000, 6000, -(10**18) - 1), (-60, 60, -1), (-120, 60, liquidity_per_tick_max(60) + 1)],
)
def test_impossible_deltas_are_refused(lower: int, upper: int, delta: int) -> None:
    with pytest.raises(PoolRefused, match="liquidity_out_of_range"):
        apply_mint_burn(POOL, lower, upper, delta)


def test_a_swap_event_that_disagrees_with_the_table_is_refused() -> None:
    price = sqrt_ratio_at_tick(7000)
    assert apply_swap(POOL, price, 0, 7000).liquidity == 0
    with pytest.raises(PoolRefused, match="state_diverged"):
        apply_swap(POOL, price, 10**18, 7000)


def test_a_swap_event_beyond_the_known_range_leaves_only_its_interval_known() -> None:
    pool = pool_within_interval(sqrt_price_x96=Q96, tick=0, liquidity=10**18, fee_pips=3000, tick_spacing=60)
    price = sqrt_ratio_at_tick(130)
    moved = apply_swap(pool, price, 5, 130)
    assert (moved.known_low, moved.known_high, moved.liquidity) == (120, 180, 5)
    with pytest.raises(PoolRefused, match="state_diverged"):
        apply_swap(moved, price, 6, 130)


@pytest.mark.slow
@given(pools(), st.booleans(), AMOUNTS)
@settings(max_examples=100, deadline=None)
def test_a_swap_event_leads_to_the_state_its_quote_foresaw(pool: V3Pool, zero_for_one: bool, amount: int) -> None:
    quote = swap_exact_in(pool, zero_for_one, amount)
    moved = apply_swap(pool, quote.sqrt_price_x96_after, quote.liquidity_after, quote.tick_after)
    assert moved == pool_after(pool, quote)


def test_prices_are_whole_token1_per_whole_token0() -> None:
    # USDC(6)/WETH(18) on mainnet, 2024-01-05 00:00: 1 USDC = 1/2269.74 WETH.
    price = 1662995104975155420368771254341874
    assert 1 / price_x96_to_float(price, 6, 18) == pytest.approx(2269.74, abs=0.01)
    assert price_fraction(Q96, 6, 18) * 10**12 == 1
    assert price_x96_to_float(MAX_SQRT_RATIO, 18, 6) > 1e50

"""Whirlpools of the world: what a swap writes is what the maths say, and what a stale instruction meets."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.pool_parts.token_fee import TokenFee
from bus.pool_parts.whirlpool import WhirlpoolOracle, WhirlpoolState
from kernel.amm.whirlpool import WhirlpoolPool
from kernel.amm.whirlpool_ticks import array_start, sqrt_price_at_tick
from tests.solana_world.liquidity_ranges import Range, around, lay
from tests.solana_world.standin_whirlpool import WhirlpoolFamily, create_whirlpool
from tests.solana_world.swap_moves import moves
from tests.solana_world.swap_trial import Trial

TRIAL = Trial(WhirlpoolFamily())
AMOUNTS = (10**15, 10**15)


def _oracle(now_s: int, group: int, draw: tuple[int, int, int]) -> WhirlpoolOracle:
    control, volatility_max, size = draw
    return WhirlpoolOracle(0, 30, 600, 5_000, control, volatility_max, size, 64, now_s - 700, 0, 0, group, 0)


@st.composite
def pools(draw: st.DrawFn) -> tuple[WhirlpoolPool, dict[int, int]]:
    spacing = draw(st.sampled_from((1, 8, 64)))
    tick = draw(st.integers(-40_000, 40_000))
    ranges = [around(tick, spacing, 200 * spacing, draw(st.integers(10**9, 10**13)))]
    for _ in range(draw(st.integers(0, 4))):
        lower = (tick + draw(st.integers(-250, 250)) * spacing) // spacing * spacing
        ranges.append(Range(lower, lower + draw(st.integers(1, 120)) * spacing, draw(st.integers(10**6, 10**13))))
    laid = lay(tick, ranges)
    draws = draw(st.none() | st.tuples(st.integers(0, 50_000), st.integers(10_000, 350_000), st.sampled_from((1, 8))))
    oracle = _oracle(TRIAL.now(), tick // draws[2], draws) if draws else None
    arrays: dict[int, tuple[tuple[int, int], ...]] = {}
    for at, (net, _) in laid.ticks.items():
        start = array_start(at, spacing)
        arrays[start] = (*arrays.get(start, ()), (at, net))
    state = WhirlpoolState(
        spacing, spacing + bool(oracle), draw(st.sampled_from((0, 100, 3_000))), 1_300, laid.liquidity,
        sqrt_price_at_tick(tick), tick,
    )  # fmt: skip
    gross = {at: each[1] for at, each in laid.ticks.items()}
    return WhirlpoolPool(state, arrays, oracle, (TokenFee(True, 0, 0), TokenFee(False, 0, 0))), gross


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(pools(), st.lists(moves(), min_size=1, max_size=5), st.sampled_from(("plain", "taxed", "mixed")), st.booleans())
def test_accounts_after_swaps_give_the_pool_that_the_maths_foresaw(pool, steps, mints, is_dynamic) -> None:  # type: ignore[no-untyped-def]
    name = TRIAL.new_name()
    state, gross = pool
    market = create_whirlpool(
        TRIAL.world, name, getattr(TRIAL, mints), state, AMOUNTS, gross=gross, is_dynamic=is_dynamic
    )
    TRIAL.run(market, steps)

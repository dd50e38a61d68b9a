"""CLMM pools of the world: what a swap writes is what the maths say, orders and dynamic fees included."""

from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.raydium.addresses import tick_array_address
from adapters.raydium.clmm_accounts import ClmmTickArray
from bus.pool_parts.raydium_clmm import (
    RaydiumClmmConfig,
    RaydiumClmmState,
    RaydiumClmmTickArray,
    RaydiumDynamicFee,
    RaydiumTick,
)
from kernel.amm.raydium_clmm import RaydiumClmmPool
from kernel.amm.raydium_clmm_bitmap import HALF, array_of
from kernel.amm.raydium_clmm_ticks import ARRAY_TICKS, sqrt_price_at_tick
from tests.solana_world.liquidity_ranges import Range, around, lay
from tests.solana_world.standin_raydium_clmm import ClmmFamily, create_clmm
from tests.solana_world.swap_moves import moves
from tests.solana_world.swap_trial import Move, Trial

TRIAL = Trial(ClmmFamily())
AMOUNTS = (10**15, 10**15)


def pool_of(
    state: RaydiumClmmState, config: RaydiumClmmConfig, ticks: dict[int, RaydiumTick]
) -> RaydiumClmmPool:  # fmt: skip
    """With arrays and both bitmaps as the ticks have them."""
    found: dict[int, list[RaydiumTick]] = {}
    for at in sorted(ticks):
        found.setdefault(array_of(at, state.tick_spacing), []).append(ticks[at])
    span = ARRAY_TICKS * state.tick_spacing
    arrays = {number: RaydiumClmmTickArray(number * span, tuple(each)) for number, each in found.items()}
    bitmap = sum(1 << number + HALF for number in arrays if -HALF <= number < HALF)
    changed = RaydiumClmmState(
        state.tick_spacing, state.liquidity, state.sqrt_price_x64, state.tick, state.status, state.fee_on,
        state.open_time_s, bitmap, state.dynamic_fee,
    )  # fmt: skip
    outside = tuple(number for number in sorted(arrays) if not -HALF <= number < HALF)
    return RaydiumClmmPool(changed, config, arrays, outside)


@st.composite
def pools(draw: st.DrawFn) -> RaydiumClmmPool:
    spacing = draw(st.sampled_from((1, 10, 60)))
    tick = draw(st.integers(-40_000, 40_000))  # with a spacing of 1 its arrays are beyond the pool's own bitmap
    ranges = [around(tick, spacing, 150 * spacing, draw(st.integers(10**9, 10**13)))]
    for _ in range(draw(st.integers(0, 4))):
        lower = (tick + draw(st.integers(-200, 200)) * spacing) // spacing * spacing
        ranges.append(Range(lower, lower + draw(st.integers(1, 100)) * spacing, draw(st.integers(10**6, 10**13))))
    laid = lay(tick, ranges)
    ticks = {at: RaydiumTick(at, net, gross) for at, (net, gross) in laid.ticks.items()}
    for _ in range(draw(st.integers(0, 4))):
        at = (tick + draw(st.integers(-12, 12)) * spacing) // spacing * spacing
        old = ticks.get(at, RaydiumTick(at, 0, 0))
        if at != tick // spacing * spacing:
            begun, orders = draw(st.integers(0, 10**9)), draw(st.integers(1, 10**10))
            ticks[at] = RaydiumTick(at, old.liquidity_net, old.liquidity_gross, orders, begun)
    dynamic = None
    if draw(st.booleans()):
        group, control, most = tick // spacing, draw(st.integers(0, 50_000)), draw(st.integers(10_000, 350_000))
        dynamic = RaydiumDynamicFee(30, 600, 5_000, control, most, group, 0, 0, TRIAL.now() - 700)
    state = RaydiumClmmState(
        spacing, laid.liquidity, sqrt_price_at_tick(tick), tick, 0, draw(st.integers(0, 2)), 0, 0, dynamic
    )
    return pool_of(state, RaydiumClmmConfig(draw(st.sampled_from((100, 2_500))), 120_000, 40_000), ticks)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(pools(), st.lists(moves(), min_size=1, max_size=5), st.sampled_from(("plain", "taxed", "mixed")))
def test_accounts_after_swaps_give_the_pool_that_the_maths_foresaw(
    pool: RaydiumClmmPool, steps: list[Move], mints: Literal["plain", "taxed", "mixed"]
) -> None:
    TRIAL.run(create_clmm(TRIAL.world, TRIAL.new_name(), getattr(TRIAL, mints), pool, AMOUNTS), steps)


@pytest.mark.parametrize(("tick", "extension"), [(0, ()), (40_000, (667, 668))])
def test_an_order_that_is_filled_leaves_tick_array_and_bitmap(tick: int, extension: tuple[int, ...]) -> None:
    """In part, to the end, and then the array holds nothing: within the pool's own bitmap and beyond it."""
    at = (tick // ARRAY_TICKS + 2) * ARRAY_TICKS + 7
    ranges = [Range(tick - 600, tick - 50, 10**12), Range(tick - 50, tick + 30, 10**9)]
    laid = lay(tick, ranges)
    ticks = {place: RaydiumTick(place, net, gross) for place, (net, gross) in laid.ticks.items()}
    ticks[at] = RaydiumTick(at, 0, 0, 10**9, 10**6)
    ticks[at + 900] = RaydiumTick(at + 900, 0, 0, 10**13, 0)
    state = RaydiumClmmState(1, laid.liquidity, sqrt_price_at_tick(tick), tick, 0, 0, 0, 0, None)
    pool = pool_of(state, RaydiumClmmConfig(2_500, 120_000, 40_000), ticks)
    assert set(extension) <= set(pool.extension or ())
    market = create_clmm(TRIAL.world, TRIAL.new_name(), TRIAL.plain, pool, AMOUNTS)
    key = tick_array_address(market.address, array_of(at, 1) * ARRAY_TICKS)

    def orders() -> tuple[int, int, int]:
        account = TRIAL.world.read(key)
        assert account is not None
        array = ClmmTickArray.decode(account.data)
        held = array.ticks[at % ARRAY_TICKS]
        return held.orders, held.orders_part_filled, array.initialised_count

    assert orders() == (10**9, 10**6, 1)
    fill = 10**8 if tick == 0 else 10**10
    assert TRIAL.move(market, Move(False, fill, 1))
    filled = orders()
    assert filled[2] == 1 and 0 < filled[0] + filled[1] < 10**9 + 10**6
    assert TRIAL.move(market, Move(False, 60 * fill, 1))
    assert orders() == (0, 0, 0)
    found = TRIAL.open(market)
    assert isinstance(found, RaydiumClmmPool)
    number = array_of(at, 1)
    assert number not in (found.extension or ())
    assert not (-HALF <= number < HALF and found.state.bitmap >> number + HALF & 1)

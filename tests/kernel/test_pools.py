"""How much of a pool is known, by what was told of it."""

import pytest

from bus.bus import Bus
from bus.events import InstrumentListed, LiquidityChanged, PoolState
from kernel.amm.errors import PoolRefused
from kernel.amm.v3 import swap_exact_in
from kernel.market import Market
from kernel.pools import Pools

POOL = "venue:A/B-3000"
Q96 = 1 << 96


def _pools() -> tuple[Bus, Pools]:
    bus, market = Bus(), Market()
    pools = Pools(market)
    market.attach(bus)
    pools.attach(bus)
    listed = InstrumentListed(
        ts_ns=1, instrument=POOL, venue="venue", kind="pool", base="A", quote="B", underlying="A",
        base_is_token0=True, fee_pips=3_000, tick_spacing=60,
    )  # fmt: skip
    bus.feed([listed])
    return bus, pools


def _state(liquidity: int, *, is_birth: bool) -> PoolState:
    return PoolState(
        ts_ns=2, instrument=POOL, block=1, log_index=0, sqrt_price_x96=Q96, tick=0, liquidity=liquidity,
        is_birth=is_birth,
    )  # fmt: skip


def _mint(lower: int, upper: int) -> LiquidityChanged:
    return LiquidityChanged(
        ts_ns=3, instrument=POOL, block=2, log_index=0, tx="t", tick_lower=lower, tick_upper=upper,
        liquidity_delta=10**18,
    )  # fmt: skip


def test_a_pool_seen_from_its_birth_is_known_whole():
    bus, pools = _pools()
    bus.feed([_state(0, is_birth=True), _mint(-600, 600), _mint(-6_000, 6_000)])
    pool = pools.get(POOL)
    assert pool is not None
    assert (pool.known_low, pool.known_high, pool.liquidity) == (None, None, 2 * 10**18)
    assert swap_exact_in(pool, True, 10**17).ticks_crossed == 1


def test_a_pool_met_later_is_known_within_its_tick_interval_only():
    bus, pools = _pools()
    bus.feed([_state(10**18, is_birth=False), _mint(-6_000, 6_000)])
    pool = pools.get(POOL)
    assert pool is not None
    assert (pool.known_low, pool.known_high) == (0, 60)
    with pytest.raises(PoolRefused, match="depth_unknown"):
        swap_exact_in(pool, False, 10**17)


def test_a_second_birth_forgets_what_was_there():
    bus, pools = _pools()
    bus.feed([_state(0, is_birth=True), _mint(-600, 600), _state(0, is_birth=True), _mint(-600, 600)])
    pool = pools.get(POOL)
    assert pool is not None and pool.liquidity == 10**18

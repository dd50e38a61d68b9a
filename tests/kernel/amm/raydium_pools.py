"""Raydium CLMM pools for tests: from positions, limit orders and a price, consistent as a chain would have them."""

from collections.abc import Iterable

from hypothesis import strategies as st

from bus.pool_parts.raydium_clmm import (
    RaydiumClmmConfig,
    RaydiumClmmState,
    RaydiumClmmTickArray,
    RaydiumDynamicFee,
    RaydiumTick,
)
from kernel.amm.raydium_clmm import RaydiumClmmPool
from kernel.amm.raydium_clmm_bitmap import HALF
from kernel.amm.raydium_clmm_ticks import ARRAY_TICKS, sqrt_price_at_tick

NOW_S = 1_800_000_000
Position = tuple[int, int, int]
Order = tuple[int, int, int]


def clmm_pool(
    positions: Iterable[Position] = ((-60, 60, 10**12),),
    *,
    orders: Iterable[Order] = (),
    tick: int = 0,
    price_x64: int | None = None,
    tick_spacing: int = 10,
    fee_rate: int = 2500,
    fee_on: int = 0,
    status: int = 0,
    open_time_s: int = 0,
    dynamic_fee: RaydiumDynamicFee | None = None,
    token_fees: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0)),
) -> RaydiumClmmPool:
    """Positions are (lower, upper, liquidity), orders (tick, new, part filled), ticks multiples of the spacing."""
    net: dict[int, int] = {}
    gross: dict[int, int] = {}
    liquidity = 0
    for lower, upper, amount in positions:
        net[lower] = net.get(lower, 0) + amount
        net[upper] = net.get(upper, 0) - amount
        gross[lower] = gross.get(lower, 0) + amount
        gross[upper] = gross.get(upper, 0) + amount
        liquidity += amount if lower <= tick < upper else 0
    resting = {at: (fresh, part) for at, fresh, part in orders if fresh or part}
    span = ARRAY_TICKS * tick_spacing
    arrays: dict[int, list[RaydiumTick]] = {}
    for each in sorted({*net, *resting}):
        entry = RaydiumTick(each, net.get(each, 0), gross.get(each, 0), *resting.get(each, (0, 0)))
        arrays.setdefault(each // span, []).append(entry)
    state = RaydiumClmmState(
        tick_spacing=tick_spacing,
        liquidity=liquidity,
        sqrt_price_x64=sqrt_price_at_tick(tick) if price_x64 is None else price_x64,
        tick=tick,
        status=status,
        fee_on=fee_on,
        open_time_s=open_time_s,
        bitmap=sum(1 << number + HALF for number in arrays),
        dynamic_fee=dynamic_fee,
    )
    parts = {number: RaydiumClmmTickArray(number * span, tuple(ticks)) for number, ticks in arrays.items()}
    return RaydiumClmmPool(state, RaydiumClmmConfig(fee_rate, 120_000, 40_000), parts, (), token_fees)


@st.composite
def clmm_pools(draw: st.DrawFn) -> RaydiumClmmPool:
    """Of every kind: fee sides, dynamic fees in every regime, orders on and between the ticks of positions."""
    spacing = draw(st.sampled_from((1, 10, 60)))
    place = st.integers(-150, 150)
    bounds = st.tuples(place, place, st.integers(1, 10**14)).filter(lambda drawn: drawn[0] != drawn[1])
    positions = [
        (min(low, high) * spacing, max(low, high) * spacing, amount)
        for low, high, amount in draw(st.lists(bounds, min_size=1, max_size=5))
    ]
    size = st.integers(0, 10**10)
    orders = [
        (at * spacing, fresh, part) for at, fresh, part in draw(st.lists(st.tuples(place, size, size), max_size=4))
    ]
    tick = draw(st.integers(-155 * spacing, 155 * spacing))
    low, high = sqrt_price_at_tick(tick), sqrt_price_at_tick(tick + 1)
    dynamic = None
    if draw(st.booleans()):
        dynamic = RaydiumDynamicFee(
            filter_period_s=draw(st.integers(0, 60)),
            decay_period_s=draw(st.integers(60, 600)),
            reduction_factor=draw(st.integers(0, 10_000)),
            control=draw(st.integers(0, 100_000)),
            volatility_max=draw(st.integers(0, 1_000_000)),
            index_reference=tick // spacing + draw(st.integers(-30, 30)),
            volatility_reference=draw(st.integers(0, 200_000)),
            volatility=draw(st.integers(0, 300_000)),
            last_update_s=NOW_S - draw(st.integers(0, 700)),
        )
    return clmm_pool(
        positions,
        orders=orders,
        tick=tick,
        price_x64=draw(st.integers(low, high - 1)),
        tick_spacing=spacing,
        fee_rate=draw(st.sampled_from((0, 1, 100, 2500, 10_000, 500_000))),
        fee_on=draw(st.integers(0, 2)),
        dynamic_fee=dynamic,
    )

"""The whole steps that lie ahead of a Raydium CLMM pool in one direction, whatever the amount of the swap.

A swap goes along this path until its amount runs out; only its last step is a partial one. The path depends on the
state, the direction and, through the dynamic fee, on what the clock does to the fee's references.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bus.pool_parts.raydium_clmm import RaydiumClmmState, RaydiumClmmTickArray, RaydiumDynamicFee, RaydiumTick
from kernel.amm.errors import PoolRefused
from kernel.amm.raydium_clmm_fee import group_reached, rate_at, volatility_at
from kernel.amm.raydium_clmm_ticks import (
    ARRAY_TICKS,
    MAX_SQRT_PRICE,
    MAX_TICK,
    MIN_SQRT_PRICE,
    MIN_TICK,
    sqrt_price_at_tick,
)
from kernel.amm.raydium_clmm_walk import liquidity_after


class Stretch(NamedTuple):
    """From one price to the next along constant liquidity and fee; or, with `unfilled` above 0, orders at one price."""

    price_x64: int
    target_x64: int
    liquidity: int
    fee_rate: int
    unfilled: int


def path(
    state: RaydiumClmmState,
    dynamic: RaydiumDynamicFee | None,
    base_rate: int,
    arrays: Iterable[RaydiumClmmTickArray],
    is_a_to_b: bool,
) -> Iterator[Stretch]:
    """Stretches from the present price on. Raises `PoolRefused` where they end, with the reason.

    `dynamic` is the fee state with its references moved; `arrays` are the initialised ones ahead, nearest first.
    """
    limit = MIN_SQRT_PRICE + 1 if is_a_to_b else MAX_SQRT_PRICE - 1
    price, liquidity, spacing = state.sqrt_price_x64, state.liquidity, state.tick_spacing
    index = state.tick // spacing
    volatility = volatility_max = -1
    rate = base_rate
    if dynamic is not None:
        volatility_max = dynamic.volatility_max
    for entry in _ticks_ahead(arrays, state, is_a_to_b):
        tick = entry.tick
        next_x64 = sqrt_price_at_tick(tick)
        target = max(next_x64, limit) if is_a_to_b else min(next_x64, limit)
        while True:
            bounded, is_skipping = target, True
            if dynamic is not None:
                volatility = volatility_at(dynamic, index)
                rate = rate_at(dynamic, volatility, spacing, base_rate)
                if liquidity and volatility != volatility_max:
                    is_skipping = False
                    edge = index * spacing if is_a_to_b else (index + 1) * spacing
                    edge_x64 = sqrt_price_at_tick(min(max(edge, MIN_TICK), MAX_TICK))
                    bounded = max(target, edge_x64) if is_a_to_b else min(target, edge_x64)
            if price != bounded:
                if (bounded > price) if is_a_to_b else (bounded < price):
                    raise PoolRefused("state_inconsistent", f"tick {tick} does not lie ahead of the price {price}")
                yield Stretch(price, bounded, liquidity, rate, 0)
                price = bounded
            if price == next_x64 and (unfilled := entry.orders + entry.orders_part_filled):
                yield Stretch(price, price, liquidity, rate, unfilled)
            if dynamic is not None:
                if is_skipping:
                    index = group_reached(tick, spacing, is_a_to_b)
                index += -1 if is_a_to_b else 1
            if price == target:
                break
        if price == limit:
            break
        if entry.liquidity_gross:
            liquidity = liquidity_after(liquidity, entry.liquidity_net, is_a_to_b)
    raise PoolRefused("insufficient_liquidity", "the pool's liquidity or its range of prices ends before the amount")


def _ticks_ahead(
    arrays: Iterable[RaydiumClmmTickArray], state: RaydiumClmmState, is_a_to_b: bool
) -> Iterator[RaydiumTick]:
    """Initialised ticks in the order in which a swap meets them. Refuses an array that has none and should."""
    for array in arrays:
        ticks = array.ticks
        if 0 <= state.tick - array.start < ARRAY_TICKS * state.tick_spacing:
            # The array that the price is in may have its ticks behind the price only.
            ticks = tuple(each for each in ticks if (each.tick <= state.tick if is_a_to_b else each.tick > state.tick))
        elif not ticks:
            raise PoolRefused(
                "depth_unknown", f"the tick array at {array.start} is marked as initialised but was read as empty"
            )
        yield from reversed(ticks) if is_a_to_b else ticks

"""Concentrated liquidity for pools of the world: positions around a tick, what they add up to, and what they cost.

The tick scale is the one that Whirlpools and Raydium's CLMM share; amounts are rounded up and a little above, so that
a vault that holds them can always pay.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from kernel.amm.whirlpool_amounts import amount_a_delta, amount_b_delta
from kernel.amm.whirlpool_ticks import sqrt_price_at_tick

SURPLUS = 1_000_000  #: raw units beyond what positions need: the two programs' prices differ in their last digits


class Range(NamedTuple):
    """One position; ticks are multiples of the pool's spacing."""

    lower: int
    upper: int
    liquidity: int


class Laid(NamedTuple):
    """What positions make of a pool. `ticks`: tick -> (net, gross), ascending."""

    liquidity: int
    ticks: dict[int, tuple[int, int]]
    amount_a: int
    amount_b: int


def lay(tick: int, ranges: Sequence[Range]) -> Laid:
    """The price is exactly that of `tick`."""
    ticks: dict[int, tuple[int, int]] = {}
    active = amount_a = amount_b = 0
    price = sqrt_price_at_tick(tick)
    for lower, upper, liquidity in ranges:
        for at, sign in ((lower, 1), (upper, -1)):
            net, gross = ticks.get(at, (0, 0))
            ticks[at] = (net + sign * liquidity, gross + liquidity)
        low, high = sqrt_price_at_tick(lower), sqrt_price_at_tick(upper)
        inside = min(max(price, low), high)
        amount_a += amount_a_delta(inside, high, liquidity, round_up=True)
        amount_b += amount_b_delta(low, inside, liquidity, round_up=True)
        if lower <= tick < upper:
            active += liquidity
    return Laid(active, dict(sorted(ticks.items())), amount_a + SURPLUS, amount_b + SURPLUS)


def tick_of(price: float) -> int:
    """The tick nearest to a price of raw b per raw a."""
    return round(math.log(price) / math.log(1.0001))


def liquidity_for(tick: int, depth_b: int, move_bps: float = 100.0) -> int:
    """So much liquidity that `depth_b` raw units of b move the price by `move_bps`."""
    price = sqrt_price_at_tick(tick) / 2**64
    return int(depth_b / (price * (math.sqrt(1 + move_bps / 10_000) - 1)))


def around(tick: int, spacing: int, width_ticks: int, liquidity: int) -> Range:
    """A position from `width_ticks` below to as much above."""
    lower = (tick - width_ticks) // spacing * spacing
    return Range(lower, lower + -(-2 * width_ticks // spacing) * spacing, liquidity)

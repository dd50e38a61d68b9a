"""Tick and square-root-price arithmetic of Raydium's concentrated liquidity, exact including rounding.

Facts from the Raydium CLMM program (tick_math) and raydium-sdk-v2 0.2.73-alpha, read 2026-11. Prices are Q64.64 square
roots of raw token b per raw token a. Downwards the factors are multiplied with rounding down after each; upwards the
result is inverted.
"""

import math
from functools import lru_cache

from kernel.amm.errors import PoolRefused

MIN_TICK = -443636
MAX_TICK = 443636
MIN_SQRT_PRICE = 4295048016
MAX_SQRT_PRICE = 79226673521066979257578248091
Q64 = 1 << 64
ARRAY_TICKS = 60

# 2^64 / sqrt(1.0001)^(2^i), as the program has them: 48 bits of precision, not the nearest.
_RATIO_X64_BY_BIT = (
    0xFFFCB933BD6FB800,
    0xFFF97272373D4000,
    0xFFF2E50F5F657000,
    0xFFE5CACA7E10F000,
    0xFFCB9843D60F7000,
    0xFF973B41FA98E800,
    0xFF2EA16466C9B000,
    0xFE5DEE046A9A3800,
    0xFCBE86C7900BB000,
    0xF987A7253AC65800,
    0xF3392B0822BB6000,
    0xE7159475A2CAF000,
    0xD097F3BDFD2F2000,
    0xA9F746462D9F8000,
    0x70D869A156F31C00,
    0x31BE135F97ED3200,
    0x9AA508B5B85A500,
    0x5D6AF8DEDC582C,
    0x2216E584F5FA,
)
_TICKS_PER_LN = 2 / math.log(1.0001)
_LN_Q64 = 64 * math.log(2)
# Enough for the neighbourhoods of several hundred pools; an entry is about 150 bytes.
_CACHED_TICKS = 1 << 16


@lru_cache(maxsize=_CACHED_TICKS)
def sqrt_price_at_tick(tick: int) -> int:
    """Square root of 1.0001^tick as Q64.64; refuses beyond +-443636."""
    distance = -tick if tick < 0 else tick
    if distance > MAX_TICK:
        raise PoolRefused("tick_out_of_range", f"expected a tick in {MIN_TICK}..{MAX_TICK}, found {tick}")
    ratio = Q64
    for bit, factor in enumerate(_RATIO_X64_BY_BIT):
        if distance >> bit & 1:
            ratio = ratio * factor >> 64
    return (1 << 128) // ratio if tick > 0 else ratio


def tick_at_sqrt_price(sqrt_price_x64: int) -> int:
    """Greatest tick whose price is at most the given one; refuses outside MIN_SQRT_PRICE..MAX_SQRT_PRICE.

    The logarithm only finds the start; exact prices decide, so the answer does not depend on the platform's floats.
    """
    if not MIN_SQRT_PRICE <= sqrt_price_x64 <= MAX_SQRT_PRICE:
        raise PoolRefused(
            "price_out_of_range",
            f"expected a sqrt price in {MIN_SQRT_PRICE}..{MAX_SQRT_PRICE}, found {sqrt_price_x64}",
        )
    tick = math.floor((math.log(sqrt_price_x64) - _LN_Q64) * _TICKS_PER_LN)
    tick = min(max(tick, MIN_TICK), MAX_TICK)
    while sqrt_price_at_tick(tick) > sqrt_price_x64:
        tick -= 1
    while tick < MAX_TICK and sqrt_price_at_tick(tick + 1) <= sqrt_price_x64:
        tick += 1
    return tick

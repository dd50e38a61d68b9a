"""Ticks and square-root prices of Orca Whirlpools, exact to the unit (Whirlpool program, whirlpools-core 3.1.0, 2026).

Prices are Q64.64 square roots of raw token B per raw token A. The program multiplies one factor per set bit of the
tick, from two lists: 2^96 * 1.0001^(2^i / 2) upwards and its Q64 inverse downwards, so the two halves of the scale
round differently.
"""

import math
from functools import lru_cache

from kernel.amm.errors import PoolRefused

MIN_TICK = -443636
MAX_TICK = 443636
MIN_SQRT_PRICE = 4295048016
MAX_SQRT_PRICE = 79226673515401279992447579055
TICK_ARRAY_SIZE = 88  #: initialisable ticks in one account

# By bit of the tick: sqrt(1.0001)^(2^bit) as Q32.96 and sqrt(1.0001)^-(2^bit) as Q64.64; the test derives them anew.
_UP_X96_BY_BIT = (
    79232123823359799118286999567,
    79236085330515764027303304731,
    79244008939048815603706035061,
    79259858533276714757314932305,
    79291567232598584799939703904,
    79355022692464371645785046466,
    79482085999252804386437311141,
    79736823300114093921829183326,
    80248749790819932309965073892,
    81282483887344747381513967011,
    83390072131320151908154831281,
    87770609709833776024991924138,
    97234110755111693312479820773,
    119332217159966728226237229890,
    179736315981702064433883588727,
    407748233172238350107850275304,
    2098478828474011932436660412517,
    55581415166113811149459800483533,
    38992368544603139932233054999993551,
)
_DOWN_X64_BY_BIT = (
    18445821805675392311,
    18444899583751176498,
    18443055278223354162,
    18439367220385604838,
    18431993317065449817,
    18417254355718160513,
    18387811781193591352,
    18329067761203520168,
    18212142134806087854,
    17980523815641551639,
    17526086738831147013,
    16651378430235024244,
    15030750278693429944,
    12247334978882834399,
    8131365268884726200,
    3584323654723342297,
    696457651847595233,
    26294789957452057,
    37481735321082,
)
_TICKS_PER_LN = 2 / math.log(1.0001)
_LN_X64 = 64 * math.log(2)
# Enough for the neighbourhoods of several hundred pools; an entry is about 150 bytes.
_CACHED_TICKS = 1 << 16


@lru_cache(maxsize=_CACHED_TICKS)
def sqrt_price_at_tick(tick: int) -> int:
    """Square root of 1.0001^tick as Q64.64, rounded as the program does; refuses beyond +-443636."""
    if not MIN_TICK <= tick <= MAX_TICK:
        raise PoolRefused("tick_out_of_range", f"expected a tick in {MIN_TICK}..{MAX_TICK}, found {tick}")
    if tick >= 0:
        price = 1 << 96
        for bit, factor in enumerate(_UP_X96_BY_BIT):
            if tick >> bit & 1:
                price = price * factor >> 96
        return price >> 32
    price = 1 << 64
    for bit, factor in enumerate(_DOWN_X64_BY_BIT):
        if -tick >> bit & 1:
            price = price * factor >> 64
    return price


def tick_at_sqrt_price(sqrt_price: int) -> int:
    """Greatest tick whose price is at most this one.

    Refuses prices outside MIN_SQRT_PRICE..MAX_SQRT_PRICE. The logarithm only finds the start; the comparison with
    exact prices decides, so the answer does not depend on the platform's floats.
    """
    if not MIN_SQRT_PRICE <= sqrt_price <= MAX_SQRT_PRICE:
        raise PoolRefused(
            "price_out_of_range", f"expected a sqrt price in {MIN_SQRT_PRICE}..{MAX_SQRT_PRICE}, found {sqrt_price}"
        )
    tick = math.floor((math.log(sqrt_price) - _LN_X64) * _TICKS_PER_LN)
    tick = min(max(tick, MIN_TICK), MAX_TICK)
    while sqrt_price_at_tick(tick) > sqrt_price:
        tick -= 1
    while tick < MAX_TICK and sqrt_price_at_tick(tick + 1) <= sqrt_price:
        tick += 1
    return tick


def array_start(tick: int, tick_spacing: int) -> int:
    """First tick of the tick array that covers `tick`."""
    size = TICK_ARRAY_SIZE * tick_spacing
    return tick // size * size


def arrays_of_swap(tick: int, tick_spacing: int, is_a_to_b: bool) -> tuple[int, ...]:
    """Starts of the tick arrays that a swap from `tick` may enter, in its order: three at most, fewer at the ends.

    Upwards the search begins behind `tick`, so within the last spacing of an array it begins in the next one.
    """
    size = TICK_ARRAY_SIZE * tick_spacing
    first = tick // size * size
    if is_a_to_b:
        starts = (first, first - size, first - 2 * size)
    else:
        if tick + tick_spacing >= first + size:
            first += size
        starts = (first, first + size, first + 2 * size)
    return tuple(start for start in starts if start <= MAX_TICK and start + size > MIN_TICK)

"""Tick and square-root-price arithmetic of Uniswap V3, exact to the unit including rounding and refusals.

Facts from v3-core 1.0.1 (TickMath, SqrtPriceMath, SwapMath, LiquidityMath), checked 2026-11 against the published
bytecode. Prices are Q64.96 square roots of raw token1 per raw token0; amounts are raw token units.
"""

import math
from functools import lru_cache

from kernel.amm.errors import PoolRefused

MIN_TICK = -887272
MAX_TICK = 887272
MIN_SQRT_RATIO = 4295128739
MAX_SQRT_RATIO = 1461446703485210103287273052203988822378723970342
Q96 = 1 << 96
FEE_UNIT = 1_000_000
UINT128_MAX = (1 << 128) - 1
UINT160_MAX = (1 << 160) - 1
UINT256_MAX = (1 << 256) - 1
INT256_MAX = (1 << 255) - 1

# 2^128 / sqrt(1.0001)^(2^i), rounded as the contract has them; the test derives them anew.
_RATIO_X128_BY_BIT = (
    0xFFFCB933BD6FAD37AA2D162D1A594001,
    0xFFF97272373D413259A46990580E213A,
    0xFFF2E50F5F656932EF12357CF3C7FDCC,
    0xFFE5CACA7E10E4E61C3624EAA0941CD0,
    0xFFCB9843D60F6159C9DB58835C926644,
    0xFF973B41FA98C081472E6896DFB254C0,
    0xFF2EA16466C96A3843EC78B326B52861,
    0xFE5DEE046A99A2A811C461F1969C3053,
    0xFCBE86C7900A88AEDCFFC83B479AA3A4,
    0xF987A7253AC413176F2B074CF7815E54,
    0xF3392B0822B70005940C7A398E4B70F3,
    0xE7159475A2C29B7443B29C7FA6E889D9,
    0xD097F3BDFD2022B8845AD8F792AA5825,
    0xA9F746462D870FDF8A65DC1F90E061E5,
    0x70D869A156D2A1B890BB3DF62BAF32F7,
    0x31BE135F97D08FD981231505542FCFA6,
    0x9AA508B5B7A84E1C677DE54F3E99BC9,
    0x5D6AF8DEDB81196699C329225EE604,
    0x2216E584F5FA1EA926041BEDFE98,
    0x48A170391F7DC42444E8FA2,
)
_TICKS_PER_LN = 2 / math.log(1.0001)
_LN_Q96 = 96 * math.log(2)
# Enough for the neighbourhoods of several hundred pools; an entry is about 150 bytes.
_CACHED_TICKS = 1 << 16


@lru_cache(maxsize=_CACHED_TICKS)
def sqrt_ratio_at_tick(tick: int) -> int:
    """Square root of 1.0001^tick as Q64.96, rounded up (TickMath.getSqrtRatioAtTick); refuses beyond +-887272."""
    distance = -tick if tick < 0 else tick
    if distance > MAX_TICK:
        raise PoolRefused("tick_out_of_range", f"expected a tick in {MIN_TICK}..{MAX_TICK}, found {tick}")
    ratio = 1 << 128
    for bit, factor in enumerate(_RATIO_X128_BY_BIT):
        if distance >> bit & 1:
            ratio = ratio * factor >> 128
    if tick > 0:
        ratio = UINT256_MAX // ratio
    return (ratio + 0xFFFFFFFF) >> 32


def tick_at_sqrt_ratio(sqrt_price_x96: int) -> int:
    """Greatest tick whose ratio is at most the price (TickMath.getTickAtSqrtRatio).

    Refuses prices outside MIN_SQRT_RATIO <= price < MAX_SQRT_RATIO. The logarithm only finds the start; the
    comparison with exact ratios decides, so the answer does not depend on the platform's floats.
    """
    if not MIN_SQRT_RATIO <= sqrt_price_x96 < MAX_SQRT_RATIO:
        raise PoolRefused(
            "price_out_of_range",
            f"expected a sqrt price in {MIN_SQRT_RATIO}..{MAX_SQRT_RATIO - 1}, found {sqrt_price_x96}",
        )
    tick = math.floor((math.log(sqrt_price_x96) - _LN_Q96) * _TICKS_PER_LN)
    tick = min(max(tick, MIN_TICK), MAX_TICK - 1)
    while sqrt_ratio_at_tick(tick) > sqrt_price_x96:
        tick -= 1
    while sqrt_ratio_at_tick(tick + 1) <= sqrt_price_x96:
        tick += 1
    return tick


def amount0_delta(sqrt_a_x96: int, sqrt_b_x96: int, liquidity: int, *, round_up: bool) -> int:
    """Raw token0 between two prices, in either order (SqrtPriceMath.getAmount0Delta, unsigned form)."""
    if sqrt_a_x96 > sqrt_b_x96:
        sqrt_a_x96, sqrt_b_x96 = sqrt_b_x96, sqrt_a_x96
    if sqrt_a_x96 <= 0:
        raise PoolRefused("price_out_of_range", f"expected positive sqrt prices, found {sqrt_a_x96}")
    numerator = (liquidity << 96) * (sqrt_b_x96 - sqrt_a_x96)
    if round_up:
        return -(-numerator // sqrt_b_x96 // sqrt_a_x96)
    return numerator // sqrt_b_x96 // sqrt_a_x96


def amount1_delta(sqrt_a_x96: int, sqrt_b_x96: int, liquidity: int, *, round_up: bool) -> int:
    """Raw token1 between two prices, in either order (SqrtPriceMath.getAmount1Delta, unsigned form)."""
    product = liquidity * abs(sqrt_b_x96 - sqrt_a_x96)
    return -(-product >> 96) if round_up else product >> 96


def next_sqrt_price_from_input(sqrt_price_x96: int, liquidity: int, amount_in: int, *, zero_for_one: bool) -> int:
    """Price after `amount_in` net of fee is paid in, rounded so that the target is never passed."""
    _require_price_and_liquidity(sqrt_price_x96, liquidity)
    if zero_for_one:
        return _next_from_amount0_up(sqrt_price_x96, liquidity, amount_in, add=True)
    return _next_from_amount1_down(sqrt_price_x96, liquidity, amount_in, add=True)


def next_sqrt_price_from_output(sqrt_price_x96: int, liquidity: int, amount_out: int, *, zero_for_one: bool) -> int:
    """Price after `amount_out` is taken, rounded so that the target is passed; refuses more than the reserves."""
    _require_price_and_liquidity(sqrt_price_x96, liquidity)
    if zero_for_one:
        return _next_from_amount1_down(sqrt_price_x96, liquidity, amount_out, add=False)
    return _next_from_amount0_up(sqrt_price_x96, liquidity, amount_out, add=False)


def swap_step(
    sqrt_price_x96: int, target_x96: int, liquidity: int, remaining: int, fee_pips: int, *, exact_in: bool
) -> tuple[int, int, int, int]:
    """One step of a swap towards a target price (SwapMath.computeSwapStep).

    `remaining` is positive for both kinds: input still to spend, or output still to receive. Returns (price
    after, input net of fee, output, fee), all raw units.
    """
    zero_for_one = sqrt_price_x96 >= target_x96
    amount_in_delta = amount0_delta if zero_for_one else amount1_delta
    amount_out_delta = amount1_delta if zero_for_one else amount0_delta
    if exact_in:
        net = remaining * (FEE_UNIT - fee_pips) // FEE_UNIT
        amount_in = amount_in_delta(target_x96, sqrt_price_x96, liquidity, round_up=True)
        if net >= amount_in:
            after = target_x96
        else:
            after = next_sqrt_price_from_input(sqrt_price_x96, liquidity, net, zero_for_one=zero_for_one)
            amount_in = amount_in_delta(after, sqrt_price_x96, liquidity, round_up=True)
        amount_out = amount_out_delta(after, sqrt_price_x96, liquidity, round_up=False)
        if after != target_x96:
            return after, amount_in, amount_out, remaining - amount_in
    else:
        amount_out = amount_out_delta(target_x96, sqrt_price_x96, liquidity, round_up=False)
        if remaining >= amount_out:
            after = target_x96
        else:
            after = next_sqrt_price_from_output(sqrt_price_x96, liquidity, remaining, zero_for_one=zero_for_one)
            amount_out = min(remaining, amount_out_delta(after, sqrt_price_x96, liquidity, round_up=False))
        amount_in = amount_in_delta(after, sqrt_price_x96, liquidity, round_up=True)
    return after, amount_in, amount_out, -(-amount_in * fee_pips // (FEE_UNIT - fee_pips))


def add_liquidity_delta(liquidity: int, delta: int) -> int:
    """Liquidity plus a signed delta; refuses to leave uint128 (LiquidityMath.addDelta)."""
    total = liquidity + delta
    if not 0 <= total <= UINT128_MAX:
        raise PoolRefused(
            "liquidity_out_of_range",
            f"expected liquidity in 0..2^128-1, found {liquidity} {delta:+d}; check the tick table",
        )
    return total


def liquidity_per_tick_max(tick_spacing: int) -> int:
    """Most gross liquidity that one tick may carry (Tick.tickSpacingToMaxLiquidityPerTick)."""
    return UINT128_MAX // (2 * (MAX_TICK // tick_spacing) + 1)


def _require_price_and_liquidity(sqrt_price_x96: int, liquidity: int) -> None:
    if sqrt_price_x96 <= 0:
        raise PoolRefused("price_out_of_range", f"expected a positive sqrt price, found {sqrt_price_x96}")
    if liquidity <= 0:
        raise PoolRefused("liquidity_out_of_range", f"expected positive liquidity, found {liquidity}")


def _next_from_amount0_up(sqrt_price_x96: int, liquidity: int, amount: int, *, add: bool) -> int:
    if amount == 0:
        return sqrt_price_x96
    numerator = liquidity << 96
    product = amount * sqrt_price_x96
    if add:
        denominator = numerator + product
        if denominator <= UINT256_MAX:
            return -(-numerator * sqrt_price_x96 // denominator)
        # Where 256 bits overflow the contract takes this coarser form.
        denominator = numerator // sqrt_price_x96 + amount
        if denominator > UINT256_MAX:
            raise PoolRefused("amount_out_of_range", f"amount {amount} overflows 256 bits")
        return -(-numerator // denominator)
    if product > UINT256_MAX or numerator <= product:
        raise PoolRefused("insufficient_liquidity", f"asked {amount} token0, more than the pool's virtual reserve")
    after = -(-numerator * sqrt_price_x96 // (numerator - product))
    if after > UINT160_MAX:
        raise PoolRefused("price_out_of_range", "the price after the swap exceeds 160 bits")
    return after


def _next_from_amount1_down(sqrt_price_x96: int, liquidity: int, amount: int, *, add: bool) -> int:
    if add:
        after = sqrt_price_x96 + (amount << 96) // liquidity
        if after > UINT160_MAX:
            raise PoolRefused("price_out_of_range", "the price after the swap exceeds 160 bits")
        return after
    after = sqrt_price_x96 + (-amount << 96) // liquidity
    if after <= 0:
        raise PoolRefused("insufficient_liquidity", f"asked {amount} token1, more than the pool's virtual reserve")
    return after

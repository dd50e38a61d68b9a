"""Amounts between two prices of a Whirlpool and the price after an amount, with the program's rounding and refusals.

Whirlpool program, whirlpools-core 3.1.0, 2026. Prices are Q64.64 square roots; token A is the one priced in token B.
Every rounding favours the pool: input up, output down. All amounts must fit a u64.
"""

from kernel.amm.errors import PoolRefused
from kernel.amm.token_fee import BPS, U64_MAX
from kernel.amm.whirlpool_ticks import MAX_SQRT_PRICE, MIN_SQRT_PRICE

FEE_UNIT = 1_000_000  #: fee rates are millionths
U128_MAX = (1 << 128) - 1


def amount_a_delta(sqrt_price_1: int, sqrt_price_2: int, liquidity: int, *, round_up: bool) -> int:
    """Raw token A between two prices, in either order. Refuses `amount_out_of_range` above a u64."""
    if sqrt_price_1 > sqrt_price_2:
        sqrt_price_1, sqrt_price_2 = sqrt_price_2, sqrt_price_1
    numerator = liquidity * (sqrt_price_2 - sqrt_price_1) << 64
    denominator = sqrt_price_1 * sqrt_price_2
    return _u64(-(-numerator // denominator) if round_up else numerator // denominator)


def amount_b_delta(sqrt_price_1: int, sqrt_price_2: int, liquidity: int, *, round_up: bool) -> int:
    """Raw token B between two prices, in either order. Refuses `amount_out_of_range` above a u64."""
    product = liquidity * abs(sqrt_price_2 - sqrt_price_1)
    return _u64(-(-product >> 64) if round_up else product >> 64)


def next_sqrt_price_from_a(sqrt_price: int, liquidity: int, amount: int, *, is_input: bool) -> int:
    """Price after `amount` of token A is paid in or taken out, rounded up. Refuses `price_out_of_range`."""
    if not amount:
        return sqrt_price
    shifted = liquidity << 64
    denominator = shifted + sqrt_price * amount if is_input else shifted - sqrt_price * amount
    if denominator <= 0:
        raise PoolRefused("price_out_of_range", f"asked {amount} of token A, more than the liquidity can give")
    return _on_scale(-(-(shifted * sqrt_price) // denominator))


def next_sqrt_price_from_b(sqrt_price: int, liquidity: int, amount: int, *, is_input: bool) -> int:
    """Price after `amount` of token B is paid in or taken out, rounded down. Refuses `price_out_of_range`."""
    if not amount:
        return sqrt_price
    if not liquidity:
        raise PoolRefused("price_out_of_range", f"asked to move {amount} of token B where there is no liquidity")
    shifted = amount << 64
    return _on_scale(sqrt_price + shifted // liquidity if is_input else sqrt_price + -shifted // liquidity)


def amount_max(amount: int, slippage_bps: int) -> int:
    """The most to pay for an expected `amount`, rounded up."""
    _check_slippage(slippage_bps)
    return _u64(-(-amount * (BPS + slippage_bps) // BPS))


def amount_min(amount: int, slippage_bps: int) -> int:
    """The least to get for an expected `amount`, rounded down."""
    _check_slippage(slippage_bps)
    return amount * (BPS - slippage_bps) // BPS


def _check_slippage(slippage_bps: int) -> None:
    if not 0 <= slippage_bps <= BPS:
        raise PoolRefused("range_invalid", f"expected a slippage of 0..{BPS} bps, found {slippage_bps}")


def _u64(amount: int) -> int:
    if amount > U64_MAX:
        raise PoolRefused("amount_out_of_range", f"{amount} is above a u64")
    return amount


def _on_scale(sqrt_price: int) -> int:
    if not MIN_SQRT_PRICE <= sqrt_price <= MAX_SQRT_PRICE:
        raise PoolRefused(
            "price_out_of_range",
            f"expected a sqrt price in {MIN_SQRT_PRICE}..{MAX_SQRT_PRICE} after the amount, found {sqrt_price}",
        )
    return sqrt_price

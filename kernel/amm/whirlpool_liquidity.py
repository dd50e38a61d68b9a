"""Liquidity in and out of a Whirlpool position, and the fees it is owed (whirlpools-core 3.1.0, 2026).

What goes in is rounded up, what comes out down. A price at or below the lower tick is below the range, at or above
the upper tick above it. Fee growth counters are u128 that wrap; only differences mean anything.
"""

from typing import Literal, NamedTuple

from kernel.amm.errors import PoolRefused
from kernel.amm.token_fee import U64_MAX, amount_after, amount_before
from kernel.amm.whirlpool_amounts import U128_MAX, amount_a_delta, amount_b_delta, amount_max, amount_min
from kernel.amm.whirlpool_ticks import sqrt_price_at_tick

Side = Literal["price_below_range", "price_in_range", "price_above_range", "invalid"]
#: (bps, most) that the first and the second token take of a transfer.
TransferFees = tuple[tuple[int, int], tuple[int, int]]
FREE: TransferFees = ((0, 0), (0, 0))


class LiquidityQuote(NamedTuple):
    """Raw amounts of both tokens at the wallet; the limits are the most to pay or the least to get."""

    liquidity: int
    amount_a: int
    amount_b: int
    limit_a: int
    limit_b: int


NOTHING = LiquidityQuote(0, 0, 0, 0, 0)


class PositionFees(NamedTuple):
    """One token's counters that decide what a position has earned; u128 but for `owed`."""

    growth_global: int
    outside_lower: int
    outside_upper: int
    checkpoint: int
    owed: int  #: u64, already credited


def side_of(sqrt_price: int, tick_lower: int, tick_upper: int) -> Side:
    """Where a price is with respect to a range."""
    lower, upper = sqrt_price_at_tick(tick_lower), sqrt_price_at_tick(tick_upper)
    if tick_lower == tick_upper:
        return "invalid"
    if sqrt_price <= lower:
        return "price_below_range"
    return "price_above_range" if sqrt_price >= upper else "price_in_range"


def increase(
    liquidity: int, sqrt_price: int, tick_1: int, tick_2: int, slippage_bps: int, fees: TransferFees = FREE
) -> LiquidityQuote:
    """What adding `liquidity` costs. Ticks in either order. Raises `PoolRefused`."""
    if not liquidity:
        return NOTHING
    raw_a, raw_b = _amounts(liquidity, sqrt_price, tick_1, tick_2, round_up=True)
    amount_a, amount_b = amount_before(raw_a, *fees[0]), amount_before(raw_b, *fees[1])
    limits = amount_max(amount_a, slippage_bps), amount_max(amount_b, slippage_bps)
    return LiquidityQuote(liquidity, amount_a, amount_b, *limits)


def increase_by_amount(
    is_a: bool,
    amount: int,
    sqrt_price: int,
    tick_1: int,
    tick_2: int,
    slippage_bps: int,
    fees: TransferFees = FREE,
) -> LiquidityQuote:
    """The most liquidity that `amount` of one token adds, and what it costs. Nothing where the range takes none."""
    lower, upper = sorted((tick_1, tick_2))
    net = amount_after(amount, *fees[0 if is_a else 1])
    low, high = sqrt_price_at_tick(lower), sqrt_price_at_tick(upper)
    side = side_of(sqrt_price, lower, upper)
    liquidity = 0
    if is_a and side in ("price_below_range", "price_in_range"):
        start = low if side == "price_below_range" else sqrt_price
        liquidity = net * start * high // (high - start) >> 64
    elif not is_a and side in ("price_above_range", "price_in_range"):
        end = high if side == "price_above_range" else sqrt_price
        liquidity = (net << 64) // (end - low)
    if liquidity > U128_MAX:
        raise PoolRefused("amount_out_of_range", f"a liquidity of {liquidity} is above a u128")
    return increase(liquidity, sqrt_price, tick_1, tick_2, slippage_bps, fees)


def decrease(
    liquidity: int, sqrt_price: int, tick_1: int, tick_2: int, slippage_bps: int, fees: TransferFees = FREE
) -> LiquidityQuote:
    """What removing `liquidity` gives. Ticks in either order. Raises `PoolRefused`."""
    if not liquidity:
        return NOTHING
    raw_a, raw_b = _amounts(liquidity, sqrt_price, tick_1, tick_2, round_up=False)
    amount_a, amount_b = amount_after(raw_a, *fees[0]), amount_after(raw_b, *fees[1])
    limits = amount_min(amount_a, slippage_bps), amount_min(amount_b, slippage_bps)
    return LiquidityQuote(liquidity, amount_a, amount_b, *limits)


def fees_owed(
    liquidity: int,
    tick_current: int,
    tick_lower: int,
    tick_upper: int,
    of: PositionFees,
    transfer_fee: tuple[int, int] = (0, 0),
) -> int:
    """Raw units of one token that collecting the fees of a position brings to the wallet. Raises `PoolRefused`."""
    below, above = of.outside_lower, of.outside_upper
    if tick_current < tick_lower:
        below = of.growth_global - below
    if tick_current >= tick_upper:
        above = of.growth_global - above
    grown = of.growth_global - below - above - of.checkpoint & U128_MAX
    earned = grown * liquidity >> 64
    if earned > U64_MAX:
        raise PoolRefused("amount_out_of_range", f"{earned} earned is above a u64")
    if of.owed + earned > U64_MAX:
        raise PoolRefused("arithmetic_overflow", f"{of.owed} owed and {earned} earned are above a u64 together")
    return amount_after(of.owed + earned, *transfer_fee)


def _amounts(liquidity: int, sqrt_price: int, tick_1: int, tick_2: int, *, round_up: bool) -> tuple[int, int]:
    tick_lower, tick_upper = sorted((tick_1, tick_2))
    lower, upper = sqrt_price_at_tick(tick_lower), sqrt_price_at_tick(tick_upper)
    match side_of(sqrt_price, tick_lower, tick_upper):
        case "price_below_range":
            return amount_a_delta(lower, upper, liquidity, round_up=round_up), 0
        case "price_above_range":
            return 0, amount_b_delta(lower, upper, liquidity, round_up=round_up)
        case "price_in_range":
            return (
                amount_a_delta(sqrt_price, upper, liquidity, round_up=round_up),
                amount_b_delta(lower, sqrt_price, liquidity, round_up=round_up),
            )
    return 0, 0

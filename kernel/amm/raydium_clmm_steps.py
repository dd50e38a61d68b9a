"""Single steps of a Raydium CLMM swap: along liquidity up to a price, and through the limit orders of a tick.

Facts from the Raydium CLMM program (swap_math, sqrt_price_math, liquidity_math, tick_array) and raydium-sdk-v2
0.2.73-alpha, read 2026-11. Inputs round up, outputs down; fee rates are of 1,000,000. The fee is taken from the input
or from the output; amounts are u64, and a whole step above that is never reached.
"""

from typing import NamedTuple

from kernel.amm.errors import PoolRefused
from kernel.amm.token_fee import U64_MAX

FEE_UNIT = 1_000_000


class Step(NamedTuple):
    """`amount_in` is without a fee that is on the input, `amount_out` is after a fee that is on the output."""

    sqrt_price_x64: int
    amount_in: int
    amount_out: int
    fee: int


class OrderMatch(NamedTuple):
    """As `Step`, with what of the tick's orders is left after it."""

    amount_in: int
    amount_out: int
    fee: int
    orders: int
    orders_part_filled: int


def amount_a(low_x64: int, high_x64: int, liquidity: int, is_up: bool) -> int:
    """Raw first token between two prices, low <= high; may exceed a u64."""
    numerator = (liquidity << 64) * (high_x64 - low_x64)
    denominator = high_x64 * low_x64
    return -(-numerator // denominator) if is_up else numerator // denominator


def amount_b(low_x64: int, high_x64: int, liquidity: int, is_up: bool) -> int:
    """Raw second token between two prices, low <= high; may exceed a u64."""
    product = liquidity * (high_x64 - low_x64)
    return -(-product >> 64) if is_up else product >> 64


def price_from_input(price_x64: int, liquidity: int, amount: int, is_a_to_b: bool) -> int:
    """The price after taking in an amount without fee; rounds so that the pool does not lose."""
    if not amount:
        return price_x64
    if is_a_to_b:
        scaled = liquidity << 64
        return -(-scaled * price_x64 // (scaled + amount * price_x64))
    return price_x64 + (amount << 64) // liquidity


def price_from_output(price_x64: int, liquidity: int, amount: int, is_a_to_b: bool) -> int:
    """The price after giving out an amount. Refuses more than the liquidity holds."""
    if not amount:
        return price_x64
    if is_a_to_b:
        moved = price_x64 - -(-(amount << 64) // liquidity)
        if moved <= 0:
            raise PoolRefused("insufficient_liquidity", f"{amount} of the second token are not there to be taken")
        return moved
    scaled = liquidity << 64
    left = scaled - amount * price_x64
    if left <= 0:
        raise PoolRefused("insufficient_liquidity", f"{amount} of the first token are not there to be taken")
    return -(-scaled * price_x64 // left)


def compute_step(
    price_x64: int,
    target_x64: int,
    liquidity: int,
    remaining: int,
    fee_rate: int,
    is_exact_in: bool,
    is_a_to_b: bool,
    is_fee_on_input: bool,
) -> Step:
    """One step towards the target that spends at most `remaining` (input with fee, or output after fee)."""
    amount_in, amount_out = amounts_between(price_x64, target_x64, liquidity, is_a_to_b)
    keep = FEE_UNIT - fee_rate
    if is_exact_in:
        usable = remaining * keep // FEE_UNIT if is_fee_on_input else remaining
        is_whole = amount_in <= usable and amount_in <= U64_MAX
        next_x64 = target_x64 if is_whole else price_from_input(price_x64, liquidity, usable, is_a_to_b)
    else:
        usable = remaining if is_fee_on_input else -(-remaining * FEE_UNIT // keep)
        is_whole = amount_out <= usable and amount_out <= U64_MAX
        next_x64 = target_x64 if is_whole else price_from_output(price_x64, liquidity, usable, is_a_to_b)
    if (next_x64 < target_x64) if is_a_to_b else (next_x64 > target_x64):
        raise PoolRefused("arithmetic_overflow", f"a step passed its target {target_x64}: {next_x64}")
    if next_x64 != target_x64:
        amount_in, amount_out = amounts_between(price_x64, next_x64, liquidity, is_a_to_b)
    if amount_in > U64_MAX or amount_out > U64_MAX:
        raise PoolRefused("arithmetic_overflow", f"a step moves {amount_in} in, {amount_out} out, above a u64")
    if is_fee_on_input:
        if is_exact_in and next_x64 != target_x64:
            return Step(next_x64, amount_in, amount_out, remaining - amount_in)
        if not is_exact_in and amount_out > remaining:
            amount_out = remaining
        return Step(next_x64, amount_in, amount_out, -(-amount_in * fee_rate // keep))
    fee = -(-amount_out * fee_rate // FEE_UNIT)
    if is_exact_in:
        return Step(next_x64, amount_in if next_x64 == target_x64 else remaining, amount_out - fee, fee)
    if amount_out - fee > remaining:
        return Step(next_x64, amount_in, remaining, amount_out - remaining)
    return Step(next_x64, amount_in, amount_out - fee, fee)


def amounts_between(price_x64: int, next_x64: int, liquidity: int, is_a_to_b: bool) -> tuple[int, int]:
    """What moves between two prices: (in, rounded up; out, rounded down), without fees; may exceed a u64."""
    if is_a_to_b:
        return amount_a(next_x64, price_x64, liquidity, True), amount_b(next_x64, price_x64, liquidity, False)
    return amount_b(price_x64, next_x64, liquidity, True), amount_a(price_x64, next_x64, liquidity, False)


def order_price(sqrt_price_x64: int, is_a_to_b: bool) -> int:
    """Second per first token as Q64.64 at which orders of a tick are filled by a swap; rounds against the taker."""
    square = sqrt_price_x64 * sqrt_price_x64
    return square >> 64 if is_a_to_b else -(-square >> 64)


def order_output(amount_in: int, price_x64: int, is_a_to_b: bool) -> int:
    """What orders give for an input without fee; may exceed what they hold."""
    return amount_in * price_x64 >> 64 if is_a_to_b else (amount_in << 64) // price_x64


def order_input(amount_out: int, price_x64: int, is_a_to_b: bool) -> int:
    """What orders take for an output, without fee. Refuses above a u64."""
    needed = -(-(amount_out << 64) // price_x64) if is_a_to_b else -(-amount_out * price_x64 >> 64)
    if needed > U64_MAX:
        raise PoolRefused("arithmetic_overflow", f"orders would take {needed}, above a u64")
    return needed


def match_orders(
    sqrt_price_x64: int,
    orders: int,
    orders_part_filled: int,
    remaining: int,
    fee_rate: int,
    is_exact_in: bool,
    is_a_to_b: bool,
    is_fee_on_input: bool,
) -> OrderMatch:
    """Fill the orders of a tick at its price with at most `remaining`; the part-filled cohort goes first."""
    unfilled = orders + orders_part_filled
    if not remaining or not unfilled:
        return OrderMatch(0, 0, 0, orders, orders_part_filled)
    price_x64 = order_price(sqrt_price_x64, is_a_to_b)
    keep = FEE_UNIT - fee_rate
    fee = 0
    if is_exact_in:
        if is_fee_on_input:
            fee = -(-remaining * fee_rate // FEE_UNIT)
        amount_in = remaining - fee
        gross_out = order_output(amount_in, price_x64, is_a_to_b)
        if gross_out > unfilled:
            gross_out = unfilled
            amount_in = order_input(unfilled, price_x64, is_a_to_b)
            if is_fee_on_input:
                fee = -(-amount_in * fee_rate // keep)
    else:
        gross_out = min(remaining, unfilled)
        if not is_fee_on_input:
            gross_out = min(-(-gross_out * FEE_UNIT // keep), unfilled)
        amount_in = order_input(gross_out, price_x64, is_a_to_b)
        if is_fee_on_input:
            fee = -(-amount_in * fee_rate // keep)
    if gross_out <= orders_part_filled:
        orders_part_filled -= gross_out
    else:
        orders, orders_part_filled = 0, unfilled - gross_out
    amount_out = gross_out
    if not is_fee_on_input:
        fee = -(-gross_out * fee_rate // FEE_UNIT)
        amount_out -= fee
    return OrderMatch(amount_in, amount_out, fee, orders, orders_part_filled)

"""Fees of a DLMM swap: the rate at a bin, what it takes, who gets it.

The rate is base + variable, in billionths, at most 10 %. The variable part grows with the square of the volatility:
that of the reference, plus 10000 for each bin between the reference bin and the one that is swapped in. References
are renewed by the first swap after the filter period and forgotten after the decay period. Meteora lb_clmm, dlmm
package 1.9.14, checked 2026-11 against its outputs. Worked number: step 400, factor 25195 -> base 100780000.
"""

from enum import IntEnum
from typing import NamedTuple

from bus.pool_parts.dlmm import DlmmPair

FEE_UNIT = 1_000_000_000
FEE_RATE_MAX = 100_000_000
BPS = 10_000
VARIABLE_UNIT = 100_000_000_000
ORDER_SHARE_BPS = 5_000  #: of the fee on filled limit orders, to who placed them; the rest is the protocol's


class Age(IntEnum):
    """How long ago the last swap was, as far as fees care."""

    FRESH = 0  #: within the filter period: references stay
    DECAYING = 1  #: a share of the volatility becomes the reference
    FORGOTTEN = 2


class References(NamedTuple):
    """Where a swap starts to count volatility from."""

    volatility: int
    bin_id: int


def age_of(pair: DlmmPair, now_s: int) -> Age:
    """The fee state at a time; a clock behind the last swap counts as fresh, as in the program."""
    elapsed_s = now_s - pair.updated_s
    if elapsed_s < pair.filter_period_s:
        return Age.FRESH
    return Age.DECAYING if elapsed_s < pair.decay_period_s else Age.FORGOTTEN


def references(pair: DlmmPair, age: Age) -> References:
    """The references of a swap that begins now."""
    if age is Age.FRESH:
        return References(pair.volatility_reference, pair.index_reference)
    if age is Age.DECAYING:
        return References(pair.volatility * pair.reduction_bps // BPS, pair.active_id)
    return References(0, pair.active_id)


def volatility_at(pair: DlmmPair, refs: References, bin_id: int) -> int:
    """The accumulator while a swap is in a bin."""
    return min(refs.volatility + abs(refs.bin_id - bin_id) * BPS, pair.volatility_max)


def base_rate(bin_step_bps: int, base_factor: int, base_fee_power: int) -> int:
    """The part of the rate that never moves, billionths."""
    scale: int = 10 ** (1 + base_fee_power)
    return base_factor * bin_step_bps * scale


def variable_rate(bin_step_bps: int, variable_fee_control: int, volatility: int) -> int:
    """The part of the rate that volatility makes, billionths, rounded up."""
    step = volatility * bin_step_bps
    return -(-variable_fee_control * step * step // VARIABLE_UNIT)


def total_rate(base: int, variable: int) -> int:
    """The whole rate, billionths, capped."""
    return min(base + variable, FEE_RATE_MAX)


def exclude_fee(amount: int, rate: int) -> int:
    """What is left of an amount once its fee, rounded up, is taken."""
    return amount + -amount * rate // FEE_UNIT


def include_fee(amount: int, rate: int) -> int:
    """The least amount of which `amount` is left once its fee is taken."""
    return -(-amount * FEE_UNIT // (FEE_UNIT - rate))


def protocol_part(fee: int, pool_in: int, total_in: int, protocol_share_bps: int) -> int:
    """The protocol's part of a fee in one bin, of which `pool_in` of `total_in` went to providers, the rest to orders.

    The program splits by what came in, the providers' part rounded up.
    """
    if pool_in == total_in:
        return fee * protocol_share_bps // BPS
    pool_fee = -(-fee * pool_in // total_in)
    order_fee = fee - pool_fee
    return pool_fee * protocol_share_bps // BPS + order_fee - order_fee * ORDER_SHARE_BPS // BPS

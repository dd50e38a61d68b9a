"""What the accounts of one Orca Whirlpool say to a swap: the pool, its tick arrays, its fee oracle.

Prices are Q64.64 square roots of raw token B per raw token A. Fee rates are millionths of the input.
"""

from bus.pool_parts.base import PoolPart


class WhirlpoolState(PoolPart, frozen=True, array_like=True, gc=False, tag="whirlpool"):
    """The pool account. The fee is adaptive, and an oracle part is needed, where `fee_tier_index != tick_spacing`."""

    tick_spacing: int
    fee_tier_index: int
    fee_rate: int  #: millionths; the whole fee of a fixed-fee pool, the least fee of an adaptive one
    protocol_fee_rate: int  #: ten-thousandths of the fee; does not change what a swap costs
    liquidity: int
    sqrt_price: int
    tick_current: int


class WhirlpoolTickArray(PoolPart, frozen=True, array_like=True, gc=False, tag="whirlpool_ticks"):
    """88 neighbouring initialisable ticks from `start` on, fixed or dynamic account alike.

    An array that does not exist on chain is one without ticks: the program takes it for empty.
    """

    start: int
    ticks: tuple[tuple[int, int], ...]  #: (tick, net liquidity) of each initialised tick, ascending


class WhirlpoolOracle(PoolPart, frozen=True, array_like=True, gc=False, tag="whirlpool_oracle"):
    """The oracle account of an adaptive-fee pool: how its fee follows the volatility, and where that stands."""

    trade_enable_timestamp: int  #: unix seconds; no swap before it
    filter_period: int  #: seconds after a swap during which the reference stays
    decay_period: int  #: seconds after which the volatility is forgotten
    reduction_factor: int  #: ten-thousandths of the volatility that a reference keeps
    adaptive_fee_control_factor: int
    max_volatility_accumulator: int
    tick_group_size: int  #: ticks between changes of the fee
    major_swap_threshold_ticks: int
    last_reference_update_timestamp: int
    last_major_swap_timestamp: int
    volatility_reference: int
    tick_group_index_reference: int
    volatility_accumulator: int

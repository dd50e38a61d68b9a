"""What the accounts of a Raydium concentrated-liquidity pool say: its state, fee tier, tick arrays, bitmap extension.

Raydium CLMM program as of 2026 (dynamic fees, limit orders in ticks, fees in one token). Tick arrays cover 60 ticks of
the pool's spacing; array n begins at tick n * 60 * spacing.
"""

from msgspec import Struct

from bus.pool_parts.base import PoolPart


class RaydiumDynamicFee(Struct, frozen=True, array_like=True, gc=False):
    """The fee that grows with distance from a reference; volatility counts 10,000 per group of tick spacing."""

    filter_period_s: int
    decay_period_s: int
    reduction_factor: int  #: of 10,000
    control: int  #: of 100,000
    volatility_max: int
    index_reference: int  #: tick spacing group of the reference
    volatility_reference: int
    volatility: int
    last_update_s: int


class RaydiumClmmState(PoolPart, frozen=True, array_like=True, gc=False, tag="raydium_clmm_state"):
    """The pool account."""

    tick_spacing: int
    liquidity: int
    sqrt_price_x64: int
    tick: int
    status: int  #: bits of what is disabled; bit 4 is swapping
    fee_on: int  #: 0 the input, 1 always the first token, 2 always the second
    open_time_s: int
    bitmap: int  #: 1024 bits; bit n + 512 says that array n has initialised ticks
    dynamic_fee: RaydiumDynamicFee | None = None


class RaydiumClmmConfig(PoolPart, frozen=True, array_like=True, gc=False, tag="raydium_clmm_config"):
    """The fee tier. Rates are of 1,000,000; protocol and fund take shares of the trade fee."""

    trade_fee_rate: int
    protocol_fee_rate: int
    fund_fee_rate: int


class RaydiumTick(Struct, frozen=True, array_like=True, gc=False):
    """An initialised tick: one with liquidity or with limit orders. Orders of one tick all sell one token."""

    tick: int
    liquidity_net: int
    liquidity_gross: int
    orders: int = 0  #: never matched yet, raw units of the token they sell
    orders_part_filled: int = 0  #: what is left of the cohort being filled, before `orders` in line


class RaydiumClmmTickArray(PoolPart, frozen=True, array_like=True, gc=False, tag="raydium_clmm_tick_array"):
    """The initialised ticks of one array, ascending; empty where the account does not exist."""

    start: int
    ticks: tuple[RaydiumTick, ...]


class RaydiumClmmExtension(PoolPart, frozen=True, array_like=True, gc=False, tag="raydium_clmm_extension"):
    """The numbers of the initialised arrays outside -512..511, ascending; empty where the account does not exist."""

    arrays: tuple[int, ...]

"""What chains tell: pool states, liquidity changes, gas."""

from bus.events.base import Event


class PoolState(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="pool"):
    """A concentrated-liquidity pool after a swap, or as sampled. Raw integers, exact."""

    instrument: str
    block: int  #: 0 where the source has none
    log_index: int
    sqrt_price_x96: int
    tick: int
    liquidity: int
    is_sampled: bool = False  #: price derived from a sampled tick (minute data), not from an event
    is_birth: bool = False  #: the pool was just initialised: nobody provides liquidity, so no tick is unknown


class PoolSwap(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="pool_swap"):
    """A swap as the pool logged it: signed raw amounts as seen by the pool, and the state after it."""

    instrument: str
    block: int
    log_index: int
    tx: str
    amount0: int
    amount1: int
    sqrt_price_x96: int
    tick: int
    liquidity: int


class LiquidityChanged(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="pool_liquidity"):
    """A mint (positive delta) or burn (negative) of liquidity over a tick range."""

    instrument: str
    block: int
    log_index: int
    tx: str
    tick_lower: int
    tick_upper: int
    liquidity_delta: int


class GasPrice(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="gas"):
    """Price of a unit of gas on a chain, in wei, with the native token's USD price where known."""

    chain: str
    gas_price_wei: int
    native_usd: float = 0.0  #: 0.0 = unknown

"""What chains tell: pool states, liquidity changes, slots, gas, tips.

On Solana a unit of gas is a lamport: its `GasPrice` is 10^9 wei (10^-18 SOL each) a unit.
"""

from bus.events.base import Event
from bus.pool_parts import AnyPoolPart


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


class SlotSeen(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="slot"):
    """A chain moved on; while its subscriptions are whole, what they told before is still true now."""

    chain: str
    slot: int
    unix_s: int = 0  #: the chain's own clock where the source tells it, 0 = not told


class PoolSeen(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="pool_seen"):
    """Accounts of a pool as read at a slot, taken in together; each part replaces its own past.

    A swap changes several accounts: told one by one, the states in between would be of no slot at all.
    """

    instrument: str
    slot: int
    parts: tuple[AnyPoolPart, ...]


class PoolDisabled(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="pool_disabled"):
    """Nothing may be quoted from this pool any more: an account of it could not be read, or its program changed."""

    instrument: str
    slot: int
    reason: str


class TipFloor(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="tip_floor"):
    """What landed bundles paid of late, in lamports."""

    p25_lamports: int
    p50_lamports: int
    p75_lamports: int
    p95_lamports: int
    p99_lamports: int
    ema50_lamports: int


class PriorityFees(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="priority_fees"):
    """What recent transactions that write our accounts paid per compute unit, in millionths of a lamport."""

    chain: str
    slot: int
    p50_micro_lamports: int
    p75_micro_lamports: int
    p95_micro_lamports: int

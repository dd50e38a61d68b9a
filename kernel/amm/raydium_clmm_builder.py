"""Folds the parts of one Raydium CLMM pool into its exact pool and refuses parts that contradict themselves."""

from bus.pool_parts.base import PoolPart
from bus.pool_parts.raydium_clmm import (
    RaydiumClmmConfig,
    RaydiumClmmExtension,
    RaydiumClmmState,
    RaydiumClmmTickArray,
)
from bus.pool_parts.token_fee import TokenFee
from kernel.amm.errors import PoolRefused
from kernel.amm.raydium_clmm import RaydiumClmmPool
from kernel.amm.raydium_clmm_bitmap import BITMAP_BITS, HALF
from kernel.amm.raydium_clmm_steps import FEE_UNIT
from kernel.amm.raydium_clmm_ticks import ARRAY_TICKS, MAX_TICK, MIN_TICK, sqrt_price_at_tick
from kernel.amm.raydium_clmm_walk import U128_MAX
from kernel.amm.token_fee import BPS, U64_MAX

# Far more arrays than a feed watches of one pool; a feed that sends more is broken.
ARRAYS_KEPT_MAX = 256


class RaydiumClmmBuilder:
    """`kernel.amm.pool.PoolBuilder`. State and config are needed; a mint whose fee was never told takes none."""

    def __init__(self) -> None:
        self._state: RaydiumClmmState | None = None
        self._config: RaydiumClmmConfig | None = None
        self._arrays: dict[int, RaydiumClmmTickArray] = {}
        self._extension: tuple[int, ...] | None = None
        self._fees = [(0, 0), (0, 0)]
        self._pool: RaydiumClmmPool | None = None

    def add(self, part: PoolPart) -> None:
        """Take a part; others' parts are ignored. Raises `PoolRefused` (`state_inconsistent`)."""
        if isinstance(part, RaydiumClmmState):
            _check_state(part)
            if self._state is not None and self._state.tick_spacing != part.tick_spacing:
                raise _inconsistent(f"the spacing was {self._state.tick_spacing}, now {part.tick_spacing}")
            self._state = part
        elif isinstance(part, RaydiumClmmConfig):
            _check_config(part)
            self._config = part
        elif isinstance(part, RaydiumClmmTickArray):
            self._add_array(part)
        elif isinstance(part, RaydiumClmmExtension):
            arrays = part.arrays
            if list(arrays) != sorted(set(arrays)) or any(-HALF <= number < HALF for number in arrays):
                raise _inconsistent(f"expected ascending array numbers outside {-HALF}..{HALF - 1}")
            self._extension = arrays
        elif isinstance(part, TokenFee):
            if not (0 <= part.fee_bps <= BPS and 0 <= part.fee_max <= U64_MAX):
                raise _inconsistent(f"a transfer fee of {part.fee_bps} bps, at most {part.fee_max}")
            self._fees[0 if part.is_first else 1] = (part.fee_bps, part.fee_max)
        else:
            return
        self._pool = None

    def pool(self) -> RaydiumClmmPool | None:
        """The exact pool, the same object until a part changes; None until state and config were seen."""
        if self._pool is None and self._state is not None and self._config is not None:
            spacing = self._state.tick_spacing
            span = ARRAY_TICKS * spacing
            arrays = {}
            for start, array in self._arrays.items():
                if start % span or any(
                    tick.tick % spacing or tick.tick // span != start // span for tick in array.ticks
                ):
                    continue  # Of no array of this pool: never met by a swap, hence `depth_unknown` where it counts.
                arrays[start // span] = array
            self._pool = RaydiumClmmPool(
                self._state, self._config, arrays, self._extension, (self._fees[0], self._fees[1])
            )
        return self._pool

    def _add_array(self, part: RaydiumClmmTickArray) -> None:
        ticks = [tick.tick for tick in part.ticks]
        if len(ticks) > ARRAY_TICKS or ticks != sorted(set(ticks)):
            raise _inconsistent(f"the array at {part.start} has {len(ticks)} ticks or they do not ascend")
        for tick in part.ticks:
            if not MIN_TICK <= tick.tick <= MAX_TICK or tick.tick < part.start:
                raise _inconsistent(f"tick {tick.tick} does not lie in the array at {part.start}")
            if abs(tick.liquidity_net) > tick.liquidity_gross or tick.liquidity_gross > U128_MAX:
                raise _inconsistent(f"tick {tick.tick} has net {tick.liquidity_net} of gross {tick.liquidity_gross}")
            if tick.orders < 0 or tick.orders_part_filled < 0:
                raise _inconsistent(f"tick {tick.tick} has orders {tick.orders}, {tick.orders_part_filled}")
            if tick.orders + tick.orders_part_filled > U64_MAX:
                raise _inconsistent(f"the orders of tick {tick.tick} exceed a u64")
        if part.start not in self._arrays and len(self._arrays) == ARRAYS_KEPT_MAX:
            del self._arrays[next(iter(self._arrays))]
        self._arrays[part.start] = part


def _check_state(state: RaydiumClmmState) -> None:
    if not 0 < state.tick_spacing < 1 << 16 or not 0 <= state.liquidity <= U128_MAX:
        raise _inconsistent(f"spacing {state.tick_spacing}, liquidity {state.liquidity}")
    if not 0 <= state.bitmap < 1 << BITMAP_BITS:
        raise _inconsistent(f"expected a bitmap of {BITMAP_BITS} bits")
    # At the edge the tick may be one below the price's own: behind a tick crossed downwards, or orders left upwards.
    if not MIN_TICK - 1 <= state.tick <= MAX_TICK:
        raise _inconsistent(f"expected a tick in {MIN_TICK}..{MAX_TICK}, found {state.tick}")
    low = sqrt_price_at_tick(max(state.tick, MIN_TICK))
    high = sqrt_price_at_tick(min(state.tick + 1, MAX_TICK))
    if not low <= state.sqrt_price_x64 <= high:
        raise _inconsistent(f"tick {state.tick} spans {low}..{high}, the price is {state.sqrt_price_x64}")


def _check_config(config: RaydiumClmmConfig) -> None:
    if not 0 <= config.trade_fee_rate < FEE_UNIT:
        raise _inconsistent(f"expected a fee rate below {FEE_UNIT}, found {config.trade_fee_rate}")
    if config.protocol_fee_rate < 0 or config.fund_fee_rate < 0:
        raise _inconsistent("a share of the fee is below 0")
    if config.protocol_fee_rate + config.fund_fee_rate > FEE_UNIT:
        raise _inconsistent("protocol and fund would take more than the whole fee")


def _inconsistent(message: str) -> PoolRefused:
    return PoolRefused("state_inconsistent", message)

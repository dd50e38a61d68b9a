"""Folds the accounts of one Whirlpool, as they arrive in any order, into the exact pool."""

from bus.pool_parts.base import PoolPart
from bus.pool_parts.token_fee import TokenFee
from bus.pool_parts.whirlpool import WhirlpoolOracle, WhirlpoolState, WhirlpoolTickArray
from kernel.amm.errors import PoolRefused
from kernel.amm.token_fee import BPS
from kernel.amm.whirlpool import WhirlpoolPool
from kernel.amm.whirlpool_amounts import FEE_UNIT, U128_MAX
from kernel.amm.whirlpool_table import Ticks
from kernel.amm.whirlpool_ticks import (
    MAX_SQRT_PRICE,
    MAX_TICK,
    MIN_SQRT_PRICE,
    MIN_TICK,
    TICK_ARRAY_SIZE,
    array_start,
    sqrt_price_at_tick,
)

ARRAYS_EACH_SIDE = 3  #: watched and kept on each side of the current one: all that a swap may enter, either way
# Until the pool itself is seen it is not known which arrays matter; more than are ever watched at once.
ARRAYS_UNSORTED_MAX = 64
TICK_SPACING_MAX = (1 << 16) - 1


class WhirlpoolBuilder:
    """Implements `PoolBuilder`. Needs the pool, both `TokenFee` parts, and the oracle where the fee adapts.

    Arrays that the price has left behind are forgotten, as nobody watches them any more.
    """

    def __init__(self) -> None:
        self._state: WhirlpoolState | None = None
        self._oracle: WhirlpoolOracle | None = None
        self._arrays: dict[int, Ticks] = {}
        self._token_fees: dict[bool, TokenFee] = {}
        self._pool: WhirlpoolPool | None = None

    def add(self, part: PoolPart) -> None:
        """Take a part. Raises `PoolRefused` (`state_inconsistent`) for one that contradicts itself or the pool."""
        match part:
            case WhirlpoolState():
                if part == self._state:
                    return
                self._take_state(part)
            case WhirlpoolTickArray():
                if self._arrays.get(part.start) == part.ticks:
                    return
                self._take_array(part)
            case WhirlpoolOracle():
                if part == self._oracle:
                    return
                _check_oracle(part)
                self._oracle = part
            case TokenFee():
                if part == self._token_fees.get(part.is_first):
                    return
                if not 0 <= part.fee_bps <= BPS or part.fee_max < 0:
                    raise _inconsistent(f"a transfer fee of {part.fee_bps} bps, at most {part.fee_max}, cannot be")
                self._token_fees[part.is_first] = part
            case _:
                raise _inconsistent(f"a {type(part).__name__} is no part of a Whirlpool")
        self._pool = None

    def pool(self) -> WhirlpoolPool | None:
        """The exact pool; None while a part that a quote needs was never seen. The same until a part changes."""
        state = self._state
        if self._pool is None and state is not None and len(self._token_fees) == 2:
            oracle = self._oracle if state.fee_tier_index != state.tick_spacing else None
            if oracle is not None or state.fee_tier_index == state.tick_spacing:
                fees = self._token_fees[True], self._token_fees[False]
                self._pool = WhirlpoolPool(state, dict(self._arrays), oracle, fees)
        return self._pool

    def _take_state(self, state: WhirlpoolState) -> None:
        _check_state(state)
        if self._state is not None and state.tick_spacing != self._state.tick_spacing:
            raise _inconsistent(f"tick spacing was {self._state.tick_spacing}, now {state.tick_spacing}")
        reach = ARRAYS_EACH_SIDE * TICK_ARRAY_SIZE * state.tick_spacing
        here = array_start(state.tick_current, state.tick_spacing)
        kept = {start: ticks for start, ticks in self._arrays.items() if abs(start - here) <= reach}
        for start, ticks in kept.items():
            _check_array(start, ticks, state.tick_spacing)
        self._state, self._arrays = state, kept

    def _take_array(self, array: WhirlpoolTickArray) -> None:
        if self._state is not None:
            _check_array(array.start, array.ticks, self._state.tick_spacing)
        elif len(self._arrays) >= ARRAYS_UNSORTED_MAX and array.start not in self._arrays:
            raise _inconsistent(f"more than {ARRAYS_UNSORTED_MAX} tick arrays before the pool itself")
        self._arrays[array.start] = array.ticks


def _check_state(state: WhirlpoolState) -> None:
    if not 0 < state.tick_spacing <= TICK_SPACING_MAX:
        raise _inconsistent(f"tick spacing {state.tick_spacing}, expected 1..{TICK_SPACING_MAX}")
    if not 0 <= state.fee_rate < FEE_UNIT or not 0 <= state.liquidity <= U128_MAX:
        raise _inconsistent(f"fee rate {state.fee_rate} or liquidity {state.liquidity} is out of range")
    price, tick = state.sqrt_price, state.tick_current
    # A swap that ends on a tick from above leaves the tick one below the price.
    if not MIN_SQRT_PRICE <= price <= MAX_SQRT_PRICE or not MIN_TICK - 1 <= tick <= MAX_TICK:
        raise _inconsistent(f"sqrt price {price} or tick {tick} is off the scale")
    low, high = max(tick, MIN_TICK), min(tick + 1, MAX_TICK)
    if not sqrt_price_at_tick(low) <= price <= sqrt_price_at_tick(high):
        raise _inconsistent(f"sqrt price {price} does not lie in tick {tick}")


def _check_array(start: int, ticks: Ticks, tick_spacing: int) -> None:
    size = TICK_ARRAY_SIZE * tick_spacing
    if start % size or start > MAX_TICK or start + size <= MIN_TICK:
        raise _inconsistent(f"a tick array cannot start at {start} with a tick spacing of {tick_spacing}")
    last = max(start, MIN_TICK) - 1
    for tick, net in ticks:
        if tick <= last or tick >= start + size or tick > MAX_TICK or tick % tick_spacing:
            raise _inconsistent(f"tick {tick} is out of place in the array at {start}")
        if abs(net) > U128_MAX >> 1:
            raise _inconsistent(f"net liquidity {net} at tick {tick} is no i128")
        last = tick


def _check_oracle(oracle: WhirlpoolOracle) -> None:
    if oracle.tick_group_size <= 0:
        raise _inconsistent(f"a group of {oracle.tick_group_size} ticks, expected 1 or more")
    if oracle.major_swap_threshold_ticks > MAX_TICK:
        raise _inconsistent(f"a major swap of {oracle.major_swap_threshold_ticks} ticks is off the scale")


def _inconsistent(message: str) -> PoolRefused:
    return PoolRefused("state_inconsistent", message)

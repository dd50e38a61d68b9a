"""The fee of an adaptive-fee Whirlpool: a base rate plus one that grows with the square of the volatility.

Whirlpool program (oracle, fee rate manager), whirlpools-core 3.1.0, 2026. Volatility is how many groups of ticks the
price is away from a reference, plus what is left of earlier volatility. Which reference a swap starts from depends
on the clock in three steps only: unchanged shortly after a swap, decayed, or forgotten.
"""

from typing import NamedTuple

from bus.pool_parts.whirlpool import WhirlpoolOracle
from kernel.amm.errors import PoolRefused
from kernel.amm.whirlpool_ticks import MAX_TICK, MIN_TICK

SCALE = 10_000  #: of a volatility accumulator, per group of ticks
REDUCTION_UNIT = 10_000
CONTROL_UNIT = 100_000
RATE_MAX = 100_000  #: millionths; the program's hard limit of 10 %
REFERENCE_AGE_MAX_S = 3_600  #: an older reference is forgotten however busy the pool is

UNCHANGED, DECAYED, FORGOTTEN = range(3)


class FeeReference(NamedTuple):
    """Where the volatility of a swap is measured from."""

    group: int
    volatility: int
    updated_s: int


def regime(oracle: WhirlpoolOracle, now_s: int) -> int:
    """UNCHANGED, DECAYED or FORGOTTEN. Refuses times before trading is open or before the oracle's own."""
    if now_s < oracle.trade_enable_timestamp:
        raise PoolRefused("swap_disabled", f"trading opens at {oracle.trade_enable_timestamp}, it is {now_s}")
    newest_s = max(oracle.last_reference_update_timestamp, oracle.last_major_swap_timestamp)
    if now_s < newest_s:
        raise PoolRefused("state_inconsistent", f"the oracle was updated at {newest_s}, after the given time {now_s}")
    if now_s - oracle.last_reference_update_timestamp > REFERENCE_AGE_MAX_S:
        return FORGOTTEN
    elapsed_s = now_s - newest_s
    if elapsed_s < oracle.filter_period:
        return UNCHANGED
    return DECAYED if elapsed_s < oracle.decay_period else FORGOTTEN


def reference(oracle: WhirlpoolOracle, tick: int, which: int, now_s: int) -> FeeReference:
    """The reference of a swap that begins at `tick` in the given regime."""
    if which == UNCHANGED:
        return FeeReference(
            oracle.tick_group_index_reference, oracle.volatility_reference, oracle.last_reference_update_timestamp
        )
    group = tick // oracle.tick_group_size
    if which == FORGOTTEN:
        return FeeReference(group, 0, now_s)
    return FeeReference(group, oracle.volatility_accumulator * oracle.reduction_factor // REDUCTION_UNIT, now_s)


class FeeCurve:
    """Fee rate by group of ticks, from one reference on."""

    __slots__ = ("_base_rate", "_control", "_most", "_volatility", "group", "group_high", "group_low", "size")

    def __init__(self, oracle: WhirlpoolOracle, base_rate: int, start: FeeReference) -> None:
        self.size = size = oracle.tick_group_size
        self.group = start.group
        self._base_rate = base_rate
        self._control = oracle.adaptive_fee_control_factor * size * size
        self._most = oracle.max_volatility_accumulator
        self._volatility = start.volatility
        # Beyond this many groups the volatility stays at its most, and the program takes one step over all of them.
        reach = -(-max(self._most - start.volatility, 0) // SCALE)
        low, high = start.group - reach, start.group + reach
        #: The last groups before it; beyond the scale there is nothing to step over.
        self.group_low: int | None = low if low * size > MIN_TICK else None
        self.group_high: int | None = high if (high + 1) * size < MAX_TICK else None

    def volatility(self, group: int) -> int:
        """The accumulator while the price is in `group`."""
        return min(self._volatility + abs(self.group - group) * SCALE, self._most)

    def rate(self, group: int) -> int:
        """Whole fee in millionths while the price is in `group`."""
        volatility = self.volatility(group)
        extra = -(-self._control * volatility * volatility // (CONTROL_UNIT * SCALE * SCALE))
        return min(self._base_rate + extra, RATE_MAX)

    def bound(self, group: int, liquidity: int, is_a_to_b: bool) -> tuple[int | None, bool]:
        """(tick at which a step in `group` ends at the latest, whether it may cover many groups)."""
        if not self._control or not liquidity:
            return None, True
        low, high, size = self.group_low, self.group_high, self.size
        if low is not None and group < low:
            return (None if is_a_to_b else _on_scale(low * size)), True
        if high is not None and group > high:
            return (_on_scale((high + 1) * size) if is_a_to_b else None), True
        return _on_scale((group if is_a_to_b else group + 1) * size), False

    def group_after(self, group: int, tick: int, is_on_tick: bool, is_a_to_b: bool) -> int:
        """The last group that a step over many groups went through; it began in `group` and ended at `tick`."""
        last = tick // self.size
        if not is_a_to_b and is_on_tick and tick % self.size == 0:
            last -= 1
        return min(group, last) if is_a_to_b else max(group, last)


def _on_scale(tick: int) -> int:
    return min(max(tick, MIN_TICK), MAX_TICK)

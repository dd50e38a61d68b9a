"""The stops of a V3 swap: where the contract ends a step, and what a whole step from stop to stop costs.

The contract rounds each step on its own and ends one at every initialised tick *and* at every edge of a 256-tick
bitmap word (TickBitmap.nextInitializedTickWithinOneWord), so a jump straight to the next initialised tick is off
by units. Stops do not depend on where a swap starts, hence whole steps are computed once and kept.
"""

from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple, NoReturn

from kernel.amm.errors import PoolRefused
from kernel.amm.v3_ticks import (
    FEE_UNIT,
    MAX_TICK,
    MIN_TICK,
    amount0_delta,
    amount1_delta,
    liquidity_per_tick_max,
    sqrt_ratio_at_tick,
)

WORD = 256


class Rung(NamedTuple):
    """A whole step between two neighbouring stops, in one direction."""

    stop: int
    sqrt_price_x96: int
    gross_in: int
    """Input that just pays the step, fee included; with less the price stops short of it."""
    amount_out: int
    fee: int


class TickLadder:
    """The known ticks of one pool with their stops; shared by all states of the pool until a mint or burn.

    `liquidity` is the active liquidity at `tick`; where the table is whole (no known_low or known_high) it must
    equal the table's sum, else the table is refused as inconsistent.
    """

    def __init__(
        self,
        *,
        ticks: tuple[tuple[int, int], ...],
        liquidity_gross: tuple[int, ...] | None,
        tick_spacing: int,
        fee_pips: int,
        known_low: int | None,
        known_high: int | None,
        tick: int,
        liquidity: int,
    ) -> None:
        _check_table(ticks, liquidity_gross, tick_spacing, known_low, known_high)
        self._ticks = [index for index, _ in ticks]
        self.net = dict(ticks)
        self._sums = [0, *accumulate(net for _, net in ticks)]
        self._spacing = tick_spacing
        self._fee_pips = fee_pips
        self.low = known_low
        self.high = known_high
        self.down: dict[int, Rung] = {}
        self.up: dict[int, Rung] = {}
        below = self._sums[bisect_right(self._ticks, tick)]
        if known_low is None and below != liquidity:
            raise PoolRefused(
                "state_inconsistent",
                f"ticks up to {tick} sum to {below} but the active liquidity is {liquidity}; "
                "give every initialised tick, or known_low",
            )
        if known_high is None and self._sums[-1] - below != -liquidity:
            raise PoolRefused(
                "state_inconsistent",
                f"ticks above {tick} sum to {self._sums[-1] - below}, expected {-liquidity}; "
                "give every initialised tick, or known_high",
            )

    def liquidity_between(self, tick_from: int, tick_to: int) -> int:
        """Change of active liquidity when the current tick moves from one known tick to another."""
        at = self._sums
        return at[bisect_right(self._ticks, tick_to)] - at[bisect_right(self._ticks, tick_from)]

    def stop(self, tick: int, *, zero_for_one: bool) -> int:
        """Tick at which the step that starts at current tick `tick` ends at the latest."""
        ticks, spacing = self._ticks, self._spacing
        compressed = tick // spacing
        if zero_for_one:
            stop = max((compressed - compressed % WORD) * spacing, MIN_TICK)
            index = bisect_right(ticks, tick) - 1
            if index >= 0 and ticks[index] > stop:
                stop = ticks[index]
            return stop if self.low is None or stop > self.low else self.low
        compressed += 1
        stop = min((compressed - compressed % WORD + WORD - 1) * spacing, MAX_TICK)
        index = bisect_right(ticks, tick)
        if index < len(ticks) and ticks[index] < stop:
            stop = ticks[index]
        return stop if self.high is None or stop < self.high else self.high

    def build_rung(self, start: int, liquidity: int, *, zero_for_one: bool) -> Rung:
        """Compute and keep the whole step that begins where the price has just arrived at stop `start`."""
        stop = self.stop(start - 1 if zero_for_one else start, zero_for_one=zero_for_one)
        price = sqrt_ratio_at_tick(start)
        target = sqrt_ratio_at_tick(stop)
        delta0 = amount0_delta(target, price, liquidity, round_up=zero_for_one)
        delta1 = amount1_delta(target, price, liquidity, round_up=not zero_for_one)
        amount_in, amount_out = (delta0, delta1) if zero_for_one else (delta1, delta0)
        fee = -(-amount_in * self._fee_pips // (FEE_UNIT - self._fee_pips))
        rung = Rung(stop, target, amount_in + fee, amount_out, fee)
        (self.down if zero_for_one else self.up)[start] = rung
        return rung

    def refuse_edge(self, stop: int) -> NoReturn:
        """Say that a swap would need liquidity beyond the known range."""
        raise PoolRefused(
            "depth_unknown",
            f"the swap reaches tick {stop}, the edge of the known range {self.low}..{self.high}; "
            "ask a smaller amount or load more ticks",
        )


def _check_table(
    ticks: tuple[tuple[int, int], ...],
    liquidity_gross: tuple[int, ...] | None,
    tick_spacing: int,
    known_low: int | None,
    known_high: int | None,
) -> None:
    low = MIN_TICK if known_low is None else known_low
    high = MAX_TICK if known_high is None else known_high
    before = low - 1
    for index, net in ticks:
        if not before < index <= high or index % tick_spacing:
            raise PoolRefused(
                "state_inconsistent",
                f"expected ticks ascending, multiples of {tick_spacing}, within {low}..{high}; found {index} "
                f"after {before}",
            )
        if not -(1 << 127) <= net < 1 << 127:
            raise PoolRefused("state_inconsistent", f"liquidity_net {net} at tick {index} is no int128")
        before = index
    if liquidity_gross is None:
        return
    if len(liquidity_gross) != len(ticks):
        raise PoolRefused(
            "state_inconsistent", f"{len(ticks)} ticks need as many gross values, found {len(liquidity_gross)}"
        )
    most = liquidity_per_tick_max(tick_spacing)
    for (index, net), gross in zip(ticks, liquidity_gross, strict=True):
        if not max(1, abs(net)) <= gross <= most:
            raise PoolRefused(
                "state_inconsistent", f"liquidity_gross {gross} at tick {index} does not fit net {net} or max {most}"
            )

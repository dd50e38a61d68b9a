"""Where a chain of pools earns most, found in floats by walking the depth of all its pools at once.

Within one stretch of depth (`Segment`) a pool maps an input d from the present point to r * d / (1 + c * d). Such maps
stay of this form when chained: r = r1 * r2 and c = c1 + r1 * c2. The gain r * d / (1 + c * d) - d is greatest where the
slope r / (1 + c * d)^2 is 1, hence at d = (sqrt(r) - 1) / c. So: take the present stretch of each pool, solve, and if
the answer lies beyond the stretch that ends first, move to that end and take the next.

Worked: two pools of 1000:1000 and 1000:1210 without fee give r = 1.21, c = 0.001 + 0.001 = 0.002, d = 0.1 / 0.002 = 50.
"""

from collections.abc import Sequence
from math import inf, sqrt
from typing import Literal, NamedTuple

from kernel.amm.pool import Pool, Segment

EndedBy = Literal["margin", "amount_in_max", "depth", "effort"]

#: Combinations of stretches walked for one answer; about 1 us each, so hostile depth costs some milliseconds at most.
COMBINATIONS_MAX = 4096
#: Combinations looked at beyond the point where the margin is gone: a fee that stops to grow (the cap of a transfer
#: fee) or falls (a fee that moves towards its reference) can make a larger size earn again.
LOOK_AHEAD = 3
#: No token has more units; keeps floats far from their end.
_AMOUNT_MAX = 1 << 256


class Hop(NamedTuple):
    """One swap of a cycle."""

    pool: Pool
    is_a_to_b: bool


class Peak(NamedTuple):
    """The best point of a chain, in floats."""

    amounts: tuple[float, ...]  #: into the first pool, out of each pool
    ended_by: EndedBy  #: what keeps a larger size from earning more


class _Stretches:
    """Where each pool of the chain is walked to: its map from here to the end of the present stretch."""

    __slots__ = ("_depths", "curves", "rates", "rooms")

    def __init__(self, hops: Sequence[Hop], now_s: int) -> None:
        self._depths = [iter(pool.segments(is_a_to_b, now_s)) for pool, is_a_to_b in hops]
        self.rates = [0.0] * len(hops)
        self.curves = [0.0] * len(hops)
        self.rooms = [0.0] * len(hops)

    def enter_next(self, number: int) -> bool:
        """Stand at the start of a pool's next stretch; False where its depth ends."""
        segment: Segment | None = next(self._depths[number], None)
        if segment is None:
            return False
        start, end, _, rate, curve = segment
        # Whatever is no depth ends it: a rate that is 0, negative, endless or NaN.
        if not (0.0 < rate < inf and 0.0 <= curve < inf and end >= start):
            return False
        self.rates[number] = rate
        self.curves[number] = curve
        self.rooms[number] = end - start
        return True

    def advance(self, amounts: list[float], length: float) -> None:
        """Move on by an input of the chain that stays within all stretches; adds to the amounts on the way."""
        rates, curves, rooms = self.rates, self.curves, self.rooms
        amounts[0] += length
        for number, rate in enumerate(rates):
            bend = 1.0 + curves[number] * length
            rooms[number] -= length
            rates[number] = rate / (bend * bend)
            curves[number] /= bend
            length *= rate / bend
            amounts[number + 1] += length

    def amounts_at(self, amounts: list[float], step: float) -> tuple[float, ...]:
        """The amounts a step further on, leaving the walk where it is."""
        found = [amounts[0] + step]
        for rate, curve, amount in zip(self.rates, self.curves, amounts[1:], strict=True):
            step = rate * step / (1.0 + curve * step)
            found.append(amount + step)
        return tuple(found)


def find_peak(hops: Sequence[Hop], amount_in_max: int, now_s: int) -> Peak | None:
    """The input, at most `amount_in_max`, at which the chain's output exceeds its input most; None if nowhere.

    Search only: the amounts are floats and exact quotes decide. Where the gain has several peaks because a fee falls
    with size, those further than `LOOK_AHEAD` combinations behind the end of the margin are not seen.
    """
    stretches = _Stretches(hops, now_s)
    for number in range(len(hops)):
        if not stretches.enter_next(number):
            return None
    rates, curves, rooms = stretches.rates, stretches.curves, stretches.rooms
    amounts = [0.0] * (len(hops) + 1)
    cap = float(min(amount_in_max, _AMOUNT_MAX))
    best: Peak | None = None
    best_gain = 0.0
    idle = 0
    for _ in range(COMBINATIONS_MAX):
        rate, curve = 1.0, 0.0
        length, ending = cap - amounts[0], -1
        for number, room in enumerate(rooms):
            left = rate - curve * room  # NaN or below 0 where the chain never fills the stretch
            if left > 0.0 and room < length * left:
                length, ending = room / left, number
            curve += rate * curves[number]
            rate *= rates[number]
        idle += 1
        if rate > 1.0:
            idle = 0
            step = (sqrt(rate) - 1.0) / curve if curve > 0.0 else inf
            if step < length:
                idle = 1
                gain = amounts[-1] - amounts[0] + rate * step / (1.0 + curve * step) - step
                if best_gain < gain < inf:
                    best_gain = gain
                    best = Peak(stretches.amounts_at(amounts, step), "margin")
        if idle > LOOK_AHEAD or (idle and ending < 0):
            return best
        stretches.advance(amounts, length)
        ended_by: EndedBy = "margin"
        if ending < 0:
            ended_by = "amount_in_max"
        elif not stretches.enter_next(ending):
            ended_by = "depth"
        gain = amounts[-1] - amounts[0]
        if best_gain < gain < inf:
            best_gain = gain
            best = Peak(tuple(amounts), ended_by)
        if ended_by != "margin":
            return best
    return best and Peak(best.amounts, "effort")

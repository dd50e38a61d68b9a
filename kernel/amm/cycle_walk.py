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


class _Reach:
    """How far one pool is walked: the map from here to the end of the present stretch."""

    __slots__ = ("_segments", "curve", "rate", "room")

    def __init__(self, hop: Hop, now_s: int) -> None:
        self._segments = iter(hop.pool.segments(hop.is_a_to_b, now_s))
        self.rate = self.curve = self.room = 0.0

    def enter_next(self) -> bool:
        """Stand at the start of the next stretch; False where the depth ends."""
        segment: Segment | None = next(self._segments, None)
        if segment is None:
            return False
        start, end, _, rate, curve = segment
        # Whatever is no depth ends it: a rate that is 0, negative, endless or NaN.
        if not (0.0 < rate < inf and 0.0 <= curve < inf and end >= start):
            return False
        self.rate, self.curve, self.room = rate, curve, end - start
        return True

    def advance(self, amount: float) -> float:
        """Move on by an input within the stretch; the output on the way."""
        bend = 1.0 + self.curve * amount
        out = self.rate * amount / bend
        self.rate /= bend * bend
        self.curve /= bend
        self.room -= amount
        return out


def find_peak(hops: Sequence[Hop], amount_in_max: int, now_s: int) -> Peak | None:
    """The input, at most `amount_in_max`, at which the chain's output exceeds its input most; None if nowhere.

    Search only: the amounts are floats and exact quotes decide. Where the gain has several peaks because a fee falls
    with size, those further than `LOOK_AHEAD` combinations behind the end of the margin are not seen.
    """
    reaches = [_Reach(hop, now_s) for hop in hops]
    for reach in reaches:
        if not reach.enter_next():
            return None
    amounts = [0.0] * (len(reaches) + 1)
    cap = float(min(amount_in_max, _AMOUNT_MAX))
    best: Peak | None = None
    best_gain = 0.0
    idle = 0
    for _ in range(COMBINATIONS_MAX):
        rate, curve = 1.0, 0.0
        length, ending = cap - amounts[0], -1
        for number, reach in enumerate(reaches):
            room = reach.room
            left = rate - curve * room  # NaN or below 0 where the chain never fills the stretch
            if left > 0.0 and room < length * left:
                length, ending = room / left, number
            curve += rate * reach.curve
            rate *= reach.rate
        if rate > 1.0:
            idle = 0
            step = (sqrt(rate) - 1.0) / curve if curve > 0.0 else inf
            if step < length:
                gain = amounts[-1] - amounts[0] + rate * step / (1.0 + curve * step) - step
                if best_gain < gain < inf:
                    best_gain = gain
                    best = Peak(_moved(reaches, amounts, step), "margin")
                idle = 1
        else:
            idle += 1
        if idle > LOOK_AHEAD:
            return best
        _advance(reaches, amounts, length)
        ended_by: EndedBy = "margin"
        if ending < 0:
            ended_by = "amount_in_max"
        elif not reaches[ending].enter_next():
            ended_by = "depth"
        gain = amounts[-1] - amounts[0]
        if best_gain < gain < inf:
            best_gain = gain
            best = Peak(tuple(amounts), ended_by)
        if ended_by != "margin":
            return best
    return best and Peak(best.amounts, "effort")


def _advance(reaches: list[_Reach], amounts: list[float], length: float) -> None:
    amounts[0] += length
    for number, reach in enumerate(reaches, start=1):
        length = reach.advance(length)
        amounts[number] += length


def _moved(reaches: list[_Reach], amounts: list[float], step: float) -> tuple[float, ...]:
    """The amounts a step further on, leaving the walk where it is."""
    moved = [amounts[0] + step]
    for reach, amount in zip(reaches, amounts[1:], strict=True):
        step = reach.rate * step / (1.0 + reach.curve * step)
        moved.append(amount + step)
    return tuple(moved)

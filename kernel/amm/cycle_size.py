"""The size at which a cycle of two or three pools earns most, exact to what the pools answer.

The walk in floats (`cycle_walk`) finds the place; exact quotes decide around it. Integer rounding makes the gain a
sawtooth: one raw unit of the coarsest token of the cycle may be worth millions of the start token. So the search steps
in units of that token and pays the least input that gets them. Fixed costs (network fee, tip) do not move the best
size; compare them with `gain`, or name them as `gain_min` and hopeless cycles are left before any exact quote.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

from kernel.amm.cycle_walk import EndedBy, Hop, Peak, find_peak
from kernel.amm.errors import PoolRefused
from kernel.amm.pool import PoolQuote

HOPS_MIN, HOPS_MAX = 2, 3
#: Exact evaluations of one cycle, each one quote a hop and some for the least input: bounds the polish to about 0.5 ms.
EVALUATIONS_MAX = 24
#: Sizes tried downwards where the best is refused: the float end of the known depth is off by a few units in 2^50.
_RETREATS_MAX = 8
#: Floats carry 53 bits; sums along the walk cost some of them. Neighbours nearer than this cannot be told apart there.
_TRUSTED_BITS = 50
#: How much coarser than the start token another must be before the least input is asked for: below, it saves a unit.
_COARSER = 2.0
#: Up to this many units of the coarsest token one unit matters, and this many neighbours on either side are compared:
#: each is a tooth of the sawtooth, and the best need not be the nearest.
_COARSE_MAX, _TEETH = 4096, 6
#: What floats may be off in a gain, as a share of the amount, before `gain_min` rules a cycle out.
_GAIN_NOISE = 1e-9


class CycleSize(NamedTuple):
    """The best size and what each pool does with it: exact quotes, chained."""

    amount_in: int  #: to offer to the first pool, raw units of the start token
    amount_out: int  #: what the last pool gives for it, raw units of the same token
    quotes: tuple[PoolQuote, ...]  #: of each hop; the input of each is the output of the one before
    ended_by: EndedBy  #: what keeps a larger size from earning more

    @property
    def gain(self) -> int:
        """Raw units of the start token: what comes back less what leaves. Left-overs between pools count nothing."""
        return self.amount_out - self.quotes[0].amount_in


def best_cycle_size(
    hops: Sequence[Hop], *, amount_in_max: int, now_s: int, gain_min: int = 1, evaluations_max: int = EVALUATIONS_MAX
) -> CycleSize | None:
    """The input in 1..amount_in_max with the greatest gain of the whole cycle; None if no size gains `gain_min`.

    `hops` are two or three different pools, each with its direction, the first taking the token that the last gives.
    Depth that is not known is never counted on: the size ends before it (`ended_by` is then "depth"). Raises
    `ValueError` for a pool used twice (state after its first swap is not that of its quote) and for absurd arguments.
    """
    if not HOPS_MIN <= len(hops) <= HOPS_MAX:
        raise ValueError(f"expected {HOPS_MIN} or {HOPS_MAX} hops, found {len(hops)}")
    if any(one.pool is other.pool for one, other in combinations(hops, 2)):
        raise ValueError("expected each pool once in a cycle: a second swap meets another state than was quoted")
    if amount_in_max < 0 or gain_min < 1 or evaluations_max < 1:
        raise ValueError(
            f"expected amount_in_max >= 0, gain_min >= 1, evaluations_max >= 1; "
            f"found {amount_in_max}, {gain_min}, {evaluations_max}"
        )
    peak = find_peak(hops, amount_in_max, now_s)
    if peak is None:
        return None
    amounts = peak.amounts
    if amounts[-1] - amounts[0] + _GAIN_NOISE * amounts[0] < gain_min - 1:
        return None
    search = _Search(hops, peak, amount_in_max, now_s, evaluations_max)
    search.run()
    best = search.best
    return best if best is not None and search.gain >= gain_min else None


class _Search:
    """Exact quotes around a peak, in steps of the coarsest token; keeps the best."""

    __slots__ = ("_amount_in_max", "_anchor", "_evaluations", "_hops", "_now_s", "_peak", "best", "gain")

    def __init__(self, hops: Sequence[Hop], peak: Peak, amount_in_max: int, now_s: int, evaluations_max: int) -> None:
        self.best: CycleSize | None = None
        self.gain = 0
        self._hops = hops
        self._peak = peak
        self._amount_in_max = amount_in_max
        self._now_s = now_s
        self._evaluations = evaluations_max
        amounts = peak.amounts[:-1]
        coarsest = min(range(len(amounts)), key=amounts.__getitem__)
        self._anchor = coarsest if amounts[coarsest] * _COARSER < amounts[0] else 0

    def run(self) -> None:
        """Evaluate the peak, then climb from it while exact quotes get better."""
        self._around()
        if self.best is None and self._anchor:
            # Some pool does not answer what input gets an output: step in the start token.
            self._anchor = 0
            self._around()

    def _around(self) -> None:
        middle = max(1, int(self._peak.amounts[self._anchor]))
        stride = max(1, middle >> _TRUSTED_BITS)
        if not self._try(middle):
            middle = self._retreat(middle, stride)
        if middle <= _COARSE_MAX:
            for distance in range(1, _TEETH + 1):
                self._try(middle + distance)
                if middle > distance:
                    self._try(middle - distance)
            return
        for step in (stride, 1) if stride > 1 else (1,):
            for sign in (1, -1):
                climbed = self._climb(middle, sign * step)
                if climbed != middle:
                    middle = climbed
                    break

    def _retreat(self, middle: int, stride: int) -> int:
        """Smaller sizes until one is not refused; the next larger may still be had, so climbing goes on from there."""
        for _ in range(_RETREATS_MAX):
            if middle <= stride:
                return max(1, middle)
            middle -= stride
            if self._try(middle):
                return middle
            stride *= 4
        return middle

    def _climb(self, middle: int, step: int) -> int:
        """Double the step while the gain grows; where it stopped growing."""
        while True:
            gain = self.gain
            if middle + step < 1 or not self._try(middle + step) or self.gain <= gain:
                return middle
            middle += step
            step *= 2

    def _try(self, amount: int) -> bool:
        """Quote the cycle for an amount of the anchor token; False if a pool refuses or the effort is spent."""
        if not self._evaluations:
            return False
        self._evaluations -= 1
        hops, now_s = self._hops, self._now_s
        quotes = []
        try:
            for pool, is_a_to_b in reversed(hops[: self._anchor]):
                amount = pool.quote_out(is_a_to_b, amount, now_s).amount_in
            amount_in = amount = min(amount, self._amount_in_max)
            for pool, is_a_to_b in hops:
                quote = pool.quote_in(is_a_to_b, amount, now_s)
                quotes.append(quote)
                amount = quote.amount_out
        except PoolRefused:
            return False
        gain = amount - quotes[0].amount_in
        if gain > self.gain:
            self.gain = gain
            self.best = CycleSize(amount_in, amount, tuple(quotes), self._peak.ended_by)
        return True

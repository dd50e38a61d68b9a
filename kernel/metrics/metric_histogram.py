"""A histogram that costs a bisection per observation; the metrics page reads it."""

from bisect import bisect_left
from collections.abc import Sequence


class MetricHistogram:
    """Counts by upper bounds (ascending, inclusive); what is above all of them counts as +Inf."""

    __slots__ = ("_bounds", "_counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self.total = 0.0  #: sum of the observed values

    def observe(self, value: float) -> None:
        """Count one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def buckets(self) -> list[tuple[str, float]]:
        """(upper bound as text, observations up to it), the last one "+Inf"."""
        running = 0
        found: list[tuple[str, float]] = []
        for bound, count in zip((*(str(each) for each in self._bounds), "+Inf"), self._counts, strict=True):
            running += count
            found.append((bound, float(running)))
        return found

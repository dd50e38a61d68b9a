"""Token buckets: so many at once, then so many a minute, for each address or session."""

import time
from collections import OrderedDict
from collections.abc import Callable

KEYS_MAX = 1024  #: the longest unused key is forgotten first, and starts full again


class TokenBuckets:
    """One bucket per key. Times are monotonic seconds."""

    def __init__(self, per_min: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate_per_s = per_min / 60
        self._burst = burst
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  #: key -> (tokens left, at)

    def apply(self, per_min: float, burst: int) -> None:
        """New rate and size; a bucket never holds more than the new size."""
        self._rate_per_s = per_min / 60
        self._burst = burst

    def wait_s(self, key: str) -> float:
        """Seconds until `key` may take one; 0 = now."""
        left = self._now(key)
        return 0.0 if left >= 1 else (1 - left) / self._rate_per_s

    def take(self, key: str) -> float:
        """Take one if there is one: 0. Else nothing is taken and the seconds to wait come back."""
        wait_s = self.wait_s(key)
        if wait_s == 0:
            self.spend(key)
        return wait_s

    def spend(self, key: str) -> None:
        """Take one, whatever is there."""
        self._put(key, self._now(key) - 1)

    def give_back(self, key: str) -> None:
        """Return one that was taken."""
        self._put(key, min(float(self._burst), self._now(key) + 1))

    def _put(self, key: str, left: float) -> None:
        self._left[key] = (left, self._clock())
        self._left.move_to_end(key)
        while len(self._left) > KEYS_MAX:
            self._left.popitem(last=False)

    def _now(self, key: str) -> float:
        left, at_s = self._left.get(key, (float(self._burst), self._clock()))
        return min(float(self._burst), left + (self._clock() - at_s) * self._rate_per_s)

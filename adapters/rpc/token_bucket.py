"""How many requests an endpoint may get: a token bucket whose last share is kept for what reduces risk."""


class TokenBucket:
    """`rate_per_s` tokens a second up to `burst`; a request takes one. Times are seconds of one monotonic clock."""

    __slots__ = ("_at_s", "_burst", "_rate_per_s", "_tokens")

    def __init__(self, rate_per_s: float, burst: int, now_s: float) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._tokens = float(burst)
        self._at_s = now_s

    def resize(self, rate_per_s: float, burst: int, now_s: float) -> None:
        """Other limits from now on; what is left is kept, at most the new burst."""
        self._fill(now_s)
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._tokens = min(self._tokens, float(burst))

    def left(self, now_s: float) -> float:
        """The share that is left, 0 to 1."""
        self._fill(now_s)
        return self._tokens / self._burst

    def wait_s(self, now_s: float, reserve: float) -> float:
        """How long until a token may be taken that leaves `reserve` (0 to 1) of the burst; 0 = now."""
        self._fill(now_s)
        missing = self._floor(reserve) + 1.0 - self._tokens
        return max(0.0, missing / self._rate_per_s) if missing > 1e-9 else 0.0

    def take(self, now_s: float, reserve: float) -> bool:
        """Take one if that leaves the reserve."""
        if self.wait_s(now_s, reserve) > 0.0:
            return False
        self._tokens = max(0.0, self._tokens - 1.0)
        return True

    def _floor(self, reserve: float) -> float:
        """A burst of one has no share to reserve, or nothing ordinary would ever pass."""
        return min(self._burst * reserve, self._burst - 1.0)

    def _fill(self, now_s: float) -> None:
        if now_s > self._at_s:
            self._tokens = min(float(self._burst), self._tokens + (now_s - self._at_s) * self._rate_per_s)
            self._at_s = now_s

"""Latencies of one endpoint: a moving average, a ring for the 99th percentile, and one p99 a minute for a sparkline."""

from collections import deque

EWMA_SHARE = 0.2  #: of the newest sample: about the last ten count
RECENT_MAX = 256  #: samples that the p99 looks at
MINUTES_MAX = 60  #: points of the sparkline
MINUTE_S = 60.0


class Latencies:
    """Seconds in, milliseconds out. Times are seconds of one monotonic clock."""

    __slots__ = ("_minute", "_minute_at_s", "_minutes", "_recent", "ewma_s")

    def __init__(self) -> None:
        self.ewma_s: float | None = None  #: None = nothing was measured yet
        self._recent: deque[float] = deque(maxlen=RECENT_MAX)
        self._minute: list[float] = []
        self._minute_at_s = 0.0
        self._minutes: deque[float | None] = deque(maxlen=MINUTES_MAX)

    def add(self, latency_s: float, now_s: float) -> None:
        """One answered call."""
        self._average(latency_s)
        self._recent.append(latency_s)
        self._turn(now_s)
        if len(self._minute) < RECENT_MAX:
            self._minute.append(latency_s)

    def add_at_least(self, elapsed_s: float) -> None:
        """A call that was given up: its latency would have been at least this. Never makes the average better."""
        if self.ewma_s is None or elapsed_s > self.ewma_s:
            self._average(elapsed_s)

    def p99_ms(self) -> float | None:
        """Of the last 256 answers; None = there were none."""
        return _p99_ms(list(self._recent))

    def minutes(self, now_s: float) -> tuple[float | None, ...]:
        """p99 of each of the last minutes that were complete, oldest first, ms; None = no answers in that minute."""
        self._turn(now_s)
        return tuple(self._minutes)

    def _average(self, sample_s: float) -> None:
        self.ewma_s = sample_s if self.ewma_s is None else self.ewma_s + EWMA_SHARE * (sample_s - self.ewma_s)

    def _turn(self, now_s: float) -> None:
        if not self._minute_at_s:
            self._minute_at_s = now_s
        passed = int((now_s - self._minute_at_s) // MINUTE_S)
        if passed <= 0:
            return
        self._minutes.append(_p99_ms(self._minute))
        self._minutes.extend([None] * min(passed - 1, MINUTES_MAX))
        self._minute = []
        self._minute_at_s += passed * MINUTE_S


def _p99_ms(samples: list[float]) -> float | None:
    if not samples:
        return None
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1000.0

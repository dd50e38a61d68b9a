"""The usual gap between a pool and its CEX price: a median over a time window of sparse samples."""

from bisect import bisect_left, insort
from collections import deque

from bus.clock import NS_PER_MINUTE, NS_PER_S

SAMPLE_NS = 15 * NS_PER_S  #: at most one sample per this time, so that a busy minute weighs no more than a calm one
SAMPLES_MAX = 2880 * 4 + 1  #: the longest window that settings allow, at that pace


class Basis:
    """Rolling median of log(pool price / CEX price). `median` is None until enough samples are in the window."""

    __slots__ = ("_min_samples", "_samples", "_sorted", "_window_ns", "due_ns", "median")

    def __init__(self, window_minutes: int, min_samples: int) -> None:
        self.median: float | None = None
        self.due_ns = 0  #: the next sample is taken at the first look at or after this time
        self._samples: deque[tuple[int, float]] = deque()
        self._sorted: list[float] = []
        self.configure(window_minutes, min_samples)

    def configure(self, window_minutes: int, min_samples: int) -> None:
        """New window; samples taken so far are kept."""
        self._window_ns = window_minutes * NS_PER_MINUTE
        self._min_samples = min_samples
        self._renew()

    def __len__(self) -> int:
        return len(self._samples)

    def expire(self, now_ns: int) -> None:
        """Drop what is older than the window."""
        oldest_ns = now_ns - self._window_ns
        samples, ordered = self._samples, self._sorted
        before = len(samples)
        while samples and (samples[0][0] < oldest_ns or len(samples) >= SAMPLES_MAX):
            _, value = samples.popleft()
            del ordered[bisect_left(ordered, value)]
        if len(samples) != before:
            self._renew()

    def add(self, now_ns: int, gap: float) -> None:
        """Take a sample; call `expire` first."""
        self._samples.append((now_ns, gap))
        insort(self._sorted, gap)
        self.due_ns = now_ns + SAMPLE_NS
        self._renew()

    def _renew(self) -> None:
        ordered = self._sorted
        count = len(ordered)
        if count < self._min_samples:
            self.median = None
        elif count % 2:
            self.median = ordered[count // 2]
        else:
            self.median = (ordered[count // 2 - 1] + ordered[count // 2]) / 2

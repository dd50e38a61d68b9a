"""The one place that reads time. Everything else receives it, as an event's `ts_ns` or through `Clock`."""

import time
from typing import Protocol

NS_PER_US = 1_000
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
NS_PER_MINUTE = 60 * NS_PER_S
NS_PER_HOUR = 3_600 * NS_PER_S
NS_PER_DAY = 24 * NS_PER_HOUR


class Clock(Protocol):
    """Nanoseconds since the Unix epoch, UTC, never going back."""

    def now_ns(self) -> int: ...


class WallClock:
    """Wall time at construction carried forward monotonically: a stepped system clock breaks nothing."""

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def now_ns(self) -> int:
        return time.monotonic_ns() + self._offset_ns


class EventClock:
    """Event time that starts at a given moment and runs `speed` times as fast as the wall."""

    def __init__(self, start_ns: int, speed: float = 1.0) -> None:
        self.start_ns = start_ns
        self.speed = speed
        self._base_ns = time.monotonic_ns()

    def now_ns(self) -> int:
        return self.start_ns + int((time.monotonic_ns() - self._base_ns) * self.speed)


class ManualClock:
    """A clock that tests and replays move by hand."""

    def __init__(self, now_ns: int = 0) -> None:
        self._now_ns = now_ns

    def now_ns(self) -> int:
        return self._now_ns

    def advance_to(self, now_ns: int) -> None:
        self._now_ns = max(self._now_ns, now_ns)


def stopwatch_ns() -> int:
    """Monotonic nanoseconds for measuring how long something took; never an input to a decision."""
    return time.perf_counter_ns()

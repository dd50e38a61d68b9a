"""How much was committed within the last 24 hours, by the minute."""

from collections import deque
from collections.abc import Iterable

from bus.clock import NS_PER_DAY, NS_PER_MINUTE

WINDOW_NS = NS_PER_DAY + NS_PER_MINUTE  #: a minute more, because amounts of one minute are kept together


class SpendWindow:
    """Sums of raw amounts (wei, lamports) per minute: at most 1,442 of them."""

    def __init__(self, spent: Iterable[tuple[int, int]] = ()) -> None:
        """`spent`: (time in ns, amount) of an earlier run, oldest first."""
        self._minutes: deque[tuple[int, int]] = deque()
        for ts_ns, amount in spent:
            self.add(ts_ns, amount)

    def add(self, ts_ns: int, amount: int) -> None:
        """Count an amount."""
        minute = ts_ns // NS_PER_MINUTE
        if self._minutes and self._minutes[-1][0] >= minute:  # also for a clock that went back
            last, before = self._minutes.pop()
            self._minutes.append((last, before + amount))
        else:
            self._minutes.append((minute, amount))
        self._forget(ts_ns)

    def total(self, now_ns: int) -> int:
        """Sum of the last 24 hours (up to a minute more)."""
        self._forget(now_ns)
        return sum(amount for _, amount in self._minutes)

    def _forget(self, now_ns: int) -> None:
        while self._minutes and self._minutes[0][0] * NS_PER_MINUTE < now_ns - WINDOW_NS:
            self._minutes.popleft()

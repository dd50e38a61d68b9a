"""The error rate of one endpoint over the last minutes."""

from collections import deque

WINDOW_S = 300.0
OUTCOMES_MAX = 512  #: a busy endpoint is judged by its latest calls, whatever their age


class Outcomes:
    """A window of good and bad ends of calls. Times are seconds of one monotonic clock."""

    __slots__ = ("_bad", "_ends")

    def __init__(self) -> None:
        self._ends: deque[tuple[float, bool]] = deque()
        self._bad = 0

    def add(self, is_good: bool, now_s: float) -> None:
        """One call ended."""
        if len(self._ends) >= OUTCOMES_MAX:
            self._drop()
        self._ends.append((now_s, is_good))
        self._bad += not is_good

    def error_rate(self, now_s: float) -> float:
        """Share of bad ends in the window, 0 to 1; 0 when there were none."""
        while self._ends and self._ends[0][0] < now_s - WINDOW_S:
            self._drop()
        return self._bad / len(self._ends) if self._ends else 0.0

    def _drop(self) -> None:
        self._bad -= not self._ends.popleft()[1]

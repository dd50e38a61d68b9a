"""How fast a replay goes and when it will be done, from what it told over the last seconds."""

from collections import deque

from bus.clock import NS_PER_S

WINDOW_NS = 8 * NS_PER_S  #: long enough to be calm, short enough to follow a change of pace
TOLD_MAX = 64  #: four a second over the window, and some


class Pace:
    """Events done at moments, and what follows from them."""

    def __init__(self) -> None:
        self._told: deque[tuple[int, int]] = deque(maxlen=TOLD_MAX)  #: (when, events)

    def told(self, now_ns: int, events: int, total: int) -> tuple[float, int | None]:
        """(events a second, milliseconds to the end); 0 and None while it cannot be known."""
        told = self._told
        told.append((now_ns, events))
        while len(told) > 2 and now_ns - told[0][0] > WINDOW_NS:
            told.popleft()
        since_ns, before = told[0]
        if now_ns <= since_ns or events <= before:
            return 0.0, None
        rate_per_s = (events - before) * NS_PER_S / (now_ns - since_ns)
        return rate_per_s, round(max(0, total - events) / rate_per_s * 1_000)

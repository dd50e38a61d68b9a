"""Says a thing once, then counts: a second notice of the same source and code waits until the window ends."""

from collections import OrderedDict

import msgspec

from bus.clock import NS_PER_S
from kernel.alerts.notice import Notice

KEYS_MAX = 1_000  #: windows at a time; codes are a few dozen, so more means that somebody invents them

_Key = tuple[str, str]


class _Window:
    __slots__ = ("further", "latest", "rank", "until_ns")

    def __init__(self, notice: Notice, until_ns: int) -> None:
        self.latest = notice
        self.rank = notice.rank
        self.until_ns = until_ns
        self.further = 0


class NoticeWindow:
    """Deduplication by (source, code). Nothing is lost: what was held back is told as a count when its window ends."""

    def __init__(self, window_s: int) -> None:
        self._window_s = window_s
        self._windows: OrderedDict[_Key, _Window] = OrderedDict()  #: in the order in which they end

    def apply(self, window_s: int) -> None:
        """A new length, for windows that begin from now on."""
        self._window_s = window_s

    def offer(self, notice: Notice, now_ns: int) -> list[Notice]:
        """What is to be told now: ended windows, then this one unless it was told in the window that runs.

        One that is graver than what was told is told at once.
        """
        told = self.due(now_ns)
        if notice.is_always_told or self._window_s == 0:
            return [*told, notice]
        key = (notice.source, notice.code)
        window = self._windows.get(key)
        if window is not None and notice.rank <= window.rank:
            window.latest = notice
            window.further += 1
            return told
        if window is not None:
            told += self._close(key)
        elif len(self._windows) >= KEYS_MAX:
            told += self._close(next(iter(self._windows)))
        self._windows[key] = _Window(notice, now_ns + self._window_s * NS_PER_S)
        return [*told, notice]

    def due(self, now_ns: int) -> list[Notice]:
        """Counts of the windows that ended; such a source goes on being counted, a quiet one is forgotten."""
        told: list[Notice] = []
        while self._windows:
            key, window = next(iter(self._windows.items()))
            if window.until_ns > now_ns:
                break
            counted = self._close(key)
            told += counted
            if counted:
                self._windows[key] = _Window(window.latest, now_ns + self._window_s * NS_PER_S)
        return told

    def _close(self, key: _Key) -> list[Notice]:
        window = self._windows.pop(key)
        if not window.further:
            return []
        return [msgspec.structs.replace(window.latest, count=window.further, span_s=self._window_s)]

    @property
    def next_due_ns(self) -> int | None:
        """When the next window ends."""
        window = next(iter(self._windows.values()), None)
        return None if window is None else window.until_ns

    @property
    def held(self) -> int:
        """Notices that wait as counts."""
        return sum(each.further for each in self._windows.values())

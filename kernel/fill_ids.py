"""Which fills were booked, in bounded memory: ids of open orders exactly, of ended orders the last 100,000."""

from collections import deque

SETTLED_MAX = 100_000  #: late duplicates come within minutes of the end of an order; this is hours of fills


class FillIds:
    """Recognises a fill that was reported before."""

    def __init__(self, settled_max: int = SETTLED_MAX) -> None:
        self._settled_max = settled_max
        self._open: dict[str, set[str]] = {}
        self._settled: set[tuple[str, str]] = set()
        self._settled_order: deque[tuple[str, str]] = deque()

    def is_new(self, order_id: str, fill_id: str, is_open: bool) -> bool:
        """Remember the fill; False when it was seen before. `is_open`: the order has no terminal report yet."""
        if (order_id, fill_id) in self._settled:
            return False
        if not is_open:
            self._settle(order_id, fill_id)
            return True
        ids = self._open.get(order_id)
        if ids is None:
            self._open[order_id] = {fill_id}
            return True
        if fill_id in ids:
            return False
        ids.add(fill_id)
        return True

    def end(self, order_id: str) -> None:
        """The order has its terminal report: move its ids to the bounded memory."""
        for fill_id in sorted(self._open.pop(order_id, ())):
            self._settle(order_id, fill_id)

    def __len__(self) -> int:
        return len(self._settled) + sum(map(len, self._open.values()))

    def _settle(self, order_id: str, fill_id: str) -> None:
        self._settled.add((order_id, fill_id))
        self._settled_order.append((order_id, fill_id))
        if len(self._settled_order) > self._settled_max:
            self._settled.discard(self._settled_order.popleft())

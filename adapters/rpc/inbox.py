"""A bounded queue between a socket and a slow reader, with a declared policy for when it is full."""

import asyncio
from collections import deque

from kernel.rpc.caller import Notice, Overflow, SubscriptionGap


class Inbox:
    """`gap`: a full queue is emptied and a `SubscriptionGap` says so. `latest`: the oldest message makes room."""

    def __init__(self, most: int, overflow: Overflow) -> None:
        self._most = most
        self._overflow = overflow
        self._items: deque[Notice | SubscriptionGap] = deque()
        self._filled = asyncio.Event()
        self._end: BaseException | None = None
        self.dropped = 0  #: messages that were never read

    def put(self, item: Notice | SubscriptionGap) -> None:
        """Never waits."""
        if len(self._items) >= self._most:
            self._make_room(item)
        self._items.append(item)
        self._filled.set()

    def finish(self, error: BaseException) -> None:
        """Nothing more comes; readers get what waits, then the error."""
        self._end = error
        self._filled.set()

    async def get(self) -> Notice | SubscriptionGap:
        """The oldest. Nothing is lost when the reader is cancelled."""
        while not self._items:
            if self._end is not None:
                raise self._end
            self._filled.clear()
            await self._filled.wait()
        return self._items.popleft()

    def _make_room(self, item: Notice | SubscriptionGap) -> None:
        if self._overflow == "latest":
            self._items.popleft()
            self.dropped += 1
            return
        first = self._items[0]
        self.dropped += sum(isinstance(each, Notice) for each in self._items)
        self._items.clear()
        self._items.append(
            SubscriptionGap(
                from_ns=_from_ns(first), to_ns=_to_ns(item), label=item.label,
                reason=f"the reader was too slow: {self._most} messages waited and were dropped",
            )
        )  # fmt: skip


def _from_ns(item: Notice | SubscriptionGap) -> int:
    return item.received_ns if isinstance(item, Notice) else item.from_ns


def _to_ns(item: Notice | SubscriptionGap) -> int:
    return item.received_ns if isinstance(item, Notice) else item.to_ns

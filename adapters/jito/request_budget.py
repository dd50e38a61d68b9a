"""The block engine's patience: one request a second, shared by sending, polling and everything else.

Sends go before polls. After a "too many requests" nothing leaves until the engine wants to hear from us again.
"""

import asyncio
import heapq

from kernel.errors import FeedError

INTERVAL_S = 1.0  #: per IP and region, without a key (Jito's documentation, 2026-02)
WAITING_MAX = 64  #: more than a minute of requests is no queue but a fault
PAUSE_S_MAX = 60.0


class RequestBudget:
    """Take a turn before each request."""

    def __init__(self, interval_s: float = INTERVAL_S) -> None:
        self._interval_s = interval_s
        self._next_s = 0.0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._last_number = 0
        self._timer: asyncio.TimerHandle | None = None

    async def turn(self, *, is_urgent: bool = False) -> None:
        """Wait for a turn; urgent ones come first. Raises `FeedError` while too many wait."""
        loop = asyncio.get_running_loop()
        if not self._waiting and loop.time() >= self._next_s:
            self._next_s = loop.time() + self._interval_s
            return
        if len(self._waiting) >= WAITING_MAX:
            raise FeedError(f"block engine: {WAITING_MAX} requests wait for their turn already")
        self._last_number += 1
        future: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._waiting, (0 if is_urgent else 1, self._last_number, future))
        self._arm()
        await future

    def pause(self, wait_s: float) -> None:
        """The engine said "too many": no turn before that."""
        wait_s = min(max(wait_s, self._interval_s), PAUSE_S_MAX)
        self._next_s = max(self._next_s, asyncio.get_running_loop().time() + wait_s)
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            self._timer = asyncio.get_running_loop().call_at(self._next_s, self._grant)

    def _grant(self) -> None:
        self._timer = None
        while self._waiting:
            _, _, future = heapq.heappop(self._waiting)
            if not future.done():  # whoever stopped waiting leaves its turn to the next
                future.set_result(None)
                self._next_s = asyncio.get_running_loop().time() + self._interval_s
                break
        self._arm()

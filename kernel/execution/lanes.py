"""Lanes: one queue per wallet in front of a venue that must be awaited, behind the write-ahead barrier.

`submit` only enqueues; the lane's task makes sure that the order is in the log file, then sends, one after another.
"""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Protocol

from bus.events import OrderApproved, Rejected, Unknown
from bus.events.base import Event
from kernel.errors import KernelError, StoreError, VenueRefused

Call = Callable[[], Awaitable[None]]
LANE_ORDERS_MAX = 256  #: more waiting orders than the gate would ever approve at once; the rest is rejected


class VenueClient(Protocol):
    """The awaited side of a venue. It publishes reports itself; what it raises tells whose fault it was."""

    async def submit(self, order: OrderApproved) -> None: ...

    async def cancel(self, order: OrderApproved) -> None: ...

    async def reconcile(self, order: OrderApproved, filled: Decimal) -> None: ...


class Lane:
    """An `Executor` for one wallet at one venue: orders leave in the order of approval, never two at once."""

    def __init__(
        self,
        client: VenueClient,
        barrier: Callable[[], None],
        publish: Callable[[Event], None],
        now_ns: Callable[[], int],
        timeout_s: float = 10.0,
    ) -> None:
        self._client = client
        self._barrier = barrier
        self._publish = publish
        self._now_ns = now_ns
        self._timeout_s = timeout_s
        self._queue: asyncio.Queue[tuple[str, OrderApproved, Call]] = asyncio.Queue(LANE_ORDERS_MAX)

    def submit(self, order: OrderApproved) -> None:
        self._enqueue("submit", order, lambda: self._client.submit(order))

    def cancel(self, order: OrderApproved) -> None:
        self._enqueue("cancel", order, lambda: self._client.cancel(order))

    def reconcile(self, order: OrderApproved, filled: Decimal) -> None:
        self._enqueue("reconcile", order, lambda: self._client.reconcile(order, filled))

    def _enqueue(self, action: str, order: OrderApproved, call: Call) -> None:
        try:
            self._queue.put_nowait((action, order, call))
        except asyncio.QueueFull:
            if action == "submit":
                self._reject(order, f"lane_full: {LANE_ORDERS_MAX} orders already wait for this wallet")

    def _reject(self, order: OrderApproved, reason: str) -> None:
        self._publish(
            Rejected(
                ts_ns=self._now_ns(),
                strategy=order.strategy,
                order_id=order.order_id,
                simulated=False,
                reason=reason,
            )
        )

    def _unknown(self, order: OrderApproved, reason: str) -> None:
        self._publish(
            Unknown(
                ts_ns=self._now_ns(),
                strategy=order.strategy,
                order_id=order.order_id,
                simulated=False,
                reason=reason,
            )
        )

    async def run(self) -> None:
        """Serve the lane until cancelled."""
        while True:
            await self._serve(*await self._queue.get())

    async def _serve(self, action: str, order: OrderApproved, call: Call) -> None:
        if action == "submit":
            try:
                self._barrier()
            except StoreError as error:
                self._reject(order, f"log_unwritable: {error}")
                return
        try:
            async with asyncio.timeout(self._timeout_s):
                await call()
        except VenueRefused as error:
            if action == "submit":
                self._reject(order, str(error))
        except (TimeoutError, OSError, KernelError) as error:
            self._unknown(order, f"{action}: {type(error).__name__}: {error}")

"""Lanes: barrier before send, refusals and timeouts as reports, order kept, queue bounded."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from bus.events import Event, OrderApproved, Rejected, Unknown
from kernel.errors import BadWire, FeedError, StoreError, VenueRefused
from kernel.execution.lanes import LANE_ORDERS_MAX, Lane
from tests.builders import T0, approved


class FakeVenue:
    """Writes down what arrives; may wait, refuse or fail."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.failure: BaseException | None = None
        self.gate: asyncio.Event | None = None
        self.inside = self.inside_max = 0

    async def _take(self, action: str, order: OrderApproved) -> None:
        self.calls.append((action, order.order_id))
        self.inside += 1
        self.inside_max = max(self.inside, self.inside_max)
        try:
            if self.gate is not None:
                await self.gate.wait()
            await asyncio.sleep(0)
            if self.failure is not None:
                raise self.failure
        finally:
            self.inside -= 1

    async def submit(self, order: OrderApproved) -> None:
        await self._take("submit", order)

    async def cancel(self, order: OrderApproved) -> None:
        await self._take("cancel", order)

    async def reconcile(self, order: OrderApproved, filled: Decimal) -> None:
        await self._take(f"reconcile {filled}", order)


class _World:
    def __init__(self, barrier: Callable[[], None] | None = None, timeout_s: float = 10.0) -> None:
        self.venue = FakeVenue()
        self.barriers: list[int] = []
        self.published: list[Event] = []

        def mark() -> None:
            self.barriers.append(len(self.venue.calls))

        self.lane = Lane(self.venue, barrier or mark, self.published.append, lambda: T0 + 7, timeout_s)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.lane.run())
        try:
            yield
            for _ in range(50):
                await asyncio.sleep(0)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def _order(number: int) -> OrderApproved:
    return approved(order_id=f"t-s-{number}-0")


async def test_the_barrier_holds_before_every_send_and_only_before_sends() -> None:
    world = _World()
    async with world.running():
        world.lane.submit(_order(1))
        world.lane.cancel(_order(1))
        world.lane.submit(_order(2))
    assert world.venue.calls == [("submit", "t-s-1-0"), ("cancel", "t-s-1-0"), ("submit", "t-s-2-0")]
    assert world.barriers == [0, 2]
    assert world.published == []


async def test_an_order_that_is_not_in_the_log_is_never_sent() -> None:
    def unwritable() -> None:
        raise StoreError("cannot write the event log: No space left on device")

    world = _World(unwritable)
    async with world.running():
        world.lane.submit(_order(1))
    assert world.venue.calls == []
    (rejected,) = world.published
    assert isinstance(rejected, Rejected)
    assert rejected.reason == "log_unwritable: cannot write the event log: No space left on device"
    assert (rejected.order_id, rejected.ts_ns, rejected.simulated) == ("t-s-1-0", T0 + 7, False)


async def test_a_cancel_needs_no_log() -> None:
    def unwritable() -> None:
        raise StoreError("full")

    world = _World(unwritable)
    async with world.running():
        world.lane.cancel(_order(1))
    assert world.venue.calls == [("cancel", "t-s-1-0")]


async def test_a_send_without_an_answer_in_time_is_unknown_and_the_lane_goes_on() -> None:
    world = _World(timeout_s=0.001)
    world.venue.gate = asyncio.Event()
    async with world.running():
        world.lane.submit(_order(1))
        while not world.published:
            await asyncio.sleep(0.001)
        world.venue.gate.set()
        world.lane.submit(_order(2))
    assert [type(each) for each in world.published] == [Unknown]
    assert world.venue.calls[-1] == ("submit", "t-s-2-0")


@pytest.mark.parametrize("failure", [OSError("reset"), FeedError("down"), BadWire("not JSON")])
async def test_a_failure_that_says_nothing_about_the_order_is_unknown(failure: Exception) -> None:
    world = _World()
    world.venue.failure = failure
    async with world.running():
        world.lane.submit(_order(1))
    (unknown,) = world.published
    assert isinstance(unknown, Unknown)
    assert unknown.reason == f"submit: {type(failure).__name__}: {failure}"


async def test_a_refusal_is_a_rejection() -> None:
    world = _World()
    world.venue.failure = VenueRefused("insufficient margin")
    async with world.running():
        world.lane.submit(_order(1))
        world.lane.cancel(_order(1))
    (rejected,) = world.published
    assert isinstance(rejected, Rejected) and rejected.reason == "insufficient margin"


async def test_orders_leave_in_the_order_of_approval_one_at_a_time() -> None:
    world = _World()
    async with world.running():
        for number in range(40):
            world.lane.submit(_order(number))
        world.lane.reconcile(_order(99), Decimal(3))
        while len(world.venue.calls) < 41:
            await asyncio.sleep(0)
    assert [name for _, name in world.venue.calls] == [f"t-s-{number}-0" for number in (*range(40), 99)]
    assert world.venue.calls[-1][0] == "reconcile 3"
    assert world.venue.inside_max == 1


async def test_a_full_lane_rejects_what_is_new_and_keeps_what_waits() -> None:
    world = _World()
    for number in range(LANE_ORDERS_MAX + 2):
        world.lane.submit(_order(number))
    world.lane.cancel(_order(0))
    assert [each.order_id for each in world.published] == [  # type: ignore[attr-defined]
        f"t-s-{LANE_ORDERS_MAX}-0",
        f"t-s-{LANE_ORDERS_MAX + 1}-0",
    ]
    assert all(isinstance(each, Rejected) and each.reason.startswith("lane_full") for each in world.published)
    async with world.running():
        while len(world.venue.calls) < LANE_ORDERS_MAX:
            await asyncio.sleep(0)
    assert len(world.venue.calls) == LANE_ORDERS_MAX

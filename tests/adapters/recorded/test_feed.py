"""The recorded feed: moved in time, inputs alone, at its speed, round after round, patient with a full bus."""

import asyncio
from collections.abc import Iterator

import msgspec
import pytest

from adapters.recorded.feed import LOOP_GAP_NS, RecordedFeed, moved
from bus.bus import BusFull
from bus.clock import EventClock, ManualClock
from bus.events import Alert, Event, FundingRate, Quote
from kernel.errors import BadInput
from kernel.log import Block
from tests.builders import SECOND, T0, bar, funding, quote

NOW = T0 + 10**15


def _blocks(*events: Event, derived: frozenset[int] = frozenset()) -> Iterator[Block]:
    yield Block(1, derived, list(events))


def test_every_time_of_an_event_moves_by_the_same_and_unknown_ones_stay_unknown() -> None:
    assert moved(quote(T0, venue_ts_ns=T0 - 5), 100) == quote(T0 + 100, venue_ts_ns=T0 - 5 + 100)
    assert moved(quote(T0), 100).venue_ts_ns == 0  # type: ignore[attr-defined]
    assert moved(bar(T0), -7) == bar(T0 - 7)
    rate = moved(funding(T0, 0.1), 3600 * SECOND)
    assert isinstance(rate, FundingRate)
    assert (rate.ts_ns, rate.settle_ts_ns, rate.interval_h) == (T0 + 3601 * SECOND, T0 + 3600 * SECOND, 1.0)


async def test_inputs_are_played_from_now_on_with_their_intervals_and_derived_events_left_out() -> None:
    told: list[Event] = []
    alert = Alert(ts_ns=T0, severity="info", source="x", code="x", text="x")
    events = (quote(T0), alert, quote(T0 + 3), quote(T0 + 8))
    feed = RecordedFeed(
        lambda: _blocks(*events, derived=frozenset({1})),
        told.append,
        ManualClock(NOW + SECOND),
        wall_per_event_ns=0.0,
        is_looped=False,
    )
    await feed.run()
    assert [each.ts_ns - NOW - SECOND for each in told] == [0, 3, 8]
    assert {type(each) for each in told} == {Quote}
    assert (feed.rounds, feed.events) == (1, 3)


async def test_a_looped_log_goes_on_behind_itself_with_a_gap() -> None:
    told: list[Event] = []

    def publish(event: Event) -> None:
        told.append(event)
        if len(told) == 7:
            raise BadInput("enough")

    feed = RecordedFeed(
        lambda: _blocks(quote(T0), quote(T0 + 5)), publish, ManualClock(NOW), wall_per_event_ns=0.0, is_looped=True
    )
    with pytest.raises(BadInput, match="enough"):
        await feed.run()
    gap = LOOP_GAP_NS
    assert [each.ts_ns - NOW for each in told] == [0, 5, 5 + gap, 10 + gap, 10 + 2 * gap, 15 + 2 * gap, 15 + 3 * gap]


async def test_an_empty_log_ends_at_once_even_when_looped() -> None:
    feed = RecordedFeed(lambda: iter(()), lambda _: None, ManualClock(NOW), wall_per_event_ns=1.0, is_looped=True)
    async with asyncio.timeout(1):
        await feed.run()
    assert feed.events == 0


async def test_it_is_never_ahead_of_the_clock() -> None:
    clock = EventClock(NOW, speed=1000.0)
    early: list[int] = []
    feed = RecordedFeed(
        lambda: _blocks(*(quote(T0 + n * SECOND) for n in range(40))),
        lambda event: early.append(event.ts_ns - clock.now_ns()),
        clock,
        wall_per_event_ns=1 / 1000,
        is_looped=False,
    )
    await feed.run()
    assert len(early) == 40 and max(early) <= 0


async def test_a_full_bus_is_waited_for_and_nothing_is_lost() -> None:
    told: list[Event] = []
    refusals = 3

    def publish(event: Event) -> None:
        nonlocal refusals
        if len(told) == 1 and refusals:
            refusals -= 1
            raise BusFull("65536 inputs wait")
        told.append(event)

    feed = RecordedFeed(
        lambda: _blocks(quote(T0), quote(T0 + 1), quote(T0 + 2)),
        publish,
        ManualClock(NOW + SECOND),
        wall_per_event_ns=0.0,
        is_looped=False,
    )
    await feed.run()
    assert [each.ts_ns - NOW - SECOND for each in told] == [0, 1, 2]


async def test_a_long_log_leaves_the_loop_its_turns() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    events = [msgspec.structs.replace(quote(T0), ts_ns=T0 + n) for n in range(5000)]
    feed = RecordedFeed(
        lambda: _blocks(*events), lambda _: None, ManualClock(NOW + SECOND), wall_per_event_ns=0.0, is_looped=False
    )
    task = asyncio.create_task(count())
    await feed.run()
    task.cancel()
    assert turns >= 5000 // 256

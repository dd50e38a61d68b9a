"""Plays the inputs of a recorded log onto the bus, moved in time, at a chosen speed, over and over if asked.

Every time field of an event (`ts_ns` and all `*_ts_ns`) moves by the same amount, so intervals stay as recorded.
"""

import asyncio
from collections.abc import Callable, Iterator

import msgspec

from bus.bus import BusFull
from bus.clock import NS_PER_S, Clock
from bus.events.base import Event
from kernel.log import Block

BATCH_EVENTS_MAX = 256  #: published before the loop gets a turn
PAUSE_S_MAX = 0.25
FULL_PAUSE_S = 0.01
LOOP_GAP_NS = NS_PER_S  #: between the last event of one round and the first of the next

_time_fields: dict[type[Event], tuple[str, ...]] = {}


def _fields_of(kind: type[Event]) -> tuple[str, ...]:
    fields = _time_fields.get(kind)
    if fields is None:
        names = [each.name for each in msgspec.structs.fields(kind) if each.type is int]
        fields = tuple(each for each in names if each == "ts_ns" or each.endswith("_ts_ns"))
        _time_fields[kind] = fields
    return fields


def moved(event: Event, by_ns: int) -> Event:
    """The event, `by_ns` later; unknown times (0) stay unknown."""
    changes = {name: value + by_ns for name in _fields_of(type(event)) if (value := getattr(event, name)) > 0}
    return msgspec.structs.replace(event, **changes)


class RecordedFeed:
    """One task that publishes; it waits for the clock, and for the bus when that is full."""

    def __init__(
        self,
        blocks: Callable[[], Iterator[Block]],
        publish: Callable[[Event], None],
        clock: Clock,
        *,
        wall_per_event_ns: float,
        is_looped: bool,
    ) -> None:
        self._blocks = blocks
        self._publish = publish
        self._clock = clock
        self._wall_per_event_ns = wall_per_event_ns
        self._is_looped = is_looped
        self.rounds = 0
        self.events = 0

    async def run(self) -> None:
        """Play until the log ends, or for ever when looped. Raises `BadInput` when the log is damaged."""
        start_ns = self._clock.now_ns()
        while True:
            last_ns = await self._round(start_ns)
            self.rounds += 1
            if not self._is_looped or last_ns is None:
                return
            start_ns = last_ns + LOOP_GAP_NS

    async def _round(self, start_ns: int) -> int | None:
        by_ns: int | None = None
        last_ns = None
        since_yield = 0
        for block in self._blocks():
            for index, event in enumerate(block.events):
                if index in block.derived:
                    continue
                if by_ns is None:
                    by_ns = start_ns - event.ts_ns
                due_ns = event.ts_ns + by_ns
                ahead_s = (due_ns - self._clock.now_ns()) * self._wall_per_event_ns / NS_PER_S
                while ahead_s > 0:
                    await asyncio.sleep(min(ahead_s, PAUSE_S_MAX))
                    since_yield = 0
                    ahead_s = (due_ns - self._clock.now_ns()) * self._wall_per_event_ns / NS_PER_S
                await self._push(moved(event, by_ns))
                last_ns = due_ns
                since_yield += 1
                if since_yield >= BATCH_EVENTS_MAX:
                    await asyncio.sleep(0)
                    since_yield = 0
        return last_ns

    async def _push(self, event: Event) -> None:
        while True:
            try:
                self._publish(event)
                self.events += 1
                return
            except BusFull:
                await asyncio.sleep(FULL_PAUSE_S)

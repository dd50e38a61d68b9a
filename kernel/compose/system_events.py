"""The events page's source: the live tail from memory, listening only while somebody looks, and pages of the log."""

import asyncio
import heapq
from collections import deque
from pathlib import Path

import msgspec

from bus.bus import STAGE_VIEW, Bus
from bus.events import AnyEvent
from bus.events.base import Event
from kernel.compose.event_text import KINDS, json_of, summary_of, tag_of
from kernel.errors import StoreError
from persistence.log_index import LoggedEvent, LogIndex
from webui.events_source import TAIL_ROWS, EventPage, EventQuery, EventRow

LISTEN_S = 10.0  #: after the last look; a subscription to every kind of event is not free
JSON_CHARS_MAX = 4_000  #: of an event in a list; the whole one has an address of its own
FAR_SEQ = 2**62


class SystemEvents:
    """Implements `webui.events_source.EventsSource`."""

    kinds = tuple(sorted(KINDS))

    def __init__(self, bus: Bus, log_folder: Path) -> None:
        self._bus = bus
        self._rings: dict[type[Event], deque[tuple[int, Event]]] = {}
        self._quiet: asyncio.TimerHandle | None = None
        self._index = LogIndex(log_folder)
        self._one_reader = asyncio.Lock()  # the index is for one thread at a time
        self._decoder = msgspec.json.Decoder(AnyEvent)

    # the tail ---------------------------------------------------------------------------------------------------

    def tail(self, kind: str) -> tuple[EventRow, ...]:
        self._listen()
        if kind:
            chosen = KINDS.get(kind)
            newest = list(self._rings.get(chosen, ()))[::-1] if chosen is not None else []
        else:
            newest = heapq.nlargest(
                TAIL_ROWS, (each for ring in self._rings.values() for each in ring), key=lambda each: each[0]
            )
        return tuple(
            EventRow(seq=seq, ts_ns=event.ts_ns, kind=tag_of(event), is_derived=None, summary=summary_of(event))
            for seq, event in newest[:TAIL_ROWS]
        )

    def _listen(self) -> None:
        if self._quiet is None:
            for each in KINDS.values():
                self._rings[each] = deque(maxlen=TAIL_ROWS)
                self._bus.subscribe(each, self._on_event, STAGE_VIEW)
        else:
            self._quiet.cancel()
        self._quiet = asyncio.get_running_loop().call_later(LISTEN_S, self._stop_listening)

    def _stop_listening(self) -> None:
        self._quiet = None
        for each in KINDS.values():
            self._bus.unsubscribe(each, self._on_event)
        self._rings.clear()

    def _on_event(self, event: Event) -> None:
        self._rings[type(event)].append((self._bus.seq, event))

    # pages of the log -------------------------------------------------------------------------------------------

    async def page(self, query: EventQuery) -> EventPage:
        async with self._one_reader:
            return await asyncio.to_thread(self._page, query)

    async def event(self, seq: int) -> EventRow | None:
        async with self._one_reader:
            found = await asyncio.to_thread(self._found, seq + 1, 1, ())
        if not found or found[0].seq != seq:
            return None
        return self._row(found[0], is_whole=True)

    def _found(self, before_seq: int, limit: int, needles: tuple[bytes, ...]) -> tuple[LoggedEvent, ...]:
        self._index.refresh()
        return self._index.newest_before(before_seq, limit, needles=needles).events

    def _page(self, query: EventQuery) -> EventPage:
        self._index.refresh()
        needles = tuple(
            text.lower().encode()
            for text in (
                f'["{query.kind}",' if query.kind else "",
                f'"{query.strategy}"' if query.strategy else "",
                _escaped(query.text),
            )
            if text
        )
        found = self._index.newest_before(query.before_seq or FAR_SEQ, query.limit, needles=needles)
        return EventPage(
            rows=tuple(row for row in map(self._row, found.events) if not query.kind or row.kind == query.kind),
            searched_to=min(found.searched_to, self._index.last_seq + 1),
            first_seq=self._index.first_seq,
            last_seq=self._index.last_seq,
        )

    def _row(self, logged: LoggedEvent, is_whole: bool = False) -> EventRow:
        try:
            event: Event = self._decoder.decode(logged.raw)
        except msgspec.MsgspecError as error:
            raise StoreError(f"the event {logged.seq} was written by another version: {error}") from error
        text = json_of(event)
        return EventRow(
            seq=logged.seq,
            ts_ns=event.ts_ns,
            kind=tag_of(event),
            is_derived=logged.is_derived,
            summary=summary_of(event),
            json=text if is_whole or len(text) <= JSON_CHARS_MAX else "",
        )


def _escaped(text: str) -> str:
    """The text as it stands inside JSON."""
    return msgspec.json.encode(text).decode()[1:-1]

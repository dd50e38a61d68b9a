"""What the events page shows: the log itself, newest first, by number; and the live tail from memory."""

from typing import Protocol

from msgspec import Struct

TAIL_ROWS = 40  #: of the live tail


class EventRow(Struct, frozen=True, kw_only=True):
    """An event: `summary` in one line, `json` with every field by name ("" = too long for a list)."""

    seq: int
    ts_ns: int
    kind: str
    is_derived: bool | None  #: None = the live tail does not tell
    summary: str
    json: str = ""


class EventQuery(Struct, frozen=True, kw_only=True):
    """Events below `before_seq` (0 = the newest). Empty filters mean all; `text` is looked for in the JSON."""

    before_seq: int = 0
    kind: str = ""
    strategy: str = ""
    text: str = ""
    limit: int = 100


class EventPage(Struct, frozen=True, kw_only=True):
    """A page. `searched_to` = lowest seq that was looked at; equal to `first_seq` at the beginning of the log."""

    rows: tuple[EventRow, ...] = ()
    searched_to: int = 0
    first_seq: int = 0
    last_seq: int = 0


class EventsSource(Protocol):
    """The tail from memory, pages from the log's files."""

    kinds: tuple[str, ...]

    def tail(self, kind: str) -> tuple[EventRow, ...]:
        """The newest events of a kind ("" = all), newest first. Listens only while somebody looks."""

    async def page(self, query: EventQuery) -> EventPage: ...

    async def event(self, seq: int) -> EventRow | None: ...

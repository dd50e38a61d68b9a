"""/events: the event log itself, newest first, by number. Events quote the outside world: hostile text."""

from typing import Annotated

from msgspec import Meta, Struct

from webui.api_error import ApiRefusal
from webui.api_operation import Call, Operation
from webui.api_sources import not_enabled
from webui.events_source import EventQuery, EventRow, EventsSource

SEQ_MAX = 2**53 - 1
PAGE_MAX = 200


class EventsQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which events, newest first."""

    before: Annotated[
        int, Meta(ge=0, le=SEQ_MAX, description="`next` of the page before; 0 = begin at the newest.")
    ] = 0
    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX, description="Events of a page.")] = 100
    kind: Annotated[str, Meta(max_length=80, description="One of `kinds`; nothing = all.")] = ""
    strategy: Annotated[str, Meta(max_length=80, description="Events that name it; nothing = all.")] = ""
    text: Annotated[str, Meta(max_length=200, description="Events whose JSON holds this.")] = ""


class EventRows(Struct, frozen=True, kw_only=True):
    """A page; `next` null = the beginning of the log was reached. A filter that fits few events looks back a bounded
    way: a page may be empty and have a `next`. `json` of a long event is "" here, see `getEvent`."""

    events: tuple[EventRow, ...]
    next: int | None
    first_seq: int
    last_seq: int
    kinds: tuple[str, ...]


class EventsApi:
    """Its operations."""

    def __init__(self, events: EventsSource | None) -> None:
        self._events = events

    def operations(self) -> tuple[Operation, ...]:
        """Its rows of the table."""
        return (
            Operation(
                method="GET", path="/events", name="listEvents", group="Events", handler=self.page,
                summary="The event log, newest first, by pages.", query=EventsQuery, response=EventRows,
                errors=("not_enabled",), is_stored=True, example="kind=fill&limit=20",
            ),
            Operation(
                method="GET", path="/events/{seq}", name="getEvent", group="Events", handler=self.one,
                summary="One event, whole.", response=EventRow, errors=("not_enabled",), is_stored=True,
            ),
        )  # fmt: skip

    async def page(self, call: Call) -> EventRows:
        asked: EventsQuery = call.query
        source = self._source()
        if asked.kind and asked.kind not in source.kinds:
            raise ApiRefusal("bad_parameter", f"kind: there is no kind {asked.kind!r}", field="kind")
        found = await source.page(
            EventQuery(
                before_seq=asked.before, kind=asked.kind, strategy=asked.strategy, text=asked.text, limit=asked.limit
            )
        )
        return EventRows(
            events=found.rows,
            next=found.searched_to if found.searched_to > found.first_seq else None,
            first_seq=found.first_seq,
            last_seq=found.last_seq,
            kinds=source.kinds,
        )

    async def one(self, call: Call) -> EventRow:
        text = call.path["seq"]
        is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(SEQ_MAX))
        found = await self._source().event(int(text)) if is_number else None
        if found is None:
            raise ApiRefusal("not_found", f"there is no event {text[:40]!r} in the log")
        return found

    def _source(self) -> EventsSource:
        if self._events is None:
            raise not_enabled("events")
        return self._events

"""The events page: the log itself, newest first, with a live tail, filters, and any number a click away."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from webui.asking import answer, whole, word
from webui.cells import Cell, Cells
from webui.events_source import TAIL_ROWS, EventPage, EventQuery, EventRow, EventsSource
from webui.part import NavItem, Part
from webui.topics import Rendered

SEQ_MAX = 2**62
ROWS_SHOWN = 100


class EventsPart(Part):
    """`/events`; its tail is live on topic `events` or `events:KIND`."""

    nav = (NavItem("/events", "Events", "Trading"),)
    topic_kinds = ("events",)

    def __init__(self, events: EventsSource) -> None:
        self._events = events

    def routes(self) -> list[BaseRoute]:
        return [Route("/events", self.show), Route("/events/{seq:int}", self.one)]

    def render(self, topic: str) -> Rendered | None:
        _, _, kind = topic.partition(":")
        if kind and kind not in self._events.kinds:
            return None
        return Rendered(tail_cells(self._events.tail(kind)))

    async def show(self, request: Request) -> Response:
        """The live tail, or the page below a number, or what a filter finds."""
        kind = word(request, "kind", self._events.kinds)
        jump = whole(request, "seq", SEQ_MAX)
        query = EventQuery(
            before_seq=jump + 1 if jump else whole(request, "before", SEQ_MAX),
            kind=kind,
            strategy=word(request, "strategy", {row.name for row in self.source.overview().strategies}),
            text=word(request, "text"),
            limit=ROWS_SHOWN,
        )
        is_live = not (query.before_seq or query.strategy or query.text or word(request, "paused"))
        page, error, cells = EventPage(), "", {}
        if is_live:
            cells = tail_cells(self._events.tail(kind))
        else:
            page, error = await answer(self._events.page(query), EventPage())
        return self.page(
            request,
            "events.html",
            title="Events",
            cells=cells,
            topics=((f"events:{kind}" if kind else "events"),) if is_live else (),
            is_live=is_live,
            tail_rows=TAIL_ROWS,
            listed=page,
            error=error,
            query=query,
            jump=jump,
            kinds=self._events.kinds,
        )

    async def one(self, request: Request) -> Response:
        """One event as JSON text, every field by its name."""
        missing: EventRow | None = None
        seq = request.path_params["seq"]
        found, error = await answer(self._events.event(seq), missing) if seq <= SEQ_MAX else (missing, "")
        if error:
            raise HTTPException(503, error)
        if found is None:
            raise HTTPException(404, f"the log has no event {seq}")
        return Response(found.json, media_type="application/json")


def tail_cells(rows: tuple[EventRow, ...]) -> Cells:
    """The tail by place: the newest event is always in the first."""
    cells: Cells = {}
    for index in range(TAIL_ROWS):
        row = rows[index] if index < len(rows) else None
        cells[f"e.{index}.seq"] = Cell(f"{row.seq}" if row else "")
        cells[f"e.{index}.ts"] = Cell(str(row.ts_ns // 1_000_000) if row else "0")
        cells[f"e.{index}.kind"] = Cell(row.kind if row else "")
        cells[f"e.{index}.text"] = Cell(row.summary if row else "")
    return cells

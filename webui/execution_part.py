"""The execution page: what is open now, what is being mended, and each order from intent to result with its costs."""

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from webui import typeset
from webui.asking import answer, word
from webui.cells import Cell, Cells, version_cell
from webui.csv_stream import CSV_SLICE, csv_response
from webui.execution_source import ExecutionLook, ExecutionSource, OrderList, OrderQuery
from webui.operating import done, operator_form, reason_of
from webui.part import NavItem, Part
from webui.roles import user_of
from webui.topics import Rendered

ROWS_SHOWN = 50
STATES = (
    "approved", "denied", "submitted", "accepted", "fill", "filled", "landed", "cancelled", "rejected", "expired",
    "reverted", "unknown",
)  # fmt: skip
STATUS_TONES = {
    "filled": "gain", "landed": "gain", "denied": "muted", "cancelled": "muted", "rejected": "loss", "reverted": "loss",
    "expired": "warn", "unknown": "loss",
}  # fmt: skip
COLUMNS = (
    "ts_ns", "strategy", "order_id", "venue", "instrument", "side", "kind", "status", "reason", "qty", "filled_qty",
    "average_price", "notional_usd", "fee_usd", "gas_usd", "tip_usd", "slippage_usd", "expected_net_usd",
    "realised_usd", "gap_reason", "group", "tx_hash", "took_ms", "simulated",
)  # fmt: skip
COMMANDS = ("halt", "flatten")


class ExecutionPart(Part):
    """`/execution`, live on topic `execution`; also the commands that cancel orders and close positions."""

    nav = (NavItem("/execution", "Execution", "Trading"),)
    topic_kinds = ("execution",)

    def __init__(self, execution: ExecutionSource) -> None:
        self._execution = execution

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/execution", self.show),
            Route("/execution/orders.csv", self.csv),
            Route("/{module}/halt", self.halt, methods=["POST"]),
            Route("/{module}/flatten", self.flatten, methods=["POST"]),
        ]

    def render(self, topic: str) -> Rendered | None:
        return Rendered(execution_cells(self._execution.look())) if topic == "execution" else None

    async def show(self, request: Request) -> Response:
        """The page."""
        query = self._query(request, ROWS_SHOWN)
        look = self._execution.look()
        listed, error = await answer(self._execution.orders(query), OrderList())
        return self.page(
            request,
            "execution.html",
            title="Execution",
            cells=execution_cells(look),
            topics=("execution",),
            look=look,
            listed=listed,
            query=query,
            error=error,
            states=STATES,
            tones=STATUS_TONES,
        )

    async def csv(self, request: Request) -> Response:
        """The same list as a file."""
        query = self._query(request, CSV_SLICE)
        return await csv_response(
            "orders.csv",
            COLUMNS,
            lambda key: self._execution.orders(msgspec.structs.replace(query, before_key=key)),
            query.before_key,
        )

    async def halt(self, request: Request) -> Response:
        """Cancel all orders of a strategy and pause it."""
        return await self._command(request, "halt", "/execution")

    async def flatten(self, request: Request) -> Response:
        """Close all positions of a strategy."""
        return await self._command(request, "flatten", "/{}/positions")

    async def _command(self, request: Request, command: str, target: str) -> Response:
        form = await operator_form(request)
        name = request.path_params["module"]
        if self.source.strategy(name) is None:
            raise HTTPException(404, f"there is no strategy {name[:80]!r}")
        self._execution.command(name, command, user_of(request), reason_of(form))
        return done(request, target.format(name))

    def _query(self, request: Request, limit: int) -> OrderQuery:
        names = {row.name for row in self.source.overview().strategies}
        return OrderQuery(
            strategy=word(request, "strategy", names),
            venue=word(request, "venue"),
            status=word(request, "status", STATES),
            before_key=word(request, "before"),
            limit=limit,
        )


def execution_cells(look: ExecutionLook) -> Cells:
    """What moves: rows are named by their order, so that none changes places."""
    unknown = sum(each.status == "unknown" for each in look.open)
    cells: Cells = {
        "n.open": Cell(typeset.count(len(look.open))),
        "n.unknown": Cell(typeset.count(unknown), "loss" if unknown else "muted"),
        "n.orphans": Cell(typeset.count(len(look.orphans)), "loss" if look.orphans else "muted"),
        "v.open": version_cell(*(each.order_id for each in look.open)),
        "v.hedges": version_cell(*(each.group for each in look.hedges), *(each.group for each in look.orphans)),
        "v.orders": version_cell(look.version),
    }
    for each in look.open:
        key = f"o.{each.order_id}"
        cells[f"{key}.status"] = Cell(each.status, STATUS_TONES.get(each.status, "info"), each.note)
        cells[f"{key}.age"] = Cell(typeset.duration(each.age_ms), "loss" if each.status == "unknown" else "")
        cells[f"{key}.filled"] = Cell(typeset.quantity(each.filled_qty))
    for hedge in look.hedges:
        due = typeset.duration(abs(hedge.due_ms))
        cells[f"h.{hedge.group}.due"] = Cell(*((f"in {due}",) if hedge.due_ms >= 0 else (f"{due} ago", "warn")))
        cells[f"h.{hedge.group}.legs"] = Cell(typeset.count(hedge.open_legs))
    for orphan in look.orphans:
        cells[f"h.{orphan.group}.age"] = Cell(typeset.duration(orphan.age_ms), "loss")
    return cells

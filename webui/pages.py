"""The pages: each takes one look at the source, renders its cells and names the topics that keep it live."""

from collections.abc import Awaitable
from typing import TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from kernel.errors import StoreError
from webui.cells import Cells
from webui.history import Performance, Story, TradeList, TradeQuery
from webui.overview_cells import overview_cells
from webui.part import strategy_page
from webui.periods import PERIODS, since_ns
from webui.rendering import Renderer
from webui.snapshot import StrategyPage
from webui.source import DashboardSource
from webui.strategy_cells import positions_cells
from webui.topics import Moment

Answer = TypeVar("Answer")
TRADES_SHOWN = 50


class Pages:
    """Handlers of the pages. A strategy's pages come from shared templates; nothing is written per strategy."""

    def __init__(self, source: DashboardSource, renderer: Renderer) -> None:
        self._source = source
        self._renderer = renderer

    async def overview(self, request: Request) -> Response:
        """Everything at a glance."""
        moment = Moment(self._source)
        return self._renderer.page(
            request,
            "overview.html",
            moment,
            overview_cells(moment.overview()),
            ("overview",),
            title="Overview",
            periods=PERIODS,
            period="24h",
        )

    async def dashboard(self, request: Request) -> Response:
        """A strategy now."""
        return self._strategy(request, "dashboard", period="24h")

    async def positions(self, request: Request) -> Response:
        """A strategy's open legs."""
        name = request.path_params["module"]
        held = self._source.positions(name)
        if held is None:
            raise HTTPException(404, f"there is no strategy {name!r}")
        return self._strategy(request, "positions", positions_cells(held), held=held)

    async def performance(self, request: Request) -> Response:
        """A strategy over a period."""
        name = request.path_params["module"]
        period = request.query_params.get("period", "all")
        if period not in PERIODS:
            raise HTTPException(400, f"period: expected one of {', '.join(PERIODS)}, found {period[:20]!r}")
        page = self._known(name)
        result, error = await _answer(
            self._source.performance(name, since_ns(page.now_ns, period)), Performance(note="")
        )
        return self._strategy(request, "performance", result=result, error=error, period=period)

    async def trades(self, request: Request) -> Response:
        """A strategy's trades, newest first."""
        query = trade_query(request, TRADES_SHOWN)
        self._known(query.strategy)
        try:
            listed, error = await _answer(self._source.trades(query), TradeList())
        except ValueError as wrong:  # a key that no page gave out
            raise HTTPException(400, f"before: {wrong}") from wrong
        return self._strategy(request, "trades", listed=listed, query=query, error=error)

    async def story(self, request: Request) -> Response:
        """The life of one order."""
        name, order_id = request.path_params["module"], request.path_params["order_id"]
        self._known(name)
        missing: Story | None = None
        story, error = await _answer(self._source.story(name, order_id), missing)
        if story is None and not error:
            raise HTTPException(404, f"order {order_id[:80]!r} is not known here, or its story is no longer kept")
        return self._strategy(request, "story", story=story, error=error, order_id=order_id)

    def _known(self, name: str) -> StrategyPage:
        page = self._source.strategy(name)
        if page is None:
            raise HTTPException(404, f"there is no strategy {name[:80]!r}")
        return page

    def _strategy(self, request: Request, kind: str, cells: Cells | None = None, **values: object) -> Response:
        topics = () if kind != "positions" else (f"positions:{request.path_params['module']}",)
        tab = "trades" if kind == "story" else kind
        return strategy_page(self._renderer, self._source, request, f"{kind}.html", tab, cells, topics, **values)


def trade_query(request: Request, limit: int) -> TradeQuery:
    """The filters of a trades request. Raises 400 for a filter that is not a choice."""
    asked = request.query_params
    side, outcome = asked.get("side", ""), asked.get("outcome", "")
    if side not in ("", "buy", "sell"):
        raise HTTPException(400, f"side: expected buy or sell, found {side[:20]!r}")
    if outcome not in ("", "gain", "loss", "open"):
        raise HTTPException(400, f"outcome: expected gain, loss or open, found {outcome[:20]!r}")
    return TradeQuery(
        strategy=request.path_params["module"],
        before_key=asked.get("before", "")[:200],
        limit=limit,
        instrument=asked.get("instrument", "")[:200],
        side=side,
        outcome=outcome,
    )


async def _answer(asked: Awaitable[Answer], blank: Answer) -> tuple[Answer, str]:
    """The answer, or a blank with what is wrong when the database cannot give one: the page then says so."""
    try:
        return await asked, ""
    except StoreError as error:
        return blank, str(error)

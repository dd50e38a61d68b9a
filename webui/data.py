"""Numbers for charts (JSON) and for people (CSV). Amounts are text; only chart signals are floats."""

from collections.abc import Awaitable
from decimal import Decimal

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from kernel.errors import StoreError
from webui.csv_lines import attachment, csv_line, iso
from webui.csv_stream import CSV_SLICE, csv_response
from webui.history import EquitySeries, TradeList
from webui.pages import trade_query
from webui.periods import PERIODS, since_ns
from webui.source import DashboardSource
from webui.stream import TOPICS_MAX, StreamHub, StreamResponse

CHART_POINTS = 600
CSV_POINTS = 100_000
TRADE_COLUMNS = (
    "ts_ns", "order_id", "instrument", "venue", "side", "qty", "price", "notional_usd", "status", "fees_usd",
    "gas_usd", "slippage_usd", "expected_net_usd", "pnl_usd", "simulated",
)  # fmt: skip


class Data:
    """Handlers of the stream, of chart series and of downloads."""

    def __init__(self, source: DashboardSource, hub: StreamHub) -> None:
        self._source = source
        self._hub = hub

    async def session(self, request: Request) -> Response:
        """204 while logged in: a page asks before it opens its stream again."""
        return Response(status_code=204)

    async def stream(self, request: Request) -> Response:
        """The one stream of a tab: `?topics=overview,strategy:NAME`; the shell comes with every stream."""
        asked = [topic for topic in request.query_params.get("topics", "").split(",") if topic]
        topics = tuple(dict.fromkeys(("shell", *asked)))
        if len(topics) > TOPICS_MAX:
            raise HTTPException(400, f"topics: expected at most {TOPICS_MAX}, found {len(topics)}")
        moment = self._hub.moment()
        for topic in topics:
            if moment.render(topic) is None:
                raise HTTPException(400, f"topics: there is no topic {topic[:80]!r}")
        client = self._hub.open(topics, request.scope["session"].session_id)
        if client is None:
            return Response("too many open dashboards; close a tab", 503, {"Retry-After": "5"})
        return StreamResponse(self._hub, client)

    async def equity(self, request: Request) -> Response:
        """Equity and drawdown of `?strategy=` (or of everything) over `?period=`; `error` when there is no history."""
        try:
            series, now_ns = await self._series(request, CHART_POINTS)
        except StoreError as error:
            return _json({"error": str(error)})
        values = [value for _, value in series.points]
        return _json(
            {
                "ts": [ts_ns / 1e9 for ts_ns, _ in series.points],
                "equity": values,
                "drawdown": drawdowns(values),
                "marks": series.marks,
                "simulated": series.simulated,
                "note": series.note,
                "age_ms": (now_ns - series.points[-1][0]) / 1e6 if series.points else None,
            }
        )

    async def equity_csv(self, request: Request) -> Response:
        """The same as a file."""
        try:
            series, _ = await self._series(request, CSV_POINTS)
        except StoreError as error:
            raise HTTPException(503, str(error)) from error
        values = [value for _, value in series.points]
        lines = [csv_line(("time_utc", "ts_ns", "equity_usd", "drawdown_usd", "simulated"))]
        for (ts_ns, value), drawdown in zip(series.points, drawdowns(values), strict=True):
            lines.append(csv_line((iso(ts_ns), ts_ns, value, drawdown, series.simulated)))
        return _csv("".join(lines), f"equity-{request.query_params.get('strategy') or 'all'}.csv")

    async def signal(self, request: Request) -> Response:
        """The signal of a strategy against its threshold."""
        page = self._source.strategy(request.path_params["module"])
        if page is None:
            raise HTTPException(404, "there is no such strategy")
        points = page.signal.points if page.signal else ()
        return _json(
            {
                "ts": [point.ts_ns / 1e9 for point in points],
                "value": [point.value for point in points],
                "threshold": [point.threshold for point in points],
            }
        )

    async def trades_csv(self, request: Request) -> Response:
        """All trades that match the filters, newest first, streamed slice by slice."""
        query = trade_query(request, CSV_SLICE)
        if self._source.strategy(query.strategy) is None:
            raise HTTPException(404, "there is no such strategy")

        def fetch(key: str) -> Awaitable[TradeList]:
            return self._source.trades(msgspec.structs.replace(query, before_key=key))

        return await csv_response("trades.csv", TRADE_COLUMNS, fetch, query.before_key)

    async def _series(self, request: Request, points_max: int) -> tuple[EquitySeries, int]:
        name = request.query_params.get("strategy") or None
        period = request.query_params.get("period", "24h")
        if period not in PERIODS:
            raise HTTPException(400, f"period: expected one of {', '.join(PERIODS)}, found {period[:20]!r}")
        if name is not None and self._source.strategy(name) is None:
            raise HTTPException(404, f"there is no strategy {name[:80]!r}")
        now_ns = self._source.overview().now_ns
        return await self._source.equity(name, since_ns(now_ns, period), points_max), now_ns


def drawdowns(values: list[Decimal | None]) -> list[Decimal | None]:
    """Below the highest value so far: 0 or negative, None in gaps."""
    peak: Decimal | None = None
    fallen: list[Decimal | None] = []
    for value in values:
        if value is not None:
            peak = value if peak is None else max(peak, value)
        fallen.append(None if value is None or peak is None else value - peak)
    return fallen


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")


def _csv(text: str, name: str) -> Response:
    return Response(text, media_type="text/csv; charset=utf-8", headers=attachment(name))

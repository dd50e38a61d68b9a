"""Numbers for charts (JSON) and for people (CSV). Amounts are text; only chart signals are floats."""

import csv
import io
from collections.abc import AsyncIterator
from decimal import Decimal

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from kernel.errors import StoreError
from webui.csv_rows import attachment, iso, line, plain
from webui.history import EquitySeries, TradeList, TradeQuery
from webui.pages import trade_query
from webui.periods import PERIODS, since_ns
from webui.source import DashboardSource
from webui.stream import TOPICS_MAX, StreamHub, StreamResponse

CHART_POINTS = 600
CSV_POINTS = 100_000
CSV_ROWS = 50_000  #: of trades; the file says when it stops here
CSV_SLICE = 500
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
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(("time_utc", "ts_ns", "equity_usd", "drawdown_usd", "simulated"))
        for (ts_ns, value), drawdown in zip(series.points, drawdowns(values), strict=True):
            writer.writerow((iso(ts_ns), ts_ns, plain(value), plain(drawdown), series.simulated))
        return _csv(out.getvalue(), f"equity-{request.query_params.get('strategy') or 'all'}.csv")

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
        try:
            first = await self._source.trades(query)
        except StoreError as error:
            raise HTTPException(503, str(error)) from error
        return StreamingResponse(
            self._trade_lines(query, first), media_type="text/csv; charset=utf-8", headers=attachment("trades.csv")
        )

    async def _trade_lines(self, query: TradeQuery, listed: TradeList) -> AsyncIterator[str]:
        yield line(("time_utc", *TRADE_COLUMNS))
        written = 0
        while True:
            for row in listed.rows:
                yield line((iso(row.ts_ns), *(plain(getattr(row, column)) for column in TRADE_COLUMNS)))
            written += len(listed.rows)
            if not listed.next_key:
                return
            if written >= CSV_ROWS:
                yield line((f"stopped after {written} rows; filter to see the rest",))
                return
            query = msgspec.structs.replace(query, before_key=listed.next_key)
            try:
                listed = await self._source.trades(query)
            except StoreError as error:
                yield line((f"incomplete: {error}",))
                return

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

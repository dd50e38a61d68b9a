"""/strategies: state, positions, performance, trades, equity, and the commands start, pause and stop."""

from collections.abc import Awaitable
from decimal import Decimal
from typing import Annotated, Literal, TypeVar

from msgspec import Meta, Struct

from webui.api_error import ApiRefusal
from webui.api_operation import Call, Operation
from webui.data import drawdowns
from webui.history import EquityMark, Performance, Story, TradeList, TradeQuery, TradeRow
from webui.periods import since_ns
from webui.roles import Role
from webui.snapshot import Positions, StrategyPage, StrategyRow
from webui.source import DashboardSource

TRADES_MAX = 200
POINTS_MAX = 5_000
KEY_MAX = 120

T = TypeVar("T")
Period = Annotated[Literal["1h", "24h", "7d", "30d", "all"], Meta(description="Counted back from event time.")]
Before = Annotated[
    str, Meta(max_length=KEY_MAX, description="`next` of the page before; nothing = begin at the newest.")
]


class StrategyRows(Struct, frozen=True, kw_only=True):
    """All strategies, also those that are not enabled."""

    strategies: tuple[StrategyRow, ...]


class PerformanceQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Over which period."""

    period: Period = "all"


class EquityQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Over which period, and how many points at most."""

    period: Period = "24h"
    points: Annotated[int, Meta(ge=2, le=POINTS_MAX, description="At most so many, thinned evenly.")] = 600


class TradesQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which trades, newest first."""

    before: Before = ""
    limit: Annotated[int, Meta(ge=1, le=TRADES_MAX, description="Rows of a page.")] = 50
    instrument: Annotated[str, Meta(max_length=200, description="Exactly this one; nothing = all.")] = ""
    side: Annotated[Literal["", "buy", "sell"], Meta(description="Nothing = both.")] = ""
    outcome: Annotated[Literal["", "gain", "loss", "open"], Meta(description="Nothing = all.")] = ""


class TradePage(Struct, frozen=True, kw_only=True):
    """A page; `next` null = there are no older ones. `instruments`: those that have trades."""

    trades: tuple[TradeRow, ...]
    next: str | None
    instruments: tuple[str, ...]
    note: str


class EquityPoint(Struct, frozen=True, kw_only=True):
    """`equity_usd` null = a gap. `drawdown_usd`: below the highest value so far, 0 or negative."""

    ts_ns: int
    equity_usd: Decimal | None
    drawdown_usd: Decimal | None


class Equity(Struct, frozen=True, kw_only=True):
    """Oldest first."""

    points: tuple[EquityPoint, ...]
    marks: tuple[EquityMark, ...]
    simulated: bool
    note: str


class CommandBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """pause: no new risk, exits go on, orders stay. stop: orders are cancelled, positions closed through the gate,
    then it is disabled. start: it goes on."""

    command: Literal["start", "pause", "stop"]


class StrategiesApi:
    """Its operations."""

    def __init__(self, source: DashboardSource) -> None:
        self._source = source

    def operations(self) -> tuple[Operation, ...]:
        """Its rows of the table."""
        group = "Strategies"
        return (
            Operation(
                method="GET", path="/equity", name="getEquity", group=group, handler=self.equity, is_stored=True,
                summary="Equity of the whole kernel over a period.", query=EquityQuery, response=Equity,
                example="period=7d&points=300",
            ),
            Operation(
                method="GET", path="/strategies", name="listStrategies", group=group, handler=self.rows,
                summary="Every strategy at a glance.", response=StrategyRows,
            ),
            Operation(
                method="GET", path="/strategies/{name}", name="getStrategy", group=group, handler=self.one,
                summary="One strategy now: figures, funnel, why not, best rejected candidate, signal.",
                response=StrategyPage,
            ),
            Operation(
                method="GET", path="/strategies/{name}/positions", name="listPositions", group=group,
                handler=self.positions, summary="Its open legs.", response=Positions,
            ),
            Operation(
                method="GET", path="/strategies/{name}/performance", name="getPerformance", group=group,
                handler=self.performance, summary="Statistics, costs and P&L by day, instrument and venue.",
                query=PerformanceQuery, response=Performance, is_stored=True, example="period=30d",
            ),
            Operation(
                method="GET", path="/strategies/{name}/equity", name="getStrategyEquity", group=group,
                handler=self.strategy_equity, summary="Its P&L over a period.", query=EquityQuery, response=Equity,
                is_stored=True,
            ),
            Operation(
                method="GET", path="/strategies/{name}/trades", name="listTrades", group=group, handler=self.trades,
                summary="Filled orders, newest first, by pages.", query=TradesQuery, response=TradePage,
                is_stored=True, example="limit=20&outcome=loss",
            ),
            Operation(
                method="GET", path="/strategies/{name}/trades/{order_id}", name="getTrade", group=group,
                handler=self.story, summary="The life of one order: cause, verdict, every report.", response=Story,
                is_stored=True,
            ),
            Operation(
                method="POST", path="/strategies/{name}/command", name="commandStrategy", group=group,
                handler=self.command, summary="Start, pause or stop it. Pause and stop are never rate limited.",
                role=Role.OPERATOR, body=CommandBody, response=StrategyRow, example='{"command": "pause"}',
            ),
        )  # fmt: skip

    async def rows(self, call: Call) -> StrategyRows:
        return StrategyRows(strategies=self._source.overview().strategies)

    async def one(self, call: Call) -> StrategyPage:
        return self._known(call)

    async def positions(self, call: Call) -> Positions:
        held = self._source.positions(self._known(call).row.name)
        return held if held is not None else Positions()

    async def performance(self, call: Call) -> Performance:
        page = self._known(call)
        return await self._source.performance(page.row.name, since_ns(page.now_ns, call.query.period))

    async def equity(self, call: Call) -> Equity:
        return await self._series(None, self._source.overview().now_ns, call.query)

    async def strategy_equity(self, call: Call) -> Equity:
        page = self._known(call)
        return await self._series(page.row.name, page.now_ns, call.query)

    async def trades(self, call: Call) -> TradePage:
        asked: TradesQuery = call.query
        query = TradeQuery(
            strategy=self._known(call).row.name,
            before_key=asked.before,
            limit=asked.limit,
            instrument=asked.instrument,
            side=asked.side,
            outcome=asked.outcome,
        )
        found: TradeList = await by_key(self._source.trades(query))
        return TradePage(trades=found.rows, next=found.next_key or None, instruments=found.instruments, note=found.note)

    async def story(self, call: Call) -> Story:
        order_id = call.path["order_id"]
        found = await self._source.story(self._known(call).row.name, order_id)
        if found is None:
            raise ApiRefusal("not_found", f"order {order_id[:80]!r} is not known here, or no longer kept")
        return found

    async def command(self, call: Call) -> StrategyRow:
        name = self._known(call).row.name
        self._source.command(name, call.body.command, call.who)
        return self._known(call).row

    async def _series(self, name: str | None, now_ns: int, asked: EquityQuery) -> Equity:
        found = await self._source.equity(name, since_ns(now_ns, asked.period), asked.points)
        fallen = drawdowns([value for _, value in found.points])
        return Equity(
            points=tuple(
                EquityPoint(ts_ns=ts_ns, equity_usd=value, drawdown_usd=drawdown)
                for (ts_ns, value), drawdown in zip(found.points, fallen, strict=True)
            ),
            marks=found.marks,
            simulated=found.simulated,
            note=found.note,
        )

    def _known(self, call: Call) -> StrategyPage:
        name = call.path["name"]
        page = self._source.strategy(name)
        if page is None:
            raise ApiRefusal("not_found", f"there is no strategy {name[:80]!r}")
        return page


async def by_key(asked: Awaitable[T]) -> T:
    """A page of a list. A key that no page gave is the client's fault: the tables raise ValueError for it."""
    try:
        return await asked
    except ValueError as error:
        raise ApiRefusal(
            "bad_parameter", f"before: expected `next` of a page ({str(error)[:120]})", field="before"
        ) from None

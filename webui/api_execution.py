"""/execution and /opportunities: open orders and hedges, every order with its costs, every candidate with its fate."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from webui.api_error import ApiRefusal
from webui.api_kill import Reason, reason_of
from webui.api_operation import Call, Operation
from webui.api_sources import not_enabled
from webui.api_strategies import Before, by_key
from webui.execution_source import ExecutionLook, ExecutionSource, OrderQuery, OrderTrace
from webui.opportunities_source import CandidateQuery, CandidateTrace, OpportunitiesSource
from webui.roles import Role
from webui.source import DashboardSource

PAGE_MAX = 200
Limit = Annotated[int, Meta(ge=1, le=PAGE_MAX, description="Rows of a page.")]
Word = Annotated[str, Meta(max_length=80, description="Exactly this one; nothing = all.")]
#: Empty or a decimal number, as money in JSON is text.
Amount = Annotated[
    str,
    Meta(max_length=40, pattern=r"^(-?[0-9]{1,15}(\.[0-9]{1,12})?)?$", description="USD, at least; nothing = all."),
]


class OrdersQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which orders, newest first."""

    before: Before = ""
    limit: Limit = 50
    strategy: Word = ""
    venue: Word = ""
    status: Word = ""


class OrderPage(Struct, frozen=True, kw_only=True):
    """A page; `next` null = there are no older ones. `searched_to_ns` above 0: a filter that fits few rows looked back
    to there only, and `next` goes on; so a page may be empty and have a `next`."""

    orders: tuple[OrderTrace, ...]
    next: str | None
    searched_to_ns: int
    note: str
    venues: tuple[str, ...]


class CandidatesQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which candidates, newest first."""

    before: Before = ""
    limit: Limit = 50
    strategy: Word = ""
    verdict: Word = ""
    why_not: Word = ""
    net_usd_min: Amount = ""


class CandidatePage(Struct, frozen=True, kw_only=True):
    """As `OrderPage`."""

    candidates: tuple[CandidateTrace, ...]
    next: str | None
    searched_to_ns: int
    note: str


class WhyBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why, for the log."""

    reason: Reason


class ExecutionApi:
    """Its operations."""

    def __init__(
        self, source: DashboardSource, execution: ExecutionSource | None, opportunities: OpportunitiesSource | None
    ) -> None:
        self._source = source
        self._execution = execution
        self._opportunities = opportunities

    def operations(self) -> tuple[Operation, ...]:
        """Its rows of the table."""
        group, errors, role = "Execution", ("not_enabled",), Role.OPERATOR
        return (
            Operation(
                method="GET", path="/execution", name="getExecution", group=group, handler=self.show,
                summary="Open orders, hedges under way, legs that stand alone.", response=ExecutionLook, errors=errors,
            ),
            Operation(
                method="GET", path="/execution/orders", name="listOrders", group=group, handler=self.orders,
                summary="Every order the gate judged, with costs and outcome, newest first, by pages.",
                query=OrdersQuery, response=OrderPage, errors=(*errors, "not_found"), is_stored=True,
                example="status=reverted&limit=20",
            ),
            Operation(
                method="POST", path="/strategies/{name}/halt", name="haltStrategy", group=group, handler=self.halt,
                summary="Cancel its orders and pause it; positions stay.", role=role, body=WhyBody, errors=errors,
                example='{"reason": "orders hang"}',
            ),
            Operation(
                method="POST", path="/strategies/{name}/flatten", name="flattenStrategy", group=group,
                handler=self.flatten, summary="Close all its positions through the gate.", role=role, body=WhyBody,
                errors=errors, example='{"reason": "out before the upgrade"}',
            ),
            Operation(
                method="GET", path="/opportunities", name="listOpportunities", group=group, handler=self.candidates,
                summary="Every candidate with its costs, verdict and outcome, newest first, by pages.",
                query=CandidatesQuery, response=CandidatePage, errors=(*errors, "not_found"), is_stored=True,
                example="strategy=cex_dex_arb&net_usd_min=1",
            ),
        )  # fmt: skip

    async def show(self, call: Call) -> ExecutionLook:
        return self._orders_source().look()

    async def orders(self, call: Call) -> OrderPage:
        asked: OrdersQuery = call.query
        source = self._orders_source()
        self._check(asked.strategy)
        query = OrderQuery(
            strategy=asked.strategy,
            venue=asked.venue,
            status=asked.status,
            before_key=asked.before,
            limit=asked.limit,
        )
        found = await by_key(source.orders(query))
        return OrderPage(
            orders=found.rows,
            next=found.next_key or None,
            searched_to_ns=found.searched_to_ns,
            note=found.note,
            venues=found.venues,
        )

    async def candidates(self, call: Call) -> CandidatePage:
        asked: CandidatesQuery = call.query
        if self._opportunities is None:
            raise not_enabled("opportunities")
        self._check(asked.strategy)
        query = CandidateQuery(
            strategy=asked.strategy,
            verdict=asked.verdict,
            why_not=asked.why_not,
            net_usd_min=Decimal(asked.net_usd_min.strip()) if asked.net_usd_min else None,
            before_key=asked.before,
            limit=asked.limit,
        )
        found = await by_key(self._opportunities.candidates(query))
        return CandidatePage(
            candidates=found.rows,
            next=found.next_key or None,
            searched_to_ns=found.searched_to_ns,
            note=found.note,
        )

    async def halt(self, call: Call) -> None:
        self._command(call, "halt")

    async def flatten(self, call: Call) -> None:
        self._command(call, "flatten")

    def _command(self, call: Call, command: str) -> None:
        name = call.path["name"]
        source = self._orders_source()
        self._check(name)
        source.command(name, command, call.who, reason_of(call.body.reason))

    def _orders_source(self) -> ExecutionSource:
        if self._execution is None:
            raise not_enabled("execution")
        return self._execution

    def _check(self, strategy: str) -> None:
        if strategy and self._source.strategy(strategy) is None:
            raise ApiRefusal("not_found", f"there is no strategy {strategy[:80]!r}", field="strategy")

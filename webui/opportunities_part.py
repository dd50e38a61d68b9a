"""The opportunities pages: how far candidates get and why they stop, over all strategies and for one of them."""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from webui import typeset
from webui.asking import amount, answer, word
from webui.cells import Cell, Cells, bar_widths, version_cell
from webui.csv_stream import CSV_SLICE, csv_response
from webui.opportunities_source import CandidateList, CandidateQuery, OpportunitiesSource
from webui.overview_cells import row_cells
from webui.part import NavItem, Part
from webui.snapshot import STAGES, Funnel, Overview, ReasonCount, StrategyRow
from webui.topics import Rendered

ROWS_SHOWN = 50
REASONS_SHOWN = 4
COLUMNS = (
    "ts_ns", "seq", "strategy", "opportunity", "instruments", "size_usd", "gross_usd", "costs", "expected_net_usd",
    "why_not", "verdict", "outcome", "realised_usd", "gap_reason", "simulated",
)  # fmt: skip


class OpportunitiesPart(Part):
    """`/opportunities` and `/{module}/opportunities`, the funnel live on topic `opportunities`."""

    nav = (NavItem("/opportunities", "Opportunities", "Trading"),)
    tabs = (("opportunities", "Opportunities"),)
    topic_kinds = ("opportunities",)

    def __init__(self, opportunities: OpportunitiesSource) -> None:
        self._opportunities = opportunities

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/opportunities", self.show),
            Route("/opportunities.csv", self.csv),
            Route("/{module}/opportunities", self.show_one),
        ]

    def render(self, topic: str) -> Rendered | None:
        return Rendered(funnel_cells(self.source.overview())) if topic == "opportunities" else None

    async def show(self, request: Request) -> Response:
        """All strategies."""
        look = self.source.overview()
        query = self._query(request, word(request, "strategy", {row.name for row in look.strategies}), ROWS_SHOWN)
        pages = (self.source.strategy(row.name) for row in look.strategies)
        best = tuple((page.row, page.best_rejected) for page in pages if page is not None and page.best_rejected)
        return self.page(
            request,
            "opportunities.html",
            title="Opportunities",
            cells=funnel_cells(look),
            topics=("opportunities",),
            rows=(("t", "", "All together"), *((f"s.{row.name}", row.name, row.title) for row in look.strategies)),
            best=best,
            **await self._listed(query),
        )

    async def show_one(self, request: Request) -> Response:
        """One strategy's."""
        name = request.path_params["module"]
        query = self._query(request, name, ROWS_SHOWN)
        known = self.source.strategy(name) is not None
        listed = await self._listed(query) if known else {}
        return self.strategy_page(request, "strategy_opportunities.html", tab="opportunities", **listed)

    async def csv(self, request: Request) -> Response:
        """The same list as a file."""
        names = {row.name for row in self.source.overview().strategies}
        query = self._query(request, word(request, "strategy", names), CSV_SLICE)
        return await csv_response(
            "opportunities.csv",
            COLUMNS,
            lambda key: self._opportunities.candidates(msgspec.structs.replace(query, before_key=key)),
            query.before_key,
        )

    async def _listed(self, query: CandidateQuery) -> dict[str, Any]:
        listed, error = await answer(self._opportunities.candidates(query), CandidateList())
        return {"listed": listed, "error": error, "query": query, "reasons": self._reasons(query.strategy)}

    def _reasons(self, strategy: str) -> dict[str, tuple[str, ...]]:
        """Choices of the filters: what was given as a reason in this run."""
        rows = [row for row in self.source.overview().strategies if strategy in ("", row.name)]
        return {
            "why_not": tuple(sorted({each.reason for row in rows for each in row.why_not})),
            "verdict": ("approved", *sorted({each.reason for row in rows for each in row.denied})),
        }

    def _query(self, request: Request, strategy: str, limit: int) -> CandidateQuery:
        return CandidateQuery(
            strategy=strategy,
            verdict=word(request, "verdict"),
            why_not=word(request, "why_not"),
            net_usd_min=amount(request, "min_net"),
            before_key=word(request, "before"),
            limit=limit,
        )


def funnel_cells(look: Overview) -> Cells:
    """The funnel of each strategy, and of all of them together."""
    total = _total(look.strategies)
    cells: Cells = {"v.strategies": version_cell(*(row.name for row in look.strategies))}
    for key, row in (("t", total), *((f"s.{row.name}", row) for row in look.strategies)):
        cells |= row_cells(key, row)
        widths = bar_widths(row.funnel, STAGES)
        before: int | None = None
        for stage in STAGES:
            value = getattr(row.funnel, stage)
            cells[f"{key}.n.{stage}"] = Cell(typeset.count(value), hint="" if value is not None else "not counted here")
            cells[f"{key}.r.{stage}"] = Cell(typeset.percent(value, before) if before is not None else "")
            cells[f"{key}.w.{stage}"] = Cell(str(widths[stage]))
            before = value
        cells[f"{key}.not"] = _reasons_cell(row.why_not, "the strategy rejected none")
        cells[f"{key}.denied"] = _reasons_cell(row.denied, "the gate denied none")
    return cells


def _reasons_cell(reasons: tuple[ReasonCount, ...], nothing: str) -> Cell:
    if not reasons:
        return Cell(typeset.DASH, "muted", nothing)
    ranked = sorted(reasons, key=lambda each: (-each.count, each.reason))
    whole = sum(each.count for each in ranked)
    text = ", ".join(
        f"{typeset.words(each.reason)} {typeset.percent(each.count, whole)}" for each in ranked[:REASONS_SHOWN]
    )
    return Cell(text, hint="\n".join(f"{typeset.words(each.reason)}: {typeset.count(each.count)}" for each in ranked))


def _total(rows: tuple[StrategyRow, ...]) -> StrategyRow:
    def summed(stage: str) -> int | None:
        values = [getattr(row.funnel, stage) for row in rows]
        known = [each for each in values if each is not None]
        return sum(known) if known else None

    def merged(name: str) -> tuple[ReasonCount, ...]:
        counts: dict[str, int] = {}
        for row in rows:
            for each in getattr(row, name):
                counts[each.reason] = counts.get(each.reason, 0) + each.count
        return tuple(ReasonCount(reason, count) for reason, count in counts.items())

    return StrategyRow(
        name="",
        title="All strategies",
        state="",
        funnel=Funnel(**{stage: summed(stage) for stage in STAGES}),
        why_not=merged("why_not"),
        denied=merged("denied"),
        simulated=any(row.simulated for row in rows),
    )

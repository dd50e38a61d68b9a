"""Replays on pages: list, form, one run, a sweep's map, runs side by side. All is simulated and says so.

The pages look at memory and read single files in a thread; what replays do happens in other processes.
"""

from decimal import Decimal

import msgspec
from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from kernel.errors import BadInput, ConfigError
from kernel.replay_job import CELLS_MAX, MODES, Cell, Figures, JobRefused, ReplayJob, RunResult
from kernel.report import StrategyReport, cost_rows, figure_rows, funnel_rows, reason_rows
from kernel.report_chart import add_series
from webui import typeset
from webui.csv_lines import attachment, csv_line, iso
from webui.data import drawdowns
from webui.part import NavItem, Part
from webui.replay_cells import ListCells, page_cells
from webui.replay_compare import COMPARED_MAX, compared, differences, shown
from webui.replay_form import ReplayForm
from webui.replay_map import METRICS, sweep_map, value_of
from webui.replay_source import ReplaySource
from webui.roles import Role, require, user_of
from webui.topics import Rendered

MODE_WORDS = {
    "simulate": "the recorded market with simulated fills, the operator's commands as recorded",
    "what-if": "the same without the kill switches and commands of that time",
    "verify": "the recorded run again: every decision must come out the same, byte for byte",
    "sweep": "a what-if for every combination of one or two settings",
}
CSV_COLUMNS = ("pnl_usd", "max_drawdown_usd", "costs_usd", "orders", "fills", "closed", "profitable")
SHOWN = 50  #: jobs on a page of the list, and in its topic: 500 cells that are compared four times a second
NUMBER_DIGITS_MAX = 15
REFERENCE_MAX = 20  #: characters of `ID` or `ID.CELL`


class Run(Struct, frozen=True, kw_only=True):
    """A run that can be shown or compared: a job's own, or a cell's of a sweep. `ref` is `ID` or `ID.CELL`."""

    ref: str
    label: str
    href: str
    figures: Figures | None
    result: RunResult


class ReplayPages(Part):
    """`/replays…`. `replays` is where jobs run; the pages never wait for one."""

    nav = (NavItem("/replays", "Replays", "System"),)
    topic_kinds = ("replays", "replay")

    def __init__(self, replays: ReplaySource) -> None:
        self._replays = replays
        self._list = ListCells()

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/replays", self.listed),
            Route("/replays", self.submit, methods=["POST"]),
            Route("/replays/new", self.new),
            Route("/replays/compare", self.compare),
            Route("/replays/equity", self.equity),
            Route("/replays/{id}", self.one),
            Route("/replays/{id}/report.html", self.report),
            Route("/replays/{id}/equity.csv", self.equity_csv),
            Route("/replays/{id}/sweep.csv", self.sweep_csv),
            Route("/replays/{id}/cells/{cell:int}", self.cell),
            Route("/replays/{id}/cancel", self.cancel, methods=["POST"]),
            Route("/replays/{id}/again", self.again, methods=["POST"]),
            Route("/replays/{id}/delete", self.delete, methods=["POST"]),
        ]

    def render(self, topic: str) -> Rendered | None:
        kind, _, job_id = topic.partition(":")
        if kind == "replays":
            return None if job_id else Rendered(self._list.cells(self._replays.jobs()[:SHOWN]))
        job = self._replays.job(job_id)
        return None if job is None else Rendered(page_cells(job))

    # pages --------------------------------------------------------------------------------------------------------

    async def listed(self, request: Request) -> Response:
        """All jobs, newest first."""
        before = request.query_params.get("before", "")
        if not before.isascii() or not (before.isdecimal() or not before) or len(before) > NUMBER_DIGITS_MAX:
            raise HTTPException(400, f"before: expected the number of a replay, found {before[:20]!r}")
        every = self._replays.jobs()
        jobs = tuple(each for each in every if not before or each.number < int(before))[:SHOWN]
        return self.page(
            request,
            "replays.html",
            title="Replays",
            cells=self._list.cells(jobs),
            topics=() if before else ("replays",),
            jobs=jobs,
            before=before,
            older=jobs[-1].number if jobs and jobs[-1] is not every[-1] else None,
            label=self._replays.label,
            trouble=self._replays.trouble,
            compared_max=COMPARED_MAX,
        )

    async def new(self, request: Request) -> Response:
        """The form, empty or as an earlier job was asked (`?from=ID`)."""
        earlier = self._replays.job(request.query_params.get("from", ""))
        form = ReplayForm() if earlier is None else ReplayForm.of_job(earlier)
        if earlier is None:
            form.profile = "demo"
            form.log = request.query_params.get("log", "")[:200] or "sample:demo.evl"
        return await self._form(request, form)

    async def _form(self, request: Request, form: ReplayForm, code: int = 200) -> Response:
        choices = await self._replays.choices()
        response = self.page(
            request,
            "replay_new.html",
            title="New replay",
            form=form,
            choices=choices,
            modes=tuple((mode, MODE_WORDS[mode]) for mode in MODES),
            cells_max=CELLS_MAX,
        )
        response.status_code = code
        return response

    async def one(self, request: Request) -> Response:
        """One job: its progress, then what came of it."""
        job = self._known(request)
        result = await self._replays.result(job.id) if job.state == "done" and job.spec.mode != "sweep" else None
        metric = request.query_params.get("metric", "pnl_usd")
        if metric not in [name for name, _, _ in METRICS]:
            raise HTTPException(400, f"metric: expected one of the map's figures, found {metric[:40]!r}")
        return self.page(
            request,
            "replay.html",
            title=f"Replay {job.number}",
            cells=page_cells(job),
            topics=(f"replay:{job.id}",),
            job=job,
            label=self._replays.label(job.spec.log),
            result=result,
            parts=_parts(result),
            settings=_settings(result),
            reference=job.id,
            sweep=sweep_map(job, metric) if job.spec.mode == "sweep" else None,
            metrics=METRICS,
            metric=metric,
        )

    async def cell(self, request: Request) -> Response:
        """One run of a sweep."""
        job = self._known(request)
        cell = _cell_of(job, request.path_params["cell"])
        result = await self._replays.cell_result(cell)
        if result is None:
            raise HTTPException(404, "the result of this run is no longer kept; start the sweep again to have it made")
        return self.page(
            request,
            "replay_cell.html",
            title=f"Replay {job.number}, run {cell.index + 1}",
            job=job,
            cell=cell,
            label=self._replays.label(job.spec.log),
            result=result,
            parts=_parts(result),
            settings=_settings(result),
            reference=f"{job.id}.{cell.index}",
        )

    async def compare(self, request: Request) -> Response:
        """Runs side by side: `?ids=a,b,c.4`."""
        references = _references(request)
        runs = [await self._run(each) for each in references]
        found = [each for each in runs if each is not None]
        missing = [name for name, each in zip(references, runs, strict=True) if each is None]
        rows, alike = differences([each.result for each in found])
        return self.page(
            request,
            "replay_compare.html",
            title="Compare replays",
            runs=found,
            missing=missing,
            groups=compared([each.figures for each in found], [each.result for each in found]) if found else [],
            rows=rows,
            alike=alike,
            ids=",".join(each.ref for each in found),
        )

    # data ---------------------------------------------------------------------------------------------------------

    async def equity(self, request: Request) -> Response:
        """P&L curves of `?ids=`: times in seconds, amounts as text."""
        lines = []
        for reference in _references(request):
            run = await self._run(reference)
            if run is not None and run.result.report is not None:
                for label, points in _curves(run, is_split=len(_references(request)) == 1):
                    lines.append({"label": label, "ts": [ts / 1e9 for ts, _ in points], "usd": [v for _, v in points]})
        return Response(msgspec.json.encode({"lines": lines}), media_type="application/json")

    async def equity_csv(self, request: Request) -> Response:
        """The curves of one run as a file; the id may name a cell."""
        run = await self._run(request.path_params["id"][:REFERENCE_MAX])
        if run is None or run.result.report is None:
            raise HTTPException(404, "this replay has no curve")
        lines = [csv_line(("strategy", "time_utc", "ts_ns", "pnl_usd", "drawdown_usd", "simulated"))]
        for label, points in _curves(run, is_split=True):
            falls = drawdowns([value for _, value in points])
            for (ts_ns, value), fall in zip(points, falls, strict=True):
                lines.append(csv_line((label, iso(ts_ns), ts_ns, value, fall, True)))
        return _csv(lines, f"replay-{run.ref}-equity.csv")

    async def sweep_csv(self, request: Request) -> Response:
        """One line per run of a sweep."""
        job = self._known(request)
        lines = [csv_line((*(each.path for each in job.spec.vary), *CSV_COLUMNS, "error", "simulated"))]
        for cell in job.cells:
            figures = (value_of(cell, name) for name in CSV_COLUMNS)
            lines.append(csv_line((*cell.values, *figures, cell.error, True)))
        return _csv(lines, f"replay-{job.id}-sweep.csv")

    async def report(self, request: Request) -> Response:
        """The HTML report as a download; it is not shown here, since it brings its own styles."""
        job = self._known(request)
        path = self._replays.report_path(job.id)
        if path is None:
            raise HTTPException(404, "this replay has no report; a simulation or what-if that is done has one")
        try:
            raw = await run_in_threadpool(path.read_bytes)
        except OSError as error:
            raise HTTPException(404, "the report is no longer kept; start the replay again") from error
        name = f"replay-{job.number}.html"
        return Response(raw, media_type="text/html", headers={"Content-Disposition": f'attachment; filename="{name}"'})

    # commands -----------------------------------------------------------------------------------------------------

    async def submit(self, request: Request) -> Response:
        """Start what the form says, or show it again with what is wrong."""
        posted = await _posted(request)
        form = ReplayForm.of_post(posted)
        try:
            job = await self._replays.submit(form.job(), user_of(request))
        except JobRefused as error:
            form.refuse(str(error), error.errors)
            return await self._form(request, form, 400)
        except (ConfigError, BadInput) as error:
            form.refuse(str(error))
            return await self._form(request, form, 400)
        return RedirectResponse(f"/replays/{job.id}", 303)

    async def cancel(self, request: Request) -> Response:
        """End a job."""
        await _posted(request)
        job = self._known(request)
        try:
            self._replays.cancel(job.id, user_of(request))
        except ConfigError as error:
            raise HTTPException(409, str(error)) from error
        return RedirectResponse(f"/replays/{job.id}", 303)

    async def again(self, request: Request) -> Response:
        """The same once more."""
        await _posted(request)
        try:
            job = await self._replays.again(self._known(request).id, user_of(request))
        except (ConfigError, BadInput) as error:
            raise HTTPException(409, str(error)) from error
        return RedirectResponse(f"/replays/{job.id}", 303)

    async def delete(self, request: Request) -> Response:
        """Forget a job that is over."""
        await _posted(request)
        try:
            self._replays.delete(self._known(request).id)
        except ConfigError as error:
            raise HTTPException(409, str(error)) from error
        return RedirectResponse("/replays", 303)

    # --------------------------------------------------------------------------------------------------------------

    def _known(self, request: Request) -> ReplayJob:
        job = self._replays.job(request.path_params["id"])
        if job is None:
            raise HTTPException(404, "there is no such replay; it may have been deleted")
        return job

    async def _run(self, reference: str) -> Run | None:
        job_id, dot, index = reference.partition(".")
        job = self._replays.job(job_id)
        if job is None:
            return None
        if not dot:
            result = await self._replays.result(job_id)
            if result is None or result.report is None:
                return None
            label = f"#{job.number} {job.spec.name or job.spec.mode}"
            return Run(ref=job_id, label=label, href=f"/replays/{job_id}", figures=job.figures, result=result)
        cell = next((each for each in job.cells if str(each.index) == index), None)
        result = None if cell is None else await self._replays.cell_result(cell)
        if cell is None or result is None:
            return None
        label = f"#{job.number} " + ", ".join(
            f"{each.path.rpartition('.')[2]}={value}" for each, value in zip(job.spec.vary, cell.values, strict=True)
        )
        href = f"/replays/{job_id}/cells/{cell.index}"
        return Run(ref=reference, label=label, href=href, figures=cell.figures, result=result)


def _cell_of(job: ReplayJob, index: int) -> Cell:
    cell = next((each for each in job.cells if each.index == index), None)
    if cell is None or not cell.key or cell.error:
        raise HTTPException(404, "this run of the sweep is not done" if cell is None else f"no result: {cell.error}")
    return cell


def _references(request: Request) -> list[str]:
    """Of `?ids=a,b&ids=c`. Raises 400 for too many or none."""
    asked = [each[:REFERENCE_MAX] for text in request.query_params.getlist("ids") for each in text.split(",") if each]
    unique = list(dict.fromkeys(asked))
    if not 1 <= len(unique) <= COMPARED_MAX:
        raise HTTPException(400, f"compare: expected 1 to {COMPARED_MAX} replays, found {len(unique)}; tick some")
    return unique


def _curves(run: Run, *, is_split: bool) -> list[tuple[str, list[tuple[int, Decimal | None]]]]:
    """The whole run's curve; of a run alone also each strategy's, if there are several."""
    report = run.result.report
    assert report is not None
    each = [(part.name, [(ts_ns, Decimal(usd)) for ts_ns, usd in part.equity]) for part in report.strategies]
    curves: list[tuple[str, list[tuple[int, Decimal | None]]]] = []
    if len(each) != 1 or not is_split:
        curves.append(
            (run.label if not is_split else "all strategies", list(add_series([points for _, points in each])))
        )
    if is_split:
        curves += [(name, list(points)) for name, points in each]
    return curves


def _parts(result: RunResult | None) -> list[dict[str, object]]:
    if result is None or result.report is None:
        return []
    return [_part(each) for each in result.report.strategies]


def _part(strategy: StrategyReport) -> dict[str, object]:
    pnl = Decimal(strategy.pnl_usd)
    return {
        "strategy": strategy,
        "pnl": typeset.usd(pnl, True),
        "tone": typeset.tone(pnl),
        "funnel": funnel_rows(strategy),
        "why_not": reason_rows(strategy.why_not),
        "denied": reason_rows(strategy.denied),
        "costs": cost_rows(strategy),
        "figures": figure_rows(strategy.statistics),
        "positions": [_position(each) for each in strategy.positions],
    }


def _position(row: dict[str, str]) -> dict[str, str]:
    mark = row.get("mark", "")
    return {
        **row,
        "qty": typeset.quantity(Decimal(row["qty"]), True),
        "avg_price": typeset.price(Decimal(row["avg_price"])),
        "mark": typeset.price(Decimal(mark)) if mark else typeset.DASH,
    }


def _settings(result: RunResult | None) -> list[tuple[str, str]]:
    """What was given, path by path."""
    if result is None:
        return []
    rows = []
    for owner, given in sorted(result.settings.items()):
        if owner in ("risk", "paper"):
            rows += [(f"{owner}.{key}", shown(value)) for key, value in given.items()]
        else:
            rows += [(f"{owner}.{key}", shown(value)) for key, value in given.get("settings", {}).items()]
            rows += [(f"{owner}.limits.{key}", shown(value)) for key, value in given.get("limits", {}).items()]
    return rows


async def _posted(request: Request) -> FormData:
    """The form of an operator; the guard has checked the page's token."""
    require(request, Role.OPERATOR)
    return await request.form()


def _csv(lines: list[str], name: str) -> Response:
    return Response("".join(lines), media_type="text/csv", headers=attachment(name))

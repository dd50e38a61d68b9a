"""Replay jobs as named cells, for the list and for the page of one; keys begin with `r.ID.`."""

from decimal import Decimal

from kernel.replay_job import Progress, ReplayJob
from webui import typeset
from webui.cells import Cell, Cells, version_cell

TONES = {
    "queued": "muted", "running": "info", "done": "gain", "failed": "loss", "cancelled": "muted", "interrupted": "warn",
}  # fmt: skip
MS_NS = 1_000_000
KNOWN_MAX = 1_000  #: jobs; twice as many as are ever kept


class ListCells:
    """The cells of a list. A job that did not change keeps its cells: a sweep has hundreds of runs to look through."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[ReplayJob, Cells]] = {}

    def cells(self, jobs: tuple[ReplayJob, ...]) -> Cells:
        """Of these jobs, with the version of their list."""
        if len(self._known) > KNOWN_MAX:
            self._known.clear()
        cells: Cells = {"v.replays": version_cell(*((job.id, job.is_over) for job in jobs))}
        for job in jobs:
            known = self._known.get(job.id)
            if known is None or known[0] is not job:
                known = self._known[job.id] = (job, job_cells(job))
            cells |= known[1]
        return cells


def page_cells(job: ReplayJob) -> Cells:
    """One job, with the version of its page's body."""
    return job_cells(job) | {"v.replay": version_cell(job.state, len(job.cells))}


def job_cells(job: ReplayJob) -> Cells:
    """State, progress and outcome."""
    key = f"r.{job.id}."
    progress = job.progress
    pnl = pnl_of(job)
    best = "best run of the sweep" if job.spec.mode == "sweep" else "after all costs, simulated"
    return {
        f"{key}state": Cell(job.state, TONES[job.state], job.error),
        f"{key}width": Cell(str(percent(progress, job.state))),
        f"{key}percent": Cell(f"{percent(progress, job.state)} %" if job.started_ts_ns is not None else typeset.DASH),
        f"{key}told": Cell(told(job)),
        f"{key}pnl": Cell(typeset.usd(pnl, True), typeset.tone(pnl), best if pnl is not None else why_none(job)),
        f"{key}fills": Cell(typeset.count(job.figures.fills if job.figures else None), "", ""),
        f"{key}took": Cell(typeset.duration(took_ms(job)), "", "from its start to its end"),
        f"{key}events": Cell(f"{typeset.count(progress.events)} of {typeset.count(progress.events_total or None)}"),
        f"{key}rate": Cell(f"{typeset.brief(round(progress.rate_per_s))}/s" if progress.rate_per_s else typeset.DASH),
        f"{key}eta": Cell(
            typeset.duration(progress.eta_ms), "", "" if progress.eta_ms is not None else "not known yet, or over"
        ),
        f"{key}cells": Cell(f"{len(job.cells)} of {progress.cells_total}"),
    }


def percent(progress: Progress, state: str) -> int:
    """0 to 100; 100 only for what is done."""
    if state == "done":
        return 100
    return min(99, 100 * progress.events // progress.events_total) if progress.events_total else 0


def told(job: ReplayJob) -> str:
    """What is going on, in a few words."""
    if job.state == "queued":
        return "waits for its turn"
    if job.state != "running":
        return "" if job.state == "done" else job.error
    if not job.progress.events_total:
        return "starting"
    runs = f"run {len(job.cells) + 1} of {job.progress.cells_total} · " if job.progress.cells_total else ""
    left = job.progress.eta_ms
    return f"{runs}{'about ' + typeset.duration(left) + ' left' if left is not None else 'time left not known yet'}"


def pnl_of(job: ReplayJob) -> Decimal | None:
    """Of a simulation; of a sweep, its best run's."""
    if job.spec.mode == "sweep":
        known = [each.figures.pnl_usd for each in job.cells if each.figures is not None]
        return max((Decimal(each) for each in known if each is not None), default=None)
    return decimal_of(job.figures.pnl_usd if job.figures is not None else None)


def decimal_of(text: str | None) -> Decimal | None:
    """Money from its text."""
    return None if text is None else Decimal(text)


def why_none(job: ReplayJob) -> str:
    """Why a job has no P&L."""
    if job.spec.mode == "verify":
        return "a verify compares; it has no P&L of its own"
    return "not known before it is done" if not job.is_over else f"{job.state}: there is no result"


def took_ms(job: ReplayJob) -> int | None:
    """Wall time from start to end."""
    if job.started_ts_ns is None or job.ended_ts_ns is None:
        return None
    return (job.ended_ts_ns - job.started_ts_ns) // MS_NS

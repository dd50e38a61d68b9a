"""FOR TESTS ONLY: replays that are made up, with hostile strings, and whose progress moves with every look."""

from pathlib import Path

import msgspec

from kernel.errors import ConfigError
from kernel.replay_job import (
    Cell,
    Difference,
    Figures,
    JobRefused,
    JobSpec,
    Progress,
    ReplayJob,
    RunResult,
    Vary,
    VerifyResult,
    check_shape,
)
from kernel.report import ReportInput, StrategyReport
from tests.webui.fake_source import HOSTILE, START_NS
from webui.replay_source import Choices, LogChoice, SettingChoice

DONE, OTHER, RUNNING, VERIFY, SWEEP = (digit * 10 for digit in "12345")
MINUTE_NS = 60_000_000_000


def report(pnl: str, setting: str = "1") -> ReportInput:
    """One strategy with a curve."""
    strategy = StrategyReport(
        name="cex_dex_arb", title=HOSTILE, settings={"a": setting, "same": HOSTILE}, seen=1000, priced=40,
        intents=4, approved=3,
        denied={HOSTILE: 1}, orders=3, fills=3, why_not={"below_threshold": 900, HOSTILE: 60}, pnl_usd=pnl,
        costs={"fees": "1.5", "gas": "0.25", "slippage": "0.1", "funding": "0"}, max_drawdown_usd="2.5",
        positions=[{"instrument": HOSTILE, "qty": "1.5", "avg_price": "10", "mark": "", "funding_usd": "0"}],
        equity=[(START_NS + at * MINUTE_NS, str(at)) for at in range(50)], trades=[], best_rejected=None,
        warnings=[HOSTILE], idea=HOSTILE,
    )  # fmt: skip
    return ReportInput(
        title=HOSTILE, log_path="x", log_sha256="ab" * 32, log_events=1000, run_mode="simulate", digest="cd" * 32,
        code_version="0", started_ts_ns=START_NS, ended_ts_ns=START_NS + MINUTE_NS, assumptions=(HOSTILE,),
        strategies=(strategy,),
    )  # fmt: skip


class FakeReplays:
    """Implements `ReplaySource`."""

    def __init__(self, folder: Path | None = None) -> None:
        self.version = 0
        self.trouble = ""
        self.asked: list[tuple[str, object, str]] = []
        self.looks = 0
        self._report = None if folder is None else folder / "report.html"
        if self._report is not None:
            self._report.write_text("<html>report</html>")
        base = {"by": HOSTILE, "created_ts_ns": START_NS, "started_ts_ns": START_NS}
        spec = JobSpec(mode="simulate", log="sample:demo.evl", name=HOSTILE, assignments=(f"a.b={HOSTILE}",))
        vary = (Vary(path="cex_dex_arb.a", values=("1", "=2+3")), Vary(path="paper.b", values=("3", "4", "5")))
        figures = Figures(
            pnl_usd="12.345", max_drawdown_usd="2.5", costs_usd="1.75", orders=3, fills=3, closed=1, profitable=1
        )
        outcomes = [figures, *(msgspec.structs.replace(figures, pnl_usd=pnl) for pnl in ("-80", "40"))]
        cells = [
            Cell(index=at, values=(vary[0].values[at // 3], vary[1].values[at % 3]), key="ab" * 16, figures=each)
            for at, each in enumerate(outcomes)
        ]
        cells.append(Cell(index=3, values=("=2+3", "3"), error=HOSTILE))
        ended = {"ended_ts_ns": START_NS + MINUTE_NS}
        jobs = [
            ReplayJob(id=DONE, number=1, spec=spec, state="done", figures=figures, has_report=True, **base, **ended),
            ReplayJob(
                id=OTHER, number=2, spec=JobSpec(mode="what-if", log="in:x"), state="done", **base, **ended,
                figures=msgspec.structs.replace(figures, pnl_usd="-3"),
            ),
            ReplayJob(id=RUNNING, number=3, spec=JobSpec(mode="simulate", log="run"), state="running", **base),
            ReplayJob(id=VERIFY, number=4, spec=JobSpec(mode="verify", log="run"), state="done",
                      figures=Figures(is_identical=False), **base, **ended),
            ReplayJob(
                id=SWEEP, number=5, spec=JobSpec(mode="sweep", log="in:x", vary=vary), state="running",
                cells=tuple(cells), progress=Progress(cells=4, cells_total=6, events=66, events_total=100), **base,
            ),
        ]  # fmt: skip
        self._jobs = {job.id: job for job in jobs}

    def jobs(self) -> tuple[ReplayJob, ...]:
        self.looks += 1
        running = self._jobs.get(RUNNING)
        if running is not None and running.state == "running":
            done = min(990, self.looks * 10)
            progress = Progress(events=done, events_total=1000, rate_per_s=10.0, eta_ms=(1000 - done) * 100)
            self._jobs[RUNNING] = msgspec.structs.replace(running, progress=progress)
        return tuple(reversed(self._jobs.values()))

    def job(self, job_id: str) -> ReplayJob | None:
        self.jobs()
        return self._jobs.get(job_id)

    def label(self, log: str) -> str:
        return f"{log} {HOSTILE}"

    async def choices(self) -> Choices:
        log = LogChoice(key="sample:demo.evl", label=HOSTILE, note=HOSTILE, size_bytes=1_000_000)
        setting = SettingChoice(path="cex_dex_arb.a", title=HOSTILE, expected="a number from 0 to 9", default="1")
        return Choices(
            logs=(log,), profiles=(("demo", HOSTILE),), strategies=(("cex_dex_arb", HOSTILE),), settings=(setting,)
        )

    async def result(self, job_id: str) -> RunResult | None:
        settings = {"cex_dex_arb": {"settings": {"a": 1}, "limits": {HOSTILE: 5}}, "paper": {"b": 1}, "risk": {}}
        if job_id == VERIFY:
            difference = Difference(seq=3056, recorded=HOSTILE, replayed="nothing")
            verify = VerifyResult(
                events=10, runs=1, digest="", difference=difference, unrecorded_tail=0, recorded_by=("0.1+x",)
            )
            return RunResult(seconds=1.0, verify=verify)
        if job_id in (DONE, OTHER):
            return RunResult(
                seconds=1.0, report=report("12.345", HOSTILE if job_id == DONE else "2.0"), settings=settings
            )
        return None

    async def cell_result(self, cell: Cell) -> RunResult | None:
        return RunResult(seconds=1.0, report=report("1")) if cell.figures is not None else None

    def report_path(self, job_id: str) -> Path | None:
        return self._report if job_id == DONE else None

    async def submit(self, spec: JobSpec, by: str) -> ReplayJob:
        check_shape(spec)
        if any("bad" in text for text in spec.assignments):
            raise JobRefused({"cex_dex_arb.a": f"expected a number, found {HOSTILE}"})
        self.asked.append(("submit", spec, by))
        return self._jobs[RUNNING]

    async def again(self, job_id: str, by: str) -> ReplayJob:
        self.asked.append(("again", job_id, by))
        return self._jobs[RUNNING]

    def cancel(self, job_id: str, by: str) -> None:
        job = self._jobs[job_id]
        if job.is_over:
            raise ConfigError(f"replay {job.number} is {job.state} already")
        self.asked.append(("cancel", job_id, by))
        self._jobs[job_id] = msgspec.structs.replace(job, state="cancelled", ended_ts_ns=START_NS)

    def delete(self, job_id: str) -> None:
        self.asked.append(("delete", job_id, ""))
        del self._jobs[job_id]

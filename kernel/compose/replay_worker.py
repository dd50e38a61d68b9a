"""The process of one replay job: `python -m kernel.compose.replay_worker`, a task on stdin, messages on stdout.

It is polite and bounded: nice, a limit on its memory, no core dump. Each message is one JSON line; a broken pipe (the
kernel is gone) ends it. Errors that have a name are told as `failed`; any other ends the process with its traceback.
"""

import os
import resource
import sys
from collections.abc import Callable
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from bus.clock import NS_PER_MS, stopwatch_ns
from kernel.compose.code_version import code_version
from kernel.compose.registry import strategy_kind, with_settings
from kernel.compose.replaying import (
    ReplayOutcome,
    adapted_spec,
    as_report,
    log_sha256,
    run_verification,
    simulate_spec,
)
from kernel.core import CoreSpec, StrategySpec
from kernel.errors import ConfigError, KernelError
from kernel.finance.money import plain_text
from kernel.replay_job import (
    Cell,
    Difference,
    Figures,
    JobSpec,
    RunResult,
    VerifyResult,
    cell_assignments,
    cells_of,
)
from kernel.report import ReportInput, write_html
from persistence.event_log import EventLogReader

NICE = 10
TELL_EVERY_NS = 250 * NS_PER_MS
EQUITY_POINTS_MAX = 600  #: of a run's page; the report has all
CELL_EQUITY_POINTS_MAX = 120  #: 400 cells are kept
RESULT_FILE, REPORT_FILE = "result.json", "report.html"


class PlainSpec(Struct, frozen=True, kw_only=True):
    """A `CoreSpec` that can travel: names for classes."""

    run: str
    seed: int
    strategies: tuple[str, ...]
    settings: dict[str, dict[str, Any]]  #: `CoreSpec.settings_table`


class Task(Struct, frozen=True, kw_only=True):
    """What the worker is to do. `base` None = a verify. Results go to `folder`, those of cells to `cells_folder`."""

    job: JobSpec
    log_path: str
    log_label: str
    folder: str
    cells_folder: str
    memory_mb: int
    base: PlainSpec | None = None
    is_bare: bool = False  #: `base` is bare defaults, to be adapted to the log


class Told(Struct, frozen=True, tag="progress"):
    """Events so far, of all cells."""

    events: int
    total: int


class CellDone(Struct, frozen=True, tag="cell"):
    """One cell has its result."""

    cell: Cell
    events: int


class Done(Struct, frozen=True, tag="done"):
    """The job is complete and its files are written."""

    figures: Figures
    key: str = ""  #: of a simulation: `run_key`


class Failed(Struct, frozen=True, tag="failed"):
    """The job cannot be done; why."""

    error: str


Message = Told | CellDone | Done | Failed
Tell = Callable[[Message], None]


def plain_spec(spec: CoreSpec) -> PlainSpec:
    """For the way to the worker."""
    return PlainSpec(
        run=spec.run,
        seed=spec.seed,
        strategies=tuple(each.kind.name for each in spec.strategies),
        settings=spec.settings_table(),
    )


def core_spec(plain: PlainSpec) -> CoreSpec:
    """And back."""
    table = plain.settings
    return CoreSpec(
        run=plain.run,
        seed=plain.seed,
        strategies=tuple(
            StrategySpec(kind=strategy_kind(name), settings=table[name]["settings"], limits=table[name]["limits"])
            for name in plain.strategies
        ),
        global_limits=table["risk"],
        ceilings=table.get("ceilings", {}),
        paper=table["paper"],
    )


def work(task: Task, tell: Tell) -> None:
    """Do the task, telling how it goes. Raises `KernelError` for a log or settings that do not fit."""
    reader = EventLogReader(Path(task.log_path))
    events = reader.freeze() if task.job.log == "run" else reader.count()
    if task.job.mode == "verify":
        _verify(task, reader, events, tell)
    elif task.job.mode == "sweep":
        _sweep(task, reader, events, tell)
    else:
        _simulate(task, reader, events, tell)


def _verify(task: Task, reader: EventLogReader, events: int, tell: Tell) -> None:
    tell(Told(0, events))
    found = run_verification(reader, _Teller(tell, 0, events).told)
    difference = found.difference
    recorded_by = {each.header.code_version for each in reader.segments} - {code_version()}
    verify = VerifyResult(
        events=found.events,
        runs=found.runs,
        digest=found.digest,
        difference=None
        if difference is None
        else Difference(seq=difference.seq, recorded=difference.recorded, replayed=difference.replayed),
        unrecorded_tail=found.unrecorded_tail,
        recorded_by=tuple(sorted(recorded_by)),
    )
    write_atomically(
        Path(task.folder) / RESULT_FILE, msgspec.json.encode(RunResult(seconds=found.seconds, verify=verify))
    )
    tell(Done(Figures(is_identical=difference is None, digest=found.digest)))


def _simulate(task: Task, reader: EventLogReader, events: int, tell: Tell) -> None:
    tell(Told(0, events))
    spec, notes = _base(task, reader)
    whole = with_settings(spec, list(task.job.assignments))
    sha256 = log_sha256(reader)
    outcome = _run(task, reader, whole, notes, task.job.assignments, _Teller(tell, 0, events))
    report = as_report(outcome, task.job.mode, sha256)
    title = task.job.name or f"Replay of {task.log_label}"
    report = msgspec.structs.replace(report, log_path=task.log_label, title=title)
    write_html(report, Path(task.folder) / REPORT_FILE)
    write_atomically(Path(task.folder) / RESULT_FILE, _encoded(outcome, report, EQUITY_POINTS_MAX))
    tell(Done(figures_of(report), run_key(sha256, whole, task.job.assignments)))


def _sweep(task: Task, reader: EventLogReader, events: int, tell: Tell) -> None:
    spec, notes = _base(task, reader)
    cells = cells_of(task.job)
    total = events * len(cells)
    tell(Told(0, total))
    sha256 = log_sha256(reader)
    for cell in cells:
        done = _cell(task, reader, spec, notes, cell, sha256, _Teller(tell, events * cell.index, total))
        tell(CellDone(done, events * (cell.index + 1)))
    tell(Done(Figures()))


def _cell(
    task: Task, reader: EventLogReader, spec: CoreSpec, notes: list[str], cell: Cell, sha256: str, teller: "_Teller"
) -> Cell:
    assignments = cell_assignments(task.job, cell)
    whole = with_settings(spec, list(assignments))
    key = run_key(sha256, whole, assignments)
    path = Path(task.cells_folder) / f"{key}.json"
    kept = read_result(path)
    if kept is not None and kept.report is not None:
        return msgspec.structs.replace(cell, key=key, figures=figures_of(kept.report), is_reused=True)
    try:
        outcome = _run(task, reader, whole, notes, assignments, teller)
    except ConfigError as error:  # this combination does not go; others may
        return msgspec.structs.replace(cell, key=key, error=str(error))
    report = msgspec.structs.replace(as_report(outcome, task.job.mode, sha256), log_path=task.log_label)
    write_atomically(path, _encoded(outcome, report, CELL_EQUITY_POINTS_MAX))
    return msgspec.structs.replace(cell, key=key, figures=figures_of(report))


def _base(task: Task, reader: EventLogReader) -> tuple[CoreSpec, list[str]]:
    assert task.base is not None
    spec = core_spec(task.base)
    return adapted_spec(reader, spec) if task.is_bare else (spec, [])


def _run(
    task: Task,
    reader: EventLogReader,
    spec: CoreSpec,
    notes: list[str],
    assignments: tuple[str, ...],
    teller: "_Teller",
) -> ReplayOutcome:
    is_what_if = task.job.mode != "simulate"
    return simulate_spec(reader, spec, notes, assignments, is_what_if=is_what_if, progress=teller.told)


class _Teller:
    """Progress at most four times a second."""

    def __init__(self, tell: Tell, base: int, total: int) -> None:
        self._tell = tell
        self._base = base
        self._total = total
        self._next_ns = 0

    def told(self, events: int) -> None:
        now_ns = stopwatch_ns()
        if now_ns >= self._next_ns:
            self._next_ns = now_ns + TELL_EVERY_NS
            self._tell(Told(self._base + events, self._total))


def run_key(sha256: str, spec: CoreSpec, assignments: tuple[str, ...]) -> str:
    """Equal for runs that must give equal results: log, strategies, settings, seed and code are all in it.

    Assignments also decide which recorded changes of settings are set aside, by their strategy.
    """
    overridden = sorted({text.partition(".")[0] for text in assignments})
    told = [sha256, plain_spec(spec), overridden, code_version()]
    return blake2b(msgspec.json.encode(told, order="sorted"), digest_size=16).hexdigest()


def figures_of(report: ReportInput) -> Figures:
    """The sums over a report's strategies."""
    strategies = report.strategies

    def total(values: list[str]) -> str:
        return plain_text(sum(map(Decimal, values), start=Decimal(0)))

    return Figures(
        pnl_usd=total([each.pnl_usd for each in strategies]),
        max_drawdown_usd=plain_text(max((Decimal(each.max_drawdown_usd) for each in strategies), default=Decimal(0))),
        costs_usd=total([each.costs[name] for each in strategies for name in ("fees", "gas")]),
        orders=sum(each.orders for each in strategies),
        fills=sum(each.fills for each in strategies),
        closed=sum(each.closed for each in strategies),
        profitable=sum(each.profitable for each in strategies),
        digest=report.digest,
    )


def _encoded(outcome: ReplayOutcome, report: ReportInput, points_max: int) -> bytes:
    strategies = tuple(
        msgspec.structs.replace(each, trades=[], equity=thinned(each.equity, points_max)) for each in report.strategies
    )
    result = RunResult(
        seconds=outcome.simulation.seconds,
        report=msgspec.structs.replace(report, strategies=strategies),
        settings=outcome.spec.settings_table(),
    )
    return msgspec.json.encode(result)


def thinned(points: list[tuple[int, str]], points_max: int) -> list[tuple[int, str]]:
    """At most `points_max` samples, evenly taken, the last one always among them."""
    step = -(-len(points) // points_max) if points else 1
    return points if step == 1 else [*points[:-1:step], points[-1]][-points_max:]


def write_atomically(path: Path, data: bytes) -> None:
    """The whole file or none of it; readable by the owner alone. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_name(path.name + ".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)
    partial.replace(path)


def read_result(path: Path) -> RunResult | None:
    """A result that was kept; None when there is none, or another version wrote it."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=RunResult)
    except (OSError, msgspec.MsgspecError):
        return None


def _limit(memory_mb: int) -> None:
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> int:
    """One task from stdin. Exit codes: 0 told its end, 1 failed and said why; others are crashes."""
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    out = sys.stdout.buffer

    def tell(message: Message) -> None:
        out.write(msgspec.json.encode(message) + b"\n")
        out.flush()

    try:
        _limit(task.memory_mb)
        work(task, tell)
    except BrokenPipeError:
        return 1
    except MemoryError:
        tell(Failed(f"the replay needs more than {task.memory_mb:,} MB; raise the memory limit or take a shorter log"))
        return 1
    except (KernelError, OSError) as error:
        tell(Failed(str(error)))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

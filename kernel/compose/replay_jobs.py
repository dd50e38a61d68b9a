"""Replays beside trading: a bounded queue of jobs, each in a process of its own, kept on disk and in the database.

The kernel's loop only starts processes and reads a few short lines a second; logs are read, settings are checked and
files are written elsewhere. A job whose kernel ended is `interrupted` and can be started again.
"""

import asyncio
import contextlib
from collections import deque
from functools import partial
from pathlib import Path

import msgspec

from bus.clock import Clock
from kernel.compose.replay_check import check_job
from kernel.compose.replay_choices import choices_of
from kernel.compose.replay_folder import ReplayFolder
from kernel.compose.replay_logs import LogShelf
from kernel.compose.replay_pace import Pace
from kernel.compose.replay_process import run_worker
from kernel.compose.replay_settings import ReplaySettings
from kernel.compose.replay_worker import REPORT_FILE, CellDone, Done, Failed, Message, PlainSpec, Task, Told
from kernel.errors import ConfigError, StoreError
from kernel.replay_job import Cell, JobSpec, Progress, ReplayJob, RunResult, State, cells_of
from persistence.replay_store import ReplayStore, StoredResult
from webui.replay_source import Choices

QUEUED_MAX = 20  #: beyond it the asker is told; nobody waits for the twentieth replay
STORE_EVERY_S = 30.0  #: between attempts to write to a disk or database that refuses
INTERRUPTED = "the kernel ended before it was done; start it again"


class _Start(msgspec.Struct):
    """What is needed to start a job that waits."""

    log: Path
    base: PlainSpec | None
    is_bare: bool


class ReplayJobs:
    """The jobs of one data folder; implements `webui.replay_source.ReplaySource`.

    `store` None = without database: memory and files alone.
    """

    def __init__(
        self,
        folder: Path,
        shelf: LogShelf,
        clock: Clock,
        settings: ReplaySettings | None = None,
        store: ReplayStore | None = None,
    ) -> None:
        self.shelf = shelf
        self.settings = settings or ReplaySettings()
        self.version = 0  #: grows when a job comes, goes or changes its state
        self._folder = ReplayFolder(folder)
        self._clock = clock
        self._store = store
        self._jobs: dict[str, ReplayJob] = {}
        self._starts: dict[str, _Start] = {}
        self._queue: deque[str] = deque()
        self._running: dict[str, asyncio.Task[Done | Failed]] = {}
        self._paces: dict[str, Pace] = {}
        self._enders: dict[str, str] = {}  #: job -> who cancelled it
        self._unsaved: dict[str, ReplayJob] = {}
        self._unstored: dict[str, ReplayJob | None] = {}  #: None = deleted
        self._results: dict[str, StoredResult] = {}
        self._dropped: list[str] = []
        self._wake = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None
        self._is_stopping = False
        self.trouble = ""  #: why jobs are not kept on disk; "" while they are

    # life ---------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Find the jobs of earlier runs; what they left unfinished is interrupted."""
        found = {each.id: each for each in await asyncio.to_thread(self._folder.load)}
        if self._store is not None:
            try:
                stored = await self._store.load(self.settings.keep)
            except StoreError:
                stored = ()
            found = {each.id: each for each in stored} | found
        for job in sorted(found.values(), key=lambda each: each.number):
            self._jobs[job.id] = job
            if not job.is_over:
                self._put(msgspec.structs.replace(job, state="interrupted", error=INTERRUPTED))
        self._keeping = asyncio.create_task(self._keep(), name="replay-keeper")

    async def stop(self) -> None:
        """End what runs, as interrupted, and write what is not written yet."""
        self._is_stopping = True
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        for job_id in self._queue:
            job = self._jobs[job_id]
            self._put(msgspec.structs.replace(job, state="interrupted", error="the kernel ended before it began"))
        self._queue.clear()
        self._wake.set()
        if self._keeping is not None:
            await self._keeping
        await self._write()

    def apply(self, settings: ReplaySettings) -> None:
        """New limits, for the jobs that start from now on."""
        self.settings = settings
        self._start_next()

    # looks --------------------------------------------------------------------------------------------------------

    def jobs(self) -> tuple[ReplayJob, ...]:
        """All, newest first."""
        return tuple(reversed(self._jobs.values()))

    def job(self, job_id: str) -> ReplayJob | None:
        """One; None = there is none of that id."""
        return self._jobs.get(job_id)

    def label(self, log: str) -> str:
        """The log of a job, for people."""
        return self.shelf.label(log)

    async def choices(self) -> Choices:
        """What the form offers. Raises nothing: a log that cannot be read says so."""
        return await asyncio.to_thread(choices_of, self.shelf)

    async def result(self, job_id: str) -> RunResult | None:
        """What a simulation or verify found; None before its end, of a sweep, and when its file is gone."""
        if job_id not in self._jobs:
            return None
        return await asyncio.to_thread(self._folder.result, job_id)

    async def cell_result(self, cell: Cell) -> RunResult | None:
        """The run behind a cell of a sweep; None when it is no longer kept."""
        return await asyncio.to_thread(self._folder.cell, cell.key) if cell.key else None

    def report_path(self, job_id: str) -> Path | None:
        """The HTML report of a simulation; None when there is none."""
        path = self._folder.of(job_id) / REPORT_FILE
        return path if job_id in self._jobs and path.is_file() else None

    # commands -----------------------------------------------------------------------------------------------------

    async def submit(self, spec: JobSpec, by: str) -> ReplayJob:
        """Check and queue a job. Raises `ConfigError` (`JobRefused` with texts by setting) or `BadInput`."""
        self._refuse_full()
        base, is_bare, log = await asyncio.to_thread(self._check, spec)
        self._refuse_full()
        number = max((each.number for each in self._jobs.values()), default=0) + 1
        now_ns = self._clock.now_ns()
        job = ReplayJob(
            id=self._folder.new_id(now_ns, number),
            number=number,
            spec=spec,
            by=by,
            state="queued",
            created_ts_ns=now_ns,
            progress=Progress(cells_total=len(cells_of(spec)) if spec.mode == "sweep" else 0),
        )
        self._starts[job.id] = _Start(log, base, is_bare)
        self._queue.append(job.id)
        self._put(job)
        self._start_next()
        return self._jobs[job.id]

    def _check(self, spec: JobSpec) -> tuple[PlainSpec | None, bool, Path]:
        log = self.shelf.resolve(spec.log)
        return (*check_job(spec, log), log)

    async def again(self, job_id: str, by: str) -> ReplayJob:
        """The same job once more, as a new one. Cells that a sweep has done already are not run again."""
        return await self.submit(self._known(job_id).spec, by)

    def cancel(self, job_id: str, by: str) -> None:
        """End a job that waits or runs; it stays in the list as cancelled. Raises `ConfigError` if it is over."""
        job = self._known(job_id)
        if job.is_over:
            raise ConfigError(f"replay {job.number} is {job.state} already")
        if job_id in self._running:
            self._enders[job_id] = by
            self._running[job_id].cancel()
        else:
            self._queue.remove(job_id)
            self._end(job_id, Failed(f"cancelled by {by} before it began"), "cancelled")

    def delete(self, job_id: str) -> None:
        """Forget a job that is over, with its files. Raises `ConfigError` while it waits or runs."""
        job = self._known(job_id)
        if not job.is_over:
            raise ConfigError(f"replay {job.number} is {job.state}; cancel it first")
        self._forget(job_id)

    def _known(self, job_id: str) -> ReplayJob:
        job = self._jobs.get(job_id)
        if job is None:
            raise ConfigError(f"there is no replay {job_id[:40]!r}")
        return job

    def _refuse_full(self) -> None:
        if len(self._queue) >= QUEUED_MAX:
            raise ConfigError(f"{QUEUED_MAX} replays wait already, which is the limit; cancel one or wait for them")

    # running ------------------------------------------------------------------------------------------------------

    def _start_next(self) -> None:
        while self._queue and len(self._running) < self.settings.at_once and not self._is_stopping:
            job_id = self._queue.popleft()
            self._put(msgspec.structs.replace(self._jobs[job_id], state="running", started_ts_ns=self._clock.now_ns()))
            self._paces[job_id] = Pace()
            task = asyncio.create_task(self._run(job_id), name=f"replay-{job_id}")
            self._running[job_id] = task
            task.add_done_callback(partial(self._on_end, job_id))

    async def _run(self, job_id: str) -> Done | Failed:
        settings, start = self.settings, self._starts.pop(job_id)
        job = self._jobs[job_id]
        task = Task(
            job=job.spec,
            log_path=str(start.log),
            log_label=self.shelf.label(job.spec.log),
            folder=str(self._folder.of(job_id).resolve()),
            cells_folder=str(self._folder.cells.resolve()),
            memory_mb=settings.memory_mb,
            base=start.base,
            is_bare=start.is_bare,
        )
        try:
            await asyncio.to_thread(self._folder.make, job_id)
            return await run_worker(
                task, lambda message: self._take(job_id, message), time_limit_s=settings.time_limit_s
            )
        except OSError as failure:
            return Failed(f"cannot start: {failure}; look at {self._folder.root}")

    def _on_end(self, job_id: str, task: "asyncio.Task[Done | Failed]") -> None:
        del self._running[job_id]
        del self._paces[job_id]
        self._starts.pop(job_id, None)
        by = self._enders.pop(job_id, "")
        if task.cancelled():
            self._end(job_id, Failed(f"cancelled by {by}" if by else INTERRUPTED), "cancelled" if by else "interrupted")
        elif (fault := task.exception()) is not None:
            self._end(job_id, Failed(f"our own fault: {type(fault).__name__}: {fault}"))
        else:
            self._end(job_id, task.result())
        self._start_next()

    def _take(self, job_id: str, message: Message) -> None:
        job = self._jobs[job_id]
        cells = job.cells
        match message:
            case Told(events, total):
                pass
            case CellDone(cell, events):
                total = job.progress.events_total
                cells = (*cells, cell)
                self.version += 1
            case _:
                return
        rate, eta_ms = self._paces[job_id].told(self._clock.now_ns(), events, total)
        progress = msgspec.structs.replace(
            job.progress, events=events, events_total=total, rate_per_s=rate, eta_ms=eta_ms, cells=len(cells)
        )
        self._jobs[job_id] = msgspec.structs.replace(job, progress=progress, cells=cells)

    def _end(self, job_id: str, end: Done | Failed, state: State = "failed") -> None:
        job = self._jobs[job_id]
        now_ns = self._clock.now_ns()
        if isinstance(end, Done):
            progress = msgspec.structs.replace(job.progress, events=job.progress.events_total, eta_ms=None)
            has_report = job.spec.mode in ("simulate", "what-if")
            figures = None if job.spec.mode == "sweep" else end.figures
            job = msgspec.structs.replace(
                job, state="done", ended_ts_ns=now_ns, progress=progress, figures=figures, has_report=has_report
            )
            if has_report:
                self._results[end.key] = StoredResult(key=end.key, job_id=job_id, figures=end.figures)
        else:
            job = msgspec.structs.replace(
                job, state=state, ended_ts_ns=now_ns, error=end.error,
                progress=msgspec.structs.replace(job.progress, eta_ms=None),
            )  # fmt: skip
        for cell in job.cells:
            if cell.figures is not None and not cell.is_reused:
                self._results[cell.key] = StoredResult(key=cell.key, job_id=job_id, figures=cell.figures)
        self._put(job)
        over = [each for each in self._jobs.values() if each.is_over]
        for old in over[: max(0, len(over) - self.settings.keep)]:
            self._forget(old.id)

    def _forget(self, job_id: str) -> None:
        del self._jobs[job_id]
        self._unsaved.pop(job_id, None)
        self._unstored[job_id] = None
        self._dropped.append(job_id)
        self.version += 1
        self._wake.set()

    # keeping ------------------------------------------------------------------------------------------------------

    def _put(self, job: ReplayJob) -> None:
        self._jobs[job.id] = job
        self._unsaved[job.id] = self._unstored[job.id] = job
        self.version += 1
        self._wake.set()

    async def _keep(self) -> None:
        """Writes what changed; a database that is away gets it later."""
        while not self._is_stopping:
            is_due = bool(self._unsaved or self._unstored or self._results)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), STORE_EVERY_S if is_due else None)
            self._wake.clear()
            await self._write()

    async def _write(self) -> None:
        unsaved, self._unsaved = self._unsaved, {}
        dropped, self._dropped = self._dropped, []
        try:
            await asyncio.to_thread(self._folder.save, tuple(unsaved.values()), tuple(dropped))
            self.trouble = ""
        except OSError as error:
            self._unsaved = {name: job for name, job in (unsaved | self._unsaved).items() if name in self._jobs}
            self._dropped = dropped + self._dropped
            self.trouble = f"replays are not kept on disk: {error}"
        if self._store is None:
            self._unstored.clear()
            self._results.clear()
            return
        unstored, self._unstored = self._unstored, {}
        results, self._results = self._results, {}
        try:
            await self._store.save(
                [job for job in unstored.values() if job is not None],
                [job_id for job_id, job in unstored.items() if job is None],
                list(results.values()),
            )
        except StoreError:
            self._unstored = unstored | self._unstored
            self._results = results | self._results

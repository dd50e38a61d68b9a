"""What the replay pages need: jobs in memory, results from files, commands. The composition root implements it."""

from pathlib import Path
from typing import Protocol

from msgspec import Struct

from kernel.replay_job import Cell, JobSpec, ReplayJob, RunResult


class LogChoice(Struct, frozen=True, kw_only=True):
    """A log that may be replayed. `is_recorded`: a run with its decisions, which can be verified."""

    key: str
    label: str
    note: str = ""
    size_bytes: int = 0
    is_recorded: bool = False
    is_readable: bool = True


class SettingChoice(Struct, frozen=True, kw_only=True):
    """A setting that may be given or varied. `expected`: what it takes, in words, with bounds and unit."""

    path: str  #: `strategy.key`, `strategy.limits.key`, `risk.key` or `paper.key`
    title: str
    expected: str
    default: str
    description: str = ""


class Choices(Struct, frozen=True, kw_only=True):
    """What the form offers. Profiles and strategies as (name, title)."""

    logs: tuple[LogChoice, ...]
    profiles: tuple[tuple[str, str], ...]
    strategies: tuple[tuple[str, str], ...]
    settings: tuple[SettingChoice, ...]


class ReplaySource(Protocol):
    """The synchronous methods look at memory. Commands raise `ConfigError` with what to do instead."""

    version: int  #: grows when a job comes, goes, changes its state or has another cell
    trouble: str  #: why jobs are not kept on disk; "" while they are

    def jobs(self) -> tuple[ReplayJob, ...]:
        """All, newest first."""
        ...

    def job(self, job_id: str) -> ReplayJob | None:
        """One; None = there is none of that id."""
        ...

    def label(self, log: str) -> str:
        """The log of a job, for people."""
        ...

    async def choices(self) -> Choices:
        """What the form offers."""
        ...

    async def result(self, job_id: str) -> RunResult | None:
        """What a simulation or verify found; None before its end and when it is no longer kept."""
        ...

    async def cell_result(self, cell: Cell) -> RunResult | None:
        """The run behind a cell of a sweep; None when it is no longer kept."""
        ...

    def report_path(self, job_id: str) -> Path | None:
        """The HTML report of a simulation; None when there is none."""
        ...

    async def submit(self, spec: JobSpec, by: str) -> ReplayJob:
        """Check and queue. Raises `JobRefused` with texts by setting, or another `ConfigError` or `BadInput`."""
        ...

    async def again(self, job_id: str, by: str) -> ReplayJob:
        """The same job once more, as a new one."""
        ...

    def cancel(self, job_id: str, by: str) -> None:
        """End a job that waits or runs."""
        ...

    def delete(self, job_id: str) -> None:
        """Forget a job that is over, with its files."""
        ...

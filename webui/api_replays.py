"""/replays: start, look, cancel, start again, forget. All of it is simulated; no replay sends an order anywhere."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from kernel.replay_job import (
    ASSIGNMENTS_MAX,
    CELLS_MAX,
    NAME_MAX,
    TEXT_MAX,
    VARIED_MAX,
    JobSpec,
    Mode,
    ReplayJob,
    RunResult,
    Vary,
)
from webui.api_error import ApiRefusal
from webui.api_operation import Call, Operation
from webui.api_sources import not_enabled
from webui.replay_source import Choices, ReplaySource
from webui.roles import Role

PAGE_MAX = 100
NUMBER_MAX = 2**53 - 1
STRATEGIES_MAX = 50
LINE = "^[^\\x00-\\x1f\\x7f]*$"
Line = Annotated[str, Meta(max_length=TEXT_MAX, pattern=LINE)]


class VaryBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One side of a sweep: a setting (`strategy.key`, `strategy.limits.key`, `risk.key`, `paper.key`), its values."""

    path: Line
    values: Annotated[tuple[Line, ...], Meta(min_length=1, max_length=CELLS_MAX)]


class ReplayBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to replay. `log` as in /replays/choices; `profile` "" = the settings that the log recorded; `strategies`
    empty = all; `assignments` like `cex_dex_arb.min_profit_usd=5`; `vary` is of a sweep alone."""

    mode: Mode
    log: Line
    profile: Line = ""
    strategies: Annotated[tuple[Line, ...], Meta(max_length=STRATEGIES_MAX)] = ()
    assignments: Annotated[tuple[Line, ...], Meta(max_length=ASSIGNMENTS_MAX)] = ()
    vary: Annotated[tuple[VaryBody, ...], Meta(max_length=VARIED_MAX)] = ()
    name: Annotated[str, Meta(max_length=NAME_MAX, pattern=LINE)] = ""


class ReplaysQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which replays, newest first."""

    before: Annotated[
        int, Meta(ge=0, le=NUMBER_MAX, description="`next` of the page before; 0 = begin at the newest.")
    ] = 0
    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX, description="Replays of a page.")] = 50


class ReplayPage(Struct, frozen=True, kw_only=True):
    """A page, without the cells of sweeps. `trouble`: why replays are not kept on disk; "" while they are."""

    replays: tuple[ReplayJob, ...]
    next: int | None
    trouble: str


class ReplaysApi:
    """Its operations."""

    def __init__(self, replays: ReplaySource | None) -> None:
        self._replays = replays

    def operations(self) -> tuple[Operation, ...]:
        """Its rows of the table."""
        return (*self._reading(), *self._acting())

    def _reading(self) -> tuple[Operation, ...]:
        group, errors = "Replays", ("not_enabled",)
        return (
            Operation(
                method="GET", path="/replays", name="listReplays", group=group, handler=self.listed, errors=errors,
                summary="Replays and sweeps, newest first, by pages.", query=ReplaysQuery, response=ReplayPage,
                example="limit=20",
            ),
            Operation(
                method="GET", path="/replays/choices", name="listReplayChoices", group=group, handler=self.choices,
                summary="What can be replayed and varied: logs, profiles, strategies, settings.", response=Choices,
                errors=errors,
            ),
            Operation(
                method="GET", path="/replays/{replay_id}", name="getReplay", group=group, handler=self.one,
                summary="One replay: state, progress, figures, the cells of a sweep.", response=ReplayJob,
                errors=errors,
            ),
            Operation(
                method="GET", path="/replays/{replay_id}/result", name="getReplayResult", group=group,
                handler=self.result, summary="What a simulation, what-if or verify found, in full.",
                response=RunResult, errors=errors,
            ),
        )  # fmt: skip

    def _acting(self) -> tuple[Operation, ...]:
        group, errors, role = "Replays", ("not_enabled", "refused"), Role.OPERATOR
        return (
            Operation(
                method="POST", path="/replays", name="startReplay", group=group, handler=self.start, role=role,
                summary="Queue a replay; it runs in a process of its own beside trading.", body=ReplayBody,
                response=ReplayJob, errors=errors,
                example='{"mode": "what-if", "log": "run", "assignments": ["cex_dex_arb.min_profit_usd=5"]}',
            ),
            Operation(
                method="POST", path="/replays/{replay_id}/again", name="repeatReplay", group=group,
                handler=self.again, role=role, summary="The same once more, as a new one.", response=ReplayJob,
                errors=errors,
            ),
            Operation(
                method="POST", path="/replays/{replay_id}/cancel", name="cancelReplay", group=group,
                handler=self.cancel, role=role, summary="End one that waits or runs.", response=ReplayJob,
                errors=(*errors, "conflict"),
            ),
            Operation(
                method="DELETE", path="/replays/{replay_id}", name="deleteReplay", group=group, handler=self.delete,
                role=role, summary="Forget one that is over, with its files.", errors=(*errors, "conflict"),
            ),
        )  # fmt: skip

    async def listed(self, call: Call) -> ReplayPage:
        asked: ReplaysQuery = call.query
        source = self._source()
        found = [job for job in source.jobs() if not asked.before or job.number < asked.before]
        shown = found[: asked.limit]
        return ReplayPage(
            replays=tuple(msgspec.structs.replace(job, cells=()) for job in shown),
            next=shown[-1].number if len(found) > len(shown) else None,
            trouble=source.trouble,
        )

    async def choices(self, call: Call) -> Choices:
        return await self._source().choices()

    async def one(self, call: Call) -> ReplayJob:
        return self._known(call)

    async def result(self, call: Call) -> RunResult:
        job = self._known(call)
        found = await self._source().result(job.id)
        if found is None:
            raise ApiRefusal("not_found", f"replay {job.number} is {job.state} and has no result, or it is a sweep")
        return found

    async def start(self, call: Call) -> ReplayJob:
        asked: ReplayBody = call.body
        spec = JobSpec(
            mode=asked.mode,
            log=asked.log,
            profile=asked.profile,
            strategies=asked.strategies,
            assignments=asked.assignments,
            vary=tuple(Vary(path=each.path, values=each.values) for each in asked.vary),
            name=asked.name,
        )
        return await self._source().submit(spec, call.who)

    async def again(self, call: Call) -> ReplayJob:
        return await self._source().again(self._known(call).id, call.who)

    async def cancel(self, call: Call) -> ReplayJob:
        job = self._known(call)
        if job.is_over:
            raise ApiRefusal("conflict", f"replay {job.number} is {job.state} already")
        self._source().cancel(job.id, call.who)
        return self._known(call)

    async def delete(self, call: Call) -> None:
        job = self._known(call)
        if not job.is_over:
            raise ApiRefusal("conflict", f"replay {job.number} is {job.state}; cancel it first")
        self._source().delete(job.id)

    def _source(self) -> ReplaySource:
        if self._replays is None:
            raise not_enabled("replays")
        return self._replays

    def _known(self, call: Call) -> ReplayJob:
        job_id = call.path["replay_id"]
        job = self._source().job(job_id)
        if job is None:
            raise ApiRefusal("not_found", f"there is no replay {job_id[:40]!r}")
        return job

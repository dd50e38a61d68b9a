"""Replays as jobs: real processes on the bundled log, their limits, their end, and what is kept of them."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bus.clock import WallClock
from kernel.compose.live import BUNDLED_LOG
from kernel.compose.replay_jobs import QUEUED_MAX, ReplayJobs
from kernel.compose.replay_logs import LogShelf
from kernel.compose.replay_settings import ReplaySettings
from kernel.compose.replaying import run_simulation
from kernel.errors import ConfigError
from kernel.replay_job import JobRefused, JobSpec, ReplayJob, Vary
from kernel.strategy import convert_settings
from persistence.event_log import EventLogReader
from tests.kernel.compose.recorded_run import record_run, rewrite_one_fill

pytestmark = pytest.mark.slow

SIMULATE = JobSpec(mode="simulate", log="sample:demo.evl", profile="demo")
SWEEP = JobSpec(
    mode="sweep",
    log="sample:demo.evl",
    profile="demo",
    strategies=("cex_dex_arb",),
    vary=(Vary(path="cex_dex_arb.min_profit_usd", values=("1", "8")), Vary(path="paper.taker_bps", values=("1", "2"))),
)
TWO = JobSpec(
    mode="sweep",
    log="sample:demo.evl",
    profile="demo",
    strategies=("drift_funding_arb",),
    vary=(Vary(path="drift_funding_arb.perp_taker_fee_bps", values=("1", "50")),),
)


@pytest.fixture
async def jobs(tmp_path: Path) -> AsyncIterator[ReplayJobs]:
    made = ReplayJobs(tmp_path / "replays", LogShelf(tmp_path), WallClock())
    await made.start()
    yield made
    await made.stop()


async def until(
    jobs: ReplayJobs, job: ReplayJob, is_so: Callable[[ReplayJob], bool], timeout_s: float = 60
) -> ReplayJob:
    async with asyncio.timeout(timeout_s):
        while not is_so(found := jobs.job(job.id) or job):
            await asyncio.sleep(0.01)
    return found


def over(job: ReplayJob) -> bool:
    return job.is_over


def children() -> set[int]:
    found = set()
    for path in Path("/proc/self/task").glob("*/children"):
        found |= {int(each) for each in path.read_text().split() if b"replay_worker" in _command(int(each))}
    return found


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


async def test_a_job_gives_what_the_command_line_gives_and_tells_its_progress(jobs: ReplayJobs, tmp_path: Path) -> None:
    asked = await jobs.submit(SIMULATE, "tester")
    assert (asked.state, asked.number, asked.by) == ("running", 1, "tester")
    seen = set()

    def watch(job: ReplayJob) -> bool:
        seen.add(job.progress.events)
        return job.is_over

    done = await until(jobs, asked, watch)
    assert done.state == "done", done.error
    assert len(seen) > 2 and max(seen) == done.progress.events_total == EventLogReader(BUNDLED_LOG).count()
    alone = run_simulation(BUNDLED_LOG, [], [], is_what_if=False, profile="demo")
    assert done.figures is not None and done.figures.digest == alone.simulation.digest
    result = await jobs.result(done.id)
    assert result is not None and result.report is not None
    assert {each.name for each in result.report.strategies} == {"cex_dex_arb", "drift_funding_arb"}
    assert all(2 < len(each.equity) <= 600 for each in result.report.strategies)
    assert result.settings["cex_dex_arb"]["limits"]["budget_usd"] == 40_000
    path = jobs.report_path(done.id)
    assert path is not None and "<html" in path.read_text()[:200]
    assert str(tmp_path) not in path.read_text(), "a path of this machine left it"


async def test_the_worker_is_nice_and_bounded(jobs: ReplayJobs) -> None:
    job = await jobs.submit(SIMULATE, "t")
    await until(jobs, job, lambda each: each.progress.events_total > 0)
    (pid,) = children()
    assert os.getpriority(os.PRIO_PROCESS, pid) == os.getpriority(os.PRIO_PROCESS, 0) + 10
    limits = Path(f"/proc/{pid}/limits").read_text()
    assert str(2048 << 20) in next(line for line in limits.splitlines() if line.startswith("Max address space"))
    assert b"DATABASE" not in Path(f"/proc/{pid}/environ").read_bytes()
    assert b"PATH=" not in Path(f"/proc/{pid}/environ").read_bytes()


async def test_a_sweep_runs_each_cell_once_and_never_again(jobs: ReplayJobs) -> None:
    first = await until(jobs, await jobs.submit(TWO, "t"), over)
    assert first.state == "done", first.error
    assert [cell.is_reused for cell in first.cells] == [False, False]
    assert len({cell.key for cell in first.cells}) == 2
    pnls = [cell.figures.pnl_usd for cell in first.cells if cell.figures is not None]
    assert len(set(pnls)) == 2
    again = await until(jobs, await jobs.again(first.id, "u"), over)
    assert [cell.is_reused for cell in again.cells] == [True, True]
    assert [cell.figures for cell in again.cells] == [cell.figures for cell in first.cells]
    run = await jobs.cell_result(again.cells[1])
    assert run is not None and run.report is not None and run.report.run_mode == "sweep"
    assert again.by == "u" and again.id != first.id


async def test_every_wrong_setting_is_told_before_anything_starts(jobs: ReplayJobs) -> None:
    wrong = JobSpec(
        mode="simulate", log="sample:demo.evl", profile="demo",
        assignments=("cex_dex_arb.min_profit_usd=-1", "cex_dex_arb.no_such=1", "risk.budget_usd=much"),
    )  # fmt: skip
    with pytest.raises(JobRefused) as refused:
        await jobs.submit(wrong, "t")
    assert set(refused.value.errors) == {"cex_dex_arb.min_profit_usd", "cex_dex_arb.no_such", "risk.budget_usd"}
    with pytest.raises(JobRefused, match=r"paper.taker_bps"):
        await jobs.submit(SWEEP, "t")
    with pytest.raises(ConfigError, match="nothing to verify"):
        await jobs.submit(JobSpec(mode="verify", log="sample:demo.evl"), "t")
    with pytest.raises(ConfigError, match="there is no log"):
        await jobs.submit(JobSpec(mode="simulate", log="in:none.evl"), "t")
    assert jobs.jobs() == () and not children()


async def test_cancelling_ends_the_process_and_frees_the_place(jobs: ReplayJobs) -> None:
    running = await jobs.submit(SIMULATE, "t")
    waiting = await jobs.submit(TWO, "t")
    third = await jobs.submit(TWO, "t")
    assert [job.state for job in jobs.jobs()] == ["queued", "queued", "running"]
    await until(jobs, running, lambda each: each.progress.events > 0)
    (pid,) = children()
    jobs.cancel(third.id, "me")
    jobs.cancel(running.id, "me")
    gone = await until(jobs, running, over)
    assert (gone.state, gone.error) == ("cancelled", "cancelled by me")
    assert pid not in children()
    assert (jobs.job(third.id) or third).state == "cancelled"
    done = await until(jobs, waiting, over)
    assert done.state == "done", done.error
    with pytest.raises(ConfigError, match="is cancelled already"):
        jobs.cancel(running.id, "me")


async def test_a_killed_worker_is_a_failed_job_with_a_reason_and_the_next_one_runs(jobs: ReplayJobs) -> None:
    job = await jobs.submit(SIMULATE, "t")
    await until(jobs, job, lambda each: each.progress.events > 0)
    for pid in children():
        os.kill(pid, signal.SIGKILL)
    failed = await until(jobs, job, over)
    assert failed.state == "failed" and "ended with code -9 before it was done" in failed.error
    assert (await until(jobs, await jobs.submit(TWO, "t"), over)).state == "done"


async def test_time_and_memory_are_limited(jobs: ReplayJobs) -> None:
    jobs.apply(ReplaySettings(time_limit_s=0))
    failed = await until(jobs, await jobs.submit(SIMULATE, "t"), over)
    assert failed.state == "failed" and "which is the limit" in failed.error
    jobs.apply(ReplaySettings(memory_mb=36))
    failed = await until(jobs, await jobs.submit(SIMULATE, "t"), over)
    assert failed.state == "failed" and "needs more than 36 MB" in failed.error, failed.error
    assert not children()


async def test_the_queue_is_bounded_and_says_so(jobs: ReplayJobs) -> None:
    for _ in range(QUEUED_MAX + 1):
        await jobs.submit(TWO, "t")
    with pytest.raises(ConfigError, match=f"{QUEUED_MAX} replays wait already, which is the limit"):
        await jobs.submit(TWO, "t")


async def test_what_a_stop_cut_short_is_interrupted_and_can_be_started_again(tmp_path: Path) -> None:
    jobs = ReplayJobs(tmp_path / "replays", LogShelf(tmp_path), WallClock())
    await jobs.start()
    done = await until(jobs, await jobs.submit(TWO, "t"), over)
    cut = await jobs.submit(SIMULATE, "t")
    waiting = await jobs.submit(TWO, "t")
    await until(jobs, cut, lambda each: each.progress.events > 0)
    await jobs.stop()
    assert not children()
    after = ReplayJobs(tmp_path / "replays", LogShelf(tmp_path), WallClock())
    await after.start()
    assert [(job.id, job.state) for job in after.jobs()] == [
        (waiting.id, "interrupted"), (cut.id, "interrupted"), (done.id, "done"),
    ]  # fmt: skip
    assert after.job(done.id) == done
    again = await until(after, await after.again(waiting.id, "t"), over)
    assert again.number == 4 and [cell.is_reused for cell in again.cells] == [True, True]
    await after.stop()


async def test_a_kernel_that_was_killed_left_jobs_that_are_interrupted(tmp_path: Path) -> None:
    jobs = ReplayJobs(tmp_path / "replays", LogShelf(tmp_path), WallClock())
    await jobs.start()
    job = await jobs.submit(SIMULATE, "t")
    path = tmp_path / "replays" / job.id / "job.json"
    async with asyncio.timeout(10):
        while not path.exists() or b'"running"' not in path.read_bytes():
            await asyncio.sleep(0.01)
    text = path.read_bytes()
    await jobs.stop()
    path.write_bytes(text)
    after = ReplayJobs(tmp_path / "replays", LogShelf(tmp_path), WallClock())
    await after.start()
    found = after.job(job.id)
    assert found is not None and found.state == "interrupted" and "start it again" in found.error
    await after.stop()


async def test_old_jobs_go_with_their_files(tmp_path: Path) -> None:
    settings = convert_settings(ReplaySettings, {"keep": 2})
    jobs = ReplayJobs(tmp_path / "replays", LogShelf(tmp_path), WallClock(), settings)
    await jobs.start()
    made = [await until(jobs, await jobs.submit(TWO, "t"), over) for _ in range(3)]
    assert [job.id for job in jobs.jobs()] == [made[2].id, made[1].id]
    jobs.delete(made[1].id)
    await jobs.stop()
    assert {path.name for path in (tmp_path / "replays").iterdir()} == {made[2].id, "cells"}


async def test_a_recorded_run_is_verified_and_a_change_is_named_by_its_place(tmp_path: Path) -> None:
    record_run(tmp_path / "log")
    jobs = ReplayJobs(tmp_path / "replays", LogShelf(tmp_path), WallClock())
    await jobs.start()
    done = await until(jobs, await jobs.submit(JobSpec(mode="verify", log="run"), "t"), over)
    assert done.state == "done", done.error
    assert done.figures is not None and done.figures.is_identical is True
    result = await jobs.result(done.id)
    assert result is not None and result.verify is not None and result.verify.recorded_by == ("0.0.0+other",)
    altered = tmp_path / "logs-in" / "altered.evl"
    rewrite_one_fill(tmp_path / "log", altered)
    other = await until(jobs, await jobs.submit(JobSpec(mode="verify", log="in:altered.evl"), "t"), over)
    found = await jobs.result(other.id)
    assert other.state == "done" and found is not None and found.verify is not None
    difference = found.verify.difference
    assert difference is not None and difference.seq > 1 and "fill" in difference.recorded
    what_if = JobSpec(mode="what-if", log="run", assignments=("cex_dex_arb.min_profit_usd=8",))
    assert (await until(jobs, await jobs.submit(what_if, "t"), over)).state == "done"
    await jobs.stop()


async def test_the_loop_is_not_held_up_while_a_job_runs(jobs: ReplayJobs) -> None:
    async def lags(is_over: Callable[[], bool]) -> list[float]:
        found = []
        while not is_over():
            at_s = time.perf_counter()
            await asyncio.sleep(0.002)
            found.append((time.perf_counter() - at_s - 0.002) * 1000)
        return sorted(found)

    ends_s = time.perf_counter() + 1.5
    idle = await lags(lambda: time.perf_counter() > ends_s)
    sampling = asyncio.create_task(lags(lambda: any(job.is_over for job in jobs.jobs())))
    await asyncio.sleep(0)
    await until(jobs, await jobs.submit(SIMULATE, "t"), over)
    busy = await sampling
    for name, lag_ms in (("idle", idle), ("with a replay", busy)):
        p50, p99 = lag_ms[len(lag_ms) // 2], lag_ms[len(lag_ms) * 99 // 100]
        print(f"loop lag {name}: p50 {p50:.2f} p99 {p99:.2f} max {lag_ms[-1]:.2f} ms")
    assert busy[len(busy) * 95 // 100] < 50, "a replay holds up the loop"

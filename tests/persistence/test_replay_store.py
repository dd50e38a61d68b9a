"""Replays in Postgres: what is saved comes back whole, and an outage only delays it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import msgspec
import pytest

from bus.clock import WallClock
from kernel.compose.replay_jobs import ReplayJobs
from kernel.compose.replay_logs import LogShelf
from kernel.errors import StoreError
from kernel.replay_job import Cell, Figures, JobSpec, Progress, ReplayJob, Vary
from persistence.postgres import Database
from persistence.replay_store import ReplayStore, StoredResult
from tests.postgres_fixture import query

pytestmark = pytest.mark.postgres

FIGURES = Figures(pnl_usd="-12.3456789012345678901234", max_drawdown_usd="1", costs_usd="2", orders=3, fills=4)
JOB = ReplayJob(
    id="0123456789", number=3, by="someone", state="running", created_ts_ns=1_700_000_000_123_456_789,
    spec=JobSpec(mode="sweep", log="in:x", name="a\x00b <img>", vary=(Vary(path="a.b", values=("1",)),)),
    started_ts_ns=1_700_000_001_000_000_000, progress=Progress(events=1 << 40),
    cells=(Cell(index=0, values=("1",), key="ab", figures=FIGURES),),
)  # fmt: skip


@pytest.fixture
async def database(pg_db: str) -> AsyncIterator[Database]:
    made = Database(pg_db)
    yield made
    await made.close()


async def test_a_job_comes_back_as_it_was_and_a_later_state_replaces_it(database: Database) -> None:
    store = ReplayStore(database)
    done = msgspec.structs.replace(JOB, state="done", figures=FIGURES, ended_ts_ns=1_700_000_002_000_000_000)
    await store.save([JOB], [], [])
    await store.save([done], [], [])
    (found,) = await store.load(10)
    assert found.spec.name == "a\ufffdb <img>"
    assert msgspec.structs.replace(found, spec=done.spec) == done
    await store.save([], [JOB.id], [])
    assert await store.load(10) == ()


async def test_figures_are_exact_and_the_first_result_of_a_key_stays(database: Database, pg_db: str) -> None:
    store = ReplayStore(database)
    other = msgspec.structs.replace(FIGURES, pnl_usd="1")
    await store.save([], [], [StoredResult(key="k", job_id="a", figures=FIGURES)])
    await store.save([], [], [StoredResult(key="k", job_id="b", figures=other)])
    rows = query(pg_db, lambda connection: connection.fetch("SELECT job_id, pnl_usd FROM replay_results"))
    assert [(row["job_id"], str(row["pnl_usd"])) for row in rows] == [("a", FIGURES.pnl_usd)]


async def test_a_database_without_the_tables_is_a_store_error(pg_empty_db: str) -> None:
    database = Database(pg_empty_db)
    with pytest.raises(StoreError, match="replays cannot be"):
        await ReplayStore(database).load(1)
    with pytest.raises(StoreError, match="replays cannot be"):
        await ReplayStore(database).save([JOB], [], [])
    await database.close()


@pytest.mark.slow
async def test_jobs_are_found_again_by_a_kernel_whose_files_are_gone(database: Database, tmp_path: Path) -> None:
    jobs = ReplayJobs(tmp_path / "a", LogShelf(tmp_path), WallClock(), store=ReplayStore(database))
    await jobs.start()
    spec = JobSpec(mode="simulate", log="sample:demo.evl", profile="demo", strategies=("drift_funding_arb",))
    job = await jobs.submit(spec, "t")
    async with asyncio.timeout(60):
        while not (found := jobs.job(job.id) or job).is_over:
            await asyncio.sleep(0.02)
    await jobs.stop()
    after = ReplayJobs(tmp_path / "b", LogShelf(tmp_path), WallClock(), store=ReplayStore(database))
    await after.start()
    assert after.jobs() == (found,)
    assert await after.result(job.id) is None
    await after.stop()
    async with database.acquire() as connection:
        row = await connection.fetchrow("SELECT job_id, fills FROM replay_results")
    assert row is not None and (row["job_id"], row["fills"]) == (job.id, (found.figures or FIGURES).fills)


async def test_an_outage_only_delays_what_is_stored(pg_db: str, tmp_path: Path) -> None:
    async def refuse(connection: "asyncpg.Connection[object]") -> None:
        await connection.execute("ALTER TABLE replay_jobs RENAME TO away")

    query(pg_db, refuse)
    database = Database(pg_db)
    jobs = ReplayJobs(tmp_path / "a", LogShelf(tmp_path), WallClock(), store=ReplayStore(database))
    await jobs.start()
    job = await jobs.submit(JobSpec(mode="simulate", log="sample:demo.evl", profile="demo"), "t")
    jobs.cancel(job.id, "t")
    async with asyncio.timeout(20):
        while not (jobs.job(job.id) or job).is_over:
            await asyncio.sleep(0.02)
    query(pg_db, lambda connection: connection.execute("ALTER TABLE away RENAME TO replay_jobs"))
    await jobs.stop()
    assert [each.state for each in await ReplayStore(database).load(5)] == ["cancelled"]
    await database.close()

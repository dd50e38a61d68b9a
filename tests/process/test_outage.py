"""Postgres goes away under a running kernel: trading goes on, the page says so, and what was missed is caught up."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from persistence.embedded_postgres import EmbeddedPostgres
from tests.postgres_fixture import FAST_UNSAFE, query
from tests.process.conftest import Start
from tests.process.kernel_run import BUSY, KernelRun, postmaster_of, servers_of, wait_for
from tests.process.projection import assert_projected_exactly_once, stored_at, stored_in
from tests.process.recorded_log import RecordedLog

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.xdist_group("process")]

BUSY_FEED = ("--profile", str(BUSY), "--speed", "1000")
EVENTS = 500  #: recorded while the database is away


def seq_of(run: KernelRun) -> int:
    return int(run.cells()["seq"].replace(",", ""))


def assert_goes_on(run: KernelRun) -> None:
    """Trading does not wait: the page answers and the log grows."""
    wanted = seq_of(run) + EVENTS
    run.wait_cell("seq", lambda text: int(text.replace(",", "")) > wanted)


def is_served_again(data: Path, dead: int) -> bool:
    """Whether a server other than the dead one runs; between the two there is no pid file, or an empty one."""
    try:
        pid = postmaster_of(data)
    except (FileNotFoundError, IndexError):
        return False
    return pid != dead and pid in servers_of(data)


async def assert_whole(run: KernelRun, data: Path, pg_db: str, dsn: str = "") -> None:
    assert run.stop()[0] == 0
    log = RecordedLog(data)
    log.assert_nothing_doubled()
    log.assert_verifies()
    assert not servers_of(data)
    await assert_projected_exactly_once(log, stored_at(dsn) if dsn else stored_in(data), pg_db)


async def test_the_kernels_own_server_is_started_again_when_it_was_killed(start: Start, data: Path, pg_db: str) -> None:
    run = start(*BUSY_FEED).wait_ready()
    run.wait_cell("db.state", "up")
    for times in (1, 2, 3):
        dead = postmaster_of(data)
        os.kill(dead, signal.SIGKILL)
        wait_for(lambda dead=dead: is_served_again(data, dead), "another server")
        assert_goes_on(run)
        wait_for(lambda times=times: run.errors.count("caught up") == times, "word of its return")
        assert run.errors.count("trading goes on") == times
        assert run.cells()["db.state"] == "up"
    await assert_whole(run, data, pg_db)


async def test_while_the_server_cannot_be_started_the_page_says_degraded_and_nothing_is_lost(
    start: Start, data: Path, pg_db: str
) -> None:
    run = start(*BUSY_FEED).wait_ready()
    run.wait_cell("db.state", "up")
    version = data / "postgres" / "cluster" / "PG_VERSION"
    away = data / "PG_VERSION"
    shutil.move(version, away)
    os.kill(postmaster_of(data), signal.SIGINT)
    run.wait_cell("db.state", "degraded")
    run.wait_cell("db.note", lambda text: "PG_VERSION" in text)
    assert_goes_on(run)
    assert run.cells()["db.state"] == "degraded"
    assert int(run.cells()["db.lag"].split()[0].replace(",", "")) >= EVENTS
    assert run.errors.count("trading goes on") == 1
    shutil.move(away, version)
    run.wait_cell("db.state", "up")
    wait_for(lambda: "caught up" in run.errors, "word of its return")
    await assert_whole(run, data, pg_db)


async def test_a_named_database_may_come_late_and_go_for_a_while(
    start: Start, data: Path, tmp_path: Path, pg_db: str
) -> None:
    server = EmbeddedPostgres(tmp_path / "elsewhere", settings=FAST_UNSAFE)
    try:
        dsn = server.start()
        server.stop()
        run = start(*BUSY_FEED, environ={"DATABASE_URL": dsn}).wait_ready()
        assert run.said("database") == "DATABASE_URL"
        run.wait_cell("db.state", "degraded")
        assert_goes_on(run)
        assert server.start() == dsn
        run.wait_cell("db.state", "up")
        server.stop()
        run.wait_cell("db.state", "degraded")
        assert_goes_on(run)
        assert server.start() == dsn
        run.wait_cell("db.state", "up")
        await assert_whole(run, data, pg_db, dsn)
    finally:
        server.stop()


async def test_a_schema_of_another_version_is_left_alone_and_trading_goes_on(
    start: Start, data: Path, pg_db: str
) -> None:
    query(pg_db, lambda connection: connection.execute("UPDATE schema_migrations SET sha256 = 'edited'"))
    run = start(*BUSY_FEED, environ={"DATABASE_URL": pg_db}).wait_ready()
    run.wait_cell("db.state", "degraded")
    assert "was edited after it was applied" in run.cells()["db.note"]
    assert_goes_on(run)
    assert run.stop()[0] == 0
    assert query(pg_db, lambda connection: connection.fetchval("SELECT count(*) FROM runs")) == 0
    RecordedLog(data).assert_verifies()

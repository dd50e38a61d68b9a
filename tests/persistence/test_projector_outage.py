import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from persistence import postgres
from persistence.embedded_postgres import EmbeddedPostgres
from persistence.migrate import migrate
from persistence.postgres import Database
from persistence.projector import Projector
from tests.persistence.projector_logs import Segment, Trading, header, rows
from tests.postgres_fixture import FAST_UNSAFE, query

pytestmark = [pytest.mark.postgres, pytest.mark.slow]
PATIENCE_S = 30.0
ROOT = Path(__file__).resolve().parents[2]


async def until(is_so: Callable[[], bool]) -> None:
    """Let the loop run until it is so."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline_s, "it never came to be"
        await asyncio.sleep(0.005)


async def test_postgres_stopped_mid_run_is_degraded_then_caught_up_exactly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "BACKOFF_S_MAX", 0.2)
    server = EmbeddedPostgres(tmp_path / "pg", settings=FAST_UNSAFE)
    dsn = server.start()
    query(dsn, migrate)
    database = Database(dsn)
    trading = Trading()
    segment = Segment(tmp_path / "log", header())
    projector = Projector(database, tmp_path / "log", log_seq=lambda: segment.seq)
    assert projector.state == "off"
    task = asyncio.get_running_loop().create_task(projector.run(poll_s=0.01))
    try:
        segment.write(trading.events(500))
        await until(lambda: projector.last_seq == segment.seq and projector.state == "up")
        for _ in range(2):
            server.stop()
            segment.write(trading.events(500), flush_every=50)
            await until(lambda: projector.state == "degraded")
            assert "database away" in projector.error and projector.lag_events >= 500
            segment.write(trading.events(500), flush_every=50)
            server.start()
            await until(lambda: projector.last_seq == segment.seq and projector.state == "up")
            assert projector.error == "" and projector.lag_events == 0
        followed = rows(dsn)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert projector.state == "off"
        await projector.reproject()
        assert rows(dsn) == followed
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await database.close()
        server.stop()


async def test_a_connection_cut_around_the_commit_loses_and_doubles_nothing(
    pg_db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "BACKOFF_S_MAX", 0.01)
    monkeypatch.setattr(postgres, "BACKOFF_S_MIN", 0.01)
    monkeypatch.setattr("persistence.projector.BATCH_EVENTS_MAX", 100)
    monkeypatch.setattr("persistence.projector.RETRY_S_MAX", 0.02)
    cuts = 0

    class Cut(Projector):
        async def _before_commit(self) -> None:
            nonlocal cuts
            cuts += 1
            if cuts % 3 == 0:
                query(
                    pg_db,
                    lambda connection: connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    ),
                )

    database = Database(pg_db)
    segment = Segment(tmp_path, header())
    last = segment.write(Trading().events(2000))
    projector = Cut(database, tmp_path)
    task = asyncio.get_running_loop().create_task(projector.run(poll_s=0.01))
    try:
        await until(lambda: projector.last_seq == last and projector.state == "up")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert cuts > 20
    followed = rows(pg_db)
    await Projector(database, tmp_path).reproject()
    assert rows(pg_db) == followed
    await database.close()


VICTIM = """
import asyncio, sys
from pathlib import Path
from persistence import projector
from persistence.postgres import Database

class Talking(projector.Projector):
    async def _before_commit(self):
        print("sent", flush=True)

projector.BATCH_EVENTS_MAX = 20
asyncio.run(Talking(Database(sys.argv[1]), Path(sys.argv[2])).catch_up())
print("done", flush=True)
"""


async def test_a_process_killed_at_once_loses_and_doubles_nothing(pg_db: str, tmp_path: Path) -> None:
    last = Segment(tmp_path, header()).write(Trading().events(1500))
    draw = random.Random(1)
    kills = 0
    is_done = False
    while not is_done:
        victim = subprocess.Popen(
            [sys.executable, "-c", VICTIM, pg_db, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert victim.stdout is not None
        for _ in range(draw.randrange(5, 25)):
            is_done = victim.stdout.readline() in ("done\n", "")
            if is_done:
                break
        else:
            victim.kill()
            kills += 1
        victim.stdout.close()
        code = victim.wait()
        assert code == (0 if is_done else -signal.SIGKILL)
    assert kills >= 3
    survived = rows(pg_db)
    database = Database(pg_db)
    assert await Projector(database, tmp_path).reproject() == last
    assert rows(pg_db) == survived
    await database.close()


async def test_a_hundred_thousand_events_and_how_long_the_loop_waits(
    pg_db: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    count = 100_000 if os.environ.get("KERNEL_SLOW") else 20_000
    last = Segment(tmp_path, header()).write(Trading().events(count))
    database = Database(pg_db)
    projector = Projector(database, tmp_path)
    slices: list[float] = []

    async def probe() -> None:
        before = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            slices.append(now - before)
            before = now

    watch = asyncio.get_running_loop().create_task(probe())
    started_s = time.perf_counter()
    assert await projector.catch_up() == last
    seconds = time.perf_counter() - started_s
    watch.cancel()
    slices.sort()
    found = rows(pg_db)
    assert sum(map(len, found.values())) > count // 4
    with capsys.disabled():
        print(
            f"\nprojected {last} events in {seconds:.1f} s ({last / seconds:,.0f}/s); CPU per loop turn:"
            f" median {slices[len(slices) // 2] * 1e3:.3f}, p99.9 {slices[-len(slices) // 1000 - 1] * 1e3:.2f},"
            f" max {slices[-1] * 1e3:.1f} ms"
        )
    assert slices[-len(slices) // 1000 - 1] < 0.01
    await database.close()

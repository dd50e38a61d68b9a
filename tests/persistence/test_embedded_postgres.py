import asyncio
import os
import select
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from persistence.embedded_postgres import SOCKET_PATH_BYTES_MAX, EmbeddedPostgres
from persistence.errors import EmbeddedPostgresError
from persistence.postgres_binaries import find_binaries
from tests.postgres_fixture import FAST_UNSAFE, query
from tests.shared_data import PROJECT

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

# Starts a server, tells its process id and DSN, and then waits to be killed.
KERNEL = """
import signal, sys
from pathlib import Path
from persistence.embedded_postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
dsn = server.start()
print(server.pid, dsn, flush=True)
signal.pause()
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stopped data folder with one row in it, to copy from: quicker than initdb."""
    folder = Path(tmp_path_factory.mktemp("made")) / "data"
    server = EmbeddedPostgres(folder, settings=FAST_UNSAFE)
    dsn = server.start()
    query(dsn, lambda connection: connection.execute("CREATE TABLE kept AS SELECT 42 AS answer"))
    server.stop()
    return folder


@pytest.fixture
def data_dir(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "data"))


@pytest.fixture
def server(data_dir: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(data_dir, settings=FAST_UNSAFE)
    yield server
    server.stop()


def kept_answer(dsn: str) -> int:
    return int(query(dsn, lambda connection: connection.fetchval("SELECT answer FROM kept")))


def start_kernel(data_dir: Path, *prefix: str) -> tuple["subprocess.Popen[str]", int, str]:
    kernel = subprocess.Popen(
        [*prefix, sys.executable, "-c", KERNEL, str(data_dir)], stdout=subprocess.PIPE, text=True, cwd=PROJECT
    )
    assert kernel.stdout is not None
    pid, dsn = kernel.stdout.readline().split()
    return kernel, int(pid), dsn


def kill(kernel: "subprocess.Popen[str]") -> None:
    kernel.kill()
    kernel.wait()
    assert kernel.stdout is not None
    kernel.stdout.close()


def ended_within(pidfd: int, seconds: float) -> bool:
    return bool(select.select([pidfd], [], [], seconds)[0])


def modes_up_to_root(path: Path) -> dict[Path, tuple[int, int, int]]:
    return {folder: (folder.stat().st_mode, folder.stat().st_uid, folder.stat().st_gid) for folder in path.parents}


def test_first_start_gives_a_database_and_no_parent_changes_its_mode(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    data_dir = home / "kernel" / "pg"
    programs = find_binaries().bin_dir / "postgres"
    before = modes_up_to_root(home / "x") | modes_up_to_root(programs)
    users_before = Path("/etc/passwd").read_bytes()
    server = EmbeddedPostgres(data_dir, settings=FAST_UNSAFE)
    try:
        dsn = server.start()
        assert query(dsn, lambda connection: connection.fetchval("SELECT current_database()")) == "kernel"
        assert server.is_running
    finally:
        server.stop()
    assert not server.is_running
    assert modes_up_to_root(home / "x") | modes_up_to_root(programs) == before
    assert Path("/etc/passwd").read_bytes() == users_before
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700


def test_it_listens_only_on_a_socket_in_a_private_folder(server: EmbeddedPostgres, data_dir: Path) -> None:
    dsn = server.start()
    assert query(dsn, lambda connection: connection.fetchval("SHOW listen_addresses")) == ""
    assert query(dsn, lambda connection: connection.fetchval("SELECT inet_server_addr()")) is None
    assert stat.S_IMODE((data_dir / "run").stat().st_mode) == 0o700
    assert stat.S_IMODE((data_dir / "run" / ".s.PGSQL.5432").stat().st_mode) == 0o700


def test_stop_and_start_keep_data_and_dsn(server: EmbeddedPostgres) -> None:
    first = server.start()
    query(first, lambda connection: connection.execute("UPDATE kept SET answer = 43"))
    server.stop()
    assert server.start() == first
    assert server.start() == first
    assert kept_answer(first) == 43


def test_stop_does_not_wait_for_open_sessions(server: EmbeddedPostgres, data_dir: Path) -> None:
    dsn = server.start()

    async def stop_under_us(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        server.stop()
        connection.terminate()

    query(dsn, stop_under_us)
    log = (data_dir / "postgres.log").read_text()
    assert "received fast shutdown request" in log
    assert "received immediate shutdown request" not in log
    assert not server.is_running
    server.check()


def test_a_killed_server_with_a_busy_session_is_waited_for(data_dir: Path, server: EmbeddedPostgres) -> None:
    dsn = server.start()
    log = data_dir / "postgres.log"

    async def kill_while_busy(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        busy = asyncio.ensure_future(connection.fetchval("SELECT sum(n) FROM generate_series(1, 12000000) AS n"))
        await asyncio.sleep(0)
        other = await asyncpg.connect(dsn)
        while await other.fetchval("SELECT count(*) FROM pg_stat_activity WHERE state = 'active'") < 2:
            await asyncio.sleep(0)
        other.terminate()
        os.kill(server.pid, signal.SIGKILL)
        assert await asyncio.to_thread(server._process.wait, 5)  # type: ignore[union-attr]
        await asyncio.to_thread(server.start)
        connection.terminate()
        await asyncio.gather(busy, return_exceptions=True)

    query(dsn, kill_while_busy)
    assert "pre-existing shared memory block" in log.read_text()
    assert kept_answer(server.dsn) == 42


@pytest.mark.skipif(sys.platform != "linux", reason="parent-death signals exist on Linux only")
def test_kill_9_of_the_kernel_leaves_no_orphan_and_the_next_start_is_clean(
    data_dir: Path, server: EmbeddedPostgres
) -> None:
    kernel, pid, dsn = start_kernel(data_dir)
    postmaster = os.pidfd_open(pid)
    try:
        query(dsn, lambda connection: connection.execute("UPDATE kept SET answer = 44"))
        kill(kernel)
        assert ended_within(postmaster, 5)
    finally:
        os.close(postmaster)
    assert not (data_dir / "cluster" / "postmaster.pid").exists()
    assert kept_answer(server.start()) == 44


@pytest.mark.skipif(sys.platform != "linux", reason="parent-death signals exist on Linux only")
def test_a_start_right_after_kill_9_waits_for_the_old_server(data_dir: Path, server: EmbeddedPostgres) -> None:
    for _ in range(3):
        kernel, _, _ = start_kernel(data_dir)
        kill(kernel)
        assert kept_answer(server.start()) == 42
        server.stop()


def test_kernel_and_server_both_killed_recover_at_the_next_start(data_dir: Path, server: EmbeddedPostgres) -> None:
    kernel, pid, dsn = start_kernel(data_dir)
    query(dsn, lambda connection: connection.execute("UPDATE kept SET answer = 45"))
    os.kill(pid, signal.SIGKILL)
    kill(kernel)
    assert kept_answer(server.start()) == 45


def test_an_orphan_of_an_earlier_kernel_is_stopped_and_replaced(data_dir: Path, server: EmbeddedPostgres) -> None:
    older = EmbeddedPostgres(data_dir, settings=FAST_UNSAFE)
    older.start()
    orphan = older.pid
    assert older._lock_fd is not None
    os.close(older._lock_fd)  # what remains of a kernel that died where no parent-death signal exists
    older._lock_fd = None
    assert kept_answer(server.start()) == 42
    assert server.pid != orphan
    with pytest.raises(EmbeddedPostgresError, match="ended by itself"):
        older.check()


def test_a_pid_file_that_names_another_living_process_does_not_block(data_dir: Path, server: EmbeddedPostgres) -> None:
    pid_file = data_dir / "cluster" / "postmaster.pid"
    server.start()
    lines = pid_file.read_text().splitlines(keepends=True)
    server.stop()
    pid_file.write_text("".join([f"{os.getppid()}\n", *lines[1:]]))
    assert kept_answer(server.start()) == 42


def test_an_empty_pid_file_does_not_block(data_dir: Path, server: EmbeddedPostgres) -> None:
    (data_dir / "cluster" / "postmaster.pid").touch()
    assert kept_answer(server.start()) == 42


def test_a_server_that_died_is_told_by_check_and_can_be_started_again(server: EmbeddedPostgres) -> None:
    server.start()
    server.check()
    postmaster = os.pidfd_open(server.pid)
    os.kill(server.pid, signal.SIGKILL)
    assert ended_within(postmaster, 5)
    os.close(postmaster)
    assert server._process is not None and server._process.wait(5)
    with pytest.raises(EmbeddedPostgresError, match=r"ended by itself \(status -9\)"):
        server.check()
    assert kept_answer(server.start()) == 42


def test_a_long_path_puts_the_socket_in_a_private_temporary_folder(made: Path, tmp_path: Path) -> None:
    data_dir = tmp_path / ("long" * 20) / ("path" * 20) / "data"
    shutil.copytree(made, data_dir)
    assert len(os.fsencode(data_dir)) > SOCKET_PATH_BYTES_MAX
    server = EmbeddedPostgres(data_dir, settings=FAST_UNSAFE)
    try:
        first = server.start()
        socket_dir = Path((data_dir / "socket_dir").read_text())
        assert socket_dir.parent == Path(tempfile.gettempdir())
        assert stat.S_IMODE(socket_dir.stat().st_mode) == 0o700
        assert kept_answer(first) == 42
        server.stop()
        assert not socket_dir.exists()
        assert server.start() == first
    finally:
        server.stop()


def test_a_long_temporary_folder_does_not_keep_the_server_from_starting(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_folder = tmp_path / ("temporary" * 9)
    long_folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long_folder))
    data_dir = tmp_path / ("long" * 20) / "data"
    shutil.copytree(made, data_dir)
    server = EmbeddedPostgres(data_dir, settings=FAST_UNSAFE)
    try:
        assert kept_answer(server.start()) == 42
        socket_dir = Path((data_dir / "socket_dir").read_text())
        assert long_folder not in socket_dir.parents
    finally:
        server.stop()
    assert not socket_dir.exists() and not any(long_folder.iterdir())


def test_the_temporary_socket_folder_of_a_killed_kernel_is_removed_at_the_next_start(
    made: Path, tmp_path: Path
) -> None:
    data_dir = tmp_path / ("long" * 40) / "data"
    shutil.copytree(made, data_dir)
    kernel, _, _ = start_kernel(data_dir)
    left = Path((data_dir / "socket_dir").read_text())
    kill(kernel)
    assert left.exists()
    server = EmbeddedPostgres(data_dir, settings=FAST_UNSAFE)
    try:
        assert kept_answer(server.start()) == 42
        assert not left.exists()
    finally:
        server.stop()


@pytest.mark.parametrize("name", ["with space", "quote\"d 'path'", "per%cent%20", "comma, here", "münze-€"])
def test_a_strange_path_works(made: Path, tmp_path: Path, name: str) -> None:
    data_dir = Path(shutil.copytree(made, tmp_path / name / "data"))
    server = EmbeddedPostgres(data_dir, settings=FAST_UNSAFE)
    try:
        assert kept_answer(server.start()) == 42
    finally:
        server.stop()


def test_a_second_kernel_on_the_same_folder_is_refused_and_the_first_goes_on(
    data_dir: Path, server: EmbeddedPostgres
) -> None:
    dsn = server.start()
    second = EmbeddedPostgres(data_dir)
    with pytest.raises(EmbeddedPostgresError, match=f"in use by another kernel \\(process {os.getpid()}\\)"):
        second.start()
    second.stop()
    assert kept_answer(dsn) == 42


def test_a_start_cut_short_in_initdb_begins_afresh(made: Path, tmp_path: Path) -> None:
    half = tmp_path / "data" / "cluster.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    server = EmbeddedPostgres(tmp_path / "data", settings=FAST_UNSAFE)
    try:
        assert query(server.start(), lambda connection: connection.fetchval("SELECT 1")) == 1
    finally:
        server.stop()


def test_a_cluster_of_another_major_version_is_refused(data_dir: Path, server: EmbeddedPostgres) -> None:
    (data_dir / "cluster" / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedPostgresError, match=r"made by Postgres 9, the programs in .* KERNEL_PG_BIN"):
        server.start()


def test_a_cluster_without_version_is_refused(data_dir: Path, server: EmbeddedPostgres) -> None:
    (data_dir / "cluster" / "PG_VERSION").unlink()
    with pytest.raises(EmbeddedPostgresError, match="not a Postgres data folder"):
        server.start()


def test_a_corrupt_cluster_is_told_in_the_servers_own_words(data_dir: Path, server: EmbeddedPostgres) -> None:
    (data_dir / "cluster" / "global" / "pg_control").unlink()
    with pytest.raises(EmbeddedPostgresError, match=r"ended while starting[^\0]*pg_control"):
        server.start()
    assert not server.is_running


def test_a_foreign_folder_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(EmbeddedPostgresError, match=r"foreign files \(thesis\.tex\)"):
        EmbeddedPostgres(tmp_path).start()
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]


def test_the_data_folder_of_another_server_is_refused(data_dir: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="data folder of another Postgres server"):
        EmbeddedPostgres(data_dir / "cluster").start()


def test_a_file_in_place_of_the_folder_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(EmbeddedPostgresError, match="File exists"):
        EmbeddedPostgres(tmp_path / "data").start()


def test_a_bad_server_setting_shows_the_servers_last_lines(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir, settings={"shared_buffers": "plenty"})
    with pytest.raises(EmbeddedPostgresError, match=r"status 1[^\0]*invalid value for parameter .shared_buffers."):
        server.start()


def test_the_server_has_its_own_session_and_none_of_our_environment(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERNEL_MASTER_KEY", "never-to-be-seen")
    server.start()
    assert os.getsid(server.pid) == server.pid
    environment = Path(f"/proc/{server.pid}/environ").read_bytes()
    assert b"never-to-be-seen" not in environment


def test_dsn_and_pid_of_a_server_not_started_are_refused(server: EmbeddedPostgres) -> None:
    with pytest.raises(EmbeddedPostgresError, match="not started"):
        _ = server.dsn
    with pytest.raises(EmbeddedPostgresError, match="not started"):
        _ = server.pid
    server.stop()


def test_a_large_log_is_rotated_at_start(data_dir: Path, server: EmbeddedPostgres) -> None:
    log = data_dir / "postgres.log"
    with log.open("wb") as file:
        file.truncate(5_000_001)
    server.start()
    assert (data_dir / "postgres.log.1").stat().st_size == 5_000_001
    assert log.stat().st_size < 100_000

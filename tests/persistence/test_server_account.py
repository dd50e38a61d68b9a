import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from persistence import server_account
from persistence.embedded_postgres import EmbeddedPostgres
from persistence.errors import EmbeddedPostgresError
from persistence.postgres_binaries import find_binaries
from persistence.server_account import choose_home
from tests.persistence.test_embedded_postgres import ended_within, kill, start_kernel
from tests.postgres_fixture import FAST_UNSAFE, query

pytestmark = [pytest.mark.postgres, pytest.mark.slow]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="about root's case: needs to be root")
namespaces_work = (
    shutil.which("unshare") is not None
    and subprocess.run(["unshare", "--user", "--map-user=1000", "true"], capture_output=True).returncode == 0
)
needs_namespaces = pytest.mark.skipif(not namespaces_work, reason="user namespaces are blocked here")


@pytest.fixture
def no_namespaces(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """As in a container that blocks namespaces; /var/lib/kernel is a temporary folder. Yields that folder."""
    root = Path(tempfile.mkdtemp(prefix="var-lib-kernel-"))
    root.chmod(0o755)
    monkeypatch.setattr(server_account, "_NAMESPACE", ("false",))
    monkeypatch.setattr(server_account, "RELOCATED_ROOT", root)
    yield root
    shutil.rmtree(root)


@needs_root
@needs_namespaces
def test_root_runs_the_server_in_a_user_namespace_with_files_in_place(tmp_path: Path) -> None:
    home = choose_home(tmp_path, find_binaries())
    assert home.account.prefix[0] == "unshare"
    assert home.folder == tmp_path


@needs_root
def test_without_namespaces_root_runs_the_server_as_nobody_from_another_folder(
    no_namespaces: Path, tmp_path: Path
) -> None:
    hidden = tmp_path / "home"
    hidden.mkdir(mode=0o700)
    server = EmbeddedPostgres(hidden / "pg", settings=FAST_UNSAFE)
    try:
        dsn = server.start()
        query(dsn, lambda connection: connection.execute("CREATE TABLE kept AS SELECT 42 AS answer"))
        assert Path(f"/proc/{server.pid}").stat().st_uid == 65534
        folder = Path(query(dsn, lambda connection: connection.fetchval("SHOW data_directory")))
        assert folder.is_relative_to(no_namespaces)
        assert hidden.stat().st_mode & 0o777 == 0o700
        server.stop()
        assert query(server.start(), lambda connection: connection.fetchval("SELECT answer FROM kept")) == 42
    finally:
        server.stop()


@needs_root
def test_a_relocated_cluster_is_found_again_when_namespaces_come_back(
    no_namespaces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = EmbeddedPostgres(tmp_path / "pg", settings=FAST_UNSAFE)
    try:
        query(server.start(), lambda connection: connection.execute("CREATE TABLE kept AS SELECT 42 AS answer"))
        server.stop()
        monkeypatch.setattr(server_account, "_NAMESPACE", ("env",))  # succeeds, as namespaces would
        assert query(server.start(), lambda connection: connection.fetchval("SELECT answer FROM kept")) == 42
    finally:
        server.stop()


@needs_root
def test_a_cluster_made_in_a_namespace_is_not_silently_replaced_when_namespaces_are_blocked(
    no_namespaces: Path, tmp_path: Path
) -> None:
    (tmp_path / "cluster").mkdir()
    with pytest.raises(EmbeddedPostgresError, match="namespaces are blocked now"):
        choose_home(tmp_path, find_binaries())


@needs_root
def test_a_cluster_of_another_user_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    os.chown(tmp_path / "cluster", 1234, 1234)
    with pytest.raises(EmbeddedPostgresError, match="belongs to uid 1234, we run as uid 0"):
        choose_home(tmp_path, find_binaries())


@needs_root
def test_without_namespaces_or_nobody_the_error_names_the_ways_out(
    no_namespaces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_account, "RELOCATED_ROOT", Path("/proc/no-folder-can-be-made-here"))
    with pytest.raises(EmbeddedPostgresError, match="run the kernel as another user, or set DATABASE_URL"):
        EmbeddedPostgres(tmp_path / "pg").start()


@needs_root
@needs_namespaces
def test_a_user_that_is_not_root_starts_it_directly_and_kill_9_leaves_no_orphan(tmp_path: Path) -> None:
    kernel, pid, dsn = start_kernel(tmp_path / "pg", "unshare", "--user", "--map-user=1000", "--map-group=1000")
    postmaster = os.pidfd_open(pid)
    try:
        assert query(dsn, lambda connection: connection.fetchval("SELECT 1")) == 1
        assert kernel.args[-2].startswith("\nimport") and sys.executable in kernel.args
        kill(kernel)
        assert ended_within(postmaster, 5)
    finally:
        os.close(postmaster)

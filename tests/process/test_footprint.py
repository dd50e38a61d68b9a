"""What a run leaves on the machine: its data folder, private, and nothing else."""

import os
import stat
from pathlib import Path

import pytest

from persistence.server_account import RELOCATED_ROOT
from tests.process.conftest import Start
from tests.process.kernel_run import servers_of
from tests.shared_data import PROJECT

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.xdist_group("process")]

ALLOWED = {"kernel.lock", "dashboard.token", "metrics.token", "log", "logs", "postgres"}


def relocated() -> set[str]:
    return set(os.listdir(RELOCATED_ROOT)) if RELOCATED_ROOT.exists() else set()


@pytest.mark.parametrize("umask", [0o022, 0o000], ids=["usual umask", "careless umask"])
def test_a_run_leaves_its_private_data_folder_and_nothing_else(umask: int, start: Start, tmp_path: Path) -> None:
    places = {name: tmp_path / name for name in ("home", "temporary", "work")}
    for place in places.values():
        place.mkdir()
    environ = {
        "HOME": str(places["home"]),
        "TMPDIR": str(places["temporary"]),
        "PYTHONPATH": str(PROJECT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    before = relocated()
    old = os.umask(umask)
    try:
        run = start(folder=Path("data"), environ=environ, cwd=places["work"]).wait_ready()
    finally:
        os.umask(old)
    run.wait_cell("db.state", "up")
    data = places["work"] / "data"
    for _ in range(2):
        for folder, folders, files in os.walk(data):
            for name in (*folders, *files):
                path = Path(folder) / name
                if not path.is_symlink():
                    mode = stat.S_IMODE(path.lstat().st_mode)
                    is_server = "cluster" in path.relative_to(data).parts[1:-1] or path.suffix == ".lock"
                    assert mode & 0o077 == 0 or is_server, f"{path} has mode {mode:04o}"
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        assert {each.name for each in data.iterdir()} <= ALLOWED
        if run.process.poll() is None:
            assert run.stop()[0] == 0
    assert not servers_of(data)
    assert sorted(places["work"].iterdir()) == [data, data.with_name("data.keys")]  # the demo's key, kept apart
    assert not list(places["home"].iterdir())
    assert not list(places["temporary"].iterdir())
    assert relocated() == before
    assert not list((data / "postgres").glob("run/*"))

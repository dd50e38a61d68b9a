"""Kernels of a test are ended with it, whatever happened."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.postgres_fixture import pg_db, pg_server
from tests.process.kernel_run import KernelRun

__all__ = ["pg_db", "pg_server"]

Start = Callable[..., KernelRun]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder that does not exist yet."""
    return tmp_path / "data"


@pytest.fixture
def start(data: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts kernels, in `data` unless told otherwise."""
    runs: list[KernelRun] = []

    def begin(*arguments: str, folder: Path = data, **more: object) -> KernelRun:
        run = KernelRun(folder, *arguments, output=tmp_path, **more)  # type: ignore[arg-type]
        runs.append(run)
        return run

    yield begin
    for run in runs:
        if run.process.poll() is None:
            run.kill()

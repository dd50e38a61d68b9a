"""A running server is found by its data folder; a dead or foreign one is not."""

import os
from pathlib import Path

import pytest

from persistence.embedded_postgres import EmbeddedPostgres
from persistence.running_server import running_dsn
from tests.postgres_fixture import FAST_UNSAFE, query


def test_where_nothing_runs_nothing_is_found(tmp_path: Path) -> None:
    assert running_dsn(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text", ["", "x", "1\n2\n", f"{os.getpid()}\n/x\n1\n5432\n/x\n\n\nready\n"], ids=["empty", "word", "short", "ours"]
)
def test_a_file_that_names_no_server_of_this_folder_is_not_believed(tmp_path: Path, text: str) -> None:
    (tmp_path / "cluster").mkdir()
    (tmp_path / "cluster" / "postmaster.pid").write_text(text)
    assert running_dsn(tmp_path) is None


@pytest.mark.postgres
@pytest.mark.slow
def test_a_running_server_is_found_wherever_its_socket_is_and_gone_after_its_stop(tmp_path: Path) -> None:
    for name in ("short", "long" * 25):
        folder = tmp_path / name
        server = EmbeddedPostgres(folder, settings=FAST_UNSAFE)
        server.start()
        try:
            dsn = running_dsn(folder)
            assert dsn is not None
            assert query(dsn, lambda connection: connection.fetchval("SELECT 42")) == 42
        finally:
            server.stop()
        assert running_dsn(folder) is None

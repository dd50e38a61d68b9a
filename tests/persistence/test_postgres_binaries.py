from pathlib import Path

import pytest

from persistence import postgres_binaries
from persistence.errors import EmbeddedPostgresError
from persistence.postgres_binaries import find_binaries


def fake_install(folder: Path, answer: str) -> Path:
    folder.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        (folder / name).write_text(f"#!/bin/sh\necho '{answer}'\n")
        (folder / name).chmod(0o755)
    return folder


def test_a_given_folder_wins_over_all_others(tmp_path: Path) -> None:
    given = fake_install(tmp_path / "bin", "postgres (PostgreSQL) 16.4 (Debian 16.4-1)")
    found = find_binaries(given)
    assert (found.bin_dir, found.major) == (given, 16)


def test_a_given_folder_without_the_programs_is_refused_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "postgres").touch()
    with pytest.raises(EmbeddedPostgresError, match="KERNEL_PG_BIN: expected postgres and initdb"):
        find_binaries(tmp_path)


def test_the_newest_of_the_distributions_versions_is_taken_without_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for major in (9, 15, 17):
        fake_install(tmp_path / str(major) / "bin", f"postgres (PostgreSQL) {major}.1")
    monkeypatch.setattr(postgres_binaries, "_WHEEL", "no_such_package_here")
    monkeypatch.setattr(postgres_binaries, "_DISTRIBUTION_ROOT", tmp_path)
    assert find_binaries().major == 17


def test_path_is_the_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_install(tmp_path / "bin", "postgres (PostgreSQL) 17beta1")
    monkeypatch.setattr(postgres_binaries, "_WHEEL", "no_such_package_here")
    monkeypatch.setattr(postgres_binaries, "_DISTRIBUTION_ROOT", tmp_path / "none")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert find_binaries().major == 17


def test_nothing_found_is_one_error_that_names_database_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_binaries, "_WHEEL", "no_such_package_here")
    monkeypatch.setattr(postgres_binaries, "_DISTRIBUTION_ROOT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmbeddedPostgresError, match="set DATABASE_URL to a running Postgres"):
        find_binaries()


def test_a_program_that_cannot_run_here_is_told_with_its_path(tmp_path: Path) -> None:
    folder = fake_install(tmp_path / "bin", "")
    (folder / "postgres").write_bytes(b"\x7fELF of another machine")
    with pytest.raises(EmbeddedPostgresError, match=r"bin/postgres does not run here"):
        find_binaries(folder)


def test_an_old_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="is Postgres 12, expected 14 or newer"):
        find_binaries(fake_install(tmp_path / "bin", "postgres (PostgreSQL) 12.3"))

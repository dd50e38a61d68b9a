"""Rotation by size: nothing is lost, split, out of order or larger than it may be."""

import os
import resource
import stat
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.logs.log_files import BACKUPS, RotatingFile, backup_of


def kept(path: Path) -> list[bytes]:
    """All lines that are still there, oldest first."""
    files = [backup_of(path, number) for number in range(BACKUPS, 0, -1)] + [path]
    return [line for each in files if each.exists() for line in each.read_bytes().splitlines(keepends=True)]


@pytest.mark.slow
@given(
    sizes=st.lists(st.integers(1, 90), min_size=1, max_size=60),
    cuts=st.lists(st.integers(1, 20), max_size=20),
    bytes_max=st.integers(20, 120),
)
@settings(max_examples=120, deadline=None)
def test_rotation_keeps_the_newest_lines_whole_and_files_small(
    sizes: list[int], cuts: list[int], bytes_max: int
) -> None:
    lines = [b"%04d%s\n" % (number, b"x" * size) for number, size in enumerate(sizes)]
    with TemporaryDirectory() as name:
        path = Path(name) / "m" / "m_trading.log"
        file = RotatingFile(path, bytes_max)
        left = deque(lines)
        for cut in [*cuts, len(lines)]:
            batch = deque([left.popleft() for _ in range(min(cut, len(left)))])
            file.write(batch)
            assert not batch
        file.close()
        found = kept(path)
        assert found == lines[len(lines) - len(found) :]
        for each in path.parent.iterdir():
            assert each.stat().st_size <= max(bytes_max, max(len(line) for line in lines))
        has_all_backups = backup_of(path, BACKUPS).exists()
        assert has_all_backups or len(found) == len(lines)


def test_there_are_never_more_than_five_backups(tmp_path: Path) -> None:
    path = tmp_path / "m.log"
    file = RotatingFile(path, 10)
    file.write(deque(b"%08d\n" % number for number in range(40)))
    file.close()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["m.log", *(f"m.log.{n}" for n in range(1, 6))]
    assert [int(line) for line in kept(path)] == list(range(34, 40))


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    path = tmp_path / "m" / "m.log"
    path.parent.mkdir(mode=0o700)
    path.write_bytes(b"")
    path.chmod(0o644)
    file = RotatingFile(path, 10)
    file.write(deque([b"one line\n", b"another\n"]))
    file.close()
    assert {stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()} == {0o600}


def test_a_torn_tail_gets_its_line_feed(tmp_path: Path) -> None:
    path = tmp_path / "m.log"
    path.write_bytes(b'{"event":"whole"}\n{"ev')
    file = RotatingFile(path, 1_000)
    file.write(deque([b"next\n"]))
    file.close()
    assert path.read_bytes() == b'{"event":"whole"}\n{"ev\nnext\n'


def test_a_deleted_file_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "m.log"
    file = RotatingFile(path, 1_000)
    file.write(deque([b"gone\n"]))
    path.unlink()
    file.write(deque([b"here\n"]))
    file.close()
    assert path.read_bytes() == b"here\n"


def test_a_file_that_was_moved_away_keeps_what_it_has_and_a_new_one_begins(tmp_path: Path) -> None:
    path = tmp_path / "m.log"
    file = RotatingFile(path, 1_000)
    file.write(deque([b"old\n"]))
    path.rename(tmp_path / "m.log.moved")
    file.write(deque([b"new\n"]))
    file.close()
    assert (path.read_bytes(), (tmp_path / "m.log.moved").read_bytes()) == (b"new\n", b"old\n")


def test_a_link_in_the_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "m.log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        RotatingFile(tmp_path / "m.log", 1_000).write(deque([b"line\n"]))
    assert not (tmp_path / "elsewhere").exists()


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file of this process may grow beyond 25 bytes: a write is cut short, the next one refused (EFBIG)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (25, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_line_that_was_cut_short_is_finished_first(tmp_path: Path, small_files: None) -> None:
    path = tmp_path / "m.log"
    file = RotatingFile(path, 1_000)
    lines = deque([b"line one, whole\n", b"line two, cut\n", b"line three\n"])
    with pytest.raises(OSError, match="File too large"):
        file.write(lines)
    assert path.read_bytes() == b"line one, whole\nline two,"
    assert list(lines) == [b"line three\n"]
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    file.write(lines)
    file.close()
    assert path.read_bytes() == b"line one, whole\nline two, cut\nline three\n"


def test_descriptors_are_not_inherited(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "m.log", 1_000)
    file.write(deque([b"line\n"]))
    assert not os.get_inheritable(file._fd)
    file.close()

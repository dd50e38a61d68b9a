"""Reading back: every line once, newest first, across rotations, whatever is in the files."""

import json
from collections import deque
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.errors import BadInput, ConfigError
from kernel.logs.log_files import RotatingFile
from kernel.logs.log_tail import LogPage, LogTail


def write(folder: Path, numbers: range, bytes_max: int = 1_000_000, level: str = "info") -> None:
    file = RotatingFile(folder / "webui" / "webui_trading.log", bytes_max)
    file.write(
        deque(
            json.dumps({"ts": "t", "level": level, "module": "webui", "event": f"e{number}", "n": number}).encode()
            + b"\n"
            for number in numbers
        )
    )
    file.close()


def events(page: LogPage) -> list[str]:
    return [line.event for line in page.lines]


def test_pages_go_back_through_rotated_files(tmp_path: Path) -> None:
    write(tmp_path, range(40), bytes_max=700)
    tail, before, found = LogTail(tmp_path), "", []
    while True:
        page = tail.read("webui", "trading", before=before, limit=7)
        found += events(page)
        before = page.next_before
        if not before:
            break
    assert found == [f"e{number}" for number in range(39, -1, -1)]


def test_a_cursor_holds_when_the_file_rotates_meanwhile(tmp_path: Path) -> None:
    write(tmp_path, range(10))
    tail = LogTail(tmp_path)
    page = tail.read("webui", "trading", limit=4)
    write(tmp_path, range(10, 20), bytes_max=10)
    assert events(tail.read("webui", "trading", before=page.next_before, limit=3)) == []  # rotated away by then
    write(tmp_path / "b", range(10))
    page = LogTail(tmp_path / "b").read("webui", "trading", limit=4)
    write(tmp_path / "b", range(10, 12), bytes_max=400)
    assert events(LogTail(tmp_path / "b").read("webui", "trading", before=page.next_before, limit=3)) == [
        "e5", "e4", "e3",
    ]  # fmt: skip


def test_filters_by_level_and_text(tmp_path: Path) -> None:
    write(tmp_path, range(3))
    write(tmp_path, range(3, 5), level="error")
    tail = LogTail(tmp_path)
    assert events(tail.read("webui", "trading", level="warning")) == ["e4", "e3"]
    assert events(tail.read("webui", "trading", text='"EVENT": "E1"')) == ["e1"]


def test_malformed_lines_survive(tmp_path: Path) -> None:
    write(tmp_path, range(1))
    path = tmp_path / "webui" / "webui_trading.log"
    path.write_bytes(path.read_bytes() + b'\xff{"torn\n[1]\n{"ts":5}\n\n' + b"x" * 100_000)
    page = LogTail(tmp_path).read("webui", "trading", limit=50)
    assert events(page)[-1] == "e0"
    assert all(line.is_malformed for line in page.lines[:-1]) and len(page.lines) >= 5


@given(st.lists(st.binary(max_size=40), max_size=30), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_whatever_is_in_the_file_paging_ends_and_shows_each_line_once(
    tmp_path_factory: pytest.TempPathFactory, blobs: list[bytes], limit: int
) -> None:
    folder = tmp_path_factory.mktemp("tail")
    (folder / "webui").mkdir()
    (folder / "webui" / "webui_trades.log").write_bytes(b"\n".join(blobs))
    expected = sum(1 for line in b"\n".join(blobs).split(b"\n") if line)
    tail, before, count = LogTail(folder), "", 0
    for _ in range(expected + 2):
        page = tail.read("webui", "trades", before=before, limit=limit)
        count += len(page.lines)
        before = page.next_before
        if not before:
            break
    assert not before and count == expected


def test_wrong_arguments_are_refused_and_a_missing_file_is_empty(tmp_path: Path) -> None:
    tail = LogTail(tmp_path)
    assert tail.read("webui", "errors") == LogPage(lines=(), next_before="")
    with pytest.raises(ConfigError):
        tail.read("../webui", "errors")
    for arguments in ({"before": "x"}, {"before": "1:²"}, {"before": "-1:5"}, {"level": "loud"}):
        with pytest.raises(BadInput):
            tail.read("webui", "errors", **arguments)  # type: ignore[arg-type]
    with pytest.raises(BadInput):
        tail.read("webui", "../../secret")


async def test_modules_are_the_folders_that_can_be_modules(tmp_path: Path) -> None:
    write(tmp_path, range(1))
    (tmp_path / "Not One").mkdir()
    tail = LogTail(tmp_path)
    assert tail.modules() == ["webui"]
    assert events(await tail.tail("webui", "trading")) == ["e0"]
    assert LogTail(tmp_path / "none").modules() == []

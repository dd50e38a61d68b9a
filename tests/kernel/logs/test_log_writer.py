"""The writer: a line is soon in its file; a full queue or a refusing disk costs counted lines and no more."""

import json
import os
import resource
import subprocess
from collections.abc import Iterator
from contextvars import copy_context
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from bus.clock import NS_PER_S, ManualClock, WallClock
from kernel.logs.log_files import backup_of
from kernel.logs.log_line import ERROR, INFO, Record
from kernel.logs.log_writer import BYTES_MAX, PENDING_LINES_MAX, LogWriter


def record(event: str, level: int = INFO, module: str = "webui", **fields: Any) -> Record:
    return (1, level, module, module, {"event": event, **fields}, copy_context())


def events(path: Path) -> list[str]:
    return [json.loads(line)["event"] for line in path.read_text().splitlines()] if path.exists() else []


def test_each_kind_has_its_file_and_errors_are_in_two(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path, ManualClock())
    writer.put(record("said"))
    writer.put(record("failed", ERROR))
    writer.put(record("filled", module="webui.trades"))
    writer.put(record("trade_failed", ERROR, module="webui.trades"))
    assert writer.flush()
    folder = tmp_path / "webui"
    assert events(folder / "webui_trading.log") == ["said", "failed"]
    assert events(folder / "webui_trades.log") == ["filled", "trade_failed"]
    assert events(folder / "webui_errors.log") == ["failed", "trade_failed"]
    assert writer.reading().written == {"webui": 6}
    assert folder.stat().st_mode & 0o777 == 0o700
    writer.stop()


def test_the_thread_writes_without_being_asked_and_stop_writes_the_rest(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path, WallClock())
    writer.flush_s = 0.02
    writer.start()
    writer.put(record("soon"))
    path = tmp_path / "webui" / "webui_trading.log"
    is_there = Event()
    for _ in range(200):
        if events(path) == ["soon"]:
            break
        is_there.wait(0.01)
    assert events(path) == ["soon"]
    assert writer.reading().is_alive
    writer.flush_s = 60.0
    writer.put(record("last"))
    writer.stop()
    assert events(path) == ["soon", "last"]
    assert not writer.reading().is_alive


def test_lines_of_many_threads_are_whole_all_there_and_in_order(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path, WallClock(), queue_max=100_000, bytes_max={**BYTES_MAX, "trading": 60_000})
    writer.flush_s = 0.02
    writer.start()

    def talk(who: int) -> None:
        for number in range(400):
            writer.put(record("said", who=who, number=number, padding="x" * (number % 50)))

    threads = [Thread(target=talk, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.stop()
    path = tmp_path / "webui" / "webui_trading.log"
    files = [each for each in (*(backup_of(path, number) for number in range(5, 0, -1)), path) if each.exists()]
    assert len(files) > 2 and all(each.stat().st_size <= 60_000 for each in files)
    heard: dict[int, list[int]] = {who: [] for who in range(4)}
    for each in files:
        for line in each.read_text().splitlines():
            table = json.loads(line)
            heard[table["who"]].append(table["number"])
    assert heard == {who: list(range(400)) for who in range(4)}


def test_lines_that_can_never_be_written_are_told_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file in the place of the folder")
    writer = LogWriter(tmp_path / "logs", ManualClock())
    writer.put(record("lost"))
    writer.put(record("lost too"))
    assert writer.stop() == 2


def test_a_full_queue_drops_and_the_log_says_how_many(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path, ManualClock(), queue_max=10)
    for number in range(25):
        writer.put(record(f"e{number}"))
    assert writer.reading().dropped == {"webui": 15}
    writer.flush()
    path = tmp_path / "webui" / "webui_trading.log"
    assert events(path) == [*(f"e{number}" for number in range(10)), "lines_dropped"]
    assert json.loads(path.read_text().splitlines()[-1])["lines"] == 15
    writer.flush()
    assert len(events(path)) == 11
    writer.stop()


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file of this process may grow at all."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def free_disk() -> None:
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def test_a_full_disk_is_told_once_and_lines_wait_for_it(tmp_path: Path, full_disk: None) -> None:
    clock = ManualClock()
    told: list[str] = []
    writer = LogWriter(tmp_path, clock, queue_max=100_000, tell_trouble=told.append)
    for number in range(PENDING_LINES_MAX + 50):
        writer.put(record(f"e{number}"))
    writer.flush()
    assert len(told) == 1 and "cannot write" in told[0] and "webui_trading.log" in told[0]
    assert writer.reading().trouble == told[0] and writer.reading().failures >= 1
    assert writer.reading().dropped == {"webui": 50}
    free_disk()
    clock.advance_to(2 * NS_PER_S)
    writer.flush()
    writer.flush()
    assert told[1:] == [""] and writer.reading().trouble == ""
    found = events(tmp_path / "webui" / "webui_trading.log")
    assert found[:PENDING_LINES_MAX] == [f"e{number}" for number in range(PENDING_LINES_MAX)]
    assert found[PENDING_LINES_MAX:] == ["lines_dropped"]
    writer.stop()


def test_a_folder_that_cannot_be_made_is_told_and_survived(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file in the place of the folder")
    told: list[str] = []
    clock = ManualClock()
    writer = LogWriter(tmp_path / "logs", clock, tell_trouble=told.append)
    writer.put(record("waits"))
    writer.flush()
    assert told and "cannot write" in told[0]
    (tmp_path / "logs").unlink()
    clock.advance_to(2 * NS_PER_S)
    writer.flush()
    assert events(tmp_path / "logs" / "webui" / "webui_trading.log") == ["waits"]
    writer.stop()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own of 64 kilobytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = os.geteuid() == 0 and not subprocess.call(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], stderr=subprocess.DEVNULL
    )
    if not mounted:
        pytest.skip("NO SMALL DISK: mounting a tmpfs needs root; the tests with a file size limit stand for it")
    yield folder
    subprocess.check_call(["umount", "--lazy", str(folder)])


@pytest.mark.slow
def test_a_disk_without_space_is_survived_and_every_line_is_whole_afterwards(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 40_000)
    clock = ManualClock()
    told: list[str] = []
    writer = LogWriter(small_disk / "logs", clock, tell_trouble=told.append)
    for number in range(300):
        writer.put(record(f"e{number}", padding="x" * 20))
    writer.flush()
    assert len(told) == 1 and "No space left on device" in told[0]
    ballast.unlink()
    clock.advance_to(2 * NS_PER_S)
    writer.flush()
    assert told[1:] == [""]
    path = small_disk / "logs" / "webui" / "webui_trading.log"
    assert events(path) == [f"e{number}" for number in range(300)]
    assert writer.stop() == 0

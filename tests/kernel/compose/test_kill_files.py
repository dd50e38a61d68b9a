"""The kill switch by files: taken and answered by the kernel, asked for by the command line."""

import argparse
import asyncio
import fcntl
import os
import threading
from pathlib import Path

import pytest

from bus.clock import WallClock
from bus.events import KillSwitchSet
from kernel.compose.kill_arguments import add_arguments
from kernel.compose.kill_command import command, running_pid
from kernel.compose.kill_file import ANSWER, KILL, RESUME, Request, is_there, read_answer, read_request, write
from kernel.compose.kill_watch import KillWatch
from kernel.compose.live import KernelProcess
from kernel.errors import ConfigError
from kernel.live import LOG_HALT
from kernel.profile import load_profile


class Kernel:
    """What a running kernel has to do with its kill switch: a lock, a state, a watch."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.standing: KillSwitchSet | None = None
        self.said: list[tuple[bool, str, str]] = []
        self.watch = KillWatch(data, self.kill, lambda: self.standing, WallClock())

    def kill(self, reason: str, by: str, *, is_on: bool = True) -> None:
        self.said.append((is_on, reason, by))
        self.standing = KillSwitchSet(ts_ns=1, is_on=True, strategy="", reason=reason, by=by) if is_on else None


def run(data: Path, *words: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser.add_subparsers(dest="command"))
    return command(parser.parse_args([words[0], "--data", str(data), *words[1:]]))


class Running:
    """A kernel that holds the folder's lock and watches in a thread of its own."""

    def __init__(self, data: Path, *, is_deaf: bool = False) -> None:
        self.kernel = Kernel(data)
        self._is_deaf = is_deaf
        self._stop = threading.Event()

    def __enter__(self) -> Kernel:
        self._fd = os.open(self.kernel.data / "kernel.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        os.write(self._fd, b"4711")
        self._thread = threading.Thread(target=self._work)
        if not self._is_deaf:
            self.kernel.watch.poll()
            self._thread.start()
        return self.kernel

    def _work(self) -> None:
        while not self._stop.wait(0.02):
            self.kernel.watch.poll()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if not self._is_deaf:
            self._thread.join()
        os.close(self._fd)


def test_a_kill_from_the_shell_is_taken_with_its_reason_and_answered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Running(tmp_path) as kernel:
        assert run(tmp_path, "kill", "--reason", "oracle  broken") == 0
    assert kernel.said == [(True, "oracle broken", "command line")]
    assert "orders are cancelled" in capsys.readouterr().out
    assert (tmp_path / KILL).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / ANSWER).stat().st_mode & 0o777 == 0o600


def test_a_second_kill_is_taken_as_well(tmp_path: Path) -> None:
    with Running(tmp_path) as kernel:
        assert run(tmp_path, "kill", "--reason", "first") == 0
        assert run(tmp_path, "kill", "--reason", "second") == 0
    assert [reason for _, reason, _ in kernel.said] == ["first", "second"]


def test_without_a_kernel_the_file_waits_for_the_next_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "kill", "--reason", "before the start") == 0
    assert "will start stopped" in capsys.readouterr().out
    kernel = Kernel(tmp_path)
    kernel.watch.poll()
    kernel.watch.poll()
    assert kernel.said == [(True, "before the start", "command line")]


@pytest.mark.slow
def test_a_kernel_that_does_not_answer_is_an_error_and_the_file_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Running(tmp_path, is_deaf=True):
        assert run(tmp_path, "kill", "--reason", "are you there") == 1
        assert is_there(tmp_path / KILL)
        assert "pid 4711" in capsys.readouterr().err


@pytest.mark.slow
def test_a_resume_without_an_answer_leaves_nothing_that_could_lift_it_later(tmp_path: Path) -> None:
    with Running(tmp_path, is_deaf=True):
        assert run(tmp_path, "resume", "--reason", "all is well", "--yes") == 1
    assert not is_there(tmp_path / RESUME)


def test_resume_takes_the_file_away_and_lifts_the_switch(tmp_path: Path) -> None:
    with Running(tmp_path) as kernel:
        assert run(tmp_path, "kill", "--reason", "oracle broken") == 0
        assert run(tmp_path, "resume", "--reason", "it is mended", "--yes") == 0
    assert kernel.said[-1] == (False, "it is mended (was: oracle broken, by command line)", "command line")
    assert kernel.standing is None
    assert not is_there(tmp_path / KILL)
    assert not is_there(tmp_path / RESUME)


def test_resume_asks_where_somebody_can_answer_and_needs_yes_elsewhere(tmp_path: Path) -> None:
    (tmp_path / KILL).touch()
    with pytest.raises(ConfigError, match="--yes"):
        run(tmp_path, "resume", "--reason", "all is well")
    assert is_there(tmp_path / KILL)


def test_resume_without_a_kernel_removes_the_file_and_says_what_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / KILL).touch()
    assert run(tmp_path, "resume", "--reason", "all is well", "--yes") == 0
    assert "start it, then run `resume` again" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_resume_that_lay_there_before_the_start_is_not_honoured(tmp_path: Path) -> None:
    write(tmp_path / RESUME, Request(reason="left over", nonce="n"))
    kernel = Kernel(tmp_path)
    kernel.kill("recorded", "dashboard")
    kernel.watch.poll()
    assert kernel.standing is not None
    assert not is_there(tmp_path / RESUME)
    assert [each[0] for each in kernel.said] == [True]


def test_an_old_resume_is_not_honoured(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path)
    kernel.kill("x", "dashboard")
    kernel.watch.poll()
    write(tmp_path / RESUME, Request(reason="left over", nonce="n"))
    os.utime(tmp_path / RESUME, (1, 1))
    kernel.watch.poll()
    assert kernel.standing is not None
    answer = read_answer(tmp_path, "n")
    assert answer is not None
    assert (answer.is_done, answer.text) == (False, "this request is old; ask again")


@pytest.mark.parametrize("by", [LOG_HALT, "dashboard"])
def test_no_resume_while_the_log_cannot_be_written_or_the_kill_file_lies_there(tmp_path: Path, by: str) -> None:
    kernel = Kernel(tmp_path)
    kernel.watch.poll()
    kernel.kill("x", by)
    if by != LOG_HALT:
        (tmp_path / KILL).touch()
    write(tmp_path / RESUME, Request(reason="now", nonce="n"))
    kernel.watch.poll()
    assert kernel.standing is not None
    answer = read_answer(tmp_path, "n")
    assert answer is not None
    assert not answer.is_done


def test_a_switch_that_was_lifted_by_page_stays_lifted_while_the_old_file_lies_there(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path)
    (tmp_path / KILL).touch()
    kernel.watch.poll()
    kernel.kill("lifted", "dashboard", is_on=False)
    kernel.watch.poll()
    assert [each[0] for each in kernel.said] == [True, False]
    (tmp_path / KILL).unlink()
    kernel.watch.poll()
    (tmp_path / KILL).touch()
    kernel.watch.poll()
    assert [each[0] for each in kernel.said] == [True, False, True]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"plain words", b"x" * 100_000, b'{"reason": 5}', b"[1]"])
def test_a_kill_file_of_any_content_stops(tmp_path: Path, content: bytes) -> None:
    (tmp_path / KILL).write_bytes(content)
    kernel = Kernel(tmp_path)
    kernel.watch.poll()
    ((is_on, reason, _),) = kernel.said
    assert is_on
    assert 0 < len(reason) < 300


def test_a_pipe_a_folder_or_a_link_named_kill_stops_and_does_not_block(tmp_path: Path) -> None:
    for number, make in enumerate((os.mkfifo, os.mkdir, lambda path: os.symlink("/nowhere", path))):
        data = tmp_path / str(number)
        data.mkdir()
        make(data / KILL)
        kernel = Kernel(data)
        kernel.watch.poll()
        assert kernel.standing is not None


def test_a_request_of_another_hand_is_read_as_plain_words(tmp_path: Path) -> None:
    (tmp_path / KILL).write_text("the exchange\nis \u202edown")
    assert read_request(tmp_path / KILL).reason == "the exchange is \N{REPLACEMENT CHARACTER}down"


def test_a_folder_that_is_none_is_refused_lest_nothing_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing would be stopped"):
        run(tmp_path / "typo", "kill", "--reason", "stop it")
    with pytest.raises(ConfigError, match="--reason"):
        run(tmp_path, "kill", "--reason", " ")
    assert running_pid(tmp_path) is None


async def test_the_watch_runs_by_itself_until_cancelled(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path)
    task = asyncio.create_task(kernel.watch.run())
    (tmp_path / KILL).touch()
    async with asyncio.timeout(5):
        while kernel.standing is None:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.slow
async def test_a_running_kernel_stops_and_resumes_by_the_shell_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    process = KernelProcess(load_profile("demo", {}), data, is_with_db=False)
    await process.start()
    for task in asyncio.all_tasks():  # the watch under test takes the place of the kernel's own
        if task.get_name() == "kill-file":
            task.cancel()
    kills = process.core.runner.kills
    watch = asyncio.create_task(KillWatch(data, process.kill, lambda: kills.get(""), WallClock()).run())
    try:
        assert await asyncio.to_thread(run, data, "kill", "--reason", "oracle broken") == 0
        assert (kills[""].reason, kills[""].by) == ("oracle broken", "command line")
        assert await asyncio.to_thread(run, data, "resume", "--reason", "it is mended", "--yes") == 0
        assert kills == {}
        process.kill("by the page", "dashboard")
        assert await asyncio.to_thread(run, data, "resume", "--reason", "seen and well", "--yes") == 0
        assert kills == {}
    finally:
        watch.cancel()
        await process.stop()
        process.release()

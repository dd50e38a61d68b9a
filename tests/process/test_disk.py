"""The disk refuses the event log: new orders stop, the kernel stays up and says so, and goes on when it can."""

import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.events import Alert, KillSwitchSet, OrderApproved
from kernel.live import LOG_HALT
from tests.process.conftest import Start
from tests.process.kernel_run import BUSY, KernelRun, wait_for
from tests.process.recorded_log import RecordedLog, last_segment, wait_for_orders

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("process")]

BUSY_FEED = ("--profile", str(BUSY), "--speed", "2000", "--no-db")


def limit_files(run: KernelRun, size_bytes: int) -> None:
    """No file of the kernel may grow beyond this (EFBIG)."""
    _, hard = resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE, (size_bytes, hard))


def fill(ballast: Path) -> None:
    """Take all the space that is left."""
    fd = os.open(ballast, os.O_WRONLY | os.O_CREAT)
    with pytest.raises(OSError, match="No space left"):
        while True:
            os.write(fd, b"x" * 512)
    os.close(fd)


def assert_orders_rested(log: RecordedLog) -> None:
    """Between the stop and its end nothing was approved but what the kernel itself does to end a position."""
    is_halted = False
    halts = 0
    for event in log.events:
        if isinstance(event, KillSwitchSet) and event.by == LOG_HALT:
            is_halted = event.is_on
            halts += is_halted
        assert not (is_halted and isinstance(event, OrderApproved) and not event.is_unwind)
    assert halts and not is_halted


def test_a_log_that_cannot_grow_stops_orders_and_loses_nothing(start: Start, data: Path) -> None:
    run = start(*BUSY_FEED).wait_ready()
    before = wait_for_orders(data)
    limit_files(run, last_segment(data).stat().st_size)
    run.wait_cell("kill", "on")
    cells = run.cells()
    assert "cannot write the event log" in cells["kill.reason"]
    assert "File too large" in cells["kill.reason"]
    assert cells["kill.by"] == LOG_HALT
    size = last_segment(data).stat().st_size
    seq = int(run.cells()["seq"].replace(",", ""))
    run.wait_cell("seq", lambda text: int(text.replace(",", "")) > seq + 2_000)
    assert last_segment(data).stat().st_size <= size
    assert "cannot write the event log" in run.read("/")
    limit_files(run, resource.RLIM_INFINITY)
    run.wait_cell("kill", "off")
    wait_for_orders(data, before)
    assert run.stop()[0] == 0
    log = RecordedLog(data)
    assert_orders_rested(log)
    log.assert_nothing_doubled()
    log.assert_verifies()
    told = [event.severity for event in log.events if isinstance(event, Alert) and event.code == LOG_HALT]
    assert told == ["critical", "info"]


def test_the_operators_own_stop_outlives_the_trouble(start: Start, data: Path) -> None:
    run = start(*BUSY_FEED).wait_ready()
    run.cells()
    assert run.post("/kill", reason="by hand") in (204, 303)
    run.wait_cell("kill", "on")
    limit_files(run, last_segment(data).stat().st_size)
    wait_for(lambda: "cannot write the event log" in run.read("/"), "the alert")
    limit_files(run, resource.RLIM_INFINITY)
    wait_for(lambda: "is written again" in run.read("/"), "the end of the trouble")
    assert run.cells()["kill.reason"] == "by hand"
    assert run.stop()[0] == 0


def test_a_stop_while_the_log_cannot_be_written_says_what_is_lost(start: Start, data: Path) -> None:
    run = start(*BUSY_FEED).wait_ready()
    wait_for_orders(data)
    limit_files(run, last_segment(data).stat().st_size)
    run.wait_cell("kill", "on")
    code, seconds = run.stop()
    assert code == 1
    assert seconds < 5.0
    assert "cannot write the event log" in run.errors
    assert "are lost" in run.errors
    assert "Traceback" not in run.errors
    assert "stopped; log" in run.output
    RecordedLog(data).assert_verifies()
    again = start(*BUSY_FEED).wait_ready()
    wait_for(lambda: RecordedLog(data).restarts or None, "the restart on the disk", poll_s=0.1)
    assert again.stop()[0] == 0
    RecordedLog(data).assert_verifies()


def test_a_kill_while_the_log_cannot_be_written_leaves_a_log_to_continue(start: Start, data: Path) -> None:
    run = start(*BUSY_FEED).wait_ready()
    wait_for_orders(data)
    limit_files(run, last_segment(data).stat().st_size + 50)
    run.wait_cell("kill", "on")
    run.kill()
    state = RecordedLog(data).state()
    again = start(*BUSY_FEED).wait_ready()
    assert f"state {state}" in again.said("recovered")
    assert again.cells()["kill"] == "off"
    wait_for(lambda: RecordedLog(data).restarts or None, "the restart on the disk", poll_s=0.1)
    assert again.stop()[0] == 0
    RecordedLog(data).assert_verifies()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = os.geteuid() == 0 and not subprocess.call(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], stderr=subprocess.DEVNULL
    )
    if not mounted:
        pytest.skip("NO SMALL DISK: mounting a tmpfs needs root; the tests with a file size limit stand for it")
    yield folder
    subprocess.check_call(["umount", "--lazy", str(folder)])


def test_a_full_disk_is_survived_until_space_returns(start: Start, small_disk: Path) -> None:
    data = small_disk / "data"
    ballast = small_disk / "ballast"
    run = start(*BUSY_FEED, folder=data).wait_ready()
    before = wait_for_orders(data)
    fill(ballast)
    run.wait_cell("kill", "on")
    assert "No space left on device" in run.cells()["kill.reason"]
    ballast.unlink()
    run.wait_cell("kill", "off")
    wait_for_orders(data, before)
    assert run.stop(signal.SIGINT)[0] == 0
    log = RecordedLog(data)
    assert_orders_rested(log)
    log.assert_nothing_doubled()
    log.assert_verifies()


def test_a_start_on_a_full_disk_is_one_clear_error(start: Start, small_disk: Path) -> None:
    data = small_disk / "data"
    run = start(*BUSY_FEED, folder=data).wait_ready()
    wait_for_orders(data)
    run.kill()
    state = RecordedLog(data).state()
    ballast = small_disk / "ballast"
    fill(ballast)
    refused = start(*BUSY_FEED, folder=data)
    assert refused.wait_ended() == 2
    assert refused.errors.count("\n") == 1
    assert "No space left on device" in refused.errors
    ballast.unlink()
    again = start(*BUSY_FEED, folder=data).wait_ready()
    assert f"state {state}" in again.said("recovered")
    assert again.stop()[0] == 0

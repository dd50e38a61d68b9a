"""A kernel that cannot run says why in one line, exits with 2, and leaves everything as it was."""

import socket
from pathlib import Path

import pytest

from kernel.compose.live import BUNDLED_LOG
from tests.process.conftest import Start
from tests.process.kernel_run import BUSY, KernelRun, servers_of, wait_for
from tests.process.recorded_log import RecordedLog, last_segment

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.xdist_group("process")]

BUSY_FEED = ("--profile", str(BUSY), "--no-db")


def assert_refused(run: KernelRun, *words: str) -> None:
    assert run.wait_ended() == 2, run.errors
    assert run.errors.startswith("error: ")
    assert run.errors.count("\n") == 1, run.errors
    for word in words:
        assert word in run.errors
    assert not servers_of(run.data)


def files_of(folder: Path) -> dict[str, bytes]:
    """Everything below a folder but the lock, which every start takes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "kernel.lock"
    }


def record(start: Start, data: Path) -> None:
    """Two thousand events more, cut short."""
    before = RecordedLog(data).last_seq if (data / "log").exists() else 0
    run = start(*BUSY_FEED).wait_ready()
    wait_for(lambda: RecordedLog(data).last_seq > before + 2_000 or None, "events", poll_s=0.1)
    run.kill()


def test_a_second_kernel_on_the_same_folder_is_refused(start: Start, data: Path) -> None:
    first = start().wait_ready()
    first.wait_cell("db.state", "up")
    servers = servers_of(data)
    second = start()
    assert second.wait_ended() == 2
    assert second.errors.count("\n") == 1
    assert f"in use by another kernel (pid {first.process.pid})" in second.errors
    assert servers_of(data)[:1] == servers[:1]
    assert len(list((data / "log").iterdir())) == 1
    assert first.stop()[0] == 0
    RecordedLog(data).assert_verifies()


def test_a_taken_port_is_refused_before_anything_is_started(start: Start, data: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        assert_refused(start("--port", port), "cannot listen on 127.0.0.1:" + port, "--port")
    assert files_of(data) == {}
    assert not (data / "postgres").exists()


def test_a_refused_start_keeps_a_torn_tail_for_the_one_that_runs(start: Start, data: Path) -> None:
    record(start, data)
    with last_segment(data).open("ab") as file:
        file.write(b"half a block")
    before = files_of(data)
    assert_refused(start("--no-db", "--feed", "/nowhere.evl"), "/nowhere.evl")
    assert files_of(data) == before
    run = start(*BUSY_FEED).wait_ready()
    wait_for(lambda: RecordedLog(data).restarts or None, "the restart on the disk", poll_s=0.1)
    assert run.stop()[0] == 0
    assert [event.is_tail_torn for event in RecordedLog(data).restarts] == [True]


@pytest.mark.parametrize(
    ("arguments", "environ", "words"),
    [
        (("--profile", "nonsense"), {}, ("no profile 'nonsense'", "demo", "paper", "prod")),
        (("--profile", "missing.toml"), {}, ("missing.toml",)),
        (("--profile", "prod"), {}, ("live trading is not possible",)),
        (("--feed", "missing.evl"), {}, ("missing.evl", "no such file")),
        (("--feed", "pyproject.toml"), {}, ("pyproject.toml", "not an event log")),
        (("--speed", "0"), {}, ("--speed", "0.01")),
        (("--speed", "nan"), {}, ("--speed",)),
        (("--port", "70000"), {}, ("--port", "65535")),
        ((), {"CEX_DEX_ARB_MODULE_ENABLED": "maybe"}, ("CEX_DEX_ARB_MODULE_ENABLED", "maybe")),
        (("--data", "/proc/nowhere"), {}, ("/proc/nowhere", "--data")),
        (("--data", "/dev/null"), {}, ("/dev/null", "--data")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) and value and value[0][:2] == "--" else "",
)
def test_a_wrong_use_is_one_clear_error(
    arguments: tuple[str, ...], environ: dict[str, str], words: tuple[str, ...], start: Start, data: Path
) -> None:
    assert_refused(start("--no-db", *arguments, environ=environ), *words)
    assert not (data / "log").exists()


def test_a_feed_damaged_at_its_start_is_refused(start: Start, data: Path, tmp_path: Path) -> None:
    feed = tmp_path / "feed.evl"
    raw = bytearray(BUNDLED_LOG.read_bytes())
    raw[2_000] ^= 0xFF
    feed.write_bytes(raw)
    assert_refused(start("--no-db", "--feed", str(feed)), str(feed), "damaged")


def test_a_feed_damaged_further_on_stops_with_an_alert_and_the_kernel_stays(
    start: Start, data: Path, tmp_path: Path
) -> None:
    feed = tmp_path / "feed.evl"
    raw = bytearray(BUNDLED_LOG.read_bytes())
    raw[60_000] ^= 0xFF
    feed.write_bytes(raw)
    run = start("--no-db", "--feed", str(feed), "--speed", "10000").wait_ready()
    wait_for(lambda: "the feed stopped" in run.read("/"), "the alert")
    assert run.stop()[0] == 0
    RecordedLog(data).assert_verifies()


@pytest.mark.parametrize("place", ["payload", "head"])
def test_a_log_damaged_in_its_middle_is_refused_and_left_alone(place: str, start: Start, data: Path) -> None:
    record(start, data)
    path = last_segment(data)
    raw = bytearray(path.read_bytes())
    frame = raw.index(b"\x28\xb5\x2f\xfd", len(raw) // 3)
    raw[frame + 30 if place == "payload" else frame - 20 + 3] ^= 0x7F
    path.write_bytes(raw)
    before = files_of(data)
    assert_refused(start(*BUSY_FEED), str(path), "damaged", "restore it from a copy")
    assert_refused(start("--profile", str(BUSY)), str(path), "damaged")
    assert files_of(data) == before


def test_a_log_with_a_missing_segment_is_refused(start: Start, data: Path) -> None:
    for _ in range(3):
        record(start, data)
    (data / "log" / "000002-r0002.evl").unlink()
    assert_refused(start(*BUSY_FEED), "000003-r0003.evl", "missing or cut")


def test_a_database_that_is_nowhere_leaves_the_kernel_running(start: Start, data: Path) -> None:
    run = start("--profile", str(BUSY), environ={"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}).wait_ready()
    run.wait_cell("db.state", "degraded")
    run.wait_cell("seq", lambda text: int(text.replace(",", "")) > 1_000)
    assert "trading goes on" in run.errors
    code, seconds = run.stop()
    assert code == 0
    assert seconds < 5.0
    RecordedLog(data).assert_verifies()


def test_without_a_database_the_page_says_off(start: Start, data: Path) -> None:
    run = start(*BUSY_FEED).wait_ready()
    assert run.said("database") == "none"
    assert run.cells()["db.state"] == "off"
    assert run.stop()[0] == 0
    assert not (data / "postgres").exists()

"""A running kernel is stopped: quickly, in order, with a log that is whole and replays to the same bytes."""

import signal
import time
from pathlib import Path

import pytest

from bus.events import StrategyCommand
from tests.process.conftest import Start
from tests.process.kernel_run import BUSY, servers_of, wait_for
from tests.process.recorded_log import RecordedLog, last_segment, torn_bytes, wait_for_orders

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.xdist_group("process")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_demo_run_stops_in_order_and_its_log_verifies(number: signal.Signals, start: Start, data: Path) -> None:
    run = start("--speed", "5000").wait_ready()
    run.wait_cell("db.state", "up")
    wait_for_orders(data, 4)
    code, seconds = run.stop(number)
    assert (code, run.errors) == (0, "")
    assert seconds < 5.0
    assert torn_bytes(last_segment(data)) == 0
    log = RecordedLog(data)
    log.assert_nothing_doubled()
    log.assert_verifies()
    assert not log.open_orders()
    assert log.count(StrategyCommand) == 2
    assert f"ends at seq {log.last_seq}" in run.output
    assert not servers_of(data)


def test_a_stop_under_full_load_waits_for_no_quiet_moment(start: Start, data: Path) -> None:
    run = start("--profile", str(BUSY), "--speed", "10000", "--no-db").wait_ready()
    wait_for_orders(data, 4)
    code, seconds = run.stop()
    assert (code, run.errors) == (0, "")
    assert seconds < 5.0
    log = RecordedLog(data)
    assert not log.open_orders()
    log.assert_nothing_doubled()
    log.assert_verifies()


def test_an_open_stream_delays_the_stop_by_less_than_a_second(start: Start) -> None:
    code, alone_s = start("--no-db").wait_ready().stop()
    assert code == 0
    run = start("--no-db").wait_ready()
    connection, answer = run.ask("GET", "/stream?topics=overview")
    assert answer.readline()
    code, watched_s = run.stop()
    assert code == 0
    assert watched_s < alone_s + 1.0
    connection.close()


def test_a_second_signal_ends_at_once_and_leaves_a_log_to_continue(start: Start, data: Path, tmp_path: Path) -> None:
    slow = tmp_path / "slow.toml"
    slow.write_text(BUSY.read_text().replace("cancel_latency_ms = 20000", "cancel_latency_ms = 600000"))
    run = start("--profile", str(slow), "--speed", "100").wait_ready()
    wait_for(lambda: RecordedLog(data).open_orders() or None, "an open order")
    run.process.send_signal(signal.SIGTERM)
    wait_for(lambda: "stopping" in run.output, "the stop to begin")
    time.sleep(0.6)  # what comes sooner counts as the echo of the first signal
    code, seconds = run.stop()
    assert code == 130
    assert seconds < 2.0
    assert "second signal" in run.errors
    wait_for(lambda: not servers_of(data), "the server's own end")
    again = start("--profile", str(slow), "--no-db", "--speed", "5000").wait_ready()
    assert again.said("recovered")
    wait_for(lambda: RecordedLog(data).restarts or None, "the restart on the disk")
    assert again.stop()[0] == 0
    RecordedLog(data).assert_verifies()

"""Many open pages at once: a bounded number is served, the rest is told to come back, and trading goes on."""

from pathlib import Path

import pytest

from tests.process.conftest import Start
from tests.process.kernel_run import BUSY
from tests.process.recorded_log import RecordedLog
from webui.stream import CLIENTS_MAX

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("process")]


@pytest.mark.parametrize("asked", [50, 200])
def test_more_streams_than_are_served_do_no_harm(asked: int, start: Start, data: Path) -> None:
    run = start("--profile", str(BUSY), "--speed", "500", "--no-db").wait_ready()
    seq = int(run.cells()["seq"].replace(",", ""))
    opened = [run.ask("GET", "/stream?topics=overview") for _ in range(asked)]
    statuses = [answer.status for _, answer in opened]
    assert statuses.count(200) in (CLIENTS_MAX, CLIENTS_MAX - 1)  # the page that was just left may still count
    assert statuses.count(503) == asked - statuses.count(200)
    assert all(answer.readline() for _, answer in opened if answer.status == 200)
    code, seconds = run.stop()
    assert code == 0
    assert seconds < 5.0
    for connection, _ in opened:
        connection.close()
    log = RecordedLog(data)
    assert log.last_seq > seq
    log.assert_verifies()

"""kill -9 at drawn moments under load: every restart goes on from what the log holds, nothing lost, nothing doubled."""

import random
import time
from pathlib import Path

import pytest

from bus.events import Fill, OrderApproved
from tests.process.conftest import Start
from tests.process.kernel_run import BUSY, servers_of, wait_for
from tests.process.projection import assert_projected_exactly_once, stored_in
from tests.process.recorded_log import RecordedLog, last_segment, torn_bytes

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.xdist_group("process")]

LOAD_S = (0.05, 0.8)  #: of a run, before it is killed
START_S = (0.0, 0.5)  #: of a start that is killed
TEARS = (b"\0" * 700, b"\x40\0\0\0half a block head", b"\xff" * 300, bytes(range(256)) * 3)


def assert_no_server(data: Path) -> None:
    wait_for(lambda: not servers_of(data), "the end of the orphaned server")


@pytest.mark.parametrize("kills", [20, pytest.param(100, marks=pytest.mark.soak)])
async def test_every_restart_recovers_books_orders_and_gate(kills: int, start: Start, data: Path, pg_db: str) -> None:
    draw = random.Random(kills)
    arguments = ("--profile", str(BUSY), "--speed", "3000")
    state = ""
    open_orders = found_open = torn = 0
    for number in range(kills):
        has_db = number % 3 == 0
        is_torn = number > 0 and torn_bytes(last_segment(data)) > 0
        before = len(RecordedLog(data).restarts) if number else 0
        run = start(*arguments, *([] if has_db else ["--no-db"]))
        if number and draw.random() < 0.15:
            time.sleep(draw.uniform(*START_S))  # the moment of the kill, nothing waits for it
            run.kill()
        else:
            run.wait_ready()
            if number:
                assert f"state {state}" in run.said("recovered"), (number, run.output)
                assert ("torn tail cut" in run.said("recovered")) == is_torn
            time.sleep(draw.uniform(*LOAD_S))
            run.kill()
        assert_no_server(data)
        assert "Traceback" not in run.errors, run.errors
        log = RecordedLog(data)
        log.assert_nothing_doubled()
        state = log.state()
        if len(log.restarts) > before:
            assert log.restarts[-1].is_tail_torn == is_torn
            assert log.restarts[-1].open_orders == open_orders
            torn += is_torn
        open_orders = len(log.open_orders())
        found_open += bool(open_orders)
        if draw.random() < 0.4:
            with last_segment(data).open("ab") as file:
                file.write(draw.choice(TEARS))
    assert found_open >= kills // 3, "too few kills found an order open; the load is too light to prove anything"
    assert torn >= kills // 10

    run = start(*arguments).wait_ready()
    assert f"state {state}" in run.said("recovered")
    run.wait_cell("db.state", "up")
    assert run.stop()[0] == 0
    log = RecordedLog(data)
    log.assert_nothing_doubled()
    assert not log.open_orders()
    assert log.count(OrderApproved) > kills
    log.assert_verifies()

    await assert_projected_exactly_once(log, stored_in(data), pg_db)


def test_a_first_start_that_was_killed_is_made_good_by_the_next(start: Start, data: Path) -> None:
    for moment_s in (0.2, 0.4, 0.6, 0.8):
        run = start("--profile", str(BUSY))
        time.sleep(moment_s)  # the moment of the kill: importing, initdb, starting the server, migrating
        run.kill()
        assert_no_server(data)
    run = start("--profile", str(BUSY)).wait_ready()
    run.wait_cell("db.state", "up")
    assert run.stop()[0] == 0
    RecordedLog(data).assert_verifies()


def test_a_segment_cut_inside_its_header_is_reported_and_replaced(start: Start, data: Path) -> None:
    arguments = ("--profile", str(BUSY), "--speed", "5000", "--no-db")
    run = start(*arguments).wait_ready()
    wait_for(lambda: RecordedLog(data).count(Fill) or None, "a fill", poll_s=0.2)
    run.kill()
    state = RecordedLog(data).state()
    header = last_segment(data).read_bytes()[:100]
    (data / "log" / "000002-r0002.evl").write_bytes(header)
    run = start(*arguments).wait_ready()
    assert f"state {state}" in run.said("recovered")
    assert "ends inside its header" in run.said("recovered")
    wait_for(lambda: RecordedLog(data).restarts or None, "the restart on the disk", poll_s=0.1)
    assert run.stop()[0] == 0
    log = RecordedLog(data)
    assert [event.is_tail_torn for event in log.restarts] == [True]
    log.assert_verifies()

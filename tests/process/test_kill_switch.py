"""The kill switch of a running kernel: by file, by page; it stops orders, and a restart does not lift it."""

from pathlib import Path

import pytest

from bus.events import KillSwitchSet, OrderApproved
from tests.process.conftest import Start
from tests.process.kernel_run import BUSY, wait_for
from tests.process.recorded_log import RecordedLog, wait_for_orders

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("process")]

BUSY_FEED = ("--profile", str(BUSY), "--speed", "2000", "--no-db")


def orders_after_the_switch(data: Path) -> list[str]:
    """New orders while it was on; what ends positions is no new order."""
    found = []
    is_on = False
    for event in RecordedLog(data).events:
        if isinstance(event, KillSwitchSet):
            is_on = event.is_on
        elif is_on and isinstance(event, OrderApproved) and not event.is_unwind:
            found.append(event.order_id)
    return found


def test_a_file_stops_everything_and_a_restart_does_not_lift_it(start: Start, data: Path) -> None:
    run = start(*BUSY_FEED).wait_ready()
    wait_for_orders(data)
    (data / "KILL").touch()
    run.wait_cell("kill", "on")
    assert run.cells()["kill.by"] == "file"
    (data / "KILL").unlink()
    run.kill()
    again = start(*BUSY_FEED).wait_ready()
    assert again.cells()["kill"] == "on"
    seq = int(again.cells()["seq"].replace(",", ""))
    again.wait_cell("seq", lambda text: int(text.replace(",", "")) > seq + 3_000)
    assert again.stop()[0] == 0
    assert not orders_after_the_switch(data)
    third = start(*BUSY_FEED).wait_ready()
    assert third.cells()["kill"] == "on"
    approved = RecordedLog(data).count(OrderApproved)
    assert third.post("/kill/reset", reason="all is well") in (204, 303)
    third.wait_cell("kill", "off")
    wait_for_orders(data, approved)
    assert third.stop()[0] == 0
    log = RecordedLog(data)
    assert not orders_after_the_switch(data)
    log.assert_nothing_doubled()
    log.assert_verifies()


def test_a_file_that_is_there_at_the_start_lets_no_order_through(start: Start, data: Path) -> None:
    data.mkdir(mode=0o700)
    (data / "KILL").touch()
    run = start(*BUSY_FEED).wait_ready()
    run.wait_cell("seq", lambda text: int(text.replace(",", "")) > 3_000)
    assert run.cells()["kill"] == "on"
    assert run.stop()[0] == 0
    assert not RecordedLog(data).count(OrderApproved)


def test_what_a_person_paused_stays_paused_and_what_the_stop_paused_goes_on(start: Start, data: Path) -> None:
    run = start(*BUSY_FEED).wait_ready()
    run.cells()
    assert run.post("/cex_dex_arb/command", command="pause") in (204, 303)
    wait_for(lambda: "paused by dashboard" in run.read("/cex_dex_arb/dashboard"), "the pause")
    assert run.stop()[0] == 0
    again = start(*BUSY_FEED).wait_ready()
    wait_for(lambda: RecordedLog(data).restarts or None, "the restart on the disk", poll_s=0.1)
    assert "paused by dashboard" in again.read("/cex_dex_arb/dashboard")
    assert "halt by kernel" not in again.read("/drift_funding_arb/dashboard")
    assert again.stop()[0] == 0
    core = RecordedLog(data).fold()
    assert core.runner.slots["cex_dex_arb"].state == "paused"
    RecordedLog(data).assert_verifies()

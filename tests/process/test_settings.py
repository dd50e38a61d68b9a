"""A setting that is changed while the kernel runs: used between two events, in the log, and still there afterwards."""

from pathlib import Path

import msgspec
import pytest

from bus.events import SettingsChanged
from tests.process.conftest import Start
from tests.process.kernel_run import KernelRun, wait_for
from tests.process.recorded_log import RecordedLog

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.xdist_group("process")]

DEMO = ("--profile", "demo", "--speed", "300")


def changes(data: Path) -> list[SettingsChanged]:
    return [event for event in RecordedLog(data).events if isinstance(event, SettingsChanged)]


def save(run: KernelRun, module: str, version: int, **values: str) -> int:
    form = {name: value for key, text in values.items() for name, value in ((f"f.{key}", text), (f"was.{key}", ""))}
    return run.post(f"/settings/{module}", version=str(version), why="because of a test", **form)


def test_a_saved_setting_is_used_recorded_and_survives_a_crash(start: Start, data: Path) -> None:
    run = start(*DEMO).wait_ready()
    assert save(run, "cex_dex_arb", 0, min_profit_usd="1234.5") == 303
    wait_for(lambda: changes(data), "the change in the log")
    [change] = changes(data)
    settings = msgspec.json.decode(change.settings_json)
    assert (change.strategy, settings["min_profit_usd"], change.version) == ("cex_dex_arb", 1234.5, 1)
    assert change.changed_by == "dashboard"
    assert save(run, "cex_dex_arb", 1, min_profit_usd="-1") != 303
    assert save(run, "cex_dex_arb", 0, min_profit_usd="5") == 409
    assert save(run, "risk", 0, budget_usd="99999999") != 303
    seq = int(run.cells()["seq"].replace(",", ""))
    run.wait_cell("seq", lambda text: int(text.replace(",", "")) > seq + 2_000)
    run.kill()
    again = start(*DEMO).wait_ready()
    page = again.read("/cex_dex_arb/settings")
    assert 'value="1234.5"' in page
    assert len(changes(data)) == 1  # the fold of the log has it; nothing had to be said again
    assert save(again, "cex_dex_arb", 1, min_profit_usd="7") == 303
    wait_for(lambda: len(changes(data)) == 2, "the second change in the log")
    assert again.stop()[0] == 0
    log = RecordedLog(data)
    log.assert_nothing_doubled()
    log.assert_verifies()

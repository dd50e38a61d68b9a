"""A log of several runs is one market to a simulation: the recorded kernel's own stops stop nobody there."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from bus.events import Event, Quote, RunRestarted, StrategyCommand
from bus.intents import Intent
from kernel.core import CoreSpec, StrategySpec
from kernel.log import LogHeader
from kernel.replay import simulate
from kernel.runner import BY_KERNEL
from persistence.event_log import EventLogReader, EventLogWriter
from tests.builders import SECOND, T0, listed, place, quote
from tests.kernel.puppet import WIDE, puppet


def _buy(self: Any, event: Any) -> Iterable[Intent]:
    if type(event) is Quote:
        yield place(qty="0.01")


def orders_after(stop: list[Event], folder: Path) -> tuple[str, int]:
    """State of the strategy and its approved orders when quotes come before and after `stop`."""
    header = LogHeader(run="r1", created_ts_ns=T0, code_version="t", profile="t")
    log = EventLogWriter(folder / "log.evl", header)
    before: list[Event] = [listed(), *(quote(T0 + second * SECOND) for second in range(5))]
    after: list[Event] = [quote(T0 + second * SECOND) for second in range(12, 17)]
    for seq, event in enumerate([*before, *stop, *after], start=1):
        log.append(seq, False, event)
    log.close()
    spec = CoreSpec(run="sim", strategies=(StrategySpec(kind=puppet("buyer", _buy), limits=WIDE),))
    slot = simulate(EventLogReader(folder / "log.evl"), spec).core.runner.slots["buyer"]
    return slot.state, slot.approved


@pytest.mark.parametrize("command", ["pause", "halt", "stop"])
def test_a_graceful_stop_and_restart_leave_the_simulation_running(command: str, tmp_path: Path) -> None:
    stopped = StrategyCommand(ts_ns=T0 + 10 * SECOND, strategy="buyer", command=command, by=BY_KERNEL)
    restarted = RunRestarted(ts_ns=T0 + 11 * SECOND, previous_run="r1", is_tail_torn=False, open_orders=0, note="")
    assert orders_after([stopped, restarted], tmp_path) == ("running", 10)


def test_an_operators_pause_stays(tmp_path: Path) -> None:
    paused = StrategyCommand(ts_ns=T0 + 10 * SECOND, strategy="buyer", command="pause", by="dashboard")
    assert orders_after([paused], tmp_path) == ("paused", 5)

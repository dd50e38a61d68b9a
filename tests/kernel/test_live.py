"""The live loop: what it does when the log or a fold fails."""

import asyncio
from collections.abc import Callable

import pytest
from pytest import MonkeyPatch as Patch

from bus.bus import STAGE_FOLD
from bus.clock import ManualClock
from bus.events import Alert, KillSwitchSet, Quote
from bus.events.base import Event
from kernel import live
from kernel.core import Core, CoreSpec
from kernel.errors import StoreError
from kernel.live import LOG_HALT, LiveLoop
from tests.builders import T0, quote


class FakeLog:
    """Refuses while told to."""

    def __init__(self) -> None:
        self.events: list[tuple[int, Event]] = []
        self.is_refusing = False
        self.takes = 1 << 60

    def append(self, seq: int, is_derived: bool, event: Event) -> None:
        if len(self.events) >= self.takes:
            raise StoreError("no more")
        self.events.append((seq, event))

    def flush(self) -> None:
        if self.is_refusing:
            raise StoreError("disk full")

    def barrier(self) -> None:
        self.flush()


async def until(is_met: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not is_met():
            await asyncio.sleep(0)


def begin(monkeypatch: Patch, on_failure: Callable[[], None] | None = None) -> tuple[LiveLoop, FakeLog]:
    monkeypatch.setattr(live, "FLUSH_EVERY_S", 0.0)
    core = Core(CoreSpec(run="r1"))
    core.begin(T0)
    log = FakeLog()
    loop = LiveLoop(core, log, ManualClock(T0), on_failure=on_failure)
    loop.start()
    return loop, log


async def test_a_log_that_refuses_stops_orders_and_one_that_takes_again_lets_them(monkeypatch: Patch) -> None:
    loop, log = begin(monkeypatch)
    log.is_refusing = True
    await until(lambda: "" in loop.core.runner.kills)
    assert loop.core.runner.kills[""].by == LOG_HALT
    assert loop.log_failure == "disk full"
    log.is_refusing = False
    await until(lambda: not loop.core.runner.kills)
    await loop.stop()
    assert loop.log_failure == ""
    assert [each.severity for _, each in log.events if isinstance(each, Alert)] == ["critical", "info"]


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "during"])
async def test_an_operators_stop_is_not_lifted_with_the_trouble(is_before: bool, monkeypatch: Patch) -> None:
    loop, log = begin(monkeypatch)
    kills = loop.core.runner.kills
    by_hand = KillSwitchSet(ts_ns=T0, is_on=True, strategy="", reason="by hand", by="dashboard")
    if is_before:
        loop.core.bus.publish(by_hand)
        await until(lambda: kills)
    log.is_refusing = True
    await until(lambda: loop.log_failure)
    if not is_before:
        await until(lambda: kills)
        loop.core.bus.publish(by_hand)
    await until(lambda: kills.get("") == by_hand)
    log.is_refusing = False
    await until(lambda: not loop.log_failure)
    await loop.stop()
    assert kills[""] == by_hand


async def test_after_a_fold_raised_nothing_more_is_handled(monkeypatch: Patch) -> None:
    failures: list[int] = []
    loop, log = begin(monkeypatch, lambda: failures.append(loop.core.bus.seq))
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))

    def broken(event: Quote) -> None:
        raise ArithmeticError("a fold of ours is wrong")

    loop.core.bus.subscribe(Quote, broken, STAGE_FOLD)
    loop.core.bus.publish(quote(T0))
    loop.core.bus.publish(quote(T0 + 1))
    await until(lambda: failures)
    loop.core.bus.publish(quote(T0 + 2))
    await asyncio.sleep(0)
    await loop.stop()
    assert failures == [1] and loop.has_failed
    assert [type(each) for each in told] == [ArithmeticError]
    assert [seq for seq, _ in log.events] == [1]


async def test_a_log_that_takes_no_more_ends_the_run(monkeypatch: Patch) -> None:
    failures: list[int] = []
    loop, log = begin(monkeypatch, lambda: failures.append(loop.core.bus.seq))
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    log.takes = 2
    for number in range(5):
        loop.core.bus.publish(quote(T0 + number))
    await until(lambda: failures)
    await loop.stop()
    assert len(log.events) == 2
    assert len(failures) == 1


async def test_a_stop_on_request_is_no_failure(monkeypatch: Patch) -> None:
    loop, _ = begin(monkeypatch)
    await loop.stop()
    assert not loop.has_failed


def test_lag_is_a_ring_for_the_page_and_a_histogram_for_metrics() -> None:
    lag = live.LoopLag()
    for _ in range(live.LAG_SAMPLES):
        lag.add(40.0)
    for _ in range(live.LAG_SAMPLES):
        lag.add(0.7)
    assert lag.p99_ms() == 0.7
    counts = dict(lag.histogram.buckets())
    assert (counts["0.0005"], counts["0.001"], counts["0.05"]) == (0.0, live.LAG_SAMPLES, 2 * live.LAG_SAMPLES)

"""The live loop: pumping, punctual alarms, a log that cannot be written, an orderly stop."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bus.bus import Bus
from bus.clock import EventClock, ManualClock
from bus.events import Alert, ClockTick, Event, KillSwitchSet, OrderDenied, Quote, TimerFired
from bus.intents import Wake
from kernel.errors import StoreError
from kernel.live import LAG_SAMPLES, LOG_HALT, LiveLoop, LoopLag
from tests.builders import SECOND, T0, listed, place, quote
from tests.kernel.puppet import Stage, once, puppet, silent


class MemoryLog:
    """An event log that can refuse."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, bool, Event]] = []
        self.written = 0
        self.failure = ""

    def append(self, seq: int, is_derived: bool, event: Event) -> None:
        self.rows.append((seq, is_derived, event))

    def flush(self) -> None:
        if self.failure:
            raise StoreError(self.failure)
        self.written = len(self.rows)

    def barrier(self) -> None:
        self.flush()


async def _until(claim: Callable[[], Any], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not claim():
            await asyncio.sleep(0.002)


def _live(stage: Stage, clock: Any = None, **options: Any) -> tuple[LiveLoop, MemoryLog, Bus]:
    log = MemoryLog()
    return LiveLoop(stage.core, log, clock or ManualClock(T0), **options), log, stage.bus


async def test_what_is_published_is_recorded_before_it_is_handled_and_handled_soon() -> None:
    stage = Stage(puppet("a", silent), is_listed=False)
    live, log, bus = _live(stage)
    order: list[str] = []
    bus.tap(lambda seq, _, event: order.append(f"recorded {type(event).__name__} as {log.rows[-1][0]} of {seq}"))
    bus.subscribe(Quote, lambda _: order.append("handled"))
    live.start()
    bus.publish(listed())
    bus.publish(quote())
    await _until(lambda: "handled" in order)
    await live.stop()
    log.flush()  # as its owner does on closing
    assert order[order.index("handled") - 1] == "recorded Quote as 3 of 3"
    assert [(seq, derived) for seq, derived, _ in log.rows][:2] == [(1, False), (2, True)]
    assert log.written == len(log.rows)


async def test_a_timer_rings_without_any_market_data() -> None:
    stage = Stage(puppet("a", once(lambda: (Wake(at_ns=T0 + SECOND, name="x"),))), is_listed=False)
    live, log, bus = _live(stage, EventClock(T0, speed=50.0), wall_per_event_ns=1 / 50)
    live.start()
    bus.publish(quote(T0))
    await _until(lambda: stage.events(TimerFired))
    await live.stop()
    (tick,) = stage.events(ClockTick)
    assert stage.events(TimerFired)[0].due_ns == T0 + SECOND
    assert tick.ts_ns >= T0 + SECOND
    rows = [(derived, type(event)) for _, derived, event in log.rows]
    assert rows.index((True, TimerFired)) < rows.index((False, ClockTick))


async def test_an_earlier_alarm_replaces_the_armed_timer() -> None:
    stage = Stage(puppet("a", silent), is_listed=False)
    live, _, bus = _live(stage, EventClock(T0, speed=50.0), wall_per_event_ns=1 / 50)
    rang: list[int] = []
    live.start()
    bus.at(T0 + 10_000 * SECOND, rang.append)
    bus.publish(quote(T0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    bus.at(T0 + SECOND, rang.append)
    bus.publish(quote(T0))
    await _until(lambda: rang)
    await live.stop()
    assert rang == [T0 + SECOND]


async def test_many_inputs_leave_the_loop_room_between_pumps() -> None:
    stage = Stage(puppet("a", silent), is_listed=False)
    live, _, bus = _live(stage)
    live.start()
    for number in range(2000):
        bus.publish(quote(T0 + number))
    waiting = []
    while bus.waiting:
        waiting.append(bus.waiting)
        await asyncio.sleep(0)
    await live.stop()
    assert len(waiting) >= 2000 // 256
    assert len(stage.events(Quote)) == 2000


async def test_stopping_handles_what_waits_and_writes_it() -> None:
    stage = Stage(puppet("a", silent), is_listed=False)
    live, log, bus = _live(stage)
    live.start()
    for number in range(1000):
        bus.publish(quote(T0 + number))
    await live.stop()
    log.flush()  # as its owner does on closing
    assert bus.waiting == 0
    assert log.written == len(log.rows) == 1000
    assert all(task.done() for task in live._tasks)


async def test_a_log_that_cannot_be_written_stops_new_orders_at_once_and_lifts_by_itself() -> None:
    stage = Stage(puppet("a", silent))
    live, log, bus = _live(stage)
    live.start()
    log.failure = "cannot write the event log: No space left on device"
    bus.publish(quote(T0 + 1))
    await _until(lambda: stage.events(KillSwitchSet))
    (kill,) = stage.events(KillSwitchSet)
    assert (kill.is_on, kill.by, kill.strategy) == (True, LOG_HALT, "")
    await _until(lambda: stage.events(Alert))
    alert = stage.events(Alert)[0]
    assert alert.severity == "critical" and "No space left" in alert.text and "new orders are stopped" in alert.text
    verdict = stage.core.gate.check("a", 1, 0, place(qty="0.1"), bus.now_ns)
    assert isinstance(verdict, OrderDenied) and verdict.reason == "kill_switch"
    await asyncio.sleep(0.15)
    assert len(stage.events(Alert)) == 1
    log.failure = ""
    await _until(lambda: len(stage.events(KillSwitchSet)) == 2)
    assert not stage.core.runner.kills
    await live.stop()
    log.flush()  # as its owner does on closing
    assert log.written == len(log.rows)


@pytest.mark.parametrize("is_before", [True, False])
async def test_an_operators_kill_switch_outlives_the_trouble_with_the_log(is_before: bool) -> None:
    stage = Stage(puppet("a", silent))
    live, log, bus = _live(stage)
    operator = KillSwitchSet(ts_ns=T0 + 1, is_on=True, strategy="", reason="I said so", by="operator")
    live.start()
    if is_before:
        bus.publish(operator)
        await _until(lambda: stage.core.runner.kills)
    log.failure = "full"
    await _until(lambda: live.log_failure and stage.events(Alert))
    if not is_before:
        bus.publish(operator)
        await _until(lambda: stage.core.runner.kills.get("", operator).by == "operator")
    log.failure = ""
    await _until(lambda: not live.log_failure and len(stage.events(Alert)) == 2)
    await live.stop()
    assert stage.core.runner.kills[""].by == "operator"


def test_lag_is_the_99th_percentile_of_a_bounded_ring() -> None:
    lag = LoopLag()
    assert lag.p99_ms() is None
    for number in range(100):
        lag.add(float(number))
    assert lag.p99_ms() == 99.0
    for _ in range(LAG_SAMPLES):
        lag.add(1.0)
    assert lag.p99_ms() == 1.0
    assert len(lag._samples) == LAG_SAMPLES

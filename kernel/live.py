"""The live loop: pumps the bus, keeps alarms punctual, writes the log in time, measures its own lag.

It owns no venue and no page; `compose` brings those. If the log cannot be written, new orders stop at once and the
operator is told; what was gathered stays in memory and is written when the disk allows.
"""

import asyncio
from collections.abc import Callable

from bus.bus import FAR_FUTURE_NS, Bus
from bus.clock import NS_PER_S, Clock, stopwatch_ns
from bus.events import Alert, ClockTick, KillSwitchSet
from kernel.core import Core
from kernel.errors import StoreError
from kernel.log import EventLog
from kernel.metrics.metric_histogram import MetricHistogram

FLUSH_EVERY_S = 0.05
LAG_EVERY_S = 0.05
LAG_SAMPLES = 1_200  #: a minute of samples
LAG_BOUNDS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0)
LOG_HALT = "log_unwritable"


class LoopLag:
    """How late the loop wakes up: a ring of milliseconds, and a histogram of seconds since the start."""

    def __init__(self) -> None:
        self.histogram = MetricHistogram(LAG_BOUNDS_S)
        self._samples: list[float] = []
        self._cursor = 0

    def add(self, lag_ms: float) -> None:
        self.histogram.observe(lag_ms / 1e3)
        if len(self._samples) < LAG_SAMPLES:
            self._samples.append(lag_ms)
        else:
            self._samples[self._cursor] = lag_ms
            self._cursor = (self._cursor + 1) % LAG_SAMPLES

    def p99_ms(self) -> float | None:
        """99th percentile of the last minute, None before the first sample."""
        return self._quantile_ms(0.99)

    def p50_ms(self) -> float | None:
        """Median of the last minute, None before the first sample."""
        return self._quantile_ms(0.5)

    def _quantile_ms(self, part: float) -> float | None:
        if not self._samples:
            return None
        ordered = sorted(self._samples)
        return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


class LiveLoop:
    """Drives one `Core` on the running event loop."""

    def __init__(
        self,
        core: Core,
        log: EventLog,
        clock: Clock,
        *,
        wall_per_event_ns: float = 1.0,
        on_failure: Callable[[], None] | None = None,
    ) -> None:
        """`on_failure`: told once when a fold raised or the log took no more; nothing is handled after it."""
        self.core = core
        self._on_failure = on_failure
        self._is_failed = False
        self.has_failed = False  #: a fold raised or the log took no more: nothing is handled any more
        self.lag = LoopLag()
        self.log_failure = ""
        self._is_halted = False
        self._loop: asyncio.AbstractEventLoop
        self._log = log
        self._clock = clock
        self._wall_per_event_ns = wall_per_event_ns
        self._is_pump_scheduled = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due_ns = FAR_FUTURE_NS
        self._tasks: list[asyncio.Task[None]] = []
        bus: Bus = core.bus
        bus.tap(log.append)
        bus.stopwatch = stopwatch_ns

    def start(self) -> None:
        """Begin flushing and measuring, on the running loop."""
        self._loop = asyncio.get_running_loop()
        self.core.bus.schedule = self._schedule
        self._tasks = [
            self._loop.create_task(self._flush_forever(), name="log-flush"),
            self._loop.create_task(self._measure_forever(), name="loop-lag"),
        ]
        self._schedule()

    async def stop(self) -> None:
        """Handle what waits, end the tasks; who closes the log writes its end."""
        if self._timer is not None:
            self._timer.cancel()
        while not self._is_failed and self._pump_some():
            pass
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.core.bus.schedule = None
        self._is_failed = True

    def _schedule(self) -> None:
        if not self._is_pump_scheduled:
            self._is_pump_scheduled = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        self._is_pump_scheduled = False
        if self._is_failed:
            return
        if self._pump_some():
            self._schedule()
        self._arm()

    def _pump_some(self) -> bool:
        """Whether more waits. An error that gets here left the folds in doubt: the kernel must not go on with them."""
        is_whole = False
        try:
            has_more = self.core.bus.pump()
            is_whole = True
        finally:
            if not is_whole:
                self._is_failed = self.has_failed = True
                if self._on_failure is not None:
                    self._on_failure()
        return has_more

    def _arm(self) -> None:
        """One loop timer for the next alarm; it publishes a tick, the alarm itself rings in the drain."""
        due_ns = self.core.bus.next_alarm_ns
        if due_ns == self._timer_due_ns and self._timer is not None:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timer_due_ns = due_ns
        if due_ns == FAR_FUTURE_NS:
            return
        delay_s = max(0.0, (due_ns - self._clock.now_ns()) * self._wall_per_event_ns / NS_PER_S)
        self._timer = self._loop.call_later(delay_s, self._tick)

    def _tick(self) -> None:
        self._timer = None
        now_ns = max(self._clock.now_ns(), self._timer_due_ns)
        self._timer_due_ns = FAR_FUTURE_NS
        self.core.bus.publish(ClockTick(ts_ns=max(now_ns, self.core.bus.now_ns)))

    async def _flush_forever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_EVERY_S)
            self._flush()

    def _flush(self) -> None:
        try:
            self._log.flush()
        except StoreError as error:
            if not self.log_failure:
                if "" not in self.core.runner.kills:  # an operator's stop outlives the trouble
                    self._switch(True, str(error))
                    self._is_halted = True
                self._tell("critical", f"{error}; new orders are stopped until it can be written again")
            self.log_failure = str(error)
            return
        if self.log_failure:
            self.log_failure = ""
            self._tell("info", "the event log is written again")
            kill = self.core.runner.kills.get("")
            if self._is_halted and (kill is None or kill.by == LOG_HALT):
                self._switch(False, "the event log is written again")
            self._is_halted = False

    def _switch(self, is_on: bool, reason: str) -> None:
        self.core.bus.publish(
            KillSwitchSet(ts_ns=self._clock.now_ns(), is_on=is_on, strategy="", reason=reason, by=LOG_HALT)
        )

    def _tell(self, severity: str, text: str) -> None:
        self.core.bus.publish(
            Alert(ts_ns=self._clock.now_ns(), severity=severity, source="kernel", code=LOG_HALT, text=text)
        )

    async def _measure_forever(self) -> None:
        while True:
            before = self._loop.time()
            await asyncio.sleep(LAG_EVERY_S)
            self.lag.add(max(0.0, (self._loop.time() - before - LAG_EVERY_S) * 1e3))

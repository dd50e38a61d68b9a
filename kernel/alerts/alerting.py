"""From the bus to the channels: notices out of events, each thing once a window, a summary a day.

A view like any other: the handler only puts the event into a bounded inbox, so nothing here can delay or fail the
kernel; words are made, counted and sent by tasks. Windows, rates and hours follow the wall clock, texts quote event
time.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

from bus.bus import STAGE_VIEW, Bus
from bus.clock import NS_PER_DAY, NS_PER_HOUR, NS_PER_S, Clock
from bus.events import Alert, Event, Fill, KillSwitchSet, StrategyFaulted
from kernel.alerts.alert_settings import AlertSettings
from kernel.alerts.channel import Channel
from kernel.alerts.delivery_log import DeliveryLog
from kernel.alerts.message import Message
from kernel.alerts.notice import Notice
from kernel.alerts.notice_lane import NoticeLane
from kernel.alerts.notice_source import NOTICED, notice_of
from kernel.alerts.notice_window import NoticeWindow
from kernel.alerts.route import Route
from kernel.errors import KernelError
from kernel.secrets.redaction import redact

INBOX_MAX = 5_000  #: events between two turns of the task; a burst beyond it loses what is not grave, and counts it
URGENT_MAX = 5_000  #: of grave ones: beyond it the rest is told as a number
RECENT_MAX = 500  #: notices that /logs can show
TICK_S_MAX = 30.0  #: the day's hour is looked for at least this often: the wall clock may be stepped
TURN_MAX = 50  #: events made into words before others get the loop: under a millisecond
RESTARTS_MAX = 20  #: of tasks that a bug of ours ended, in one run
STOP_S = 2.0  #: what the end of a run gives critical notices to get out

Summary = Callable[[], Awaitable[Message]]


class Alerting:
    """Subscribes on `start`. Channels may be replaced at any time with `use`."""

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        settings: AlertSettings,
        *,
        tell_kernel: Callable[[str, str, str], None],
        summary: Summary | None = None,
    ) -> None:
        """`tell_kernel(severity, code, text)` publishes an alert; `summary` makes the daily one."""
        self.deliveries = DeliveryLog()
        self.recent: deque[Notice] = deque(maxlen=RECENT_MAX)  #: oldest first, before anything is counted together
        self.lost = 0  #: events that did not fit the inbox
        self._bus = bus
        self._clock = clock
        self._settings = settings
        self._summary = summary
        self._tell_kernel = tell_kernel
        self._restarts = 0
        self._window = NoticeWindow(settings.dedup_window_s)
        self._inbox: deque[tuple[int, Event]] = deque()
        self._urgent: deque[tuple[int, Event]] = deque()
        self._lost_urgent = 0
        self._wake = asyncio.Event()
        self._lanes: dict[str, NoticeLane] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._pump: asyncio.Task[None] | None = None
        self._daily_ns = self._next_daily_ns()

    # settings -----------------------------------------------------------------------------------------------------

    def apply(self, settings: AlertSettings) -> None:
        """New settings from now on. Channels and their routes come by `use`."""
        before, self._settings = self._settings, settings
        self._window.apply(settings.dedup_window_s)
        if before.daily_hour != settings.daily_hour:  # else one that is due this second would be passed over
            self._daily_ns = self._next_daily_ns()
        self._wake.set()

    async def use(self, channels: Iterable[tuple[Channel, Route]]) -> None:
        """Exactly these channels from now on. One whose object stays keeps its queue; a removed one is cancelled."""
        wanted = {channel.name: (channel, route) for channel, route in channels}
        for name, lane in list(self._lanes.items()):
            if name not in wanted or lane.channel is not wanted[name][0]:
                await self._end(name)
        for name, (channel, route) in wanted.items():
            kept = self._lanes.get(name)
            if kept is not None:
                kept.apply(route)
                continue
            self._lanes[name] = NoticeLane(channel, route, self._clock, self.deliveries)
            self._work(name)

    def _work(self, name: str) -> None:
        task = self._tasks[name] = asyncio.create_task(self._lanes[name].run(), name=f"notices-{name}")
        task.add_done_callback(lambda done: self._on_lane_done(name, done))

    def _on_lane_done(self, name: str, task: "asyncio.Task[None]") -> None:
        """A lane ends by being cancelled, by its channel's word, or by a bug of ours; the last two are told."""
        if task.cancelled() or self._tasks.get(name) is not task:
            return
        error = task.exception()
        if error is None:
            self._tell_kernel("critical", "channel_stopped", f"{name}: {self._lanes[name].stopped_by}")
            return
        self._tell_kernel("critical", "channel_failed", f"{name}: {type(error).__name__}: {redact(str(error))}")
        if self._may_restart():
            self._work(name)

    async def _end(self, name: str) -> None:
        del self._lanes[name]
        task = self._tasks.pop(name)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    @property
    def lanes(self) -> tuple[NoticeLane, ...]:
        """The channels at work, for the page."""
        return tuple(self._lanes.values())

    @property
    def held(self) -> int:
        """Repeats that wait to be told as a count."""
        return self._window.held

    # life -----------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen to the bus from the next event on."""
        for kind in NOTICED:
            self._bus.subscribe(kind, self._on_event, STAGE_VIEW)
        self._begin()

    def _begin(self) -> None:
        self._pump = asyncio.create_task(self._run(), name="alerting")
        self._pump.add_done_callback(self._on_pump_done)

    def _on_pump_done(self, task: "asyncio.Task[None]") -> None:
        """The pump has no end but a bug of ours."""
        if task.cancelled():
            return
        error = task.exception()
        self._tell_kernel("critical", "alerts_failed", f"{type(error).__name__}: {redact(str(error))}")
        if self._may_restart():
            self._begin()

    def _may_restart(self) -> bool:
        self._restarts += 1
        return self._restarts <= RESTARTS_MAX

    async def stop(self) -> None:
        """Stop listening; critical notices get two seconds to leave, then everything is cancelled. Idempotent."""
        for kind in NOTICED:
            self._bus.unsubscribe(kind, self._on_event)
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
            self._pump = None
            self._take_inbox(INBOX_MAX + URGENT_MAX)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                await asyncio.gather(*(lane.drain_critical() for lane in self.lanes))
        for name in list(self._lanes):
            await self._end(name)

    # in -------------------------------------------------------------------------------------------------------------

    def _on_event(self, event: Event) -> None:
        """On the bus: must be quick and must not raise."""
        if isinstance(event, Fill) and not self._settings.fills_enabled:
            return
        if isinstance(event, KillSwitchSet | StrategyFaulted) or (
            isinstance(event, Alert) and event.severity == "critical"
        ):
            if len(self._urgent) < URGENT_MAX:
                self._urgent.append((self._bus.seq, event))
            else:
                self._lost_urgent += 1
        else:
            if len(self._inbox) >= INBOX_MAX:
                self._inbox.popleft()
                self.lost += 1
            self._inbox.append((self._bus.seq, event))
        self._wake.set()

    def tell(self, notice: Notice) -> None:
        """A notice that is no event of the log."""
        self._offer(notice)
        self._wake.set()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            while self._take_inbox(TURN_MAX):  # noqa: ASYNC110 - not a wait: it gives way
                await asyncio.sleep(0)
            now_ns = self._clock.now_ns()
            for notice in self._window.due(now_ns):
                self._hand_out(notice)
            if now_ns >= self._daily_ns:
                self._daily_ns = self._next_daily_ns()
                await self._tell_daily()
            due_ns = min(self._daily_ns, self._window.next_due_ns or self._daily_ns)
            wait_s = min(TICK_S_MAX, max(0.0, (due_ns - self._clock.now_ns()) / NS_PER_S))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait_s)

    def _take_inbox(self, count: int) -> bool:
        """Make words of up to `count` events, grave ones first. Returns whether more wait."""
        for waiting in (self._urgent, self._inbox):
            while waiting and count > 0:
                self._offer(notice_of(*waiting.popleft()))
                count -= 1
        if self._lost_urgent:
            count, self._lost_urgent = self._lost_urgent, 0
            text = f"{count:,} critical events came faster than they could be told; the log has them"
            self._hand_out(self._own("critical", "alerts_overflow", text))
        return bool(self._urgent or self._inbox)

    def _offer(self, notice: Notice) -> None:
        self.recent.append(notice)
        for each in self._window.offer(notice, self._clock.now_ns()):
            self._hand_out(each)

    def _hand_out(self, notice: Notice) -> None:
        if self._settings.enabled:
            for lane in self._lanes.values():
                lane.offer(notice)

    def _own(self, severity: str, code: str, text: str) -> Notice:
        return Notice(
            severity="critical" if severity == "critical" else "warning",
            source="alerts",
            code=code,
            text=text,
            seq=0,
            ts_ns=self._clock.now_ns(),
        )

    # once a day -----------------------------------------------------------------------------------------------------

    def _next_daily_ns(self) -> int:
        now_ns = self._clock.now_ns()
        due_ns = now_ns // NS_PER_DAY * NS_PER_DAY + self._settings.daily_hour * NS_PER_HOUR
        return due_ns if due_ns > now_ns else due_ns + NS_PER_DAY

    async def _tell_daily(self) -> None:
        if self._summary is None or not (self._settings.enabled and self._settings.daily_enabled):
            return
        try:
            message = await self._summary()
        except KernelError as error:
            self._offer(self._own("warning", "daily_failed", redact(f"no daily summary: {error}")))
            return
        for lane in self._lanes.values():
            lane.offer_message(message)

"""The one queue. Handlers are plain functions called in a fixed order; every input runs to completion before the next.

What is published while an input drains is *derived* and is drained before the next input; the rest is *input*. A replay
feeds the inputs alone and gets the derived events again (DESIGN law 3). Time moves only with inputs: an alarm set with
`at` rings before the first input whose `ts_ns` is not before it, so live, paper and replay ring alike.
"""

import bisect
import heapq
import math
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from bus.events.base import Event
from bus.events.execution import Report
from bus.events.system import Alert, ClockTick, KillSwitchSet, RunRestarted, SettingsChanged, StrategyCommand

Handler = Callable[[Any], Any]
Tap = Callable[[int, bool, Event], None]  #: (seq, is_derived, event)
Sink = Callable[[Handler, Iterable[Any]], None]
Fault = Callable[[Handler, Event, Exception], None]
Alarm = Callable[[int], None]

INPUTS_MAX = 65_536  #: more waiting inputs than a stalled loop can gather in seconds; market data beyond it is refused
DERIVED_PER_INPUT_MAX = 100_000  #: a cascade longer than this is a bug (two handlers feeding each other)
FAR_FUTURE_NS = 1 << 63
# Taken however many wait: what people, venues and the kernel itself say is rare and never comes again.
_NEVER_REFUSED = (Report, KillSwitchSet, StrategyCommand, SettingsChanged, RunRestarted, ClockTick, Alert)

STAGE_FOLD, STAGE_EXECUTION, STAGE_STRATEGY, STAGE_VIEW = 0, 1, 2, 3


class BusFull(Exception):
    """Too many inputs wait; the feed conflates and tries again. Reports and commands are never refused."""


class BadEvent(ValueError):
    """An event that may not enter: a float that is not finite, or a value of another type than its field's."""


class Bus:
    """Total order, recording tap, dispatch by exact type."""

    def __init__(self, first_seq: int = 0) -> None:
        self.seq = first_seq  #: of the event being handled
        self.now_ns = 0
        self.target_ns = 0  #: while alarms ring: the time of the input they ring before
        self.is_muted = False  #: folding an old log, which holds the derived events already
        self.on_fault: Fault | None = None
        self.sink: Sink | None = None
        self.schedule: Callable[[], None] | None = None  #: asks the live loop to pump
        self._inputs: deque[Event] = deque()
        self._derived: deque[Event] = deque()
        self._is_draining = False
        self._subscribers: dict[type[Event], list[tuple[int, int, Handler]]] = {}
        self._routes: dict[type[Event], tuple[Handler, ...]] = {}
        self._taps: tuple[Tap, ...] = ()
        self._alarms: list[tuple[int, int, Alarm]] = []
        self._alarm_ns = FAR_FUTURE_NS
        self._counter = 0
        self.stopwatch: Callable[[], int] | None = None
        self.on_timing: Callable[[Handler, int], None] | None = None

    # wiring -------------------------------------------------------------------------------------------------------

    def subscribe(self, kind: type[Event], handler: Handler, stage: int = STAGE_FOLD) -> None:
        """Call `handler(event)` for each event of exactly this type; order is (stage, time of subscription)."""
        self._counter += 1
        subscribers = self._subscribers.setdefault(kind, [])
        bisect.insort(subscribers, (stage, self._counter, handler))
        self._routes[kind] = tuple([each[2] for each in subscribers])

    def unsubscribe(self, kind: type[Event], handler: Handler) -> None:
        """Take a handler back; unknown ones are ignored."""
        subscribers = [each for each in self._subscribers.get(kind, ()) if each[2] != handler]
        self._subscribers[kind] = subscribers
        self._routes[kind] = tuple([each[2] for each in subscribers])

    def tap(self, tap: Tap) -> None:
        """See every event before any handler does (the recorder)."""
        self._taps = (*self._taps, tap)

    def at(self, due_ns: int, alarm: Alarm) -> None:
        """Ring `alarm(due_ns)` once, before the first input at or after `due_ns`; equal times in order of asking."""
        self._counter += 1
        heapq.heappush(self._alarms, (due_ns, self._counter, alarm))
        self._alarm_ns = self._alarms[0][0]

    @property
    def next_alarm_ns(self) -> int:
        """When the next alarm is due; `FAR_FUTURE_NS` when none is set."""
        return self._alarm_ns

    @property
    def waiting(self) -> int:
        """Inputs not handled yet."""
        return len(self._inputs)

    # live ---------------------------------------------------------------------------------------------------------

    def publish(self, event: Event) -> None:
        """Enqueue. Inside a drain the event is derived, outside it is an input and asks for a pump.

        Raises `BadEvent` for an input that could not be read back from the log as it was, `BusFull` when too many wait.
        """
        if self._is_draining:
            if not self.is_muted:
                self._derived.append(event)
            return
        check_event(event)
        if len(self._inputs) >= INPUTS_MAX and not isinstance(event, _NEVER_REFUSED):
            raise BusFull(f"{INPUTS_MAX} inputs wait; {type(event).__name__} refused, conflate at the feed")
        self._inputs.append(event)
        if self.schedule is not None:
            self.schedule()

    def pump(self, inputs_max: int = 256) -> bool:
        """Handle up to `inputs_max` waiting inputs, each to completion. Returns whether more wait."""
        inputs = self._inputs
        while inputs and inputs_max > 0:
            self.feed((inputs.popleft(),))
            inputs_max -= 1
        return bool(inputs)

    # the drain ----------------------------------------------------------------------------------------------------

    def feed(self, events: Iterable[Event]) -> None:
        """Handle inputs in order, each to completion with everything derived from it."""
        if self._is_draining:
            raise RuntimeError("feed called from a handler; publish instead")
        routes = self._routes
        derived = self._derived
        sink = self.sink
        self._is_draining = True
        try:
            if self._taps or self.stopwatch is not None:
                for event in events:
                    if event.ts_ns >= self._alarm_ns:
                        self._ring(event.ts_ns)
                    self.now_ns = event.ts_ns
                    self._handle(event, False)
                    if derived:
                        self._drain()
                return
            handler: Handler
            for event in events:
                ts_ns = event.ts_ns
                if ts_ns >= self._alarm_ns:
                    self._ring(ts_ns)
                self.now_ns = ts_ns
                self.seq += 1
                try:
                    for handler in routes.get(type(event), ()):
                        output = handler(event)
                        if output:
                            sink(handler, output)  # type: ignore[misc]
                except Exception as error:
                    self._fault(handler, event, error)
                if derived:
                    self._drain()
        finally:
            self._is_draining = False

    def ring_until(self, now_ns: int, target_ns: int | None = None) -> None:
        """Ring all alarms due at or before `now_ns` without an input (end of a replay).

        `target_ns`: the time of the input they rang before, where that input itself is lost.
        """
        self._is_draining = True
        try:
            self._ring(now_ns, target_ns)
        finally:
            self._is_draining = False

    def _ring(self, now_ns: int, target_ns: int | None = None) -> None:
        alarms = self._alarms
        self.target_ns = now_ns if target_ns is None else target_ns
        while alarms and alarms[0][0] <= now_ns:
            due_ns, _, alarm = heapq.heappop(alarms)
            self.now_ns = max(self.now_ns, due_ns)
            self._alarm_ns = alarms[0][0] if alarms else FAR_FUTURE_NS
            alarm(due_ns)
            if self._derived:
                self._drain()
        self._alarm_ns = alarms[0][0] if alarms else FAR_FUTURE_NS

    def _drain(self) -> None:
        derived = self._derived
        routes = self._routes
        is_watched = bool(self._taps) or self.stopwatch is not None
        handled = 0
        handler: Handler
        while derived:
            event = derived.popleft()
            if is_watched:
                self._handle(event, True)
            else:
                self.seq += 1
                try:
                    for handler in routes.get(type(event), ()):
                        output = handler(event)
                        if output:
                            self.sink(handler, output)  # type: ignore[misc]
                except Exception as error:
                    self._fault(handler, event, error)
            handled += 1
            if handled > DERIVED_PER_INPUT_MAX:
                raise RuntimeError(
                    f"more than {DERIVED_PER_INPUT_MAX} events derived from one input; last seq {self.seq}"
                )

    def _handle(self, event: Event, is_derived: bool) -> None:
        self.seq += 1
        for tap in self._taps:
            tap(self.seq, is_derived, event)
        handler: Handler
        try:
            if self.stopwatch is None or self.on_timing is None:
                for handler in self._routes.get(type(event), ()):
                    output = handler(event)
                    if output:
                        self.sink(handler, output)  # type: ignore[misc]
            else:
                for handler in self._routes.get(type(event), ()):
                    started_ns = self.stopwatch()
                    output = handler(event)
                    if output:
                        self.sink(handler, output)  # type: ignore[misc]
                    self.on_timing(handler, self.stopwatch() - started_ns)
        except Exception as error:
            self._fault(handler, event, error)

    def _fault(self, handler: Handler, event: Event, error: Exception) -> None:
        """A handler raised: tell the runner, then go on with the handlers behind it."""
        if self.on_fault is None:
            raise error
        before = self._routes.get(type(event), ())
        self.on_fault(handler, event, error)
        if handler not in before:
            return
        for later in before[before.index(handler) + 1 :]:
            try:
                output = later(event)
                if output:
                    self.sink(later, output)  # type: ignore[misc]
            except Exception as another:
                self.on_fault(later, event, another)


_FIELD_CHECKS: dict[type[Event], tuple[tuple[str, ...], tuple[str, ...]]] = {}


def _checks_of(kind: type[Event]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    floats, ints = [], []
    for field in msgspec.structs.fields(kind):
        if field.type is float:
            floats.append(field.name)
        elif field.type is int:
            ints.append(field.name)
    return tuple(floats), tuple(ints)


def check_event(event: Event) -> None:
    """Refuse an event that would not come back from the log as it is: NaN, infinity, an int in a float field."""
    kind = type(event)
    checks = _FIELD_CHECKS.get(kind)
    if checks is None:
        checks = _FIELD_CHECKS[kind] = _checks_of(kind)
    for name in checks[0]:
        value = getattr(event, name)
        if type(value) is not float or not math.isfinite(value):
            raise BadEvent(f"{kind.__name__}.{name}: expected a finite float, found {value!r}")
    for name in checks[1]:
        value = getattr(event, name)
        if type(value) is not int:
            raise BadEvent(f"{kind.__name__}.{name}: expected an int, found {value!r}")

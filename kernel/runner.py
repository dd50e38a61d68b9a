"""Between bus and strategies: delivers events, turns intents into verdicts, keeps timers, isolates faults, samples.

This is the one place where a strategy's exception is caught: it is told as `StrategyFaulted`, the strategy is taken off
the bus, its orders are cancelled, and the bus goes on.
"""

import traceback
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from bus.bus import STAGE_STRATEGY, STAGE_VIEW, Bus, Handler
from bus.clock import NS_PER_MINUTE
from bus.events import (
    REPORTS,
    Alert,
    FundingPaid,
    KillSwitchSet,
    OpportunitySeen,
    OrderDenied,
    OrphanLeg,
    RunRestarted,
    SettingsChanged,
    StrategyCommand,
    StrategyFaulted,
    StrategySampled,
    StrategyStateChanged,
    TimerFired,
)
from bus.events.base import Event
from bus.events.execution import TERMINAL_REPORTS, Fill, OrderApproved, Report, Submitted
from bus.ids import index_of
from bus.intents import CancelOrder, Hedge, Intent, Opportunity, PlaceOrder, Swap, Wake
from bus.units import ZERO, exact
from kernel.execution.router import Router
from kernel.ledger import Ledger
from kernel.market import Market
from kernel.risk import RiskGate
from kernel.strategy import AnyStrategy, convert_settings

OWNED: tuple[type[Event], ...] = (*REPORTS, TimerFired, OrderApproved, OrderDenied, OrphanLeg, FundingPaid)
BY_KERNEL = "kernel"  #: `by` of the commands of a graceful stop
FLATTEN, BY_MAX_HOLD = "flatten", "kernel: max hold"
FLATTEN_EVERY_NS = 5 * NS_PER_MINUTE  #: between two tries to end positions that are too old
INTENTS_PER_EVENT_MAX = 1_000  #: a strategy that yields more on one event is broken
RECENT_TIMINGS = 1_024


class Slot:
    """One strategy as the runner sees it."""

    def __init__(self, strategy: AnyStrategy) -> None:
        self.strategy = strategy
        self.state = "running"
        self.reason = ""
        self.intents = 0
        self.approved = 0
        self.denied: dict[str, int] = {}
        self.fills = 0
        self.sent = 0  #: orders handed to a venue
        self.landed = 0  #: orders with at least one fill
        self.filling: set[str] = set()  #: of those, the ones without a terminal report
        self.last_event_ns = 0
        self.flattened_ns = 0
        self.is_stopped_by_kernel = False  #: by a graceful stop, not by a person
        self.timings_ns: list[int] = []
        self._cursor = 0

    @property
    def name(self) -> str:
        return self.strategy.name

    def time(self, took_ns: int) -> None:
        """Remember how long a handler took (bounded ring)."""
        if len(self.timings_ns) < RECENT_TIMINGS:
            self.timings_ns.append(took_ns)
        else:
            self.timings_ns[self._cursor] = took_ns
            self._cursor = (self._cursor + 1) % RECENT_TIMINGS


class Runner:
    """Runs strategies on a bus behind one gate."""

    def __init__(
        self,
        run: str,
        bus: Bus,
        market: Market,
        ledger: Ledger,
        gate: RiskGate,
        router: Router,
        *,
        is_simulated: bool,
    ) -> None:
        self.run = run
        self.slots: dict[str, Slot] = {}
        self.kills: dict[str, KillSwitchSet] = {}  #: kill switches that are on; "" = all strategies
        self.is_recovering = False
        self.on_view_fault: Callable[[Handler, Event, Exception], None] | None = None
        self._bus = bus
        self._market = market
        self._ledger = ledger
        self._gate = gate
        self._router = router
        self._is_simulated = is_simulated
        self._unanswered: dict[tuple[str, int, int], PlaceOrder | Swap | Hedge] = {}  #: of the log being folded
        self._unwinds = 0  #: keeps the ids of kernel-made orders apart from the strategy's own
        self._owners: dict[Handler, Slot] = {}
        self._delivered: set[type[Event]] = {OrderDenied}  #: owned kinds that somebody wants; denials are counted
        self._timers: dict[tuple[str, str], int] = {}
        bus.sink = self._sink
        bus.on_fault = self._on_fault
        bus.on_timing = self._on_timing

    def attach(self) -> None:
        """Subscribe the runner's own handlers; call after the folds and before `add`."""
        self._bus.subscribe(OrderDenied, self._deliver, STAGE_STRATEGY)
        self._bus.subscribe(SettingsChanged, self._on_settings, STAGE_STRATEGY)
        self._bus.subscribe(StrategyCommand, self._on_command, STAGE_STRATEGY)
        self._bus.subscribe(KillSwitchSet, self._on_kill, STAGE_STRATEGY)
        self._bus.subscribe(StrategyFaulted, self._on_faulted, STAGE_STRATEGY)
        self._bus.subscribe(RunRestarted, self._on_restarted, STAGE_STRATEGY)
        self._bus.subscribe(OrderApproved, self._on_approved, STAGE_VIEW)
        self._bus.subscribe(Submitted, self._on_submitted, STAGE_VIEW)
        self._bus.subscribe(Fill, self._on_fill, STAGE_VIEW)
        for kind in TERMINAL_REPORTS:
            self._bus.subscribe(kind, self._on_terminal, STAGE_VIEW)

    def add(self, strategy: AnyStrategy) -> Slot:
        """Put a strategy on the bus."""
        slot = Slot(strategy)
        self.slots[strategy.name] = slot
        self._owners[strategy.on_event] = slot
        for kind in strategy.wants:
            if kind not in OWNED:
                self._bus.subscribe(kind, strategy.on_event, STAGE_STRATEGY)
            elif kind not in self._delivered:
                self._delivered.add(kind)
                self._bus.subscribe(kind, self._deliver, STAGE_STRATEGY)
        return slot

    def start_sampling(self) -> None:
        """Sample the books at each minute boundary of event time that an event passes."""
        first = self._bus.now_ns - self._bus.now_ns % NS_PER_MINUTE + NS_PER_MINUTE
        self._bus.at(first, self._on_minute)

    # delivery ---------------------------------------------------------------------------------------------------

    def _deliver(self, event: Any) -> None:
        """Owned events reach their owner alone."""
        slot = self.slots.get(event.strategy)
        if slot is None:
            return
        if type(event) is OrderDenied:
            slot.denied[event.reason] = slot.denied.get(event.reason, 0) + 1
            self._unanswered.pop((event.strategy, event.cause_seq, event.index), None)
        strategy = slot.strategy
        if slot.state != "faulted" and type(event) in strategy.wants:
            output = strategy.on_event(event)
            if output:
                self._take(slot, output)

    def _sink(self, handler: Handler, output: Iterable[Intent]) -> None:
        self._take(self._owners[handler], output)

    def _take(self, slot: Slot, output: Iterable[Intent]) -> None:
        for index, intent in enumerate(output):
            if not self.is_recovering:
                self._act(slot, intent, index)
            elif isinstance(intent, Wake):
                self._wake(slot.name, intent)
            elif isinstance(intent, PlaceOrder | Swap | Hedge):
                self._unanswered[slot.name, self._bus.seq, index] = intent
            if index >= INTENTS_PER_EVENT_MAX:
                raise RuntimeError(f"{slot.name} yielded more than {INTENTS_PER_EVENT_MAX} intents on one event")

    def _act(self, slot: Slot, intent: Intent, index: int) -> None:
        bus = self._bus
        if isinstance(intent, Wake):
            self._wake(slot.name, intent)
        elif isinstance(intent, Opportunity):
            bus.publish(_seen(slot.name, bus.seq, bus.now_ns, intent))
        elif isinstance(intent, CancelOrder):
            self._router.cancel(slot.name, intent.order_id)
        else:
            slot.intents += 1
            verdict = self._gate.check(slot.name, bus.seq, index, intent, bus.now_ns)
            if isinstance(verdict, OrderDenied):
                bus.publish(verdict)
            else:
                for order in verdict:
                    bus.publish(order)

    def unwind(self, strategy: str, intent: PlaceOrder, group: str) -> bool:
        """An order that the kernel makes to end a position (`Hedges`, max hold); True when the gate approved it."""
        bus = self._bus
        self._unwinds += 1
        index = INTENTS_PER_EVENT_MAX + self._unwinds
        verdict = self._gate.check(strategy, bus.seq, index, intent, bus.now_ns, is_unwind=True, group=group)
        if isinstance(verdict, OrderDenied):
            bus.publish(verdict)
            return False
        for order in verdict:
            bus.publish(order)
        return True

    # timers -----------------------------------------------------------------------------------------------------

    def _wake(self, strategy: str, wake: Wake) -> None:
        key = (strategy, wake.name)
        due_ns = max(wake.at_ns, self._bus.now_ns)
        self._timers[key] = due_ns

        def fire(_: int) -> None:
            if self._timers.get(key) != due_ns:
                return
            del self._timers[key]
            self._bus.publish(TimerFired(ts_ns=self._bus.now_ns, strategy=strategy, name=wake.name, due_ns=due_ns))

        self._bus.at(due_ns, fire)

    # settings, commands, counters -------------------------------------------------------------------------------

    def _on_settings(self, event: SettingsChanged) -> None:
        slot = self.slots.get(event.strategy)
        if slot is None:
            return
        try:
            settings = convert_settings(
                slot.strategy.Settings, msgspec.json.decode(event.settings_json, type=dict[str, Any])
            )
        except msgspec.MsgspecError as error:
            self.refuse_settings(event.strategy, str(error))
            return
        slot.strategy.apply(settings)

    def refuse_settings(self, owner: str, error: str) -> None:
        """Tell that recorded settings cannot be used."""
        self._alert("warning", owner, "settings_refused", f"kept the last good settings: {error}")

    def _on_command(self, event: StrategyCommand) -> None:
        slot = self.slots.get(event.strategy)
        if slot is not None and event.command == FLATTEN:
            self._flatten(slot, "max_hold" if event.by == BY_MAX_HOLD else "asked")
            return
        if slot is None or slot.state == "faulted":
            return
        was_running = slot.state == "running"
        is_by_person = event.by != BY_KERNEL
        if event.command == "start":
            self._set_state(slot, "running", f"started by {event.by}")
        elif event.command == "pause" and (was_running or is_by_person):
            self._set_state(slot, "paused", f"paused by {event.by}: no new risk, exits go on")
        elif event.command in ("halt", "stop"):
            is_stop = event.command == "stop"
            if was_running or is_by_person:
                what = "orders cancelled, positions flattened" if is_stop else "orders cancelled"
                self._set_state(slot, "disabled" if is_stop else "paused", f"{event.command} by {event.by}: {what}")
            self._router.cancel_all(slot.name)
            if is_stop:
                self._take(slot, slot.strategy.flatten("stopped"))
        if was_running or is_by_person:  # what a person had stopped before stays stopped at the next start
            slot.is_stopped_by_kernel = not is_by_person

    def _on_kill(self, event: KillSwitchSet) -> None:
        """The kill switch cancels as well as stops; the gate denies what is new."""
        self.kills.pop(event.strategy, None)
        if event.is_on:
            self.kills[event.strategy] = event
            self._router.cancel_all(event.strategy or None)

    def cancel_stopped(self) -> None:
        """Orders that a restart woke although a kill switch or a fault had them cancelled."""
        for scope in sorted(self.kills):
            self._router.cancel_all(scope or None)
        for slot in self.slots.values():
            if slot.state == "faulted":
                self._router.cancel_all(slot.name)

    def _on_restarted(self, event: RunRestarted) -> None:
        """What the last graceful stop had paused goes on; what an operator stopped stays stopped.

        Intents that the fold of the old log yielded and that log never answered (it was cut, or the settings differ)
        are denied now, so that no strategy waits for ever.
        """
        for (strategy, cause_seq, index), intent in self._unanswered.items():
            self._bus.publish(
                OrderDenied(
                    ts_ns=self._bus.now_ns,
                    strategy=strategy,
                    cause_seq=cause_seq,
                    index=index,
                    reason="restarted",
                    scope="strategy",
                    limit="",
                    asked="",
                    opportunity=intent.opportunity,
                    notional_usd=ZERO,
                )
            )
        self._unanswered.clear()
        for slot in self.slots.values():
            if slot.is_stopped_by_kernel and slot.state != "faulted":
                slot.is_stopped_by_kernel = False
                self._set_state(slot, "running", "restarted")

    def _set_state(self, slot: Slot, state: str, reason: str) -> None:
        slot.state, slot.reason = state, reason
        self._bus.publish(StrategyStateChanged(ts_ns=self._bus.now_ns, strategy=slot.name, state=state, reason=reason))

    def _on_approved(self, order: OrderApproved) -> None:
        if self._unanswered:
            self._unanswered.pop((order.strategy, order.cause_seq, index_of(order.order_id)), None)
        slot = self.slots.get(order.strategy)
        if slot is not None:
            slot.approved += 1

    def _on_fill(self, fill: Fill) -> None:
        slot = self.slots.get(fill.strategy)
        if slot is not None:
            slot.fills += 1
            if fill.order_id not in slot.filling:
                slot.filling.add(fill.order_id)
                slot.landed += 1

    def _on_submitted(self, report: Submitted) -> None:
        slot = self.slots.get(report.strategy)
        if slot is not None:
            slot.sent += 1

    def _on_terminal(self, report: Report) -> None:
        slot = self.slots.get(report.strategy)
        if slot is not None:
            slot.filling.discard(report.order_id)

    def _alert(self, severity: str, source: str, code: str, text: str) -> None:
        self._bus.publish(Alert(ts_ns=self._bus.now_ns, severity=severity, source=source, code=code, text=text))

    # faults and timing ------------------------------------------------------------------------------------------

    def _on_timing(self, handler: Handler, took_ns: int) -> None:
        slot = self._owners.get(handler)
        if slot is not None:
            slot.time(took_ns)
            slot.last_event_ns = self._bus.now_ns

    def _on_fault(self, handler: Handler, event: Event, error: Exception) -> None:
        slot = self._owners.get(handler)
        if slot is None and handler in (self._deliver, self._on_settings, self._on_command):
            slot = self.slots.get(event.strategy)  # type: ignore[attr-defined]
        if slot is None:
            if self.on_view_fault is not None:
                self.on_view_fault(handler, event, error)
                return
            raise error
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = f"{type(error).__name__}: {error} (at {where.name}, line {where.lineno})"
        self._bus.publish(
            StrategyFaulted(ts_ns=self._bus.now_ns, strategy=slot.name, cause_seq=self._bus.seq, error=text)
        )
        for kind in slot.strategy.wants:
            self._bus.unsubscribe(kind, slot.strategy.on_event)
        self._set_state(slot, "faulted", text)

    def _on_faulted(self, event: StrategyFaulted) -> None:
        """By now the router knows even the orders that were approved in the handler that raised."""
        self._router.cancel_all(event.strategy)

    # samples ----------------------------------------------------------------------------------------------------

    def _on_minute(self, due_ns: int) -> None:
        self.sample()
        for slot in self.slots.values():
            self._end_old_positions(slot)
        boundary = self._bus.target_ns - self._bus.target_ns % NS_PER_MINUTE
        self._bus.at(boundary if boundary > due_ns else due_ns + NS_PER_MINUTE, self._on_minute)

    def _end_old_positions(self, slot: Slot) -> None:
        """Max hold is the kernel's: a strategy that keeps a position too long is told to flatten, again and again."""
        now_ns = self._bus.now_ns
        minutes = min(self._gate.limits_for(slot.name).max_hold_minutes, self._gate.whole.max_hold_minutes)
        oldest_ns = now_ns - minutes * NS_PER_MINUTE
        old = [each.instrument for each in self._ledger.positions_of(slot.name) if each.opened_ts_ns < oldest_ns]
        if not old or now_ns - slot.flattened_ns < FLATTEN_EVERY_NS:
            return
        slot.flattened_ns = now_ns
        self._alert("warning", slot.name, "max_hold", f"held longer than {minutes} minutes: {', '.join(old)}; closing")
        self._bus.publish(StrategyCommand(ts_ns=now_ns, strategy=slot.name, command=FLATTEN, by=BY_MAX_HOLD))

    def _flatten(self, slot: Slot, reason: str) -> None:
        """Close by the strategy's own means; a faulted one has none, then its order-book positions by the kernel's."""
        if slot.state != "faulted":
            self._take(slot, slot.strategy.flatten(reason))
            return
        for position in self._ledger.positions_of(slot.name):
            listed = self._market.instruments.get(position.instrument)
            mark = self._market.mark(position.instrument)
            usd = self._market.quote_usd(position.instrument)
            if listed is None or listed.kind == "pool" or mark is None or usd is None or self.is_recovering:
                continue
            qty = abs(position.qty)
            self.unwind(
                slot.name,
                PlaceOrder(
                    instrument=position.instrument,
                    side="sell" if position.qty > 0 else "buy",
                    qty=qty,
                    is_reduce_only=True,
                    notional_usd=qty * exact(mark[0]) * usd,
                ),
                "",
            )

    def sample(self) -> None:
        """Publish where every strategy and the whole kernel stand."""
        self._ledger.sample(self._bus.now_ns)
        for slot in self.slots.values():
            self._bus.publish(self._sampled(slot.name, [slot]))
        self._bus.publish(self._sampled("", list(self.slots.values())))

    def _sampled(self, strategy: str, slots: list[Slot]) -> StrategySampled:
        books = self._ledger.books(strategy or None)
        open_orders = sum(1 for each in self._router.open.values() if not strategy or each.strategy == strategy)
        return StrategySampled(
            ts_ns=self._bus.now_ns,
            strategy=strategy,
            realised_usd=books.realised_usd,
            unrealised_usd=books.unrealised_usd,
            fees_usd=books.fees_usd,
            gas_usd=books.gas_usd,
            funding_usd=books.funding_usd,
            exposure_usd=books.exposure_usd,
            open_orders=open_orders,
            seen=sum(slot.strategy.funnel.seen for slot in slots),
            priced=sum(slot.strategy.funnel.priced for slot in slots),
            approved=sum(slot.approved for slot in slots),
            denied=sum(sum(slot.denied.values()) for slot in slots),
            fills=sum(slot.fills for slot in slots),
            unpriced=books.unpriced,
            simulated=self._is_simulated,
        )


def _seen(strategy: str, cause_seq: int, now_ns: int, opportunity: Opportunity) -> OpportunitySeen:
    return OpportunitySeen(
        ts_ns=now_ns,
        strategy=strategy,
        cause_seq=cause_seq,
        opportunity=opportunity.opportunity,
        instruments=opportunity.instruments,
        size_usd=opportunity.size_usd,
        gross_usd=opportunity.gross_usd,
        costs=opportunity.costs,
        expected_net_usd=opportunity.expected_net_usd,
        why_not=opportunity.why_not,
        valid_until_ns=opportunity.valid_until_ns,
        note=opportunity.note,
    )

"""What the page remembers of the run without a database: bounded rings fed from the bus behind everything else."""

from collections import OrderedDict, deque
from decimal import Decimal

from msgspec import Struct

from bus.bus import STAGE_VIEW, Bus
from bus.events import (
    REPORTS,
    Alert,
    Event,
    Fill,
    KillSwitchSet,
    OpportunitySeen,
    OrderApproved,
    OrphanLeg,
    Report,
    Reverted,
    RunRestarted,
    StrategyFaulted,
    StrategySampled,
    StrategyStateChanged,
)
from bus.units import ZERO
from kernel.runner import Runner
from kernel.strategy import Signal

ORDERS_MAX = 4_000
OPPORTUNITIES_MAX = 4_000
SAMPLES_MAX = 6_000  #: per strategy: four days of minutes
ALERTS_MAX = 200
FILLS_MAX = 200
MARKS_MAX = 500
SignalSample = tuple[int, Signal]  #: event time and what the view said
SIGNALS_MAX = 720


class OrderRecord:
    """An order with everything that was said about it."""

    __slots__ = (
        "fees_usd",
        "gas_usd",
        "last_ts_ns",
        "order",
        "qty",
        "reports",
        "seq",
        "slippage_usd",
        "status",
        "value",
    )

    def __init__(self, order: OrderApproved, seq: int) -> None:
        self.order = order
        self.seq = seq
        self.status = "approved"
        self.reports: list[tuple[int, Report]] = []
        self.qty = ZERO
        self.value = ZERO  #: quote currency
        self.fees_usd = ZERO
        self.gas_usd = ZERO
        self.slippage_usd = ZERO

    def add(self, seq: int, report: Report) -> None:
        """Take a report."""
        self.reports.append((seq, report))
        if isinstance(report, Fill):
            self.qty += report.qty
            self.value += report.qty * report.price
            self.fees_usd += report.fee_usd
            self.gas_usd += report.gas_usd
            self.slippage_usd += report.slippage_usd
        elif isinstance(report, Reverted):
            self.gas_usd += report.gas_usd
        if not isinstance(report, Fill):
            self.status = str(type(report).__struct_config__.tag)


class Mark(Struct, frozen=True):
    """A moment worth a line on a time axis."""

    ts_ns: int
    kind: str
    text: str


class DashboardMemory:
    """The rings."""

    def __init__(self, bus: Bus, runner: Runner) -> None:
        self._bus = bus
        self._runner = runner
        self.samples: dict[str, deque[StrategySampled]] = {}
        self.orders: OrderedDict[str, OrderRecord] = OrderedDict()
        self.opportunities: OrderedDict[str, tuple[int, OpportunitySeen]] = OrderedDict()
        self.alerts: deque[tuple[int, Alert]] = deque(maxlen=ALERTS_MAX)
        self.fills: deque[tuple[int, Fill]] = deque(maxlen=FILLS_MAX)
        self.marks: deque[Mark] = deque(maxlen=MARKS_MAX)
        self.signals: dict[str, deque[SignalSample]] = {}
        self.versions: dict[str, int] = {}
        self.kill: KillSwitchSet | None = None
        for kind in REPORTS:
            bus.subscribe(kind, self._on_report, STAGE_VIEW)
        for kind_, handler in (
            (StrategySampled, self._on_sample),
            (OrderApproved, self._on_order),
            (OpportunitySeen, self._on_opportunity),
            (Alert, self._on_alert),
            (KillSwitchSet, self._on_kill),
            (StrategyFaulted, self._on_faulted),
            (StrategyStateChanged, self._on_state),
            (OrphanLeg, self._on_orphan),
            (RunRestarted, self._on_restarted),
        ):
            bus.subscribe(kind_, handler, STAGE_VIEW)

    def _on_sample(self, sample: StrategySampled) -> None:
        self.samples.setdefault(sample.strategy, deque(maxlen=SAMPLES_MAX)).append(sample)
        slot = self._runner.slots.get(sample.strategy)
        if slot is None:
            return
        for signal in signals_of(slot.strategy.view()):
            ring = self.signals.setdefault(sample.strategy, deque(maxlen=SIGNALS_MAX))
            ring.append((sample.ts_ns, signal))

    def _on_order(self, order: OrderApproved) -> None:
        if order.order_id in self.orders:
            return
        self.orders[order.order_id] = OrderRecord(order, self._bus.seq)
        if len(self.orders) > ORDERS_MAX:
            self.orders.popitem(last=False)

    def _on_report(self, report: Report) -> None:
        record = self.orders.get(report.order_id)
        if record is None:
            return
        record.add(self._bus.seq, report)
        if isinstance(report, Fill):
            self.fills.append((self._bus.seq, report))
            self.versions[report.strategy] = self.versions.get(report.strategy, 0) + 1

    def _on_opportunity(self, seen: OpportunitySeen) -> None:
        self.opportunities[seen.opportunity] = (self._bus.seq, seen)
        if len(self.opportunities) > OPPORTUNITIES_MAX:
            self.opportunities.popitem(last=False)

    def _on_alert(self, alert: Alert) -> None:
        self.alerts.appendleft((self._bus.seq, alert))

    def note(self, event: Event, severity: str, source: str, code: str, text: str) -> None:
        """Show something that has no alert event of its own."""
        self._on_alert(Alert(ts_ns=event.ts_ns, severity=severity, source=source, code=code, text=text))

    def _on_kill(self, event: KillSwitchSet) -> None:
        if not event.strategy:
            self.kill = event
        word = "on" if event.is_on else "lifted"
        self.marks.append(Mark(event.ts_ns, "kill", f"kill switch {word} by {event.by}: {event.reason}"))
        self.note(event, "critical" if event.is_on else "info", "kernel", "kill_switch", self.marks[-1].text)

    def _on_faulted(self, event: StrategyFaulted) -> None:
        self.note(event, "critical", event.strategy, "faulted", f"faulted on seq {event.cause_seq}: {event.error}")

    def _on_state(self, event: StrategyStateChanged) -> None:
        self.note(event, "info", event.strategy, "state", f"{event.state}: {event.reason}")

    def _on_orphan(self, event: OrphanLeg) -> None:
        text = (
            f"hedge {event.group} is equal again"
            if event.is_resolved
            else f"{event.qty} of {event.instrument} stands alone ({event.side}); {event.action} runs"
        )
        self.note(event, "info" if event.is_resolved else "warning", event.strategy, "orphan_leg", text)

    def _on_restarted(self, event: RunRestarted) -> None:
        self.marks.append(Mark(event.ts_ns, "restart", f"restarted after {event.previous_run}"))

    def denied(self, strategy: str) -> dict[str, int]:
        """Reasons of the gate, of this run."""
        slot = self._runner.slots.get(strategy)
        return {} if slot is None else slot.denied

    def records(self, strategy: str) -> list[OrderRecord]:
        """Orders of a strategy that were filled at least in part, newest first."""
        return [each for each in reversed(self.orders.values()) if each.order.strategy == strategy and each.qty > 0]


def pnl_of(sample: StrategySampled) -> Decimal:
    """Net P&L of a sample."""
    return sample.realised_usd + sample.unrealised_usd - sample.fees_usd - sample.gas_usd + sample.funding_usd


def signals_of(view: Struct) -> list[Signal]:
    """The signals that a view holds."""
    found: list[Signal] = []
    for name in view.__struct_fields__:
        value = getattr(view, name)
        found += [each for each in (value if isinstance(value, tuple | list) else (value,)) if isinstance(each, Signal)]
    return found

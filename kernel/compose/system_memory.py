"""What the system pages remember of the run: bounded, fed from the bus behind everything else, never needed to trade.

It begins with the run: what a restart folded before is seen as it stands (open orders), not as it came about.
"""

from collections import OrderedDict, deque
from decimal import Decimal

from msgspec import Struct

from bus.bus import STAGE_VIEW, Bus
from bus.clock import NS_PER_MINUTE
from bus.events import (
    REPORTS,
    BalanceUpdated,
    Fill,
    FundingRate,
    OpportunitySeen,
    OrderApproved,
    OrderDenied,
    OrphanLeg,
    Report,
    StrategyCommand,
)
from kernel.compose.dashboard_memory import OrderRecord
from kernel.core import Core
from kernel.finance.funding import FundingHistory
from kernel.risk_state import RESET_COMMAND

FINISHED_MAX = 500  #: orders that are over, for the page without a database
DENIED_MAX = 500
SEEN_MAX = 500
RESETS_MAX = 20
REASONS_MAX = 500  #: strategy × reason × scope; there are 33 reasons
MINUTES_KEPT = 1_440
INSTRUMENTS_MAX = 500
BALANCES_MAX = 2_000
CARRIED = "carried over from before this start"


class DenialCount:
    """How often a reason was given, by minute, and its newest example."""

    __slots__ = ("last", "last_seq", "minutes")

    def __init__(self) -> None:
        self.minutes: deque[list[int]] = deque(maxlen=MINUTES_KEPT)  #: [minute, count]
        self.last: OrderDenied | None = None
        self.last_seq = 0

    def add(self, event: OrderDenied, seq: int) -> None:
        """One more."""
        minute = event.ts_ns // NS_PER_MINUTE
        if self.minutes and self.minutes[-1][0] >= minute:
            self.minutes[-1][1] += 1
        else:
            self.minutes.append([minute, 1])
        self.last, self.last_seq = event, seq

    def since(self, ts_ns: int) -> int:
        """Count from a moment on, to the minute."""
        first = ts_ns // NS_PER_MINUTE
        total = 0
        for minute, count in reversed(self.minutes):
            if minute < first:
                break
            total += count
        return total


class Reset(Struct, frozen=True):
    """A command `reset_breakers` as it went by."""

    seq: int
    event: StrategyCommand


class SystemMemory:
    """The rings."""

    def __init__(self, core: Core) -> None:
        bus = core.bus
        self._bus: Bus = bus
        self._market = core.market
        self.began_ns = bus.now_ns
        self.version = 0
        self.open: dict[str, OrderRecord] = {
            order_id: OrderRecord(order, 0) for order_id, order in core.router.open.items()
        }
        self.carried = frozenset(self.open)
        self.finished: OrderedDict[str, OrderRecord] = OrderedDict()
        self.denied: deque[tuple[int, OrderDenied]] = deque(maxlen=DENIED_MAX)
        self.denials: dict[tuple[str, str, str], DenialCount] = {}
        self.seen: deque[tuple[int, OpportunitySeen]] = deque(maxlen=SEEN_MAX)
        self.orphans: dict[str, OrphanLeg] = {}
        self.resets: deque[Reset] = deque(maxlen=RESETS_MAX)
        self.balance_ts_ns: dict[tuple[str, str], int] = {}
        self.funding: dict[str, FundingHistory] = {}
        for kind in REPORTS:
            bus.subscribe(kind, self._on_report, STAGE_VIEW)
        bus.subscribe(OrderApproved, self._on_order, STAGE_VIEW)
        bus.subscribe(OrderDenied, self._on_denied, STAGE_VIEW)
        bus.subscribe(OpportunitySeen, self._on_seen, STAGE_VIEW)
        bus.subscribe(OrphanLeg, self._on_orphan, STAGE_VIEW)
        bus.subscribe(StrategyCommand, self._on_command, STAGE_VIEW)
        bus.subscribe(BalanceUpdated, self._on_balance, STAGE_VIEW)
        bus.subscribe(FundingRate, self._on_funding, STAGE_VIEW)

    def _on_order(self, event: OrderApproved) -> None:
        self.version += 1
        self.open.setdefault(event.order_id, OrderRecord(event, self._bus.seq))

    def _on_report(self, event: Report) -> None:
        self.version += 1
        record = self.open.get(event.order_id)
        if record is not None:
            record.add(self._bus.seq, event)
            if event.is_terminal:
                self.finished[event.order_id] = self.open.pop(event.order_id)
                if len(self.finished) > FINISHED_MAX:
                    self.finished.popitem(last=False)
        if isinstance(event, Fill):
            listed = self._market.instruments.get(event.instrument)
            if listed is not None:
                for asset in (listed.base, listed.quote):
                    self._changed(listed.venue, asset, event.ts_ns)

    def _on_denied(self, event: OrderDenied) -> None:
        self.version += 1
        self.denied.append((self._bus.seq, event))
        key = (event.strategy, event.reason, event.scope)
        count = self.denials.get(key)
        if count is None:
            if len(self.denials) >= REASONS_MAX:
                return
            count = self.denials[key] = DenialCount()
        count.add(event, self._bus.seq)

    def _on_seen(self, event: OpportunitySeen) -> None:
        self.seen.append((self._bus.seq, event))

    def _on_orphan(self, event: OrphanLeg) -> None:
        self.version += 1
        if event.is_resolved or event.action == "keep":
            self.orphans.pop(event.group, None)
        else:
            self.orphans[event.group] = event

    def _on_command(self, event: StrategyCommand) -> None:
        if event.command == RESET_COMMAND:
            self.resets.append(Reset(self._bus.seq, event))

    def _on_balance(self, event: BalanceUpdated) -> None:
        self._changed(event.venue, event.asset, event.ts_ns)

    def _changed(self, venue: str, asset: str, ts_ns: int) -> None:
        if (venue, asset) in self.balance_ts_ns or len(self.balance_ts_ns) < BALANCES_MAX:
            self.balance_ts_ns[venue, asset] = ts_ns

    def _on_funding(self, event: FundingRate) -> None:
        if event.is_estimate:
            return
        known = self.funding.get(event.instrument)
        if known is None:
            if len(self.funding) >= INSTRUMENTS_MAX:
                return
            known = self.funding[event.instrument] = FundingHistory()
        known.add(event.settle_ts_ns, event.interval_h, event.rate_per_hour)


def average_price(record: OrderRecord) -> Decimal | None:
    """Of what was filled, quote per base."""
    return record.value / record.qty if record.qty else None

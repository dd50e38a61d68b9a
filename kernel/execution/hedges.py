"""Legs that belong together: watched until done, mended by the stated policy when one is missing at the deadline.

Equality is judged in base units per underlying: bought minus sold must be zero over the legs of a group. What stands
alone is an orphan; it is shown, and unwound or completed by reduce-only or market orders that pass the gate like any
other order.
"""

from collections.abc import Callable
from decimal import Decimal

from bus.bus import STAGE_EXECUTION, Bus
from bus.clock import NS_PER_S
from bus.events import TERMINAL_REPORTS, Alert, Fill, OrderApproved, OrphanLeg, Report
from bus.intents import PlaceOrder
from bus.units import ZERO, Side, exact, quantise_down
from kernel.execution.router import Router, instrument_of
from kernel.ledger import Ledger
from kernel.market import Market

RETRY_NS = 5 * NS_PER_S
RETRY_MAX_NS = 60 * NS_PER_S
RETRIES_TOLD = 5  #: tries after which a person is told; it goes on trying
COARSE_STEPS = 2  #: price steps that a leg on bars may wait beyond its deadline
TOLERANCE = Decimal("0.005")  #: legs that differ by less than this share (fees in base, lots) count as equal

Unwind = Callable[[str, PlaceOrder, str], bool]  #: (strategy, intent, group) -> whether the gate approved


class _Group:
    __slots__ = ("action", "filled", "is_mending", "legs", "open", "orphan", "retries", "strategy")

    def __init__(self, strategy: str, action: str) -> None:
        self.strategy = strategy
        self.action = action
        self.legs: dict[str, OrderApproved] = {}
        self.open: set[str] = set()
        self.filled: dict[str, Decimal] = {}  #: signed base quantity by instrument
        self.is_mending = False
        self.orphan = ZERO  #: signed base quantity that stood alone when last told
        self.retries = 0


class Hedges:
    """The orphan-leg protocol for every strategy."""

    def __init__(self, bus: Bus, market: Market, ledger: Ledger, router: Router, unwind: Unwind) -> None:
        self._bus = bus
        self._ledger = ledger
        self._market = market
        self._router = router
        self._unwind = unwind
        self._groups: dict[str, _Group] = {}
        self._group_of: dict[str, str] = {}
        self.is_recovering = False

    def attach(self) -> None:
        """Subscribe, behind the router."""
        self._bus.subscribe(OrderApproved, self._on_order, STAGE_EXECUTION)
        self._bus.subscribe(Fill, self._on_fill, STAGE_EXECUTION)
        for kind in TERMINAL_REPORTS:
            self._bus.subscribe(kind, self._on_terminal, STAGE_EXECUTION)
        self._bus.subscribe(OrphanLeg, self._on_orphan, STAGE_EXECUTION)

    @property
    def orphans(self) -> list[tuple[str, str]]:
        """(strategy, group) of hedges being mended."""
        return [(each.strategy, name) for name, each in self._groups.items() if each.is_mending]

    def _on_order(self, order: OrderApproved) -> None:
        if not order.group:
            return
        group = self._groups.get(order.group)
        if group is None:
            group = self._groups[order.group] = _Group(order.strategy, order.on_partial)
            self._arm(order.group, order.deadline_ns + self._coarseness_ns(order))
        group.legs[order.order_id] = order
        group.open.add(order.order_id)
        self._group_of[order.order_id] = order.group

    def _coarseness_ns(self, order: OrderApproved) -> int:
        """No answer can be known before the next price: where prices are bars, the deadline waits for them.

        The first leg's group mates are not known yet; the coarsest bar of the same underlying stands for them.
        """
        market = self._market
        listed = market.instruments.get(instrument_of(order.intent))
        if listed is None:
            return 0
        mates = [each.instrument for each in market.instruments.values() if each.underlying == listed.underlying]
        return COARSE_STEPS * max(market.step_ns(each) for each in mates)

    def _on_fill(self, fill: Fill) -> None:
        name = self._group_of.get(fill.order_id)
        if name is not None:
            filled = self._groups[name].filled
            signed = fill.qty if fill.side == "buy" else -fill.qty
            filled[fill.instrument] = filled.get(fill.instrument, ZERO) + signed

    def _on_terminal(self, report: Report) -> None:
        name = self._group_of.pop(report.order_id, None)
        if name is None:
            return
        group = self._groups[name]
        group.open.discard(report.order_id)
        if not group.open:
            self._settle(name)

    def _deadline(self, name: str) -> None:
        """Take back what is still open; the terminal reports then settle the group."""
        group = self._groups.get(name)
        if group is None or group.is_mending or self.is_recovering:
            return
        for order_id in sorted(group.open):
            self._router.cancel(group.strategy, order_id)

    def _imbalance(self, group: _Group) -> Decimal:
        return sum(group.filled.values(), ZERO)

    def _settle(self, name: str) -> None:
        """All legs are terminal: done when equal, else the policy runs."""
        group = self._groups[name]
        orphan = self._imbalance(group)
        largest = max((abs(each) for each in group.filled.values()), default=ZERO)
        is_equal = abs(orphan) <= largest * TOLERANCE
        if self.is_recovering and (group.is_mending or not is_equal):
            return
        if is_equal:
            if group.is_mending:
                self._tell(group, name, ZERO, is_resolved=True)
            del self._groups[name]
            return
        if group.is_mending and orphan == group.orphan:
            self._try_later(name, group)
            return
        group.retries = 0
        self._tell(group, name, orphan, is_resolved=False)
        if group.action == "keep":
            del self._groups[name]
            return
        group.is_mending = True
        self._mend(name)

    def _on_orphan(self, event: OrphanLeg) -> None:
        """Folding an old log: what was told then is what is being mended now."""
        group = self._groups.get(event.group)
        if group is None or not self.is_recovering:
            return
        if event.is_resolved or group.action == "keep":
            del self._groups[event.group]
        else:
            group.is_mending = True
            group.orphan = event.qty if event.side == "buy" else -event.qty

    def _tell(self, group: _Group, name: str, orphan: Decimal, *, is_resolved: bool) -> None:
        side: Side = "buy" if orphan > 0 else "sell"
        group.orphan = orphan
        self._bus.publish(
            OrphanLeg(
                ts_ns=self._bus.now_ns,
                strategy=group.strategy,
                group=name,
                instrument=self._heavy(group, orphan) if orphan else "",
                side=side,
                qty=abs(orphan),
                action=group.action,
                is_resolved=is_resolved,
            )
        )

    def _heavy(self, group: _Group, orphan: Decimal) -> str:
        """The instrument that holds too much in the orphan's direction."""
        ranked = sorted(group.filled.items(), key=lambda item: (item[1] if orphan < 0 else -item[1], item[0]))
        return ranked[0][0]

    def _target(self, group: _Group, orphan: Decimal) -> str:
        """Where to trade: on the missing leg for `hedge`, else on the heavy one; a pool is mended on an order book."""
        heavy = self._heavy(group, orphan)
        traded = {self._market.holding_of(instrument_of(leg.intent)) for leg in group.legs.values()}
        legs = sorted(traded - {heavy})
        books = [each for each in legs if self._is_order_book(each)]
        if group.action == "hedge" and books:
            return books[0]
        return books[0] if books and not self._is_order_book(heavy) else heavy

    def _standing_alone(self, strategy: str, underlying: str, orphan: Decimal) -> Decimal:
        """What of the orphan the strategy's whole holding in the underlying still has open on that side.

        Remainders of earlier legs, each within tolerance, may already offset a part; the gate measures the same.
        """
        net = ZERO
        for position in self._ledger.positions_of(strategy):
            listed = self._market.instruments.get(position.instrument)
            if listed is not None and listed.underlying == underlying:
                net += position.qty
        return min(abs(orphan), abs(net)) if net * orphan > 0 else ZERO

    def _covers(self, strategy: str, instrument: str, side: Side, qty: Decimal) -> bool:
        """Whether the strategy's own position there is at least as large, so that the order only reduces it."""
        position = self._ledger.positions.get((strategy, instrument))
        return position is not None and abs(position.qty) >= qty and (position.qty > 0) == (side == "sell")

    def _is_order_book(self, instrument: str) -> bool:
        listed = self._market.instruments.get(instrument)
        return listed is None or listed.kind != "pool"

    def _mend(self, name: str) -> None:
        group = self._groups.get(name)
        if group is None or group.open:
            return
        orphan = self._imbalance(group)
        instrument = self._target(group, orphan)
        listed = self._market.instruments.get(instrument)
        if listed is None:
            return
        alone = self._standing_alone(group.strategy, listed.underlying, orphan)
        qty = quantise_down(alone, Decimal(listed.lot_size))
        if qty == 0:
            self._tell(group, name, ZERO, is_resolved=True)
            del self._groups[name]
            return
        mark = self._market.mark(instrument)
        usd = self._market.quote_usd(instrument)
        if mark is not None and usd is not None:
            side: Side = "sell" if orphan > 0 else "buy"
            intent = PlaceOrder(
                instrument=instrument,
                side=side,
                qty=qty,
                is_reduce_only=self._covers(group.strategy, instrument, side, qty),
                notional_usd=qty * exact(mark[0]) * usd,
            )
            if self._unwind(group.strategy, intent, name):
                return
        self._try_later(name, group)

    def _try_later(self, name: str, group: _Group) -> None:
        """With growing pauses: a venue that refuses every order must not be asked ten times a second."""
        group.retries += 1
        if group.retries == RETRIES_TOLD:
            self._bus.publish(
                Alert(
                    ts_ns=self._bus.now_ns,
                    severity="critical",
                    source=group.strategy,
                    code="orphan_leg",
                    text=f"hedge {name} could not be mended in {RETRIES_TOLD} tries; still trying, close it by hand",
                )
            )
        self._bus.at(self._bus.now_ns + min(RETRY_NS * group.retries, RETRY_MAX_NS), lambda _: self._mend(name))

    def mend_after_recovery(self) -> None:
        """After a restart: settle groups whose legs all ended while we were away, and re-arm the rest."""
        for name, group in list(self._groups.items()):
            if group.open:
                self._arm(name, max(each.deadline_ns + self._coarseness_ns(each) for each in group.legs.values()))
            elif group.is_mending and self._imbalance(group) == group.orphan:
                self._mend(name)
            else:
                self._settle(name)

    def _arm(self, name: str, deadline_ns: int) -> None:
        self._bus.at(max(deadline_ns, self._bus.now_ns), lambda _: self._deadline(name))

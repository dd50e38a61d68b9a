"""What is believed of one market: two legs, the request in flight, the orphan protocol. Only reports change holdings.

flat -> opening -> open -> rebalancing -> open -> closing -> flat; orphan while the legs of an ended hedge differ and
the kernel's router undoes or completes them.
"""

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from bus.clock import NS_PER_S
from bus.events import Fill, FundingPaid, OrderApproved, OrphanLeg, Report, Unknown
from bus.intents import PlaceOrder
from bus.units import ZERO, quantise_down, sign
from strategies.drift_funding_arb.venues import Pair

State = Literal["flat", "opening", "open", "rebalancing", "closing", "orphan"]
AskKind = Literal["opening", "rebalancing", "closing"]
ORPHAN_EXIT = "orphan_leg"  #: exit reason of a leg that stands alone
ANSWER_TIMEOUT_NS = 60 * NS_PER_S  #: the gate answers within the same event; without any answer nothing was asked
ORPHAN_GRACE_NS = 1_200 * NS_PER_S  #: longer than all attempts of the router to mend; then we act ourselves
RETRY_FIRST_NS, RETRY_MAX_NS = 5 * NS_PER_S, 900 * NS_PER_S
FILLS_MAX = 4_096  #: fill ids remembered against repetition; far more than the fills of one position
ENTRY_PAUSE_FIRST_NS, ENTRY_PAUSE_MAX_NS = 3_600 * NS_PER_S, 24 * 3_600 * NS_PER_S


class Leg(Struct, kw_only=True):
    """One leg as its fills made it."""

    instrument: str
    lot: Decimal = ZERO
    qty: Decimal = ZERO  #: base units, negative = short
    cost: Decimal = ZERO  #: qty * average entry price, signed

    @property
    def tradable(self) -> Decimal:
        """The part of |qty| on the lot lattice; the rest is dust that no order can move."""
        return quantise_down(abs(self.qty), self.lot)

    @property
    def avg_price(self) -> Decimal:
        return self.cost / self.qty if self.qty else ZERO

    def fill(self, signed_qty: Decimal, price: Decimal) -> None:
        """Average cost; a fill that crosses zero starts a new average."""
        after = self.qty + signed_qty
        if self.qty == 0 or (self.qty > 0) == (signed_qty > 0):
            self.cost += signed_qty * price
        elif after == 0 or (after > 0) == (self.qty > 0):
            self.cost = self.avg_price * after
        else:
            self.cost = after * price
        self.qty = after


class Ask(Struct, kw_only=True):
    """A request that was yielded and is not answered to the end."""

    kind: AskKind
    asked_ns: int
    legs: int
    approved: int = 0


class CarryPosition:
    """One market's state machine."""

    def __init__(self, pair: Pair) -> None:
        self.rebind(pair)
        self.ask: Ask | None = None
        self.live: dict[str, str] = {}  #: order id -> instrument, until the terminal report
        self.unknown: set[str] = set()
        self.deadline_ns = 0
        self.group = ""  #: of the hedge asked last; names it in `OrphanLeg`
        self.orphan_until_ns = 0
        self.exit_reason = ""  #: sticky from the first close on until flat
        self.soft_since_ns = 0
        self.attempts = 0
        self.retry_ns = 0
        self.entry_failures = 0
        self.entry_pause_ns = 0  #: no entry before
        self.last_event = ""
        self.wakes: dict[str, int] = {}  #: alarms already asked for
        self._fills: dict[tuple[str, str], None] = {}
        self._forget()

    def rebind(self, pair: Pair) -> None:
        """Take other instruments; only while flat and idle."""
        self.pair = pair
        self.perp = Leg(instrument=pair.perp)
        self.spot = Leg(instrument=pair.spot)

    def _forget(self) -> None:
        self.opened_ns = 0
        self.opportunity = ""
        self.collateral_usd = ZERO
        self.funding_usd = ZERO  #: of this position, from `FundingPaid` alone
        self._paid: set[tuple[str, int]] = set()

    # reading ----------------------------------------------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        """Nothing is asked and no order is without its terminal report."""
        return self.ask is None and not self.live

    @property
    def is_flat(self) -> bool:
        """Nothing is held that an order could move."""
        return self.perp.tradable == 0 and self.spot.tradable == 0

    @property
    def state(self) -> State:
        if self.orphan_until_ns:
            return "orphan"
        if self.ask is not None:
            return self.ask.kind
        if self.is_flat and not self.live:
            return "flat"
        if self.exit_reason or self.is_flat:
            return "closing"
        return "open"

    @property
    def delta(self) -> Decimal:
        """Base units that stand alone: + long, - short."""
        return self.perp.qty + self.spot.qty

    @property
    def delta_pct(self) -> float:
        """|delta| in percent of the larger leg; 100 = one leg is missing."""
        larger = max(abs(self.perp.qty), abs(self.spot.qty))
        return float(abs(self.delta) / larger * 100) if larger else 0.0

    def leg_of(self, instrument: str) -> Leg | None:
        if instrument == self.perp.instrument:
            return self.perp
        return self.spot if instrument == self.spot.instrument else None

    # folding ----------------------------------------------------------------------------------------------------

    def asked(self, kind: AskKind, legs: int, now_ns: int) -> None:
        """Remember what was yielded. Holdings stay as they are."""
        self.ask = Ask(kind=kind, asked_ns=now_ns, legs=legs)
        if kind != "opening":
            self.attempts += 1
            self.retry_ns = now_ns + min(RETRY_MAX_NS, RETRY_FIRST_NS << min(self.attempts - 1, 16))

    def on_approved(self, event: OrderApproved) -> bool:
        """Whether the order is one of ours; the kernel's unwind orders count too."""
        intent = event.intent
        if not isinstance(intent, PlaceOrder) or self.leg_of(intent.instrument) is None:
            return False
        self.live[event.order_id] = intent.instrument
        self.group = event.group or self.group
        if self.ask is not None and not event.is_unwind:
            self.ask.approved += 1
            self.deadline_ns = event.deadline_ns
        return True

    def on_denied(self, reason: str, now_ns: int) -> None:
        """The gate said no to the request: nothing was sent."""
        ask, self.ask = self.ask, None
        self.last_event = f"{ask.kind if ask else 'request'} denied: {reason}"
        if ask is not None and ask.kind == "opening":
            self._entry_failed(now_ns)

    def on_fill(self, event: Fill) -> None:
        """The one place where holdings change. A fill that was seen is not booked again."""
        leg = self.leg_of(event.instrument)
        key = (event.order_id, event.fill_id)
        if leg is None or (event.fill_id and key in self._fills):
            return
        self._fills[key] = None
        if len(self._fills) > FILLS_MAX:
            del self._fills[next(iter(self._fills))]
        if self.is_flat:
            self.opened_ns = event.ts_ns
        leg.fill(event.qty * sign(event.side), event.price)

    def on_report(self, event: Report) -> None:
        """Unknown keeps the order in flight; a terminal report ends it."""
        if isinstance(event, Unknown):
            self.unknown.add(event.order_id)
            self.last_event = f"order unknown: {event.reason}"
        if not event.is_terminal or self.live.pop(event.order_id, None) is None:
            return
        self.unknown.discard(event.order_id)
        reason = getattr(event, "reason", "")
        if reason:
            self.last_event = f"{type(event).__name__.lower()}: {reason}"
        if not self.live and (self.ask is None or self.ask.approved >= self.ask.legs):
            self._settle(event.ts_ns)

    def _settle(self, now_ns: int) -> None:
        ask, self.ask = self.ask, None
        if self.is_flat:
            is_opening = ask is not None and ask.kind == "opening"
            is_unwound = ask is None and not self.exit_reason
            if is_opening or is_unwound or self.exit_reason == ORPHAN_EXIT:
                self._entry_failed(now_ns)  # nothing came of it
            else:
                self.end()
        elif ask is not None:
            if ask.kind == "opening":
                self.entry_failures = 0
            if ask.legs > 1 and self.perp.tradable != self.spot.tradable:
                self.orphan_until_ns = max(self.deadline_ns, now_ns) + ORPHAN_GRACE_NS
        elif self.orphan_until_ns == 0:
            self.last_event = "unwound in part"

    def on_orphan(self, event: OrphanLeg) -> None:
        """The router starts (or ends) its protocol; only the fills of its orders move our holdings."""
        if event.is_resolved:
            self.orphan_until_ns = 0
        else:
            self.orphan_until_ns = max(self.orphan_until_ns, event.ts_ns + ORPHAN_GRACE_NS)
            self.last_event = f"orphan leg {event.side} {event.qty} {event.instrument}: {event.action}"

    def on_funding_paid(self, event: FundingPaid) -> None:
        """A payment at a settlement stamp; the same stamp counts once."""
        key = (event.instrument, event.settle_ts_ns)
        if self.opened_ns and key not in self._paid:
            self._paid.add(key)
            self.funding_usd += Decimal(event.amount_usd)

    def pass_time(self, now_ns: int) -> None:
        """Forget a request that nobody answered, and an orphan protocol that is over."""
        ask = self.ask
        if ask is not None and ask.approved == 0 and not self.live and now_ns >= ask.asked_ns + ANSWER_TIMEOUT_NS:
            self.on_denied("no answer from the gate", now_ns)
        if self.orphan_until_ns and now_ns >= self.orphan_until_ns and self.is_idle:
            self.orphan_until_ns = 0
        if self.is_idle and self.is_flat and self.opened_ns and not self.orphan_until_ns:
            self.end()

    def _entry_failed(self, now_ns: int) -> None:
        pause_ns = min(ENTRY_PAUSE_MAX_NS, ENTRY_PAUSE_FIRST_NS << min(self.entry_failures, 16))
        self.entry_failures += 1
        self.entry_pause_ns = now_ns + pause_ns
        if self.is_flat:
            self.end()

    def end(self) -> None:
        """Flat again: the next position starts with nothing remembered but the entry pause."""
        self.exit_reason, self.soft_since_ns = "", 0
        self.attempts, self.retry_ns, self.deadline_ns, self.orphan_until_ns = 0, 0, 0, 0
        self._forget()

"""Trades in flight: from yielding to the last report. What is believed comes from verdicts and reports alone.

One trade per pair at a time. An attempt is over when all its orders are terminal and its legs are equal; while they are
not it is an orphan, which the kernel's protocol mends under the same group.
"""

from decimal import Decimal

from bus.clock import NS_PER_S
from bus.events import Fill, OrderApproved, OrderDenied, OrphanLeg, Report, Reverted
from bus.units import ZERO, sign
from kernel.execution.hedges import TOLERANCE

VERDICT_WAIT_NS = 5 * NS_PER_S  #: verdicts come with the asking event; after this none will (a crash in between)


class Attempt:
    """One trade. `cash_usd` is what it brought so far: sales less purchases, fees and gas."""

    __slots__ = (
        "approved", "asked_ns", "cash_usd", "expected_usd", "filled", "group", "is_orphan", "key", "legs", "open",
        "opportunity", "was_orphan",
    )  # fmt: skip

    def __init__(self, opportunity: str, key: str, legs: int, asked_ns: int, expected_usd: Decimal) -> None:
        self.opportunity = opportunity
        self.key = key  #: the pair's name
        self.legs = legs
        self.asked_ns = asked_ns
        self.expected_usd = expected_usd
        self.group = ""
        self.approved = 0
        self.open: set[str] = set()
        self.filled: dict[str, Decimal] = {}  #: signed base by instrument
        self.cash_usd = ZERO
        self.is_orphan = False
        self.was_orphan = False

    @property
    def state(self) -> str:
        """asked, working or orphan."""
        if self.is_orphan:
            return "orphan"
        return "working" if self.approved else "asked"

    @property
    def is_equal(self) -> bool:
        """Whether bought and sold base cancel, by the kernel's own tolerance."""
        largest = max((abs(qty) for qty in self.filled.values()), default=ZERO)
        return abs(sum(self.filled.values(), ZERO)) <= largest * TOLERANCE


class Attempts:
    """The attempts of one strategy, with the pauses after them."""

    def __init__(self) -> None:
        self.by_key: dict[str, Attempt] = {}
        self.last: dict[str, Attempt] = {}  #: the latest finished one of each pair
        self._by_opportunity: dict[str, Attempt] = {}
        self._by_group: dict[str, Attempt] = {}
        self._by_order: dict[str, Attempt] = {}
        self._pause_until_ns: dict[str, int] = {}

    def blocks(self, key: str, now_ns: int) -> str:
        """in_flight, cooldown or "" when a new trade of the pair may be asked for."""
        attempt = self.by_key.get(key)
        if attempt is not None:
            if attempt.approved or now_ns - attempt.asked_ns <= VERDICT_WAIT_NS:
                return "in_flight"
            self._drop(attempt)
        return "cooldown" if now_ns < self._pause_until_ns.get(key, 0) else ""

    def ask(self, attempt: Attempt) -> None:
        """Remember that a trade was asked for; nothing is held because of it."""
        self.by_key[attempt.key] = attempt
        self._by_opportunity[attempt.opportunity] = attempt

    def pause(self, key: str, until_ns: int) -> None:
        """No new trade of the pair before this time."""
        self._pause_until_ns[key] = max(until_ns, self._pause_until_ns.get(key, 0))

    def on_approved(self, order: OrderApproved) -> None:
        """A leg of ours, or an order that the kernel made to mend our group."""
        attempt = self._by_group.get(order.group) if order.group else None
        if attempt is None:
            attempt = self._by_opportunity.get(order.intent.opportunity)
        if attempt is None:
            return
        if order.group:
            attempt.group = order.group
            self._by_group[order.group] = attempt
        if not order.is_unwind:
            attempt.approved += 1
        attempt.open.add(order.order_id)
        self._by_order[order.order_id] = attempt

    def on_denied(self, event: OrderDenied) -> Attempt | None:
        """The attempt that the gate refused, or None when the denial is of something else."""
        attempt = self._by_opportunity.get(event.opportunity) if event.opportunity else None
        if attempt is None or attempt.approved:
            return None
        self._drop(attempt)
        return attempt

    def on_fill(self, fill: Fill, quote_usd: Decimal) -> None:
        """Count a fill for its attempt."""
        attempt = self._by_order.get(fill.order_id)
        if attempt is None:
            return
        signed = sign(fill.side) * fill.qty
        attempt.filled[fill.instrument] = attempt.filled.get(fill.instrument, ZERO) + signed
        attempt.cash_usd -= signed * fill.price * quote_usd + fill.fee_usd + fill.gas_usd

    def on_terminal(self, report: Report) -> Attempt | None:
        """Close an order; returns the attempt when that ends it."""
        attempt = self._by_order.pop(report.order_id, None)
        if attempt is None:
            return None
        attempt.open.discard(report.order_id)
        if isinstance(report, Reverted):
            attempt.cash_usd -= report.gas_usd
        if attempt.open or attempt.approved < attempt.legs:
            return None
        if not attempt.is_equal:
            attempt.is_orphan = attempt.was_orphan = True
            return None
        return self._finish(attempt)

    def on_orphan(self, event: OrphanLeg) -> Attempt | None:
        """The kernel's word on an unequal group; returns the attempt when it is mended."""
        attempt = self._by_group.get(event.group)
        if attempt is None:
            return None
        attempt.was_orphan = True
        if event.is_resolved:
            return self._finish(attempt)
        attempt.is_orphan = True
        return None

    def _finish(self, attempt: Attempt) -> Attempt:
        attempt.is_orphan = False
        self._drop(attempt)
        self.last[attempt.key] = attempt
        return attempt

    def _drop(self, attempt: Attempt) -> None:
        if self.by_key.get(attempt.key) is attempt:
            del self.by_key[attempt.key]
        self._by_opportunity.pop(attempt.opportunity, None)
        self._by_group.pop(attempt.group, None)

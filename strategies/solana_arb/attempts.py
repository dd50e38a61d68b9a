"""Trades on their way: which pools they use, what they were to earn, what became of them."""

from decimal import Decimal

from msgspec import Struct

from bus.clock import NS_PER_S
from bus.events import Fill, Landed, OrderApproved, Report, Reverted
from bus.units import ZERO, sign

VERDICT_WAIT_NS = NS_PER_S  #: an ask that got neither verdict nor order in this event time is forgotten


class Attempt(Struct, kw_only=True):
    """One trade that was asked for."""

    opportunity: str
    pools: tuple[str, ...]
    asked_ns: int
    tip_lamports: int
    expected_usd: Decimal
    order_id: str = ""
    result_usd: Decimal = ZERO
    is_landed: bool = False


class Attempts:
    """At most one trade through a pool at a time, and a pause after each."""

    def __init__(self) -> None:
        self.by_pool: dict[str, Attempt] = {}
        self.last: Attempt | None = None
        self._by_opportunity: dict[str, Attempt] = {}
        self._by_order: dict[str, Attempt] = {}
        self._rest_until_ns: dict[str, int] = {}
        self._versions: dict[tuple[str, ...], tuple[int, ...]] = {}

    def blocks(self, pools: tuple[str, ...], versions: tuple[int, ...], now_ns: int) -> str:
        """in_flight, cooldown, same_state or "" when a new trade through these pools may be asked for."""
        for pool in pools:
            attempt = self.by_pool.get(pool)
            if attempt is not None:
                if attempt.order_id or now_ns - attempt.asked_ns <= VERDICT_WAIT_NS:
                    return "in_flight"
                self._drop(attempt)
            if now_ns < self._rest_until_ns.get(pool, 0):
                return "cooldown"
        return "same_state" if self._versions.get(pools) == versions else ""

    def ask(self, attempt: Attempt, versions: tuple[int, ...]) -> None:
        """Remember that a trade was asked for; nothing is held because of it."""
        self._versions[attempt.pools] = versions
        self._by_opportunity[attempt.opportunity] = attempt
        for pool in attempt.pools:
            self.by_pool[pool] = attempt

    def rest(self, attempt: Attempt, until_ns: int) -> None:
        """Its pools pause."""
        for pool in attempt.pools:
            self._rest_until_ns[pool] = until_ns

    def on_approved(self, order: OrderApproved) -> None:
        """An order of ours."""
        attempt = self._by_opportunity.get(order.intent.opportunity)
        if attempt is not None:
            attempt.order_id = order.order_id
            self._by_order[order.order_id] = attempt

    def on_denied(self, opportunity: str) -> Attempt | None:
        """The gate refused it."""
        attempt = self._by_opportunity.get(opportunity)
        if attempt is None or attempt.order_id:
            return None
        self._drop(attempt)
        return attempt

    def on_fill(self, fill: Fill, quote_usd: Decimal) -> None:
        """Count what a fill moved, in USD."""
        attempt = self._by_order.get(fill.order_id)
        if attempt is not None:
            attempt.result_usd -= sign(fill.side) * fill.qty * fill.price * quote_usd + fill.fee_usd + fill.gas_usd

    def on_terminal(self, report: Report) -> Attempt | None:
        """The order is over; returns its attempt."""
        attempt = self._by_order.pop(report.order_id, None)
        if attempt is None:
            return None
        attempt.is_landed = isinstance(report, Landed)
        if isinstance(report, Reverted):
            attempt.result_usd -= report.gas_usd
        self._drop(attempt)
        self.last = attempt
        return attempt

    def _drop(self, attempt: Attempt) -> None:
        self._by_opportunity.pop(attempt.opportunity, None)
        for pool in attempt.pools:
            if self.by_pool.get(pool) is attempt:
                del self.by_pool[pool]

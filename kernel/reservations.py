"""What approved orders may still use: balances, exposure, positions, gas. Taken at approval, freed by reports.

Every sum is kept exactly (lattice of 1e-24, see `kernel.finance.money`): what was added is subtracted again to the
last digit, and a sum without orders is absent, so a leak cannot hide in rounding. Cost per order does not depend on
how many orders there were.
"""

from collections.abc import Hashable
from decimal import Decimal
from typing import TypeVar

from bus.units import ZERO, Side
from kernel.finance.money import add, minus, plain_text, share, subtract

WHOLE = ""  #: the key of the sum over all strategies
K = TypeVar("K", bound=Hashable)


class Part:
    """What an order does to one instrument: `qty` base units on a side, worth `usd` (0 when it only closes)."""

    __slots__ = ("instrument", "qty", "qty_total", "side", "usd", "usd_total")

    def __init__(self, instrument: str, side: Side, qty: Decimal, usd: Decimal) -> None:
        self.instrument = instrument
        self.side: Side = side
        self.qty = self.qty_total = qty
        self.usd = self.usd_total = usd


class Reservation:
    """All that one order holds back until its terminal report."""

    __slots__ = (
        "gas_usd",
        "group",
        "has_fills",
        "is_atomic",
        "is_closing",
        "need",
        "need_key",
        "need_total",
        "order_id",
        "parts",
        "strategy",
    )

    def __init__(
        self,
        *,
        order_id: str,
        strategy: str,
        parts: tuple[Part, ...],
        need_key: tuple[str, str],
        need: Decimal,
        gas_usd: Decimal,
        is_closing: bool,
        is_atomic: bool,
    ) -> None:
        self.order_id = order_id
        self.strategy = strategy
        self.group = ""  #: the hedge or itself; told by the `OrderApproved` event
        self.parts = parts
        self.need_key = need_key  #: (venue, asset) that pays
        self.need = self.need_total = need
        self.gas_usd = gas_usd
        self.is_closing = is_closing
        self.is_atomic = is_atomic  #: a transaction: it happens at once or not at all
        self.has_fills = False


class Reservations:
    """Reservations of open orders and their sums per strategy ("" = all)."""

    def __init__(self) -> None:
        self.orders: dict[str, Reservation] = {}
        self.usd: dict[str, Decimal] = {}
        self.gas_usd: dict[str, Decimal] = {}
        self.counts: dict[str, int] = {}
        self.needs: dict[tuple[str, str], Decimal] = {}  #: by (venue, asset)
        self.pending: dict[tuple[str, str, Side], Decimal] = {}  #: base units by (strategy, instrument, side)
        self.closing: dict[tuple[str, str, Side], Decimal] = {}  #: the part of those that may only close

    def add(self, order: Reservation) -> None:
        """Reserve all of it."""
        self.orders[order.order_id] = order
        for key in (order.strategy, WHOLE):
            self.counts[key] = self.counts.get(key, 0) + 1
        self._move_order(order, order.need, order.gas_usd)
        for part in order.parts:
            self._move_part(order, part, part.qty, part.usd)

    def fill(self, order_id: str, instrument: str, qty: Decimal) -> None:
        """An execution moved `qty` base units into the ledger: free as much. A transaction frees the whole part."""
        order = self.orders.get(order_id)
        if order is None:
            return
        order.has_fills = True
        for part in order.parts:
            if part.instrument != instrument:
                continue
            rest = ZERO if order.is_atomic else max(ZERO, subtract(part.qty, qty))
            usd = share(part.usd_total, rest, part.qty_total) if rest else ZERO
            need = share(order.need_total, rest, part.qty_total) if rest else ZERO
            self._move_part(order, part, subtract(rest, part.qty), subtract(usd, part.usd))
            self._add(self.needs, order.need_key, subtract(need, order.need))
            part.qty, part.usd, order.need = rest, usd, need

    def release(self, order_id: str) -> Reservation | None:
        """Free what is left; None when the order is not open (any more)."""
        order = self.orders.pop(order_id, None)
        if order is None:
            return None
        for part in order.parts:
            self._move_part(order, part, minus(part.qty), minus(part.usd))
        self._move_order(order, minus(order.need), minus(order.gas_usd))
        for key in (order.strategy, WHOLE):
            self.counts[key] -= 1
            if not self.counts[key]:
                del self.counts[key]
        return order

    def pending_qty(self, strategy: str, instrument: str, side: Side) -> Decimal:
        """Base units of working orders on a side."""
        return self.pending.get((strategy, instrument, side), ZERO)

    def state(self) -> dict[str, object]:
        """Plain sorted values with exact text."""
        orders = {}
        for order_id in sorted(self.orders):
            order = self.orders[order_id]
            parts = [[part.instrument, part.side, plain_text(part.qty), plain_text(part.usd)] for part in order.parts]
            need = [*order.need_key, plain_text(order.need)]
            orders[order_id] = [order.strategy, order.group, parts, need, plain_text(order.gas_usd), order.has_fills]
        tables = (("usd", self.usd), ("gas_usd", self.gas_usd), ("needs", self.needs), ("pending", self.pending))
        sums = {name: _plain(table) for name, table in (*tables, ("closing", self.closing))}  # type: ignore[arg-type]
        return {"orders": orders, "counts": {key: self.counts[key] for key in sorted(self.counts)}, **sums}

    def _move_order(self, order: Reservation, need: Decimal, gas_usd: Decimal) -> None:
        self._add(self.needs, order.need_key, need)
        for key in (order.strategy, WHOLE):
            self._add(self.gas_usd, key, gas_usd)

    def _move_part(self, order: Reservation, part: Part, qty: Decimal, usd: Decimal) -> None:
        if not qty and not usd:
            return
        for key in (order.strategy, WHOLE):
            self._add(self.usd, key, usd)
            self._add(self.pending, (key, part.instrument, part.side), qty)
        if order.is_closing:
            self._add(self.closing, (order.strategy, part.instrument, part.side), qty)

    @staticmethod
    def _add(table: dict[K, Decimal], key: K, delta: Decimal) -> None:
        if not delta:
            return
        total = add(table.get(key, ZERO), delta)
        if total:
            table[key] = total
        else:
            del table[key]


def _plain(table: dict[object, Decimal]) -> dict[str, str]:
    rows = ((" ".join(key) if isinstance(key, tuple) else str(key), value) for key, value in table.items())
    return {key: plain_text(value) for key, value in sorted(rows)}

"""From events to rows: the one dispatch of the projection, with everything it remembers between events."""

from typing import Any
from uuid import UUID

from bus.events import (
    REPORTS,
    Alert,
    Fill,
    FundingPaid,
    FundingRate,
    OpportunitySeen,
    OrderApproved,
    OrderDenied,
    RunRestarted,
    StrategySampled,
)
from bus.events.base import Event
from persistence import (
    projection_market_data,
    projection_opportunities,
    projection_orders,
    projection_performance,
    projection_system_logs,
    projection_trades,
)
from persistence.projection_instruments import Instruments
from persistence.projection_opportunities import opportunity_row, opportunity_uuid
from persistence.projection_orders import OrderRow, approved_row, denied_row, move_on
from persistence.projection_positions import Positions
from persistence.projection_row import Batch, Place
from persistence.projection_system_logs import LOGGED, alert_row, log_row, projector_row
from persistence.projection_text import clip
from persistence.projection_trades import trade_id, trade_row

_REPORTS = frozenset(REPORTS)
_SAMPLED = frozenset(projection_market_data.SAMPLED)


class Fold:
    """The state of the projection.

    `orders` holds those without a terminal report, `fills` the ids of the trades booked for them; both by order id.
    """

    def __init__(self) -> None:
        self.instruments = Instruments()
        self.positions = Positions(self.instruments.market)
        self.orders: dict[str, OrderRow] = {}
        self.fills: dict[str, set[UUID]] = {}

    def is_late(self, event: Event) -> bool:
        """Whether it reports on an order that is not open any more (or never was): its row must be looked up first."""
        return type(event) in _REPORTS and event.order_id not in self.orders  # type: ignore[attr-defined]

    def apply(self, place: Place, event: Any, batch: Batch) -> None:
        """Fold one event. Raises `BadInput`, `ValueError` or `ArithmeticError` for one that no row can hold."""
        kind = type(event)
        instruments = self.instruments
        instruments.fold(event)
        if kind in _SAMPLED:
            if instruments.is_due(event):
                row = projection_market_data.market_row(place, event, instruments.market)
                batch.put(projection_market_data.UPSERT, row)
        elif kind in _REPORTS:
            self._report(place, event, batch)
        elif kind is OpportunitySeen:
            opportunity = opportunity_row(place, event, instruments.market)
            batch.put(projection_opportunities.UPSERT, opportunity)
            if not event.why_not:
                batch.touched.add(opportunity.id)
        elif kind is OrderApproved:
            order = approved_row(place, event, instruments.market)
            self.orders[event.order_id] = order
            self.fills[event.order_id] = set()
            self._put_order(order, batch)
        elif kind is OrderDenied:
            self._put_order(denied_row(place, event), batch)
        elif kind is StrategySampled:
            batch.put(projection_performance.UPSERT, projection_performance.performance_row(place, event))
            if not event.strategy:
                self.positions.mark(event.ts_ns, batch)
        elif kind is FundingRate:
            funding = projection_market_data.funding_row(place, event, instruments.market)
            batch.put(projection_market_data.UPSERT_FUNDING, funding)
        elif kind is FundingPaid:
            self.positions.pay(place, event, batch)
        elif kind is Alert:
            batch.put(projection_system_logs.UPSERT_ALERTS, alert_row(place, event))
        elif kind in LOGGED:
            batch.put(projection_system_logs.UPSERT, log_row(place, event))
            if kind is RunRestarted and event.is_tail_torn:
                batch.ended.append((clip(event.previous_run), None, None, "torn tail"))

    def apply_late(self, place: Place, event: Any, order: OrderRow | None, is_booked: bool, batch: Batch) -> None:
        """Fold a report whose order is over; `is_booked`: its fill stands in the table already."""
        if order is None:
            text = f"{type(event).__struct_config__.tag} for order {event.order_id!r}, which was never approved"
            batch.put(projection_system_logs.UPSERT, projector_row(place, event.ts_ns, "unknown_order", text))
        if type(event) is Fill:
            if not is_booked:
                self._fill(place, event, order, batch)
        elif order is not None and not event.is_terminal:
            move_on(order, place, event)
            self._put_order(order, batch)

    def _report(self, place: Place, event: Any, batch: Batch) -> None:
        order = self.orders[event.order_id]
        if type(event) is Fill:
            fill_id = trade_id(place, event)
            if fill_id not in self.fills[event.order_id]:
                self._fill(place, event, order, batch)
                self.fills[event.order_id].add(fill_id)
            return
        move_on(order, place, event)
        self._put_order(order, batch)
        if order.is_terminal:
            del self.orders[event.order_id]
            del self.fills[event.order_id]

    def _fill(self, place: Place, event: Fill, order: OrderRow | None, batch: Batch) -> None:
        opportunity = order.opportunity if order is not None else None
        booking = self.positions.book(place, event, opportunity, batch)
        is_swap = order is not None and order.kind == "swap"
        batch.put(projection_trades.UPSERT, trade_row(place, event, booking, opportunity, is_swap))
        if order is not None:
            move_on(order, place, event)
            self._put_order(order, batch)

    def _put_order(self, order: OrderRow, batch: Batch) -> None:
        batch.put(projection_orders.UPSERT, order)
        if order.opportunity is not None:
            batch.touched.add(opportunity_uuid(order.run_id, order.module, order.opportunity))

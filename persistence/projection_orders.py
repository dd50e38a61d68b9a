"""Table `orders`: one row per verdict, moved on by the reports. Its metadata keeps every report for the story page."""

from decimal import Decimal, localcontext
from typing import Any
from uuid import UUID

from bus.events import Fill, Landed, OrderApproved, OrderDenied, Report, Reverted
from bus.ids import order_id, stable_uuid
from bus.intents import PlaceOrder, Swap
from bus.units import ZERO
from kernel.finance.money import MONEY, READING, is_amount, plain_text
from kernel.market import Market
from persistence.projection_row import Place, Row
from persistence.projection_text import bigint, clip

UPSERT = """
INSERT INTO orders (id, order_id, run_id, seq, cause_seq, ts_ns, reported_ts_ns, module, simulated, venue, chain,
                    instrument, kind, side, qty, limit_price, amount_in_raw, amount_out_min_raw, notional_usd,
                    expected_net_usd, is_reduce_only, is_unwind, hedge_group, opportunity, status, is_terminal, reason,
                    filled_qty, average_price, fee_usd, gas_usd, venue_id, tx_hash, block_number, metadata)
SELECT id, order_id, run_id, seq, cause_seq, ts_ns, reported_ts_ns, module, simulated, venue, chain,
       instrument, kind, side, qty, limit_price, amount_in_raw, amount_out_min_raw, notional_usd,
       expected_net_usd, is_reduce_only, is_unwind, hedge_group, opportunity, status, is_terminal, reason,
       filled_qty, average_price, fee_usd, gas_usd, venue_id, tx_hash, block_number, metadata
FROM json_populate_recordset(NULL::orders, $1::json)
ON CONFLICT (id) DO UPDATE SET
    seq = excluded.seq, reported_ts_ns = excluded.reported_ts_ns, simulated = excluded.simulated,
    status = excluded.status, is_terminal = excluded.is_terminal, reason = excluded.reason,
    filled_qty = excluded.filled_qty, average_price = excluded.average_price, fee_usd = excluded.fee_usd,
    gas_usd = excluded.gas_usd, venue_id = excluded.venue_id, tx_hash = excluded.tx_hash,
    block_number = excluded.block_number, metadata = excluded.metadata, updated_at = now()"""

_COLUMNS = """id, order_id, run_id, seq, cause_seq, ts_ns, reported_ts_ns, module, simulated, venue, chain,
    instrument, kind, side, qty, limit_price, amount_in_raw, amount_out_min_raw, notional_usd, expected_net_usd,
    is_reduce_only, is_unwind, hedge_group, opportunity, status, is_terminal, reason, filled_qty, average_price,
    fee_usd, gas_usd, venue_id, tx_hash, block_number, metadata"""

OPEN = f"""
SELECT {_COLUMNS} FROM orders
WHERE NOT is_terminal AND run_id IN (SELECT run_id FROM runs WHERE log_id = $1)"""

BY_ID = f"SELECT {_COLUMNS} FROM orders WHERE id = $1"

REPORTS_KEPT = 100  #: per order, in its metadata; further ones are counted


class OrderRow(Row, kw_only=True):
    """An order; `ts_ns` stays that of the verdict, `seq` and `reported_ts_ns` follow the reports."""

    order_id: str
    cause_seq: int
    reported_ts_ns: int
    module: str
    simulated: bool
    venue: str
    chain: str | None
    instrument: str
    kind: str
    side: str | None
    qty: Decimal | None
    limit_price: Decimal | None
    amount_in_raw: Decimal | int | None
    amount_out_min_raw: Decimal | int | None
    notional_usd: Decimal
    expected_net_usd: Decimal | None
    is_reduce_only: bool
    is_unwind: bool
    hedge_group: str | None
    opportunity: str | None
    status: str
    is_terminal: bool
    reason: str | None
    filled_qty: Decimal
    average_price: Decimal | None
    fee_usd: Decimal
    gas_usd: Decimal
    venue_id: str | None
    tx_hash: str | None
    block_number: int | None


def order_uuid(order: str) -> UUID:
    """The id of an order's row."""
    return stable_uuid("order", order)


def restored(record: Any) -> OrderRow:
    """The row as `OPEN` and `BY_ID` give it."""
    return OrderRow(**dict(record))


def approved_row(place: Place, event: OrderApproved, market: Market) -> OrderRow:
    """The row of a new order."""
    intent = event.intent
    swap = intent if isinstance(intent, Swap) else None
    order = intent if isinstance(intent, PlaceOrder) else None
    instrument = order.instrument if order is not None else (swap.route[0].pool if swap and swap.route else "")
    listed = market.instruments.get(instrument)
    _refuse_no_amounts(intent)
    return OrderRow(
        id=order_uuid(event.order_id),
        run_id=place.run_id,
        seq=place.seq,
        ts_ns=event.ts_ns,
        order_id=clip(event.order_id),
        cause_seq=event.cause_seq,
        reported_ts_ns=event.ts_ns,
        module=clip(event.strategy),
        simulated=place.is_simulated,
        venue=clip(market.venue_of(instrument)),
        chain=clip(listed.chain) or None if listed is not None else None,
        instrument=clip(instrument),
        kind="place_order" if order is not None else "swap",
        side=order.side if order is not None else (swap.base_side if swap is not None else None),
        qty=order.qty if order is not None else None,
        limit_price=order.limit_price if order is not None else None,
        amount_in_raw=swap.amount_in if swap is not None else None,
        amount_out_min_raw=swap.amount_out_min if swap is not None else None,
        notional_usd=intent.notional_usd,
        expected_net_usd=intent.expected_net_usd,
        is_reduce_only=intent.is_reduce_only,
        is_unwind=event.is_unwind,
        hedge_group=clip(event.group) or None,
        opportunity=clip(intent.opportunity) or None,
        status="approved",
        is_terminal=False,
        reason=None,
        filled_qty=ZERO,
        average_price=None,
        fee_usd=ZERO,
        gas_usd=ZERO,
        venue_id=None,
        tx_hash=None,
        block_number=None,
        metadata={
            "approved_seq": place.seq,
            "tif": order.tif if order is not None else "",
            "route": [clip(hop.pool) for hop in swap.route] if swap is not None else [],
            "deadline_ns": event.deadline_ns,
            "on_partial": event.on_partial,
            "filled_quote": "0",
            "reports": [],
        },
    )


def denied_row(place: Place, event: OrderDenied) -> OrderRow:
    """The row of a refusal. Its id is what the order's would have been; the verdict does not repeat the intent."""
    denied = order_id(place.run_id, event.strategy, event.cause_seq, event.index)
    return OrderRow(
        id=stable_uuid(place.run_id, place.seq, "denied"),
        run_id=place.run_id,
        seq=place.seq,
        ts_ns=event.ts_ns,
        order_id=clip(f"{denied}-denied-{place.seq}"),
        cause_seq=event.cause_seq,
        reported_ts_ns=event.ts_ns,
        module=clip(event.strategy),
        simulated=place.is_simulated,
        venue="",
        chain=None,
        instrument="",
        kind="",
        side=None,
        qty=None,
        limit_price=None,
        amount_in_raw=None,
        amount_out_min_raw=None,
        notional_usd=event.notional_usd,
        expected_net_usd=None,
        is_reduce_only=False,
        is_unwind=False,
        hedge_group=None,
        opportunity=clip(event.opportunity) or None,
        status="denied",
        is_terminal=True,
        reason=clip(event.reason),
        filled_qty=ZERO,
        average_price=None,
        fee_usd=ZERO,
        gas_usd=ZERO,
        venue_id=None,
        tx_hash=None,
        block_number=None,
        metadata={"scope": clip(event.scope), "limit": clip(event.limit), "asked": clip(event.asked)},
    )


def move_on(row: OrderRow, place: Place, event: Report) -> None:
    """Fold a report into its order. The first terminal report stands; later ones add amounts and are listed."""
    kind = str(type(event).__struct_config__.tag)
    text = clip(str(getattr(event, "reason", "") or ""))
    if isinstance(event, Fill):
        _add_fill(row, event)
        text = f"{event.side} {event.qty} at {event.price}"
    if isinstance(event, Reverted):
        row.gas_usd = MONEY.add(row.gas_usd, event.gas_usd)
    if isinstance(event, Landed | Reverted):
        row.tx_hash = clip(event.tx) or None
        row.block_number = bigint(event.block)
        text = text or f"block {event.block}"
    venue_id = getattr(event, "venue_id", "")
    row.venue_id = clip(venue_id) if venue_id else row.venue_id
    row.seq = place.seq
    row.reported_ts_ns = event.ts_ns
    row.simulated = event.simulated
    if not row.is_terminal:
        row.status = kind
        row.is_terminal = event.is_terminal
        row.reason = text if text and not isinstance(event, Fill) else row.reason
    told = row.metadata.setdefault("reports", [])
    if len(told) < REPORTS_KEPT or event.is_terminal:
        told.append({"run": place.run_id, "seq": place.seq, "ts_ns": event.ts_ns, "kind": kind, "text": text})
    else:
        row.metadata["reports_left_out"] = row.metadata.get("reports_left_out", 0) + 1


def _add_fill(row: OrderRow, event: Fill) -> None:
    with localcontext(MONEY):
        quote = Decimal(row.metadata.get("filled_quote", "0")) + event.qty * event.price
        row.filled_qty += event.qty
        row.fee_usd += event.fee_usd
        row.gas_usd += event.gas_usd
    row.metadata["filled_quote"] = plain_text(quote)
    row.average_price = READING.divide(quote, row.filled_qty)


def _refuse_no_amounts(intent: PlaceOrder | Swap) -> None:
    names = ("qty", "limit_price", "notional_usd", "expected_net_usd")
    for name in names:
        value = getattr(intent, name, None)
        if value is not None and not is_amount(value):
            raise ValueError(f"OrderApproved {name}: expected a finite amount below 1e41, found {value!s:.80}")

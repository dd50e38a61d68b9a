"""Table `trades`: our fills, each booked once."""

from decimal import Decimal
from uuid import UUID

from bus.events import Fill
from bus.ids import stable_uuid
from bus.units import ZERO
from persistence.projection_positions import Booking
from persistence.projection_row import Place, Row
from persistence.projection_text import bigint, clip

UPSERT = """
INSERT INTO trades (id, order_id, run_id, seq, ts_ns, venue_ts_ns, module, simulated, venue, chain, instrument, side,
                    qty, price, notional_usd, amount_in_raw, amount_out_raw, fee_usd, gas_usd, slippage_usd,
                    realised_pnl_usd, opportunity, venue_fill_id, tx_hash, metadata)
SELECT id, order_id, run_id, seq, ts_ns, venue_ts_ns, module, simulated, venue, chain, instrument, side,
       qty, price, notional_usd, amount_in_raw, amount_out_raw, fee_usd, gas_usd, slippage_usd,
       realised_pnl_usd, opportunity, venue_fill_id, tx_hash, metadata
FROM json_populate_recordset(NULL::trades, $1::json)
ON CONFLICT (id) DO UPDATE SET
    run_id = excluded.run_id, seq = excluded.seq, ts_ns = excluded.ts_ns, venue_ts_ns = excluded.venue_ts_ns,
    simulated = excluded.simulated, qty = excluded.qty, price = excluded.price,
    notional_usd = excluded.notional_usd, amount_in_raw = excluded.amount_in_raw,
    amount_out_raw = excluded.amount_out_raw, fee_usd = excluded.fee_usd, gas_usd = excluded.gas_usd,
    slippage_usd = excluded.slippage_usd, realised_pnl_usd = excluded.realised_pnl_usd,
    opportunity = excluded.opportunity, tx_hash = excluded.tx_hash, metadata = excluded.metadata, updated_at = now()"""

EXISTS = "SELECT true FROM trades WHERE id = $1"
IDS_OF_ORDERS = "SELECT id, order_id FROM trades WHERE order_id = ANY($1)"


class TradeRow(Row, kw_only=True):
    """One fill."""

    order_id: str
    venue_ts_ns: int | None
    module: str
    simulated: bool
    venue: str
    chain: str | None
    instrument: str
    side: str
    qty: Decimal
    price: Decimal
    notional_usd: Decimal | None
    amount_in_raw: int | None
    amount_out_raw: int | None
    fee_usd: Decimal
    gas_usd: Decimal
    slippage_usd: Decimal
    realised_pnl_usd: Decimal | None
    opportunity: str | None
    venue_fill_id: str | None
    tx_hash: str | None


def trade_id(place: Place, fill: Fill) -> UUID:
    """The same fill of an order has the same id, however often it is reported; a fill without id is its own event."""
    if fill.fill_id:
        return stable_uuid("trade", fill.order_id, fill.fill_id)
    return stable_uuid(place.run_id, place.seq, "trade")


def trade_row(place: Place, fill: Fill, booking: Booking, opportunity: str | None, is_swap: bool) -> TradeRow:
    """The row of a fill that was booked just now."""
    fill_id = clip(fill.fill_id) or None
    return TradeRow(
        id=trade_id(place, fill),
        run_id=place.run_id,
        seq=place.seq,
        ts_ns=fill.ts_ns,
        order_id=clip(fill.order_id),
        venue_ts_ns=(bigint(fill.venue_ts_ns) or None),
        module=clip(fill.strategy),
        simulated=fill.simulated,
        venue=booking.venue,
        chain=booking.chain,
        instrument=clip(fill.instrument),
        side=fill.side,
        qty=fill.qty,
        price=fill.price,
        notional_usd=booking.notional_usd,
        amount_in_raw=fill.amount_in_raw or None,
        amount_out_raw=fill.amount_out_raw or None,
        fee_usd=fill.fee_usd,
        gas_usd=fill.gas_usd,
        slippage_usd=fill.slippage_usd or ZERO,
        realised_pnl_usd=booking.realised_usd,
        opportunity=opportunity,
        venue_fill_id=fill_id,
        tx_hash=fill_id if is_swap else None,
        metadata={"nets_with": booking.nets_with, "position": str(booking.position)},
    )

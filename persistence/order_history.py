"""Orders as the execution page lists them: intent, verdict, result, every cost, and why it differs from the expected.

Amounts are exact USD or base units; times UTC nanoseconds. Raises `StoreError` while the database is away.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from persistence.keyset_walk import walk
from persistence.page_key import key_of
from persistence.postgres import Database
from persistence.projection_opportunities import opportunity_uuid

_COLUMNS = """id, ts_ns, order_id, run_id, module, venue, instrument, kind, side, qty, filled_qty, average_price,
    notional_usd, expected_net_usd, status, reason, is_unwind, hedge_group, opportunity, fee_usd, gas_usd, tx_hash,
    reported_ts_ns, simulated"""

_FILLS = """
SELECT order_id, sum(slippage_usd) AS slippage_usd, sum(realised_pnl_usd) AS realised_usd
FROM trades WHERE order_id = ANY($1::text[]) GROUP BY order_id"""

_OPPORTUNITIES = "SELECT id, costs, gap_reason FROM opportunities WHERE id = ANY($1::uuid[])"


class OrderRow(Struct, frozen=True, kw_only=True):
    """One verdict and what became of it. `qty` None: a swap (raw amounts) or a denial (the verdict has no intent)."""

    key: str
    ts_ns: int
    order_id: str
    module: str
    venue: str
    instrument: str
    kind: str  #: place_order, swap, or "" for a denial
    side: str
    qty: Decimal | None
    filled_qty: Decimal
    average_price: Decimal | None
    notional_usd: Decimal
    expected_net_usd: Decimal | None
    status: str
    reason: str
    is_unwind: bool
    hedge_group: str
    opportunity: str
    fee_usd: Decimal
    gas_usd: Decimal
    slippage_usd: Decimal | None  #: None = no fill
    tip_usd: Decimal | None  #: as the opportunity expected it; None = it names none
    realised_usd: Decimal | None  #: net of its fees and gas; None = it closed nothing
    gap_reason: str
    tx_hash: str
    took_ns: int  #: from verdict to the latest report
    simulated: bool


class OrderPage(Struct, frozen=True, kw_only=True):
    """A page, newest first. `next_key` "" = nothing older; `searched_to_ns`: see `keyset_walk.Walked`."""

    rows: tuple[OrderRow, ...]
    next_key: str
    searched_to_ns: int


async def orders(
    database: Database,
    modules: Sequence[str],
    *,
    status: str = "",
    venue: str = "",
    before_key: str = "",
    limit: int = 50,
) -> OrderPage:
    """Orders and denials of some modules. Raises `ValueError` for a key that is none."""
    found = await walk(
        database,
        "orders",
        _COLUMNS,
        modules,
        before_key,
        limit,
        equal={"status": status} if status else {},
        where=(("venue = {}", venue),) if venue else (),
    )
    records = found.records
    seen_ids = {
        record["order_id"]: opportunity_uuid(record["run_id"], record["module"], record["opportunity"])
        for record in records
        if record["opportunity"] is not None
    }
    async with database.acquire() as connection:
        fills = await connection.fetch(_FILLS, [record["order_id"] for record in records if record["filled_qty"]])
        seen = await connection.fetch(_OPPORTUNITIES, list(set(seen_ids.values())))
    fills_of = {record["order_id"]: record for record in fills}
    seen_of = {record["id"]: record for record in seen}
    return OrderPage(
        rows=tuple(
            _row(record, fills_of.get(record["order_id"]), seen_of.get(seen_ids.get(record["order_id"])))
            for record in records
        ),
        next_key=found.next_key,
        searched_to_ns=found.searched_to_ns,
    )


def _row(record: Any, fills: Any, seen: Any) -> OrderRow:
    realised = fills["realised_usd"] if fills is not None else None
    tips = [Decimal(each["usd"]) for each in seen["costs"] if each["name"] == "tip"] if seen is not None else []
    return OrderRow(
        key=key_of(record),
        ts_ns=record["ts_ns"],
        order_id=record["order_id"],
        module=record["module"],
        venue=record["venue"],
        instrument=record["instrument"],
        kind=record["kind"],
        side=record["side"] or "",
        qty=record["qty"],
        filled_qty=record["filled_qty"],
        average_price=record["average_price"],
        notional_usd=record["notional_usd"],
        expected_net_usd=record["expected_net_usd"],
        status=record["status"],
        reason=record["reason"] or "",
        is_unwind=record["is_unwind"],
        hedge_group=record["hedge_group"] or "",
        opportunity=record["opportunity"] or "",
        fee_usd=record["fee_usd"],
        gas_usd=record["gas_usd"],
        slippage_usd=fills["slippage_usd"] if fills is not None else None,
        tip_usd=tips[0] if tips else None,
        realised_usd=None if realised is None else realised - record["fee_usd"] - record["gas_usd"],
        gap_reason=(seen["gap_reason"] or "") if seen is not None else "",
        tx_hash=record["tx_hash"] or "",
        took_ns=max(0, record["reported_ts_ns"] - record["ts_ns"]),
        simulated=record["simulated"],
    )

"""Table `performance_metrics`: the minute samples of every strategy and of the whole kernel."""

from decimal import Decimal

from bus.events import StrategySampled
from bus.ids import stable_uuid
from persistence.projection_row import Place, Row
from persistence.projection_text import clip

UPSERT = """
INSERT INTO performance_metrics (id, run_id, seq, ts_ns, module, simulated, realised_pnl_usd, unrealised_pnl_usd,
                                 fees_usd, gas_usd, funding_usd, exposure_usd, open_orders, seen, priced, approved,
                                 denied, fills, unpriced, metadata)
SELECT id, run_id, seq, ts_ns, module, simulated, realised_pnl_usd, unrealised_pnl_usd,
       fees_usd, gas_usd, funding_usd, exposure_usd, open_orders, seen, priced, approved,
       denied, fills, unpriced, metadata
FROM json_populate_recordset(NULL::performance_metrics, $1::json)
ON CONFLICT (id) DO NOTHING"""


class PerformanceRow(Row, kw_only=True):
    """One sample."""

    module: str
    simulated: bool
    realised_pnl_usd: Decimal
    unrealised_pnl_usd: Decimal
    fees_usd: Decimal
    gas_usd: Decimal
    funding_usd: Decimal
    exposure_usd: Decimal
    open_orders: int
    seen: int
    priced: int
    approved: int
    denied: int
    fills: int
    unpriced: int


def performance_row(place: Place, event: StrategySampled) -> PerformanceRow:
    """The row of a sample."""
    return PerformanceRow(
        id=stable_uuid(place.run_id, place.seq, "performance"),
        run_id=place.run_id,
        seq=place.seq,
        ts_ns=event.ts_ns,
        module=clip(event.strategy),
        simulated=event.simulated,
        realised_pnl_usd=event.realised_usd,
        unrealised_pnl_usd=event.unrealised_usd,
        fees_usd=event.fees_usd,
        gas_usd=event.gas_usd,
        funding_usd=event.funding_usd,
        exposure_usd=event.exposure_usd,
        open_orders=event.open_orders,
        seen=event.seen,
        priced=event.priced,
        approved=event.approved,
        denied=event.denied,
        fills=event.fills,
        unpriced=event.unpriced,
    )

"""Tables `market_data` and `funding_rate_history`: samples for charts; the event log keeps every tick.

Declared sampling: of each instrument at most the first price of every minute of event time, of each chain likewise the
gas price. Funding rates are kept one per settlement (the last told) and run.
"""

import math
from decimal import Decimal
from typing import Any

from bus.events import Bar, FundingRate, GasPrice, InstrumentListed, PoolState, Quote
from bus.ids import stable_uuid
from bus.units import exact
from kernel.market import Market, pool_price
from persistence.projection_row import Place, Row
from persistence.projection_text import clip

UPSERT = """
INSERT INTO market_data (id, run_id, seq, ts_ns, instrument, venue, chain, kind, bid, ask, price, volume, metadata)
SELECT id, run_id, seq, ts_ns, instrument, venue, chain, kind, bid, ask, price, volume, metadata
FROM json_populate_recordset(NULL::market_data, $1::json)
ON CONFLICT (id) DO NOTHING"""

UPSERT_FUNDING = """
INSERT INTO funding_rate_history (id, run_id, seq, ts_ns, venue, instrument, settle_ts_ns, rate_per_hour, interval_h,
                                  is_estimate, mark_price, metadata)
SELECT id, run_id, seq, ts_ns, venue, instrument, settle_ts_ns, rate_per_hour, interval_h, is_estimate, mark_price,
       metadata
FROM json_populate_recordset(NULL::funding_rate_history, $1::json)
ON CONFLICT (id) DO UPDATE SET
    seq = excluded.seq, ts_ns = excluded.ts_ns, rate_per_hour = excluded.rate_per_hour,
    interval_h = excluded.interval_h, mark_price = excluded.mark_price, updated_at = now()"""

SAMPLED = (Quote, Bar, PoolState, GasPrice)


class MarketRow(Row, kw_only=True):
    """One sampled price."""

    instrument: str
    venue: str
    chain: str | None
    kind: str
    bid: Decimal | None = None
    ask: Decimal | None = None
    price: Decimal | None = None
    volume: Decimal | None = None


class FundingRow(Row, kw_only=True):
    """One settlement's rate."""

    venue: str
    instrument: str
    settle_ts_ns: int
    rate_per_hour: Decimal
    interval_h: Decimal
    is_estimate: bool
    mark_price: Decimal | None


def market_row(place: Place, event: Quote | Bar | PoolState | GasPrice, market: Market) -> MarketRow:
    """The sample of an event."""
    row_id = stable_uuid(place.run_id, place.seq, "market_data")
    if isinstance(event, GasPrice):
        metadata: dict[str, Any] = {"gas_price_wei": str(event.gas_price_wei)}
        if event.native_usd:
            metadata["native_usd"] = str(event.native_usd)
        return MarketRow(
            id=row_id,
            run_id=place.run_id,
            seq=place.seq,
            ts_ns=event.ts_ns,
            instrument=clip(f"gas:{event.chain}"),
            venue="",
            chain=clip(event.chain),
            kind="gas",
            metadata=metadata,
        )
    listed = market.instruments.get(event.instrument)
    row = MarketRow(
        id=row_id,
        run_id=place.run_id,
        seq=place.seq,
        ts_ns=event.ts_ns,
        instrument=clip(event.instrument),
        venue=clip(market.venue_of(event.instrument)),
        chain=clip(listed.chain) or None if listed is not None else None,
        kind="pool",
        metadata={},
    )
    if isinstance(event, Quote):
        row.kind = "quote"
        row.bid, row.ask = exact(event.bid), exact(event.ask)
        row.price = (row.bid + row.ask) / 2
    elif isinstance(event, Bar):
        row.kind = "bar"
        row.price, row.volume = exact(event.close), exact(event.volume)
        row.metadata = {"open": event.open, "high": event.high, "low": event.low, "open_ts_ns": event.open_ts_ns}
    else:
        row.price = _pool_price(event, listed)
        row.metadata = {
            "block": event.block,
            "tick": event.tick,
            "sqrt_price_x96": str(event.sqrt_price_x96),
            "liquidity": str(event.liquidity),
            "is_sampled": event.is_sampled,
        }
    return row


def funding_row(place: Place, event: FundingRate, market: Market) -> FundingRow:
    """The rate of a settlement; told again, the last word stands."""
    instrument = clip(event.instrument)
    return FundingRow(
        id=stable_uuid(place.run_id, "funding", instrument, event.settle_ts_ns, event.is_estimate),
        run_id=place.run_id,
        seq=place.seq,
        ts_ns=event.ts_ns,
        venue=clip(market.venue_of(event.instrument)),
        instrument=instrument,
        settle_ts_ns=event.settle_ts_ns,
        rate_per_hour=exact(event.rate_per_hour),
        interval_h=exact(event.interval_h),
        is_estimate=event.is_estimate,
        mark_price=exact(event.mark_price) if event.mark_price else None,
        metadata={},
    )


def _pool_price(event: PoolState, listed: InstrumentListed | None) -> Decimal | None:
    if listed is None or event.sqrt_price_x96 <= 0:
        return None
    try:
        price = pool_price(event.sqrt_price_x96, listed)
    except OverflowError:
        return None
    return exact(price) if math.isfinite(price) else None

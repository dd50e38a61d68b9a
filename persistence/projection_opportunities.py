"""Table `opportunities`: what strategies saw, and what became of it.

The row of a candidate is written once; verdict, outcome and realised P&L are computed from its orders and fills inside
the same transaction, so they need no memory and cannot drift. Realised is the matched part of its own fills, bought
against sold per underlying (a perpetual matches itself alone: a hedge with it is open, not earned), less their fees and
gas, with the funding of positions that served nothing else; where nothing matches and no leg is missing it is that of
the positions they closed, if all of them closed some.
"""

from decimal import Decimal
from typing import Any
from uuid import UUID

from bus.events import OpportunitySeen
from bus.ids import stable_uuid
from kernel.finance.money import is_amount, plain_text
from kernel.market import Market
from persistence.projection_row import Place, Row
from persistence.projection_text import bigint, clip

UPSERT = """
INSERT INTO opportunities (id, opportunity, run_id, seq, cause_seq, ts_ns, module, simulated, instrument, instruments,
                           chain, status, size_usd, gross_usd, costs, expected_net_usd, valid_until_ns, why_not,
                           metadata)
SELECT id, opportunity, run_id, seq, cause_seq, ts_ns, module, simulated, instrument, instruments,
       chain, status, size_usd, gross_usd, costs, expected_net_usd, valid_until_ns, why_not, metadata
FROM json_populate_recordset(NULL::opportunities, $1::json)
ON CONFLICT (id) DO UPDATE SET
    seq = excluded.seq, cause_seq = excluded.cause_seq, ts_ns = excluded.ts_ns, instrument = excluded.instrument,
    instruments = excluded.instruments, chain = excluded.chain, status = excluded.status,
    size_usd = excluded.size_usd, gross_usd = excluded.gross_usd, costs = excluded.costs,
    expected_net_usd = excluded.expected_net_usd, valid_until_ns = excluded.valid_until_ns,
    why_not = excluded.why_not, metadata = excluded.metadata, updated_at = now()"""

REFRESH = """
WITH touched AS (
    SELECT id, run_id, module, opportunity, expected_net_usd FROM opportunities WHERE id = ANY($1::uuid[])
), legs AS (
    SELECT touched.id, orders.order_id, orders.seq, orders.status, orders.is_terminal, orders.reason, orders.tx_hash,
           orders.filled_qty, orders.gas_usd, orders.kind
    FROM touched JOIN orders ON orders.run_id = touched.run_id AND orders.opportunity = touched.opportunity
                            AND orders.module = touched.module
), story AS (
    SELECT id,
           CASE WHEN bool_or(status <> 'denied') THEN 'approved' ELSE min(reason) END AS verdict,
           bool_or(status NOT IN ('denied', 'approved')) AS is_sent,
           bool_and(is_terminal) AS is_over,
           bool_or(filled_qty > 0) AS is_filled,
           bool_and(status = 'denied') AS is_denied,
           string_agg(DISTINCT status, ',' ORDER BY status)
               FILTER (WHERE is_terminal AND status <> 'denied') AS outcome,
           min(status) FILTER (WHERE is_terminal AND filled_qty = 0 AND status <> 'denied') AS failed_leg,
           min(tx_hash) AS tx_hash,
           sum(gas_usd) AS gas_usd
    FROM legs GROUP BY id
), sides AS (
    SELECT legs.id, trades.metadata ->> 'nets_with' AS nets_with,
           sum(qty) FILTER (WHERE side = 'buy') AS bought, sum(qty) FILTER (WHERE side = 'sell') AS sold,
           sum(notional_usd) FILTER (WHERE side = 'buy') AS paid_usd,
           sum(notional_usd) FILTER (WHERE side = 'sell') AS got_usd,
           sum(fee_usd) AS fee_usd, sum(slippage_usd) AS slippage_usd,
           bool_or(notional_usd IS NULL) AS is_unvalued,
           sum(realised_pnl_usd) AS closed_usd, bool_and(realised_pnl_usd IS NOT NULL) AS is_closing
    FROM legs JOIN trades USING (order_id) GROUP BY legs.id, nets_with
), sums AS (
    SELECT id, bool_or(is_unvalued) AS is_unvalued, bool_and(bought IS NOT NULL AND sold IS NOT NULL) AS is_matched,
           bool_or(bought IS DISTINCT FROM sold) AS is_unequal, bool_and(is_closing) AS is_closing,
           sum(fee_usd) AS fee_usd, sum(slippage_usd) AS slippage_usd, sum(closed_usd) AS closed_usd,
           sum(least(bought, sold) * (got_usd / sold - paid_usd / bought)) AS matched_usd
    FROM sides GROUP BY id
), funding AS (
    SELECT id, sum(funding_usd) AS funding_usd FROM (
        SELECT DISTINCT touched.id, positions.id AS position, positions.funding_usd
        FROM touched JOIN legs USING (id) JOIN trades USING (order_id)
                     JOIN positions ON positions.id = (trades.metadata ->> 'position')::uuid
        WHERE positions.metadata ->> 'opportunity' = touched.opportunity
    ) AS paid GROUP BY id
), result AS (
    SELECT story.*, sums.is_matched, sums.is_closing, sums.is_unequal, sums.slippage_usd,
           round(CASE WHEN NOT story.is_over THEN NULL
                      WHEN sums.id IS NULL THEN CASE WHEN story.gas_usd <> 0 THEN -story.gas_usd END
                      WHEN sums.is_unvalued THEN NULL
                      WHEN sums.is_matched THEN sums.matched_usd - sums.fee_usd - story.gas_usd + paid_usd
                      WHEN sums.is_closing AND story.failed_leg IS NULL
                      THEN sums.closed_usd - sums.fee_usd - story.gas_usd
                 END, 12) AS realised_usd,
           sums.id IS NOT NULL AS is_traded
    FROM story LEFT JOIN sums USING (id) LEFT JOIN funding USING (id)
               CROSS JOIN LATERAL (SELECT coalesce(funding.funding_usd, 0) AS paid_usd) AS paid
)
UPDATE opportunities AS target SET
    verdict = result.verdict,
    status = CASE WHEN result.is_denied THEN 'denied'
                  WHEN result.is_over AND result.is_filled THEN 'landed'
                  WHEN result.is_over AND result.is_sent THEN 'failed'
                  WHEN result.is_sent THEN 'sent'
                  ELSE 'approved' END,
    outcome = result.outcome,
    tx_hash = result.tx_hash,
    realised_pnl_usd = result.realised_usd,
    gap_reason = CASE WHEN NOT result.is_over OR result.is_denied THEN NULL
                      WHEN result.failed_leg IS NOT NULL THEN 'leg ' || result.failed_leg
                      WHEN result.realised_usd IS NULL THEN CASE WHEN result.is_traded THEN 'position open' END
                      WHEN result.realised_usd >= touched.expected_net_usd THEN NULL
                      WHEN result.slippage_usd * 2 >= touched.expected_net_usd - result.realised_usd THEN 'slippage'
                      WHEN result.is_matched AND result.is_unequal THEN 'legs unequal'
                      ELSE 'costs or price' END,
    updated_at = now()
FROM result JOIN touched USING (id)
WHERE target.id = result.id"""


class OpportunityRow(Row, kw_only=True):
    """A candidate as it was seen."""

    opportunity: str
    cause_seq: int
    module: str
    simulated: bool
    instrument: str
    instruments: list[str]
    chain: str | None
    status: str
    size_usd: Decimal
    gross_usd: Decimal
    costs: list[dict[str, Any]]
    expected_net_usd: Decimal
    valid_until_ns: int | None
    why_not: str | None


def opportunity_uuid(run_id: str, strategy: str, opportunity: str) -> UUID:
    """The id of its row: the strategy's own id is unique within the run only."""
    return stable_uuid("opportunity", run_id, strategy, opportunity)


def opportunity_row(place: Place, event: OpportunitySeen, market: Market) -> OpportunityRow:
    """The row of a candidate. Raises `ValueError` for amounts that are no money."""
    for name in ("size_usd", "gross_usd", "expected_net_usd"):
        if not is_amount(getattr(event, name)):
            raise ValueError(f"OpportunitySeen {name}: expected a finite amount, found {getattr(event, name)!s:.80}")
    first = event.instruments[0] if event.instruments else ""
    chains = (market.instruments[each].chain for each in event.instruments if each in market.instruments)
    return OpportunityRow(
        id=opportunity_uuid(place.run_id, clip(event.strategy), clip(event.opportunity)),
        run_id=place.run_id,
        seq=place.seq,
        ts_ns=event.ts_ns,
        opportunity=clip(event.opportunity),
        cause_seq=event.cause_seq,
        module=clip(event.strategy),
        simulated=place.is_simulated,
        instrument=clip(first),
        instruments=[clip(each) for each in event.instruments],
        chain=next((clip(each) for each in chains if each), None),
        status="priced",
        size_usd=event.size_usd,
        gross_usd=event.gross_usd,
        costs=[
            {"name": clip(each.name), "usd": plain_text(each.usd) if each.usd.is_finite() else str(each.usd)}
            for each in event.costs
        ],
        expected_net_usd=event.expected_net_usd,
        valid_until_ns=bigint(event.valid_until_ns) or None,
        why_not=clip(event.why_not) or None,
        metadata={"note": clip(event.note)},
    )

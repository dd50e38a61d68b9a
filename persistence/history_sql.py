"""The queries behind `history`: each walks an index, none reads more than its period."""

PROJECTED_THROUGH = """
SELECT run_id, seq, ts_ns FROM kernel_offsets WHERE seq > 0 ORDER BY updated_at DESC LIMIT 1"""

EQUITY_SPAN = """
SELECT min(ts_ns) AS lowest, max(ts_ns) AS highest, count(*) AS samples, coalesce(bool_or(simulated), true) AS simulated
FROM performance_metrics WHERE module = $1 AND ts_ns >= $2"""

EQUITY = """
SELECT DISTINCT ON ((ts_ns - $3::bigint) / $4::bigint)
       ts_ns, realised_pnl_usd + unrealised_pnl_usd - fees_usd - gas_usd + funding_usd AS pnl_usd,
       realised_pnl_usd AS realised_usd, unrealised_pnl_usd AS unrealised_usd, exposure_usd, unpriced
FROM performance_metrics
WHERE module = $1 AND ts_ns >= $2
ORDER BY (ts_ns - $3::bigint) / $4::bigint, ts_ns DESC, seq DESC"""

MARKS = """
SELECT ts_ns, event AS kind, message AS text FROM system_logs
WHERE ts_ns BETWEEN $1 AND $2 AND event IN ('kill_switch', 'restarted', 'settings') AND module IN ($3, 'kernel')
ORDER BY ts_ns DESC, seq DESC LIMIT 100"""

TRADES = """
SELECT orders.id, orders.ts_ns, orders.order_id, orders.instrument, orders.venue, orders.side,
       orders.filled_qty AS qty, orders.average_price AS price, fills.notional_usd, orders.status,
       orders.fee_usd AS fees_usd, orders.gas_usd, fills.slippage_usd, orders.expected_net_usd,
       fills.realised_usd - orders.fee_usd - orders.gas_usd AS pnl_usd, orders.simulated
FROM orders
CROSS JOIN LATERAL (
    SELECT CASE WHEN bool_and(notional_usd IS NOT NULL) THEN sum(notional_usd) END AS notional_usd,
           coalesce(sum(slippage_usd), 0) AS slippage_usd, sum(realised_pnl_usd) AS realised_usd
    FROM trades WHERE trades.order_id = orders.order_id
) AS fills
WHERE orders.module = $1 AND (orders.ts_ns, orders.id) < ($2, $3) AND orders.filled_qty > 0
  AND ($4::text IS NULL OR orders.instrument = $4) AND ($5::text IS NULL OR orders.side = $5)
  AND ($6::boolean IS NULL OR orders.simulated = $6) AND orders.ts_ns BETWEEN $7 AND $8
  AND CASE $9::text WHEN 'gain' THEN fills.realised_usd - orders.fee_usd - orders.gas_usd > 0
                    WHEN 'loss' THEN fills.realised_usd - orders.fee_usd - orders.gas_usd <= 0
                    WHEN 'open' THEN fills.realised_usd IS NULL
                    ELSE true END
ORDER BY orders.ts_ns DESC, orders.id DESC
LIMIT $10"""

# One step in the index (module, instrument) for each instrument, however many positions there are.
INSTRUMENTS = """
WITH RECURSIVE held AS (
    (SELECT instrument FROM positions WHERE module = $1 ORDER BY instrument LIMIT 1)
    UNION ALL
    SELECT (SELECT positions.instrument FROM positions
            WHERE module = $1 AND positions.instrument > held.instrument ORDER BY positions.instrument LIMIT 1)
    FROM held WHERE held.instrument IS NOT NULL
)
SELECT instrument FROM held WHERE instrument IS NOT NULL LIMIT 200"""

POSITIONS = """
SELECT id, ts_ns, opened_ts_ns, closed_ts_ns, instrument, venue, (metadata ->> 'is_long')::boolean AS is_long, qty,
       average_cost, mark_price, unrealised_pnl_usd AS unrealised_usd, realised_pnl_usd AS realised_usd, fees_usd,
       gas_usd, funding_usd, realised_pnl_usd - fees_usd - gas_usd + funding_usd AS net_usd,
       (metadata ->> 'turnover_usd')::numeric AS turnover_usd, (metadata ->> 'fills')::int AS fills, simulated
FROM positions
WHERE module = $1 AND (ts_ns, id) < ($2, $3) AND ($4::text IS NULL OR status = $4)
ORDER BY ts_ns DESC, id DESC
LIMIT $5"""

PERIOD = """
WITH last AS (
    SELECT * FROM performance_metrics WHERE module = $1 AND ts_ns >= $2 ORDER BY ts_ns DESC, id DESC LIMIT 1
), first AS (
    SELECT * FROM performance_metrics WHERE module = $1 AND ts_ns < $2 ORDER BY ts_ns DESC, id DESC LIMIT 1
)
SELECT last.realised_pnl_usd + last.unrealised_pnl_usd - last.fees_usd - last.gas_usd + last.funding_usd
       - coalesce(first.realised_pnl_usd + first.unrealised_pnl_usd - first.fees_usd - first.gas_usd
                  + first.funding_usd, 0) AS pnl_usd,
       last.fees_usd - coalesce(first.fees_usd, 0) AS fees_usd,
       last.gas_usd - coalesce(first.gas_usd, 0) AS gas_usd,
       last.funding_usd - coalesce(first.funding_usd, 0) AS funding_usd,
       last.seen - coalesce(first.seen, 0) AS seen, last.priced - coalesce(first.priced, 0) AS priced,
       last.approved - coalesce(first.approved, 0) AS approved, last.denied - coalesce(first.denied, 0) AS denied,
       last.fills - coalesce(first.fills, 0) AS fills, last.simulated
FROM last LEFT JOIN first ON true"""

PERIOD_FILLS = """
SELECT sum(slippage_usd) AS slippage_usd, sum(notional_usd) AS turnover_usd
FROM trades WHERE module = $1 AND ts_ns >= $2"""

WHY_NOT = """
SELECT reason, count(*) FROM (
    SELECT why_not AS reason FROM opportunities WHERE module = $1 AND ts_ns >= $2 AND why_not IS NOT NULL
    UNION ALL
    SELECT reason FROM orders WHERE module = $1 AND ts_ns >= $2 AND status = 'denied'
) AS told
GROUP BY reason ORDER BY count(*) DESC, reason LIMIT 50"""

BY_DAY = """
WITH ends AS (
    SELECT DISTINCT ON (ts_ns / $3::bigint) ts_ns / $3::bigint AS day, fills,
           realised_pnl_usd + unrealised_pnl_usd - fees_usd - gas_usd + funding_usd AS pnl_usd
    FROM performance_metrics
    WHERE module = $1 AND ts_ns >= $2
    ORDER BY ts_ns / $3::bigint, ts_ns DESC, seq DESC
), before AS (
    SELECT fills, realised_pnl_usd + unrealised_pnl_usd - fees_usd - gas_usd + funding_usd AS pnl_usd
    FROM performance_metrics WHERE module = $1 AND ts_ns < $2 ORDER BY ts_ns DESC, id DESC LIMIT 1
)
SELECT to_char(to_timestamp(day * 86400), 'YYYY-MM-DD') AS label,
       pnl_usd - coalesce(lag(pnl_usd) OVER (ORDER BY day), (SELECT pnl_usd FROM before), 0) AS pnl_usd,
       fills - coalesce(lag(fills) OVER (ORDER BY day), (SELECT fills FROM before), 0) AS count
FROM ends ORDER BY day"""

CLOSED = """
SELECT instrument, venue, count(*) AS closed,
       count(*) FILTER (WHERE net_usd > 0) AS wins, count(*) FILTER (WHERE net_usd <= 0) AS losses,
       coalesce(sum(net_usd) FILTER (WHERE net_usd > 0), 0) AS gain_usd,
       coalesce(sum(net_usd) FILTER (WHERE net_usd <= 0), 0) AS loss_usd
FROM (
    SELECT instrument, venue,
           CASE WHEN (metadata ->> 'unconverted_fills')::int = 0
                THEN realised_pnl_usd - fees_usd - gas_usd + funding_usd END AS net_usd
    FROM positions WHERE module = $1 AND status = 'closed' AND ts_ns >= $2
) AS ended
GROUP BY instrument, venue ORDER BY instrument, venue"""

REALISATIONS = """
SELECT opportunity, ts_ns, expected_net_usd AS expected_usd, realised_pnl_usd AS realised_usd,
       coalesce(gap_reason, '') AS reason, simulated
FROM opportunities
WHERE module = $1 AND ts_ns >= $2 AND realised_pnl_usd IS NOT NULL
ORDER BY ts_ns DESC, id DESC LIMIT $3"""

ORDER = """
SELECT order_id, run_id, seq, cause_seq, ts_ns, instrument, side, status, reason, qty, limit_price, amount_in_raw,
       amount_out_min_raw, notional_usd, expected_net_usd, hedge_group, opportunity, fee_usd, gas_usd, simulated,
       metadata
FROM orders WHERE order_id = $2 AND module = $1"""

OPPORTUNITY = """
SELECT seq, ts_ns, size_usd, gross_usd, costs, expected_net_usd, why_not, realised_pnl_usd, gap_reason
FROM opportunities WHERE id = $1"""

FILLS = """
SELECT run_id, seq, side, qty, price, notional_usd, fee_usd, gas_usd, slippage_usd, realised_pnl_usd
FROM trades WHERE order_id = $1 ORDER BY ts_ns, seq"""

EXPOSURES = """
SELECT venue, coalesce(sum((metadata ->> 'exposure_usd')::numeric), 0) AS exposure_usd, count(*) AS positions,
       count(*) FILTER (WHERE metadata ->> 'exposure_usd' IS NULL) AS unpriced
FROM positions WHERE status = 'open' AND ($1::text IS NULL OR module = $1)
GROUP BY venue ORDER BY venue"""

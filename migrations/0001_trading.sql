-- migrate:up
-- What the event log says about trading, as rows. Every row can be made again from the log:
--   id        UUID from a hash of the event's identity, given by the writer, so projecting twice changes nothing
--   run_id, seq   the event that made (or last changed) the row; cause_seq the input event that led to it
--   ts_ns     our receipt time of that event, UTC nanoseconds; event_at the same in microseconds, never set by hand
--   module    strategy name
--   simulated true where no venue confirmed the amounts; sums filter on it
-- Amounts are NUMERIC and finite: raw 256-bit integers and decimals stay exact. No foreign keys: rows of one log
-- may be projected again while others stand.

CREATE TABLE kernel_offsets (
    projector  text NOT NULL,
    log_id     text NOT NULL,
    run_id     text NOT NULL,
    seq        bigint NOT NULL CHECK (seq >= 0),
    segment    text NOT NULL DEFAULT '',     -- file of the block that holds seq, where it starts, its checksum:
    block_offset bigint NOT NULL DEFAULT 0,  -- to go on without reading the log again, and to see
    block_crc  bigint NOT NULL DEFAULT 0,    -- that it is still the same log
    ts_ns      bigint NOT NULL DEFAULT 0,    -- time of that event
    event_at   timestamptz GENERATED ALWAYS AS
        (to_timestamp((ts_ns / 1000)::double precision / 1000000)) STORED,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (projector, log_id)
);
COMMENT ON TABLE kernel_offsets IS
    'Last event whose rows are committed, per log and projector; written in the same transaction as those rows.';

CREATE TABLE kernel_fold_state (             -- what the projector must remember between batches and no row tells
    projector  text NOT NULL,
    log_id     text NOT NULL,
    key        text NOT NULL,
    value      text NOT NULL,                -- JSON text
    PRIMARY KEY (projector, log_id, key)
);

CREATE TABLE runs (
    run_id         text PRIMARY KEY,
    log_id         text NOT NULL,
    previous_run   text,
    profile        text NOT NULL,
    mode           text NOT NULL,
    simulated      boolean NOT NULL,
    code_version   text NOT NULL,
    schema_version integer NOT NULL,
    settings       jsonb NOT NULL DEFAULT '{}',
    started_ts_ns  bigint NOT NULL,
    started_event_at timestamptz GENERATED ALWAYS AS
        (to_timestamp((started_ts_ns / 1000)::double precision / 1000000)) STORED,
    ended_ts_ns    bigint,
    last_seq       bigint NOT NULL DEFAULT 0,
    digest         text,
    end_reason     text,
    metadata       jsonb NOT NULL DEFAULT '{}',
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX runs_time ON runs (started_ts_ns DESC);

CREATE TABLE opportunities (
    id               uuid PRIMARY KEY,
    opportunity      text NOT NULL,          -- the strategy's own id, unique within the run
    run_id           text NOT NULL,
    seq              bigint NOT NULL,
    cause_seq        bigint NOT NULL,
    ts_ns            bigint NOT NULL,
    event_at         timestamptz GENERATED ALWAYS AS
        (to_timestamp((ts_ns / 1000)::double precision / 1000000)) STORED,
    module           text NOT NULL,
    simulated        boolean NOT NULL,
    instrument       text NOT NULL,          -- the first one; all of them in instruments
    instruments      text[] NOT NULL,
    chain            text,
    status           text NOT NULL,          -- seen, priced, approved, denied, sent, landed, failed
    size_usd         numeric NOT NULL,
    gross_usd        numeric NOT NULL,
    costs            jsonb NOT NULL,         -- [{"name": …, "usd": "decimal text"}]
    expected_net_usd numeric NOT NULL,
    valid_until_ns   bigint,
    why_not          text,                   -- reason code when the strategy did not act on it
    verdict          text,                   -- approved, or the gate's reason code; NULL = never asked
    outcome          text,                   -- terminal report; NULL = none yet
    realised_pnl_usd numeric,                -- from fills and receipts only; NULL = not known
    gap_reason       text,                   -- why realised differs from expected
    tx_hash          text,
    metadata         jsonb NOT NULL DEFAULT '{}',
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    CHECK (NOT ARRAY[size_usd, gross_usd, expected_net_usd, realised_pnl_usd] && '{NaN,Infinity,-Infinity}')
);
CREATE INDEX opportunities_module_time ON opportunities (module, ts_ns DESC, id DESC);
CREATE INDEX opportunities_module_status ON opportunities (module, status, ts_ns DESC, id DESC);
CREATE INDEX opportunities_instrument_time ON opportunities (instrument, ts_ns DESC);
CREATE INDEX opportunities_run ON opportunities (run_id, seq);
CREATE INDEX opportunities_tx ON opportunities (tx_hash) WHERE tx_hash IS NOT NULL;

CREATE TABLE orders (
    id               uuid PRIMARY KEY,
    order_id         text NOT NULL UNIQUE,
    run_id           text NOT NULL,
    seq              bigint NOT NULL,
    cause_seq        bigint NOT NULL,
    ts_ns            bigint NOT NULL,        -- of the approval; keeps its place in a page while the status moves on
    event_at         timestamptz GENERATED ALWAYS AS
        (to_timestamp((ts_ns / 1000)::double precision / 1000000)) STORED,
    reported_ts_ns   bigint NOT NULL,        -- of the latest report
    module           text NOT NULL,
    simulated        boolean NOT NULL,
    venue            text NOT NULL,
    chain            text,
    instrument       text NOT NULL,
    kind             text NOT NULL,          -- the intent: place_order, swap, …; '' = denied
    side             text CHECK (side IN ('buy', 'sell')),   -- NULL = denied: the verdict does not repeat the intent
    qty              numeric,                -- base units; NULL for a swap, which has raw amounts
    limit_price      numeric,                -- NULL = market
    amount_in_raw    numeric,
    amount_out_min_raw numeric,
    notional_usd     numeric NOT NULL,
    expected_net_usd numeric,
    is_reduce_only   boolean NOT NULL DEFAULT false,
    is_unwind        boolean NOT NULL DEFAULT false,
    hedge_group      text,
    opportunity      text,
    status           text NOT NULL,          -- approved, denied, or the latest report: submitted … filled, unknown
    is_terminal      boolean NOT NULL DEFAULT false,
    reason           text,
    filled_qty       numeric NOT NULL DEFAULT 0,
    average_price    numeric,
    fee_usd          numeric NOT NULL DEFAULT 0,
    gas_usd          numeric NOT NULL DEFAULT 0,
    venue_id         text,
    tx_hash          text,
    block_number     bigint,
    metadata         jsonb NOT NULL DEFAULT '{}',
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    CHECK (NOT ARRAY[qty, limit_price, amount_in_raw, amount_out_min_raw, notional_usd, expected_net_usd,
                     filled_qty, average_price, fee_usd, gas_usd] && '{NaN,Infinity,-Infinity}')
);
CREATE INDEX orders_module_time ON orders (module, ts_ns DESC, id DESC);
CREATE INDEX orders_module_status ON orders (module, status, ts_ns DESC, id DESC);
CREATE INDEX orders_instrument_time ON orders (instrument, ts_ns DESC);
CREATE INDEX orders_run ON orders (run_id, seq);
CREATE INDEX orders_opportunity ON orders (run_id, opportunity) WHERE opportunity IS NOT NULL;
CREATE INDEX orders_open ON orders (module, ts_ns) WHERE NOT is_terminal;
CREATE INDEX orders_tx ON orders (tx_hash) WHERE tx_hash IS NOT NULL;

CREATE TABLE trades (                        -- our fills
    id               uuid PRIMARY KEY,
    order_id         text NOT NULL,
    run_id           text NOT NULL,
    seq              bigint NOT NULL,
    ts_ns            bigint NOT NULL,
    event_at         timestamptz GENERATED ALWAYS AS
        (to_timestamp((ts_ns / 1000)::double precision / 1000000)) STORED,
    venue_ts_ns      bigint,
    module           text NOT NULL,
    simulated        boolean NOT NULL,
    venue            text NOT NULL,
    chain            text,
    instrument       text NOT NULL,
    side             text NOT NULL CHECK (side IN ('buy', 'sell')),
    qty              numeric NOT NULL,       -- base units
    price            numeric NOT NULL,       -- quote per base
    notional_usd     numeric,                -- NULL = the quote asset had no USD price
    amount_in_raw    numeric,
    amount_out_raw   numeric,
    fee_usd          numeric NOT NULL DEFAULT 0,   -- negative = rebate
    gas_usd          numeric NOT NULL DEFAULT 0,
    slippage_usd     numeric NOT NULL DEFAULT 0,   -- positive = worse than the price at decision
    realised_pnl_usd numeric,                -- NULL = opens or adds to a position
    opportunity      text,
    venue_fill_id    text,
    tx_hash          text,
    block_number     bigint,
    metadata         jsonb NOT NULL DEFAULT '{}',
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    CHECK (NOT ARRAY[qty, price, notional_usd, amount_in_raw, amount_out_raw, fee_usd, gas_usd, slippage_usd,
                     realised_pnl_usd] && '{NaN,Infinity,-Infinity}')
);
-- Pages walk by key: WHERE module = $1 AND (ts_ns, id) < ($2, $3) ORDER BY ts_ns DESC, id DESC LIMIT n.
-- A page over all modules joins one such query per module (LATERAL), or walks (run_id, seq). There is no b-tree on time
-- alone: the planner would walk it for one module too, through all newer rows of the others.
CREATE INDEX trades_module_time ON trades (module, ts_ns DESC, id DESC);
CREATE INDEX trades_module_real_time ON trades (module, ts_ns DESC, id DESC) WHERE NOT simulated;
CREATE INDEX trades_time ON trades USING brin (ts_ns);   -- for sums over a span
CREATE INDEX trades_instrument_time ON trades (instrument, ts_ns DESC);
CREATE INDEX trades_order ON trades (order_id);
CREATE INDEX trades_run ON trades (run_id, seq);
CREATE INDEX trades_tx ON trades (tx_hash) WHERE tx_hash IS NOT NULL;

CREATE TABLE positions (                     -- one row per position from flat to flat
    id                 uuid PRIMARY KEY,
    run_id             text NOT NULL,
    seq                bigint NOT NULL,
    ts_ns              bigint NOT NULL,      -- of the latest change
    event_at           timestamptz GENERATED ALWAYS AS
        (to_timestamp((ts_ns / 1000)::double precision / 1000000)) STORED,
    opened_ts_ns       bigint NOT NULL,
    closed_ts_ns       bigint,
    module             text NOT NULL,
    simulated          boolean NOT NULL,
    venue              text NOT NULL,
    chain              text,
    instrument         text NOT NULL,
    status             text NOT NULL CHECK (status IN ('open', 'closed')),
    qty                numeric NOT NULL,     -- base units, negative = short
    average_cost       numeric,              -- quote per base; NULL when flat
    mark_price         numeric,              -- NULL = no mark: the position is unpriced, not worth 0
    realised_pnl_usd   numeric NOT NULL DEFAULT 0,
    unrealised_pnl_usd numeric,
    fees_usd           numeric NOT NULL DEFAULT 0,
    gas_usd            numeric NOT NULL DEFAULT 0,
    funding_usd        numeric NOT NULL DEFAULT 0,
    metadata           jsonb NOT NULL DEFAULT '{}',
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    CHECK (NOT ARRAY[qty, average_cost, mark_price, realised_pnl_usd, unrealised_pnl_usd, fees_usd, gas_usd,
                     funding_usd] && '{NaN,Infinity,-Infinity}'),
    CHECK (status = 'open' OR qty = 0)
);
CREATE INDEX positions_module_time ON positions (module, ts_ns DESC, id DESC);
CREATE INDEX positions_module_status ON positions (module, status, ts_ns DESC, id DESC);
CREATE INDEX positions_instrument_time ON positions (instrument, ts_ns DESC);
CREATE INDEX positions_run ON positions (run_id, seq);

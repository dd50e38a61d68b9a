-- migrate:up
-- Samples for charts and history; the event log keeps every tick. Columns as in 0001.

CREATE TABLE market_data (
    id            uuid PRIMARY KEY,
    run_id        text NOT NULL,
    seq           bigint NOT NULL,
    ts_ns         bigint NOT NULL,
    event_at      timestamptz GENERATED ALWAYS AS
        (to_timestamp((ts_ns / 1000)::double precision / 1000000)) STORED,
    instrument    text NOT NULL,
    venue         text NOT NULL,
    chain         text,
    kind          text NOT NULL,             -- quote, trade, bar, pool, gas
    bid           numeric,
    ask           numeric,
    price         numeric,                   -- last, close or pool price, quote per base
    volume        numeric,                   -- base units
    liquidity_usd numeric,
    source        text,                      -- feed or recording; a generated market says so here
    metadata      jsonb NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    CHECK (NOT ARRAY[bid, ask, price, volume, liquidity_usd] && '{NaN,Infinity,-Infinity}')
);
CREATE INDEX market_data_instrument_time ON market_data (instrument, ts_ns DESC, id DESC);
CREATE INDEX market_data_time ON market_data USING brin (ts_ns);

CREATE TABLE funding_rate_history (
    id            uuid PRIMARY KEY,
    run_id        text NOT NULL,
    seq           bigint NOT NULL,
    ts_ns         bigint NOT NULL,
    event_at      timestamptz GENERATED ALWAYS AS
        (to_timestamp((ts_ns / 1000)::double precision / 1000000)) STORED,
    venue         text NOT NULL,
    instrument    text NOT NULL,
    settle_ts_ns  bigint NOT NULL,           -- the venue's stamp
    settled_at    timestamptz GENERATED ALWAYS AS
        (to_timestamp((settle_ts_ns / 1000)::double precision / 1000000)) STORED,
    rate_per_hour numeric NOT NULL,          -- fraction, as paid to a long: negative means longs pay
    interval_h    numeric NOT NULL CHECK (interval_h > 0),
    is_estimate   boolean NOT NULL,
    mark_price    numeric,                   -- NULL = unknown
    metadata      jsonb NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (instrument, settle_ts_ns, is_estimate, run_id),
    CHECK (NOT ARRAY[rate_per_hour, interval_h, mark_price] && '{NaN,Infinity,-Infinity}')
);
CREATE INDEX funding_rate_history_time ON funding_rate_history (venue, settle_ts_ns DESC);

CREATE TABLE performance_metrics (
    id                 uuid PRIMARY KEY,
    run_id             text NOT NULL,
    seq                bigint NOT NULL,
    ts_ns              bigint NOT NULL,
    event_at           timestamptz GENERATED ALWAYS AS
        (to_timestamp((ts_ns / 1000)::double precision / 1000000)) STORED,
    module             text NOT NULL,        -- '' = the whole kernel
    simulated          boolean NOT NULL,
    realised_pnl_usd   numeric NOT NULL,     -- totals since the start of the run
    unrealised_pnl_usd numeric NOT NULL,
    fees_usd           numeric NOT NULL,
    gas_usd            numeric NOT NULL,
    funding_usd        numeric NOT NULL,
    exposure_usd       numeric NOT NULL,
    open_orders        bigint NOT NULL,
    seen               bigint NOT NULL,
    priced             bigint NOT NULL,
    approved           bigint NOT NULL,
    denied             bigint NOT NULL,
    fills              bigint NOT NULL,
    unpriced           bigint NOT NULL,      -- open positions without a mark, left out of the sums
    metadata           jsonb NOT NULL DEFAULT '{}',
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    CHECK (NOT ARRAY[realised_pnl_usd, unrealised_pnl_usd, fees_usd, gas_usd, funding_usd, exposure_usd]
           && '{NaN,Infinity,-Infinity}')
);
CREATE INDEX performance_metrics_module_time ON performance_metrics (module, ts_ns DESC, id DESC);
CREATE INDEX performance_metrics_run ON performance_metrics (run_id, module, ts_ns);

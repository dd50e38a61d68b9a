-- migrate:up
-- What an operator watches and edits. Columns as in 0001; run_id and seq are NULL where no event made the row.

CREATE TABLE alerts (
    id           uuid PRIMARY KEY,
    run_id       text NOT NULL,
    seq          bigint NOT NULL,
    ts_ns        bigint NOT NULL,
    event_at     timestamptz GENERATED ALWAYS AS
        (to_timestamp((ts_ns / 1000)::double precision / 1000000)) STORED,
    module       text NOT NULL,              -- strategy or platform part
    severity     text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    code         text NOT NULL,
    message      text NOT NULL,
    status       text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'acknowledged', 'resolved')),
    metadata     jsonb NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX alerts_module_time ON alerts (module, ts_ns DESC, id DESC);
CREATE INDEX alerts_module_status ON alerts (module, status, ts_ns DESC);
CREATE INDEX alerts_open ON alerts (ts_ns DESC, id DESC) WHERE status = 'open';

CREATE TABLE system_logs (
    id           uuid PRIMARY KEY,
    run_id       text,
    seq          bigint,
    ts_ns        bigint NOT NULL,
    event_at     timestamptz GENERATED ALWAYS AS
        (to_timestamp((ts_ns / 1000)::double precision / 1000000)) STORED,
    module       text NOT NULL,
    level        text NOT NULL CHECK (level IN ('debug', 'info', 'warning', 'error', 'critical')),
    event        text NOT NULL,
    message      text NOT NULL DEFAULT '',
    metadata     jsonb NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX system_logs_module_time ON system_logs (module, ts_ns DESC, id DESC);
CREATE INDEX system_logs_time ON system_logs USING brin (ts_ns);

CREATE TABLE blacklisted_tokens (            -- never traded
    id         uuid PRIMARY KEY,
    chain      text NOT NULL,
    address    text NOT NULL,
    symbol     text NOT NULL DEFAULT '',     -- on-chain text: hostile
    reason     text NOT NULL,
    source     text NOT NULL,                -- operator, or the rule that added it
    run_id     text,
    seq        bigint,
    expires_at timestamptz,                  -- NULL = for good
    metadata   jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (chain, address)
);

CREATE TABLE ignored_tokens (LIKE blacklisted_tokens INCLUDING ALL);   -- not looked at, but harmless

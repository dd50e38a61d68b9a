-- migrate:up
-- Endpoints of the RPC pool, and how much they were used. Provider types are written by the program from its own table.

CREATE TABLE rpc_api_provider_types (
    name         text PRIMARY KEY,
    title        text NOT NULL,
    family       text NOT NULL CHECK (family IN ('evm', 'solana', 'http')),
    transport    text NOT NULL CHECK (transport IN ('http', 'ws')),
    chain        text NOT NULL DEFAULT '',
    identity     text NOT NULL DEFAULT '',   -- chain id or genesis hash that an endpoint must answer; '' = cannot be asked
    is_known     boolean NOT NULL DEFAULT true,   -- false: the running program has no such type
    metadata     jsonb NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE rpc_api_pool (
    id             uuid PRIMARY KEY,
    provider_type  text NOT NULL REFERENCES rpc_api_provider_types (name),
    label          text NOT NULL CHECK (char_length(label) BETWEEN 1 AND 120),
    url            text NOT NULL CHECK (char_length(url) BETWEEN 1 AND 2048),   -- holds {KEY}, never a key
    chain          text NOT NULL DEFAULT '',
    is_enabled     boolean NOT NULL DEFAULT true,
    priority       integer NOT NULL DEFAULT 100 CHECK (priority BETWEEN 0 AND 1000),   -- lower is asked first
    weight         numeric NOT NULL DEFAULT 1 CHECK (weight BETWEEN 0.01 AND 100),
    rate_per_s     numeric NOT NULL DEFAULT 10 CHECK (rate_per_s BETWEEN 0.01 AND 100000),
    burst          integer NOT NULL DEFAULT 20 CHECK (burst BETWEEN 1 AND 100000),
    health         text NOT NULL DEFAULT 'new',   -- as of health_at; what follows too
    health_at      timestamptz,
    latency_us     bigint,
    head_lag       bigint,                   -- blocks or slots
    cool_down_until timestamptz,
    last_error     text NOT NULL DEFAULT '',
    updated_by     text NOT NULL DEFAULT '',
    version        bigint NOT NULL DEFAULT 1,
    metadata       jsonb NOT NULL DEFAULT '{}',
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (provider_type, label)
);

CREATE TABLE rpc_api_usage_history (         -- outlives the endpoint: no reference to it
    provider_type  text NOT NULL,
    label          text NOT NULL,
    hour_at        timestamptz NOT NULL,
    method_class   text NOT NULL CHECK (method_class IN ('read', 'send', 'subscribe', 'probe')),
    calls          bigint NOT NULL CHECK (calls >= 0),
    errors         bigint NOT NULL CHECK (errors >= 0),
    rate_limited   bigint NOT NULL CHECK (rate_limited >= 0),
    latency_sum_us bigint NOT NULL CHECK (latency_sum_us >= 0),
    latency_max_us bigint NOT NULL CHECK (latency_max_us >= 0),
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (provider_type, label, hour_at, method_class)
);
CREATE INDEX rpc_api_usage_history_hour ON rpc_api_usage_history (hour_at DESC);

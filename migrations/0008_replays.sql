-- migrate:up
-- Replays that were asked for, and the figures of every run that was made. All of it is simulated by its nature; the
-- full results are files in the data folder. Times are wall time, since no event made these rows.

CREATE TABLE replay_jobs (
    id         text PRIMARY KEY,             -- ten hex digits, as in the page's address
    number     bigint NOT NULL,              -- in the order of asking
    name       text NOT NULL DEFAULT '',     -- the operator's words
    mode       text NOT NULL CHECK (mode IN ('simulate', 'what-if', 'verify', 'sweep')),
    log        text NOT NULL,                -- run, sample:NAME or in:NAME
    asked_by   text NOT NULL,
    state      text NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled', 'interrupted')),
    asked_at   timestamptz NOT NULL,
    started_at timestamptz,
    ended_at   timestamptz,
    pnl_usd    numeric,
    fills      bigint,
    error      text NOT NULL DEFAULT '',
    job        jsonb NOT NULL,               -- all of it, as the kernel reads it back
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX replay_jobs_number ON replay_jobs (number DESC, id);
CREATE INDEX replay_jobs_state ON replay_jobs (state, number DESC);

CREATE TABLE replay_results (                -- one row per run; a cell of a sweep is a run
    key              text PRIMARY KEY,       -- hash of log, strategies, settings, seed and code: equal key, equal result
    job_id           text NOT NULL,          -- the job that made it first; it may be deleted since
    pnl_usd          numeric CHECK (pnl_usd NOT IN ('NaN', 'Infinity', '-Infinity')),
    max_drawdown_usd numeric CHECK (max_drawdown_usd NOT IN ('NaN', 'Infinity', '-Infinity')),
    costs_usd        numeric CHECK (costs_usd NOT IN ('NaN', 'Infinity', '-Infinity')),
    orders           bigint,
    fills            bigint,
    closed           bigint,
    profitable       bigint,
    digest           text NOT NULL DEFAULT '',
    figures          jsonb NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX replay_results_job ON replay_results (job_id);
CREATE INDEX replay_results_time ON replay_results (created_at DESC, key);

-- migrate:up
-- The list of all alerts, newest first, without a filter.

CREATE INDEX alerts_time ON alerts (ts_ns DESC, id DESC);

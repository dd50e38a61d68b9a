-- migrate:up
-- For lists of candidates by reason and verdict, and for the instruments that a module ever held (the filter of trades).
CREATE INDEX opportunities_module_why_not ON opportunities (module, why_not, ts_ns DESC, id DESC);
CREATE INDEX opportunities_module_verdict ON opportunities (module, verdict, ts_ns DESC, id DESC);
CREATE INDEX positions_module_instrument ON positions (module, instrument);

-- migrate:up
-- For the system pages, which filter opportunities by reason and verdict and read the last week of funding per instrument.
CREATE INDEX opportunities_module_why_not ON opportunities (module, why_not, ts_ns DESC, id DESC);
CREATE INDEX opportunities_module_verdict ON opportunities (module, verdict, ts_ns DESC, id DESC);

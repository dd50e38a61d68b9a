"""Metrics of the folds: what the events say, under the names and labels of the catalogue and no others."""

from collections.abc import Iterable
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.process_collector import ProcessCollector

from bus.clock import ManualClock
from bus.events import Alert, FeedGap, KillSwitchSet, Rejected, Unknown, VenueHealth
from bus.events.execution import Expired
from bus.intents import Intent
from kernel.live import LiveLoop
from kernel.logs.log_writer import LogReading
from kernel.metrics.event_counts import KEYS_MAX, OTHER, EventCounts
from kernel.metrics.metric_catalogue import CATALOGUE
from kernel.metrics.metric_family import FamilyMaker
from kernel.metrics.metric_readings import DatabaseReading, FeedReading, GasReading, Readings, RpcReading, WebReading
from kernel.metrics.platform_metrics import PlatformMetrics, RunIdentity
from kernel.metrics.trading_metrics import REASONS_MAX, ReasonLabels, TradingMetrics
from tests.builders import MINUTE, SECOND, T0, place, quote
from tests.kernel.puppet import Stage, once, puppet, silent
from tests.kernel.test_live import FakeLog


class Scrape:
    """A stage with all collectors; `value` reads one series."""

    def __init__(self, stage: Stage) -> None:
        core = stage.core
        self.clock = ManualClock(T0)
        self.readings = Readings()
        self.counts = EventCounts(core.bus, self.clock)
        self.counts.start()
        self.live = LiveLoop(core, FakeLog(), self.clock)
        families = FamilyMaker()
        who = RunIdentity(version="1", mode="DEMO", profile="demo", run="r1")
        self.registry = CollectorRegistry()
        self.registry.register(TradingMetrics(core, self.counts, families, self.clock.now_ns))
        self.registry.register(ProcessCollector(registry=None))
        self.registry.register(
            PlatformMetrics(core, self.live, self.counts, self.readings, families, who, self.clock.now_ns, lambda: True)
        )

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


def asks(*intents: Any) -> Any:
    def script() -> Iterable[Intent]:
        return intents

    return once(script)


def staged(script: Any = silent) -> tuple[Stage, Scrape]:
    stage = Stage(puppet("s", script), is_listed=False)
    scrape = Scrape(stage)
    from tests.builders import PERP, listed

    stage.feed(listed(), listed(PERP), quote(T0), quote(T0, instrument=PERP))
    return stage, scrape


def test_every_series_is_in_the_catalogue_with_its_labels_and_every_metric_can_be_seen() -> None:
    stage, scrape = staged(asks(place(qty="1"), place(qty="-1")))
    stage.strategy("s").funnel.reject("too_thin")
    scrape.readings.database = lambda: DatabaseReading(state="up", lag_events=3)
    scrape.readings.web = lambda: WebReading(streams=2, resyncs=1)
    scrape.readings.logs = lambda: LogReading(
        queued=1, written={"webui": 5}, dropped={"kernel": 2}, failures=1, trouble="", is_alive=True
    )
    scrape.readings.feeds = lambda: [FeedReading(feed="binance", is_connected=True, age_s=0.5, reconnects=4)]
    scrape.readings.rpc = lambda: [
        RpcReading(provider="http", chain="base", endpoint="one", is_available=True, latency_s=0.1, head_lag_blocks=2)
    ]
    scrape.readings.gas = lambda: [GasReading(chain="base", reserve_ratio=0.5)]
    stage.feed(
        quote(T0 + SECOND),
        Alert(ts_ns=T0 + SECOND, severity="warning", source="s", code="c", text="t"),
        VenueHealth(ts_ns=T0 + SECOND, venue="binance", status="stale", reason="silent"),
        FeedGap(ts_ns=T0 + SECOND, source="binance", instrument="", from_ts_ns=1, to_ts_ns=2, reason="r"),
        quote(T0 + MINUTE),
    )
    scrape.live.lag.add(1.5)
    seen: set[str] = set()
    for family in scrape.registry.collect():
        name = family.name + ("_total" if family.type == "counter" else "")
        metric = CATALOGUE[name]
        assert metric.kind == family.type
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels), name
            seen.add(name)
    assert seen == CATALOGUE.keys()


def test_money_orders_and_funnel_follow_the_events() -> None:
    stage, scrape = staged(asks(place(qty="1")))
    stage.feed(quote(T0 + SECOND, bid=2000.0, ask=2000.0), quote(T0 + 2 * SECOND, bid=2100.0, ask=2100.0))
    books = stage.core.ledger.books("s")
    assert books.fills == 1
    assert scrape.value("kernel_strategy_pnl_usd", strategy="s", simulated="true") == float(books.pnl_usd)
    assert scrape.value("kernel_pnl_usd", simulated="true") == float(books.pnl_usd)
    assert scrape.value("kernel_strategy_exposure_usd", strategy="s", simulated="true") == 2100.0
    assert scrape.value("kernel_strategy_costs_usd", strategy="s", simulated="true", cost="fees") == float(
        books.fees_usd
    )
    assert scrape.value("kernel_strategy_funnel_total", strategy="s", stage="landed") == 1.0
    assert scrape.value("kernel_strategy_positions", strategy="s") == 1.0
    used = scrape.value("kernel_risk_use_ratio", scope="s", limit="gross_exposure")
    assert used is not None and abs(used - 2100 / 1e6) < 1e-9


def test_denials_and_the_kill_switch_are_told() -> None:
    stage, scrape = staged(asks(place(qty="-1")))
    assert scrape.value("kernel_strategy_denied_total", strategy="s", reason="bad_intent") == 1.0
    assert scrape.value("kernel_kill_switch_on", scope="all") == 0.0
    stage.feed(KillSwitchSet(ts_ns=T0 + 1, is_on=True, strategy="", reason="r", by="me"))
    assert scrape.value("kernel_kill_switch_on", scope="all") == 1.0
    assert scrape.value("kernel_kill_switch_on", scope="s") == 0.0


def test_latency_counts_from_the_event_to_the_verdict() -> None:
    stage = Stage(puppet("s", asks(place(qty="1"))), is_listed=False)
    scrape = Scrape(stage)
    scrape.clock.advance_to(T0 + 3_000_000)
    from tests.builders import listed

    stage.feed(listed(), quote(T0))
    name = "kernel_strategy_event_to_intent_seconds"
    assert scrape.value(f"{name}_bucket", strategy="s", le="0.0025") == 0.0
    assert scrape.value(f"{name}_bucket", strategy="s", le="0.005") == 1.0
    assert scrape.value(f"{name}_sum", strategy="s") == 0.003


def test_an_unknown_order_ages_until_it_ends() -> None:
    stage, scrape = staged()
    stage.feed(Unknown(ts_ns=T0, strategy="s", order_id="o", simulated=True, reason="timeout"))
    scrape.clock.advance_to(T0 + 90 * SECOND)
    assert scrape.value("kernel_strategy_unknown_orders", strategy="s") == 1.0
    assert scrape.value("kernel_strategy_unknown_order_age_seconds", strategy="s") == 90.0
    stage.feed(Expired(ts_ns=T0 + 91 * SECOND, strategy="s", order_id="o", simulated=True))
    assert scrape.value("kernel_strategy_unknown_order_age_seconds", strategy="s") == 0.0


def test_a_silent_or_unhealthy_venue_is_not_up() -> None:
    stage, scrape = staged()
    assert scrape.value("kernel_venue_up", venue="binance") == 1.0
    scrape.clock.advance_to(T0 + 121 * SECOND)
    assert scrape.value("kernel_venue_up", venue="binance") == 0.0
    assert scrape.value("kernel_venue_age_seconds", venue="binance") == 121.0
    stage.feed(
        quote(T0 + 121 * SECOND), VenueHealth(ts_ns=T0 + 121 * SECOND, venue="binance", status="down", reason="r")
    )
    assert scrape.value("kernel_venue_up", venue="binance") == 0.0


def test_a_part_that_is_not_there_has_no_metric_rather_than_zero() -> None:
    _, scrape = staged()
    assert scrape.value("kernel_database_lag_events") is None
    assert scrape.value("kernel_web_streams") is None


def test_reasons_beyond_the_cap_are_one_series_and_never_go_back() -> None:
    labels = ReasonLabels()
    reasons = {f"r{number}": 1 for number in range(REASONS_MAX + 5)}
    first = dict(labels.counted("s", reasons))
    assert len(first) == REASONS_MAX + 1 and first[OTHER] == 5
    second = dict(labels.counted("s", {"new": 100, "0x" + "a" * 200: 1, **reasons}))
    assert second[OTHER] == 106 and all(second[key] >= first[key] for key in first)


def test_hostile_names_do_not_grow_the_tables() -> None:
    stage, scrape = staged()
    for number in range(KEYS_MAX + 50):
        stage.feed(
            VenueHealth(ts_ns=T0, venue=f"v{number}", status="ok", reason=""),
            FeedGap(ts_ns=T0, source=f"f{number}", instrument="", from_ts_ns=1, to_ts_ns=2, reason=""),
            Rejected(ts_ns=T0, strategy="s", order_id=f"o{number}", simulated=True, reason=""),
        )
    assert len(scrape.counts.gaps) == KEYS_MAX + 1 and scrape.counts.gaps[OTHER] == 50
    assert len(scrape.counts.health) == KEYS_MAX + 1 and len(scrape.counts.unknown) == 0


def test_counts_stop_when_told() -> None:
    stage, scrape = staged()
    scrape.counts.stop()
    stage.feed(Alert(ts_ns=T0, severity="info", source="s", code="c", text="t"))
    assert scrape.counts.alerts == {}

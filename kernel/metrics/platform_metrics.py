"""Metrics of the process and of the parts around the folds: loop, log, database, page, feeds, endpoints."""

from collections.abc import Callable, Iterator

from msgspec import Struct
from prometheus_client.core import Metric as Family

from bus.clock import NS_PER_S
from kernel.core import Core
from kernel.live import LiveLoop
from kernel.metrics import metric_catalogue as m
from kernel.metrics.event_counts import EventCounts
from kernel.metrics.metric_family import FamilyMaker, Sample
from kernel.metrics.metric_readings import DATABASE_STATES, Readings


class RunIdentity(Struct, frozen=True, kw_only=True):
    """What runs."""

    version: str
    mode: str
    profile: str
    run: str


class PlatformMetrics:
    """A collector of prometheus-client; add it behind the others, as it tells what their caps left out."""

    def __init__(
        self,
        core: Core,
        live: LiveLoop,
        counts: EventCounts,
        readings: Readings,
        families: FamilyMaker,
        identity: RunIdentity,
        now_ns: Callable[[], int],
        is_ready: Callable[[], bool],
        speed: float = 1.0,
    ) -> None:
        self._core = core
        self._live = live
        self._counts = counts
        self._readings = readings
        self._families = families
        self._identity = identity
        self._now_ns = now_ns
        self._is_ready = is_ready
        self._speed = speed

    def collect(self) -> Iterator[Family]:
        """Family by family."""
        yield from self._process()
        yield from self._database_and_logs()
        yield from self._web()
        yield from self._feeds()
        yield from self._rpc()
        left_out, self._families.left_out = self._families.left_out, 0
        yield self._families.single(m.SERIES_LEFT_OUT, left_out)

    def _process(self) -> Iterator[Family]:
        make, single = self._families.make, self._families.single
        who = self._identity
        bus = self._core.bus
        yield make(m.INFO, [((who.version, who.mode, who.profile, who.run), 1.0)])
        yield single(m.FAILED, float(self._live.has_failed))
        yield single(m.READY, float(self._is_ready()))
        yield single(m.EVENTS, bus.seq)
        yield single(m.QUEUE, bus.waiting)
        if bus.now_ns:
            age_s = max(0.0, (self._now_ns() - bus.now_ns) / self._speed / NS_PER_S)
            yield single(m.LAST_EVENT_AGE, age_s)
        yield self._families.histogram(m.LOOP_LAG, [((), self._live.lag.histogram)])
        yield single(m.EVENT_LOG_WRITABLE, float(not self._live.log_failure))
        yield make(m.ALERTS, [((severity,), float(count)) for severity, count in self._counts.alerts.items()])

    def _database_and_logs(self) -> Iterator[Family]:
        make, single = self._families.make, self._families.single
        database = self._readings.database()
        if database is not None:
            yield make(m.DATABASE_STATE, [((state,), float(state == database.state)) for state in DATABASE_STATES])
            yield single(m.DATABASE_LAG, database.lag_events)
        logs = self._readings.logs()
        if logs is not None:
            modules = sorted(logs.written.keys() | logs.dropped.keys())
            yield make(m.LOG_LINES, [((name,), float(logs.written.get(name, 0))) for name in modules])
            yield make(m.LOG_DROPPED, [((name,), float(logs.dropped.get(name, 0))) for name in modules])
            yield single(m.LOG_FAILURES, logs.failures)
            yield single(m.LOG_QUEUE, logs.queued)

    def _web(self) -> Iterator[Family]:
        web = self._readings.web()
        if web is not None:
            yield self._families.single(m.STREAMS, web.streams)
            yield self._families.single(m.STREAM_RESYNCS, web.resyncs)
        gas = self._readings.gas()
        if gas:
            yield self._families.make(m.GAS_RESERVE, [((each.chain,), each.reserve_ratio) for each in gas])

    def _feeds(self) -> Iterator[Family]:
        feeds = self._readings.feeds()
        if not feeds:
            return
        make = self._families.make
        yield make(m.FEED_CONNECTED, [((each.feed,), float(each.is_connected)) for each in feeds])
        yield make(m.FEED_AGE, [((each.feed,), each.age_s) for each in feeds if each.age_s is not None])
        yield make(m.FEED_RECONNECTS, [((each.feed,), float(each.reconnects)) for each in feeds])
        yield make(m.FEED_RESYNCS, [((each.feed,), float(each.resyncs)) for each in feeds])
        yield make(m.FEED_MALFORMED, [((each.feed,), float(each.malformed)) for each in feeds])

    def _rpc(self) -> Iterator[Family]:
        endpoints = self._readings.rpc()
        if not endpoints:
            return
        make = self._families.make
        named = [((each.provider, each.chain, each.endpoint), each) for each in endpoints]
        available: dict[tuple[str, str], int] = {}
        for each in endpoints:
            kind = (each.provider, each.chain)
            available[kind] = available.get(kind, 0) + each.is_available
        yield make(m.RPC_AVAILABLE, [(kind, float(count)) for kind, count in available.items()])
        yield make(m.RPC_HEALTHY, [(key, float(each.is_available)) for key, each in named])
        yield make(m.RPC_LATENCY, [(key, each.latency_s) for key, each in named if each.latency_s is not None])
        lags: list[Sample] = [
            (key, float(each.head_lag_blocks)) for key, each in named if each.head_lag_blocks is not None
        ]
        yield make(m.RPC_HEAD_LAG, lags)
        calls: list[Sample] = []
        for key, each in named:
            calls.append(((*key, "ok"), float(each.calls_ok)))
            calls.append(((*key, "failed"), float(each.calls_failed)))
            calls.append(((*key, "rate_limited"), float(each.calls_rate_limited)))
        yield make(m.RPC_CALLS, calls)

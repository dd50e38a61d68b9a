"""Counts of events that no fold keeps, for the metrics page; a view on the bus, behind everything else.

All tables are capped: venues, sources and strategies come from configuration, but their names also come from logs.
"""

from collections.abc import Callable
from typing import Any

from bus.bus import STAGE_VIEW, Bus
from bus.clock import NS_PER_S, Clock
from bus.events import (
    TERMINAL_REPORTS,
    Alert,
    FeedGap,
    OrderApproved,
    OrderDenied,
    Report,
    Unknown,
    VenueHealth,
)
from bus.events.base import Event
from kernel.metrics.metric_histogram import MetricHistogram

LATENCY_BOUNDS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
KEYS_MAX = 256  #: of one table; what comes beyond is counted under OTHER
UNKNOWN_MAX = 4_096
OTHER = "other"


class EventCounts:
    """The view. `speed`: event time per wall time, so that latencies of a fast replay are wall time."""

    def __init__(self, bus: Bus, clock: Clock, speed: float = 1.0) -> None:
        self.alerts: dict[str, int] = {}
        self.gaps: dict[str, int] = {}
        self.health: dict[tuple[str, str], int] = {}
        self.latency_s: dict[str, MetricHistogram] = {}  #: by strategy
        self.unknown: dict[str, tuple[str, int]] = {}  #: order id -> (strategy, event time since when)
        self._bus = bus
        self._now_ns = clock.now_ns
        self._speed = speed
        self._handlers: tuple[tuple[type[Event], Callable[[Any], None]], ...] = (
            (Alert, self._on_alert),
            (FeedGap, self._on_gap),
            (VenueHealth, self._on_health),
            (OrderApproved, self._on_verdict),
            (OrderDenied, self._on_verdict),
            (Unknown, self._on_unknown),
            *((kind, self._on_terminal) for kind in TERMINAL_REPORTS),
        )

    def start(self) -> None:
        """Begin to listen."""
        for kind, handler in self._handlers:
            self._bus.subscribe(kind, handler, STAGE_VIEW)

    def stop(self) -> None:
        """Listen no more."""
        for kind, handler in self._handlers:
            self._bus.unsubscribe(kind, handler)

    def _on_alert(self, alert: Alert) -> None:
        key = alert.severity if alert.severity in ("info", "warning", "critical") else OTHER
        self.alerts[key] = self.alerts.get(key, 0) + 1

    def _on_gap(self, gap: FeedGap) -> None:
        key = gap.source if gap.source in self.gaps or len(self.gaps) < KEYS_MAX else OTHER
        self.gaps[key] = self.gaps.get(key, 0) + 1

    def _on_health(self, health: VenueHealth) -> None:
        key = (health.venue, health.status)
        if key not in self.health and len(self.health) >= KEYS_MAX:
            key = (OTHER, OTHER)
        self.health[key] = self.health.get(key, 0) + 1

    def _on_verdict(self, verdict: OrderApproved | OrderDenied) -> None:
        """The verdict carries the time of the event that led to it."""
        name = verdict.strategy if verdict.strategy in self.latency_s or len(self.latency_s) < KEYS_MAX else OTHER
        histogram = self.latency_s.get(name)
        if histogram is None:
            histogram = self.latency_s[name] = MetricHistogram(LATENCY_BOUNDS_S)
        histogram.observe(max(0, self._now_ns() - verdict.ts_ns) / self._speed / NS_PER_S)

    def _on_unknown(self, report: Unknown) -> None:
        if len(self.unknown) < UNKNOWN_MAX:
            self.unknown.setdefault(report.order_id, (report.strategy, report.ts_ns))

    def _on_terminal(self, report: Report) -> None:
        self.unknown.pop(report.order_id, None)

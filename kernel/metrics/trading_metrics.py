"""Metrics of the folds: read when the page is asked for, nothing is instrumented on the way of an event."""

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from prometheus_client.core import Metric as Family

from bus.clock import NS_PER_S
from kernel.core import Core
from kernel.metrics import metric_catalogue as m
from kernel.metrics.event_counts import OTHER, EventCounts
from kernel.metrics.metric_family import FamilyMaker, Sample
from kernel.runner import Slot

STATES = ("running", "paused", "disabled", "faulted", "blocked", "warming")
QUANTILES = (0.5, 0.99)
REASONS_MAX = 40  #: of one strategy that keep their own series; the rest are one
STALE_NS = 120 * NS_PER_S  #: a venue silent for this long is not up where no health event says so
ALL = "all"
_REASON = re.compile(r"[A-Za-z0-9_.:\- ]{1,60}")


class ReasonLabels:
    """Which reasons of a strategy have a series: the first that came, for ever, so that no counter runs backwards."""

    def __init__(self) -> None:
        self._kept: dict[str, set[str]] = {}

    def counted(self, strategy: str, reasons: Mapping[str, int]) -> Iterator[tuple[str, int]]:
        """(label, count) with everything beyond the cap summed up."""
        kept = self._kept.setdefault(strategy, set())
        other = 0
        for reason, count in reasons.items():
            if reason not in kept and len(kept) < REASONS_MAX and reason != OTHER and _REASON.fullmatch(reason):
                kept.add(reason)
            if reason in kept:
                yield reason, count
            else:
                other += count
        if other:
            yield OTHER, other


class TradingMetrics:
    """A collector of prometheus-client. `now_ns` is event time, `speed` event time per wall time."""

    def __init__(
        self, core: Core, counts: EventCounts, families: FamilyMaker, now_ns: Callable[[], int], speed: float = 1.0
    ) -> None:
        self._core = core
        self._counts = counts
        self._families = families
        self._now_ns = now_ns
        self._speed = speed
        self._why_not = ReasonLabels()
        self._denied = ReasonLabels()

    def collect(self) -> Iterator[Family]:
        """Family by family: whoever renders may pause between two."""
        yield from self._money()
        yield from self._risk()
        yield from self._strategy_money()
        yield from self._strategy_counts()
        yield from self._strategy_times()
        yield from self._venues()

    # parts ------------------------------------------------------------------------------------------------------

    def _slots(self) -> list[Slot]:
        return list(self._core.runner.slots.values())

    def _now(self) -> int:
        return max(self._now_ns(), self._core.bus.now_ns)

    def _simulated(self) -> str:
        return "true" if self._core.is_simulated else "false"

    def _wall_age_s(self, ts_ns: int) -> float:
        return max(0.0, (self._now() - ts_ns) / self._speed / NS_PER_S)

    def _each(self, metric: m.Metric, value: Callable[[Slot], float]) -> Family:
        return self._families.make(metric, [((slot.name,), float(value(slot))) for slot in self._slots()])

    def _each_usd(self, metric: m.Metric, value: Callable[[Slot], Decimal]) -> Family:
        simulated = self._simulated()
        return self._families.make(metric, [((slot.name, simulated), float(value(slot))) for slot in self._slots()])

    def _money(self) -> Iterator[Family]:
        core, families, simulated = self._core, self._families, (self._simulated(),)
        books = core.ledger.books(None)
        yield families.make(m.PNL, [(simulated, float(books.pnl_usd))])
        yield families.make(m.PNL_TODAY, [(simulated, float(core.ledger.day_pnl(None, self._now())))])
        yield families.make(m.EXPOSURE, [(simulated, float(books.exposure_usd))])
        yield families.single(m.UNPRICED, books.unpriced)
        yield families.single(m.OPEN_ORDERS, len(core.router.open))

    def _risk(self) -> Iterator[Family]:
        core = self._core
        names = [slot.name for slot in self._slots()]
        kills = core.runner.kills
        yield self._families.make(m.KILL_SWITCH, [((name or ALL,), float(name in kills)) for name in ("", *names)])
        samples: list[Sample] = []
        for name in (None, *names):
            for use in core.gate.utilisation(name):
                if use.limit > 0 or use.used > 0:  # a limit of nothing, unused, has no share
                    ratio = float(use.used / use.limit) if use.limit > 0 else float("inf")
                    samples.append(((name or ALL, use.name), ratio))
        yield self._families.make(m.RISK_USE, samples)

    def _strategy_money(self) -> Iterator[Family]:
        ledger = self._core.ledger
        simulated = self._simulated()
        yield self._each_usd(m.STRATEGY_PNL, lambda slot: ledger.books(slot.name).pnl_usd)
        now_ns = self._now()
        yield self._each_usd(m.STRATEGY_PNL_TODAY, lambda slot: ledger.day_pnl(slot.name, now_ns))
        yield self._each_usd(m.STRATEGY_EXPOSURE, lambda slot: ledger.books(slot.name).exposure_usd)
        costs: list[Sample] = []
        for slot in self._slots():
            books = ledger.books(slot.name)
            costs.append(((slot.name, simulated, "fees"), float(books.fees_usd)))
            costs.append(((slot.name, simulated, "gas"), float(books.gas_usd)))
        yield self._families.make(m.STRATEGY_COSTS, costs)
        yield self._each(m.STRATEGY_POSITIONS, lambda slot: len(ledger.positions_of(slot.name)))
        yield self._each(m.STRATEGY_OPEN_ORDERS, lambda slot: self._core.gate.open_orders(slot.name))

    def _strategy_counts(self) -> Iterator[Family]:
        families, slots = self._families, self._slots()
        yield families.make(
            m.STATE,
            [((slot.name, state), float(slot.state == state)) for slot in slots for state in STATES],
        )
        funnel: list[Sample] = []
        for slot in slots:
            candidates = slot.strategy.funnel
            stages = {
                "seen": candidates.seen,
                "priced": candidates.priced,
                "approved": slot.approved,
                "sent": slot.sent,
                "landed": slot.landed,
                "profitable": self._core.ledger.books(slot.name).profitable,
            }
            funnel += [((slot.name, stage), float(count)) for stage, count in stages.items()]
        yield families.make(m.FUNNEL, funnel)
        yield families.make(
            m.WHY_NOT,
            [
                ((slot.name, reason), float(count))
                for slot in slots
                for reason, count in self._why_not.counted(slot.name, slot.strategy.funnel.why_not)
            ],
        )
        yield families.make(
            m.DENIED,
            [
                ((slot.name, reason), float(count))
                for slot in slots
                for reason, count in self._denied.counted(slot.name, slot.denied)
            ],
        )
        yield self._each(m.FILLS, lambda slot: slot.fills)

    def _strategy_times(self) -> Iterator[Family]:
        families, slots = self._families, self._slots()
        handler: list[Sample] = []
        for slot in slots:
            timings = sorted(slot.timings_ns)
            if timings:
                for quantile in QUANTILES:
                    took_ns = timings[min(len(timings) - 1, int(len(timings) * quantile))]
                    handler.append(((slot.name, str(quantile)), took_ns / NS_PER_S))
        yield families.make(m.HANDLER, handler)
        latencies = [((name,), histogram) for name, histogram in self._counts.latency_s.items()]
        yield families.histogram(m.EVENT_TO_INTENT, latencies)
        yield families.make(
            m.STRATEGY_EVENT_AGE,
            [((slot.name,), self._wall_age_s(slot.last_event_ns)) for slot in slots if slot.last_event_ns],
        )
        orphans = [name for name, _ in self._core.hedges.orphans]
        yield self._each(m.ORPHANS, lambda slot: orphans.count(slot.name))
        since_ns: dict[str, list[int]] = {slot.name: [] for slot in slots}
        for strategy, ts_ns in self._counts.unknown.values():
            since_ns.setdefault(strategy, []).append(ts_ns)
        yield families.make(m.UNKNOWN_ORDERS, [((name,), float(len(times))) for name, times in since_ns.items()])
        ages = [((name,), self._wall_age_s(min(times)) if times else 0.0) for name, times in since_ns.items()]
        yield families.make(m.UNKNOWN_AGE, ages)

    def _venues(self) -> Iterator[Family]:
        market, now_ns = self._core.market, self._now()
        newest: dict[str, int] = {}
        for table in (market.quotes, market.trades, market.bars, market.pools, market.funding):
            for instrument, event in table.items():
                venue = market.venue_of(instrument)
                newest[venue] = max(newest.get(venue, 0), event.ts_ns)
        ages = [((venue,), max(0, now_ns - ts_ns) / NS_PER_S) for venue, ts_ns in sorted(newest.items())]
        yield self._families.make(m.VENUE_AGE, ages)
        up: list[Sample] = []
        for venue in sorted(newest.keys() | market.venues.keys()):
            health = market.venues.get(venue)
            is_fresh = health is not None if venue not in newest else now_ns - newest[venue] <= STALE_NS
            up.append(((venue,), float(is_fresh and (health is None or health.status == "ok"))))
        yield self._families.make(m.VENUE_UP, up)
        yield self._families.make(m.VENUE_CHANGES, [(key, float(count)) for key, count in self._counts.health.items()])
        yield self._families.make(
            m.FEED_GAPS, [((source,), float(count)) for source, count in self._counts.gaps.items()]
        )

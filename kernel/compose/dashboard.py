"""The dashboard's source: snapshots of the running kernel's folds, its memory, and the operator's three commands."""

from collections.abc import Iterable
from decimal import Decimal

from bus.bus import Handler
from bus.clock import NS_PER_MS
from bus.events import Event
from bus.units import ZERO, exact
from kernel import __version__
from kernel.compose.dashboard_figures import groups_of
from kernel.compose.dashboard_history import DashboardHistory
from kernel.compose.dashboard_memory import DashboardMemory, SignalSample, pnl_of
from kernel.compose.database_keeper import DatabaseKeeper
from kernel.compose.live import KernelProcess
from kernel.compose.registry import STRATEGIES, strategy_kind
from kernel.position import Position
from kernel.runner import Slot
from webui import history, snapshot

REASONS_MAX = 8
SPARKLINE_POINTS = 60
CLEARLY_NEARER = 1.5
STALE_MS = 120_000  #: a venue silent for this long is called stale where no health event says so
RECENT_TRADES = 12
ALERTS_SHOWN = 12
STATUS_BY_DB = {"up": "up", "catching_up": "degraded", "degraded": "degraded", "off": "off"}


class Dashboard:
    """Implements `webui.source.DashboardSource`."""

    def __init__(self, process: KernelProcess, keeper: DatabaseKeeper | None) -> None:
        self._process = process
        self._core = process.core
        self._keeper = keeper
        self._signal_of: dict[str, str] = {}  #: the charted signal of each strategy
        self._memory = DashboardMemory(process.core.bus, process.core.runner)
        self._core.runner.on_view_fault = self._on_view_fault
        self._history = DashboardHistory(process.core, self._memory, keeper.database if keeper is not None else None)

    def _on_view_fault(self, handler: Handler, event: Event, error: Exception) -> None:
        """The page's memory may fail without harm to trading; a fold may not. Told on the page, not in the log."""
        if getattr(handler, "__self__", None) is not self._memory:
            raise error
        text = f"the page could not follow {type(event).__name__}: {type(error).__name__}: {error}"
        self._memory.note(event, "warning", "webui", "view_fault", text)

    @property
    def _capital_usd(self) -> Decimal:
        """Budgets of the strategies that run: what equity starts from."""
        gate = self._core.gate
        return sum((exact(float(gate.limits_for(name).budget_usd)) for name in self._core.runner.slots), ZERO)

    # live -------------------------------------------------------------------------------------------------------

    def overview(self) -> snapshot.Overview:
        core = self._core
        books = core.ledger.books(None)
        now_ns = self._now_ns()
        return snapshot.Overview(
            mode=self._process.profile.mode,
            data_note=self._data_note(),
            run_id=self._process.header.run,
            version=__version__,
            seq=core.bus.seq,
            now_ns=now_ns,
            last_event_age_ms=self._age_ms(core.bus.now_ns),
            equity_usd=self._capital_usd + books.pnl_usd,
            pnl_today_usd=core.ledger.day_pnl(None, now_ns),
            pnl_total_usd=books.pnl_usd,
            exposure_usd=books.exposure_usd,
            unpriced=books.unpriced,
            kill=self._kill(),
            database=self._database(),
            loop_lag_p99_us=_times_1000(self._process.live.lag.p99_ms()),
            queue_depth=core.bus.waiting,
            strategies=(
                *(self._row(slot) for slot in core.runner.slots.values()),
                *(self._row_of_absent(name) for name in STRATEGIES if name not in core.runner.slots),
            ),
            feeds=self._feeds(),
            alerts=self._alerts(),
            recent_trades=self._recent_trades(),
            exposures=self._exposures(),
        )

    def strategy(self, name: str) -> snapshot.StrategyPage | None:
        slot = self._core.runner.slots.get(name)
        if slot is None:
            return self._absent(name) if name in STRATEGIES else None
        return snapshot.StrategyPage(
            row=self._row(slot),
            idea=slot.strategy.idea,
            mode=self._process.profile.mode,
            now_ns=self._now_ns(),
            groups=groups_of(slot.strategy.view()),
            drops=self._drops(slot),
            best_rejected=self._best_rejected(slot),
            feeds=self._feeds(),
            signal=self._signal(name),
            trades_version=self._memory.versions.get(name, 0),
        )

    def positions(self, name: str) -> snapshot.Positions | None:
        if name not in STRATEGIES and name not in self._core.runner.slots:
            return None
        rows = tuple(
            self._position(position)
            for position in sorted(self._core.ledger.positions_of(name), key=lambda each: each.instrument)
        )
        values = [each.value_usd for each in rows]
        delta = sum((each for each in values if each is not None), ZERO) if all(v is not None for v in values) else None
        orphans = [group for strategy, group in self._core.hedges.orphans if strategy == name]
        note = f"orphan leg being mended: {', '.join(orphans)}" if orphans else ""
        return snapshot.Positions(rows=rows, delta_usd=delta if rows else None, note=note)

    # history ----------------------------------------------------------------------------------------------------

    async def equity(self, name: str | None, since_ns: int, points_max: int) -> history.EquitySeries:
        return await self._history.equity(name, since_ns, points_max, self._capital_usd if name is None else ZERO)

    async def trades(self, query: history.TradeQuery) -> history.TradeList:
        return await self._history.trades(query)

    async def performance(self, name: str, since_ns: int) -> history.Performance:
        return await self._history.performance(name, since_ns)

    async def story(self, name: str, order_id: str) -> history.Story | None:
        return await self._history.story(name, order_id)

    # commands ---------------------------------------------------------------------------------------------------

    def kill(self, reason: str, by: str) -> None:
        self._process.kill(reason, by)

    def reset_kill(self, reason: str, by: str) -> None:
        self._process.kill(reason, by, is_on=False)

    def command(self, name: str, command: str, by: str) -> None:
        self._process.command(name, command, by)

    # parts ------------------------------------------------------------------------------------------------------

    def _now_ns(self) -> int:
        return max(self._process.clock.now_ns(), self._core.bus.now_ns)

    def _age_ms(self, ts_ns: int) -> int | None:
        """Age in wall milliseconds of an event time."""
        if ts_ns <= 0:
            return None
        return max(0, int((self._now_ns() - ts_ns) / self._process.clock.speed) // NS_PER_MS)

    def _event_age_ms(self, ts_ns: int) -> int | None:
        """Age in event time."""
        return None if ts_ns <= 0 else max(0, (self._now_ns() - ts_ns) // NS_PER_MS)

    def _data_note(self) -> str:
        speed = self._process.clock.speed
        pace = f", {speed:g}x" if speed != 1 else ""
        return f"{self._process.profile.data_note}{pace}"

    def _kill(self) -> snapshot.KillSwitch:
        kill = self._core.runner.kills.get("")
        if kill is None:
            return snapshot.KillSwitch()
        return snapshot.KillSwitch(is_on=True, reason=kill.reason, by=kill.by, since_ns=kill.ts_ns)

    def _database(self) -> snapshot.Database:
        keeper = self._keeper
        if keeper is None:
            return snapshot.Database(state="off", note="not asked for (--no-db)")
        state = STATUS_BY_DB.get(keeper.state, "degraded")
        return snapshot.Database(state=state, lag_events=keeper.lag_events, note=keeper.error)

    def _row(self, slot: Slot) -> snapshot.StrategyRow:
        core, name, funnel = self._core, slot.name, slot.strategy.funnel
        books = core.ledger.books(name)
        timings = sorted(slot.timings_ns)
        samples = self._memory.samples.get(name, ())
        return snapshot.StrategyRow(
            name=name,
            title=slot.strategy.title,
            state=slot.state,
            state_reason=slot.reason,
            pnl_today_usd=core.ledger.day_pnl(name, self._now_ns()),
            pnl_total_usd=books.pnl_usd,
            exposure_usd=books.exposure_usd,
            open_orders=core.gate.open_orders(name),
            positions=len(core.ledger.positions_of(name)),
            funnel=snapshot.Funnel(
                seen=funnel.seen,
                priced=funnel.priced,
                approved=slot.approved,
                sent=slot.sent,
                landed=slot.landed,
                profitable=books.profitable,
            ),
            why_not=_ranked(funnel.why_not),
            denied=_ranked(slot.denied),
            last_event_age_ms=self._age_ms(slot.last_event_ns),
            handler_p50_us=_percentile_us(timings, 0.5),
            handler_p99_us=_percentile_us(timings, 0.99),
            sparkline=tuple(float(pnl_of(each)) for each in list(samples)[-SPARKLINE_POINTS:]),
            simulated=core.is_simulated,
        )

    def _row_of_absent(self, name: str) -> snapshot.StrategyRow:
        """A strategy that is switched off: its books of earlier runs, and why it is off."""
        books = self._core.ledger.books(name)
        return snapshot.StrategyRow(
            name=name,
            title=strategy_kind(name).title,
            state="disabled",
            state_reason=f"switched off; {name.upper()}_MODULE_ENABLED=true or the profile switches it on",
            pnl_total_usd=books.pnl_usd,
            exposure_usd=books.exposure_usd,
            positions=len(self._core.ledger.positions_of(name)),
            simulated=self._core.is_simulated,
        )

    def _absent(self, name: str) -> snapshot.StrategyPage:
        return snapshot.StrategyPage(
            row=self._row_of_absent(name),
            idea=strategy_kind(name).idea,
            mode=self._process.profile.mode,
            now_ns=self._now_ns(),
            feeds=self._feeds(),
            trades_version=self._memory.versions.get(name, 0),
        )

    def _feeds(self) -> tuple[snapshot.FeedRow, ...]:
        market = self._core.market
        newest: dict[str, int] = {}
        for table in (market.quotes, market.trades, market.bars, market.pools, market.funding):
            for instrument, event in table.items():
                venue = market.venue_of(instrument)
                newest[venue] = max(newest.get(venue, 0), event.ts_ns)
        rows = []
        for venue, ts_ns in sorted(newest.items()):
            age_ms = self._event_age_ms(ts_ns)
            health = market.venues.get(venue)
            status = "stale" if age_ms is None or age_ms > STALE_MS else "ok"
            note = "no event for over two minutes of event time" if status == "stale" else ""
            if health is not None and health.status != "ok":
                status, note = health.status, health.reason
            rows.append(snapshot.FeedRow(name=venue, status=status, age_ms=age_ms, note=note))
        return tuple(rows)

    def _alerts(self) -> tuple[snapshot.AlertRow, ...]:
        return tuple(
            snapshot.AlertRow(seq=seq, ts_ns=alert.ts_ns, severity=alert.severity, source=alert.source, text=alert.text)
            for seq, alert in list(self._memory.alerts)[:ALERTS_SHOWN]
        )

    def _recent_trades(self) -> tuple[snapshot.RecentTrade, ...]:
        newest = list(self._memory.fills)[-RECENT_TRADES:]
        return tuple(
            snapshot.RecentTrade(
                seq=seq,
                ts_ns=fill.ts_ns,
                strategy=fill.strategy,
                instrument=fill.instrument,
                side=fill.side,
                qty=fill.qty,
                price=fill.price,
                order_id=fill.order_id,
                simulated=fill.simulated,
            )
            for seq, fill in reversed(newest)
        )

    def _exposures(self) -> tuple[snapshot.ExposureRow, ...]:
        core = self._core
        sums: dict[tuple[str, str], tuple[Decimal, Decimal | None]] = {}
        for position in core.ledger.positions.values():
            listed = core.market.instruments.get(position.instrument)
            asset = listed.base if listed is not None else position.instrument
            qty, value = sums.get((position.venue, asset), (ZERO, ZERO))
            worth = self._value_usd(position.instrument, position.qty)
            total = None if value is None or worth is None else value + worth
            sums[position.venue, asset] = (qty + position.qty, total)
        return tuple(
            snapshot.ExposureRow(venue=venue, asset=asset, qty=qty, value_usd=value)
            for (venue, asset), (qty, value) in sorted(sums.items())
        )

    def _value_usd(self, instrument: str, qty: Decimal) -> Decimal | None:
        mark = self._core.market.mark(instrument)
        usd = self._core.market.quote_usd(instrument)
        return None if mark is None or usd is None else qty * exact(mark[0]) * usd

    def _position(self, position: Position) -> snapshot.PositionRow:
        mark = self._core.market.mark(position.instrument)
        value = self._value_usd(position.instrument, position.qty)
        usd = self._core.market.quote_usd(position.instrument)
        cost = None if usd is None else position.cost_quote * usd
        return snapshot.PositionRow(
            instrument=position.instrument,
            venue=position.venue,
            qty=position.qty,
            avg_price=position.avg_price,
            mark=None if mark is None else exact(mark[0]),
            value_usd=value,
            unrealised_usd=None if value is None or cost is None else value - cost,
            realised_usd=position.realised_usd,
            fees_usd=position.fees_usd,
            funding_usd=position.funding_usd,
            opened_ts_ns=position.opened_ts_ns,
            mark_age_ms=None if mark is None else self._event_age_ms(mark[1]),
            simulated=position.simulated,
        )

    def _drops(self, slot: Slot) -> tuple[snapshot.StageDrop, ...]:
        lost: dict[str, int] = {}
        for record in self._memory.orders.values():
            if record.order.strategy == slot.name and record.qty == 0 and record.reports:
                kind = record.status
                if kind in ("rejected", "expired", "cancelled", "reverted"):
                    reason = getattr(record.reports[-1][1], "reason", "") or kind
                    key = f"{kind}: {reason.partition(':')[0]}" if reason != kind else kind
                    lost[key] = lost.get(key, 0) + 1
        drops = [
            snapshot.StageDrop(stage="priced", reasons=_ranked(slot.strategy.funnel.why_not)),
            snapshot.StageDrop(stage="approved", reasons=_ranked(slot.denied)),
            snapshot.StageDrop(stage="landed", reasons=_ranked(lost)),
        ]
        return tuple(each for each in drops if each.reasons)

    def _best_rejected(self, slot: Slot) -> snapshot.Candidate | None:
        best = slot.strategy.funnel.best_rejected
        if best is None:
            return None
        return snapshot.Candidate(
            opportunity=best.opportunity,
            instruments=best.instruments,
            size_usd=best.size_usd,
            gross_usd=best.gross_usd,
            costs=tuple(snapshot.CostItem(each.name, each.usd) for each in best.costs),
            expected_net_usd=best.expected_net_usd,
            why_not=best.why_not,
            note=best.note,
        )

    def _chosen(self, name: str, ring: Iterable[SignalSample]) -> tuple[str, str]:
        """The signal to chart: the nearest to its threshold; a choice stays until another is clearly nearer."""
        latest = _nearness(ring)
        nearest = max(sorted(latest), key=lambda each: latest[each][0])
        chosen = self._signal_of.get(name, nearest)
        if chosen not in latest or latest[nearest][0] > CLEARLY_NEARER * max(latest[chosen][0], 0.0):
            chosen = nearest
        self._signal_of[name] = chosen
        return chosen, latest[chosen][1]

    def _signal(self, name: str) -> snapshot.Signal | None:
        ring = self._memory.signals.get(name)
        if not ring:
            return None
        title, unit = self._chosen(name, ring)
        points = tuple(
            snapshot.SignalPoint(ts_ns, each.value, each.threshold) for ts_ns, each in ring if each.name == title
        )
        return snapshot.Signal(title=title, unit=unit, threshold_title="threshold", points=points)


def _nearness(ring: Iterable[SignalSample]) -> dict[str, tuple[float, str]]:
    """How near each signal is to its threshold now (1 = there, -1 = not known), with its unit."""
    latest: dict[str, tuple[float, str]] = {}
    for _, signal in ring:
        value, threshold = signal.value, signal.threshold
        nearness = abs(value) / abs(threshold) if value is not None and threshold else -1.0
        latest[signal.name] = (nearness, signal.unit)
    return latest


def _ranked(counts: dict[str, int]) -> tuple[snapshot.ReasonCount, ...]:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(snapshot.ReasonCount(reason, count) for reason, count in ranked[:REASONS_MAX])


def _percentile_us(ordered_ns: list[int], share: float) -> float | None:
    if not ordered_ns:
        return None
    return ordered_ns[min(len(ordered_ns) - 1, int(len(ordered_ns) * share))] / 1e3


def _times_1000(value: float | None) -> float | None:
    return None if value is None else value * 1e3

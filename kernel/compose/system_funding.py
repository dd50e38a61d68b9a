"""The funding monitor's source: newest rates from the market fold, the last week from Postgres or the run's memory."""

from zlib import crc32

from bus.clock import NS_PER_DAY, NS_PER_HOUR, NS_PER_MS
from bus.events import FundingRate
from bus.units import ZERO, exact
from kernel.compose.live import KernelProcess
from kernel.compose.system_execution import MEMORY_NOTE
from kernel.compose.system_memory import SystemMemory
from kernel.finance.funding import FundingHistory, hour_of
from persistence.funding_rates import settled_rates
from persistence.postgres import Database
from webui.funding_source import FundingRow, FundingTable, PerpRow

ROWS_MAX = 200
DAY_H, WEEK_H = 24, 168
MARGIN_DAYS = 2  #: read a little more than a week, so that the first hours of it are covered by rows before them
NO_LIQUIDATION = "the simulated venue liquidates nothing and no account feed tells a liquidation price in this version"


class SystemFunding:
    """Implements `webui.funding_source.FundingSource`."""

    def __init__(self, process: KernelProcess, memory: SystemMemory, database: Database | None) -> None:
        self._process = process
        self._core = process.core
        self._memory = memory
        self._database = database

    def version(self) -> int:
        newest = self._core.market.funding.values()
        told = repr([(each.instrument, each.settle_ts_ns, each.rate_per_hour) for each in newest])
        return crc32(told.encode())

    async def table(self) -> FundingTable:
        now_ns = max(self._process.clock.now_ns(), self._core.bus.now_ns)
        newest = sorted(self._core.market.funding.values(), key=lambda each: each.instrument)[:ROWS_MAX]
        histories, note = dict(self._memory.funding), MEMORY_NOTE
        if self._database is not None:
            names = [each.instrument for each in newest]
            since_ns = now_ns - (7 + MARGIN_DAYS) * NS_PER_DAY
            stored = await settled_rates(self._database, names, since_ns, now_ns + NS_PER_DAY)
            histories, note = {}, ""
            for instrument, rates in stored.items():
                history = histories[instrument] = FundingHistory()
                for rate in rates:
                    history.add(rate.settle_ts_ns, rate.interval_h, rate.rate_per_hour)
        rows = tuple(self._row(each, histories.get(each.instrument), now_ns) for each in newest)
        return FundingTable(rows=rows, positions=self._positions(), note=note)

    def _row(self, newest: FundingRate, history: FundingHistory | None, now_ns: int) -> FundingRow:
        history = history or FundingHistory()
        day, week = history.window(DAY_H, now_ns), history.window(WEEK_H, now_ns)
        due_ns = newest.settle_ts_ns
        if not newest.is_estimate:
            due_ns += round(newest.interval_h * NS_PER_HOUR)
        return FundingRow(
            venue=self._core.market.venue_of(newest.instrument),
            instrument=newest.instrument,
            newest_per_hour=newest.rate_per_hour,
            is_estimate=newest.is_estimate,
            age_ms=max(0, now_ns - newest.ts_ns) // NS_PER_MS,
            interval_h=newest.interval_h,
            next_settle_ns=due_ns,
            is_overdue=due_ns + round(newest.interval_h * NS_PER_HOUR) < now_ns,
            mean_24h=day.mean_per_hour,
            covered_24h=day.covered_hours,
            mean_7d=week.mean_per_hour,
            covered_7d=week.covered_hours,
            hours=history.hours(WEEK_H, max(history.latest_hour, hour_of(now_ns))),
        )

    def _positions(self) -> tuple[PerpRow, ...]:
        market = self._core.market
        rows = []
        for position in self._core.ledger.positions.values():
            listed = market.instruments.get(position.instrument)
            if listed is None or listed.kind != "perp":
                continue
            mark, usd = market.mark(position.instrument), market.quote_usd(position.instrument)
            is_priced = mark is not None and usd is not None
            rows.append(
                PerpRow(
                    strategy=position.strategy,
                    instrument=position.instrument,
                    qty=position.qty,
                    value_usd=position.qty * exact(mark[0] if mark else 0.0) * (usd or ZERO) if is_priced else None,
                    funding_usd=position.funding_usd,
                    liquidation_distance_pct=None,
                    note=NO_LIQUIDATION,
                    simulated=position.simulated,
                )
            )
        return tuple(sorted(rows, key=lambda each: (each.strategy, each.instrument)))

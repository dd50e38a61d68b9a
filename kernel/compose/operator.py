"""What people away from the page ask and order, answered from the dashboard's source and the running process."""

from collections.abc import Awaitable, Callable, Iterable
from decimal import Decimal

from bus.clock import NS_PER_DAY
from bus.events import KillSwitchSet
from kernel.alerts import operator as ask
from kernel.alerts.clock_text import day_text
from kernel.alerts.message import Message
from kernel.alerts.notice import Notice
from kernel.alerts.operator_text import daily_message
from kernel.compose.dashboard import Dashboard
from kernel.compose.dashboard_history import MEMORY_NOTE
from kernel.compose.kill_file import KILL, is_there
from kernel.compose.live import KernelProcess
from kernel.errors import ConfigError
from kernel.live import LOG_HALT
from webui.periods import since_ns

POINTS_MAX = 1_000_000  #: of the memory's ring, which is shorter
WORDS = {"start": "started", "pause": "paused: no new risk, exits go on", "stop": "stopping: orders are cancelled"}
ALL = "all"
SUMMARY_DAYS = 2  #: the day that ended, and the one that runs

Reload = Callable[[str], Awaitable[str]]


class KernelOperator:
    """Implements `kernel.alerts.operator.Operator`."""

    def __init__(
        self,
        process: KernelProcess,
        dashboard: Dashboard,
        recent: Callable[[], Iterable[Notice]],
        reload: Reload | None = None,
    ) -> None:
        """`recent`: what was told, oldest first. `reload(by)`: read the settings again, and say in words what came."""
        self._process = process
        self._dashboard = dashboard
        self._recent = recent
        self._reload = reload

    # questions ------------------------------------------------------------------------------------------------------

    def status(self) -> ask.Status:
        found = self._dashboard.overview()
        return ask.Status(
            mode=found.mode,
            data_note=found.data_note,
            seq=found.seq,
            last_event_age_ms=found.last_event_age_ms,
            is_killed=found.kill.is_on,
            kill_reason=found.kill.reason,
            kill_by=found.kill.by,
            database=found.database.state,
            strategies=tuple(
                ask.StrategyStatus(
                    name=each.name,
                    state=each.state,
                    reason=each.state_reason,
                    pnl_today_usd=each.pnl_today_usd,
                    pnl_total_usd=each.pnl_total_usd,
                    open_orders=each.open_orders,
                    positions=each.positions,
                    simulated=each.simulated,
                )
                for each in found.strategies
            ),
            venues_amiss=tuple(f"{each.name}: {each.status}" for each in found.feeds if each.status != "ok"),
        )

    async def profit(self, period: str) -> ask.Profit:
        rows: list[ask.Earned] = []
        notes: dict[str, None] = {}
        for name in self._names():
            found = await self._dashboard.performance(name, since_ns(self._now_ns(), period))
            rows.append(ask.Earned(name=name, pnl_usd=found.pnl_usd, simulated=found.simulated))
            notes[found.note.partition(";")[0]] = None
        return ask.Profit(period=period, rows=tuple(rows), note="; ".join(each for each in notes if each))

    async def daily(self, days: int) -> ask.Daily:
        now_ns = self._now_ns()
        today = now_ns // NS_PER_DAY
        wanted = [today - back for back in range(days)]
        by_name = {name: await self._by_day(name, wanted[-1] * NS_PER_DAY) for name in self._names()}
        simulated = self._process.core.is_simulated
        return ask.Daily(
            days=tuple(
                ask.Day(
                    label=day_text(day * NS_PER_DAY),
                    is_whole=day < today,
                    rows=tuple(
                        ask.Earned(
                            name=name,
                            pnl_usd=self._today(name, now_ns)
                            if day == today
                            else known.get(day_text(day * NS_PER_DAY)),
                            simulated=simulated,
                        )
                        for name, known in by_name.items()
                    ),
                )
                for day in wanted
            ),
            note=f"days are UTC days of event time; {_nature(simulated)}",
        )

    def _today(self, name: str, now_ns: int) -> Decimal | None:
        """Not known before the first event of the day."""
        core = self._process.core
        return core.ledger.day_pnl(name, now_ns) if core.bus.now_ns // NS_PER_DAY == now_ns // NS_PER_DAY else None

    async def _by_day(self, name: str, from_ns: int) -> dict[str, Decimal]:
        """P&L of whole days by label; a day whose beginning or end was not seen is not in it."""
        found = await self._dashboard.performance(name, from_ns)
        if not found.note.startswith(MEMORY_NOTE):
            return {each.label: each.pnl_usd for each in found.by_day}
        series = await self._dashboard.equity(name, 0, POINTS_MAX)
        ends: dict[int, Decimal] = {}
        for ts_ns, value in series.points:
            if value is not None:
                ends[ts_ns // NS_PER_DAY] = value
        return {day_text(day * NS_PER_DAY): ends[day] - ends[day - 1] for day in ends if day - 1 in ends}

    def balance(self) -> ask.Balance:
        found = self._dashboard.overview()
        return ask.Balance(
            equity_usd=found.equity_usd,
            exposure_usd=found.exposure_usd,
            unpriced=found.unpriced,
            rows=tuple(
                ask.Holding(venue=each.venue, asset=each.asset, qty=each.qty, value_usd=each.value_usd)
                for each in found.exposures
            ),
            simulated=self._process.core.is_simulated,
        )

    def performance(self) -> tuple[ask.Score, ...]:
        return tuple(
            ask.Score(
                name=each.name,
                pnl_usd=each.pnl_total_usd,
                seen=each.funnel.seen,
                approved=each.funnel.approved,
                landed=each.funnel.landed,
                profitable=each.funnel.profitable,
                simulated=each.simulated,
            )
            for each in self._dashboard.overview().strategies
        )

    def positions(self) -> tuple[ask.OpenLeg, ...]:
        legs: list[ask.OpenLeg] = []
        for name in self._names():
            found = self._dashboard.positions(name)
            for each in found.rows if found is not None else ():
                legs.append(
                    ask.OpenLeg(
                        strategy=name,
                        instrument=each.instrument,
                        qty=each.qty,
                        value_usd=each.value_usd,
                        unrealised_usd=each.unrealised_usd,
                        simulated=each.simulated,
                    )
                )
        return tuple(legs)

    def logs(self, module: str, limit: int) -> tuple[ask.LogLine, ...]:
        chosen = [each for each in self._recent() if not module or each.source == module]
        return tuple(
            ask.LogLine(ts_ns=each.ts_ns, severity=each.severity, source=each.source, text=each.text)
            for each in reversed(chosen[-limit:])
        )

    async def summary(self) -> Message:
        """The daily summary: the day that ended and the one that runs. Raises `StoreError`."""
        return daily_message(await self.daily(SUMMARY_DAYS), title="Daily summary")

    # orders ---------------------------------------------------------------------------------------------------------

    def kill(self, reason: str, by: str) -> str:
        self._process.kill(reason, by)
        return "the kill switch is set: orders are cancelled, new ones denied"

    def reset_kill(self, reason: str, by: str) -> str:
        standing = self._standing()
        if standing is None:
            raise ConfigError("the kill switch is not on")
        if standing.by == LOG_HALT:
            raise ConfigError(f"the kernel itself stopped: {standing.reason}; it goes on by itself once that is mended")
        if is_there(self._process.data / KILL):
            raise ConfigError(
                f"the file {self._process.data / KILL} lies there; remove it or use `python -m kernel resume`"
            )
        self._process.kill(f"{reason} (was: {standing.reason}, by {standing.by})", by, is_on=False)
        return "the kill switch is lifted"

    def command(self, strategy: str, word: str, by: str) -> str:
        if word not in WORDS:
            raise ConfigError(f"expected one of {', '.join(WORDS)}, found {word!r:.40}")
        names = self._names()
        if strategy != ALL and strategy not in names:
            raise ConfigError(f"there is no strategy {strategy!r:.80}; known: {', '.join(names) or 'none'}")
        chosen = names if strategy == ALL else [strategy]
        for name in chosen:
            self._process.command(name, word, by)
        note = ". The kill switch is still on" if word == "start" and self._standing() is not None else ""
        return f"{', '.join(chosen) or 'no strategy'}: {WORDS[word]}{note}"

    async def reload(self, by: str) -> str:
        if self._reload is None:
            raise ConfigError("settings cannot be read again in this run")
        return await self._reload(by)

    # parts ----------------------------------------------------------------------------------------------------------

    def _names(self) -> list[str]:
        return list(self._process.core.runner.slots)

    def _standing(self) -> KillSwitchSet | None:
        return self._process.core.runner.kills.get("")

    def _now_ns(self) -> int:
        return max(self._process.clock.now_ns(), self._process.core.bus.now_ns)


def _nature(simulated: bool) -> str:
    """What a reader of sums must know."""
    return "execution is simulated, no money was earned or lost" if simulated else "open positions at their last price"

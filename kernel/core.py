"""The kernel without any I/O: bus, folds, gate, router, strategies, wired the same way live, on paper and in replay.

What differs between those is what is passed in: executors, settings and the events fed to the bus (law 9).
"""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any

import msgspec
from msgspec import Struct

from bus.bus import STAGE_STRATEGY, Bus
from bus.events import RunRestarted, SettingsChanged
from bus.events.base import Event
from kernel.errors import ConfigError
from kernel.execution.executor import Executor
from kernel.execution.hedges import Hedges
from kernel.execution.paper import PaperVenue
from kernel.execution.paper_account import PaperAccount
from kernel.execution.paper_funding import PaperFunding
from kernel.execution.paper_settings import PaperSettings
from kernel.execution.recorded import RecordedExecutor
from kernel.execution.router import Router
from kernel.ledger import Ledger
from kernel.market import Market
from kernel.pools import Pools
from kernel.risk import RiskGate
from kernel.risk_limits import GlobalLimits, RiskLimits, loosest
from kernel.runner import Runner
from kernel.strategy import AnyStrategy, Settings, SettingsT, convert_settings

PAPER_NAME = "paper"  #: `SettingsChanged.strategy` of the paper venue's settings


class StrategySpec(Struct, frozen=True, kw_only=True):
    """A strategy to run: its class, its settings and its limits."""

    kind: type[AnyStrategy]
    settings: dict[str, Any] = {}
    limits: dict[str, Any] = {}


class CoreSpec(Struct, frozen=True, kw_only=True):
    """Everything that decides what a run does, apart from its inputs."""

    run: str
    seed: int = 0
    strategies: tuple[StrategySpec, ...] = ()
    global_limits: dict[str, Any] = {}
    ceilings: dict[str, Any] = {}  #: hard bounds of limits, by name; what is not named is not bounded
    paper: dict[str, Any] = {}
    is_live: bool = False
    venues: tuple[str, ...] = ()  #: with an executor of their own (real money or not); () = the paper venue for all

    def settings_table(self) -> dict[str, dict[str, Any]]:
        """Plain values for the log header."""
        table: dict[str, dict[str, Any]] = {"risk": dict(self.global_limits), "paper": dict(self.paper)}
        if self.ceilings:
            table["ceilings"] = dict(self.ceilings)
        for spec in self.strategies:
            table[spec.kind.name] = {"settings": dict(spec.settings), "limits": dict(spec.limits)}
        return table


class Core:
    """One assembled kernel. `executors` None binds the paper venue to every venue, or, where `spec.venues` names some,
    silence to those: their reports come from the log.

    Raises `ConfigError` naming the strategy and field of the first wrong setting.
    """

    def __init__(self, spec: CoreSpec, executors: Callable[[Bus, Market], dict[str, Executor]] | None = None) -> None:
        self.spec = spec
        self.bus = Bus()
        self.market = Market()
        self.pools = Pools(self.market)
        self.ledger = Ledger(self.market)
        limits = {
            each.kind.name: _checked(RiskLimits, each.limits, f"{each.kind.name}.limits") for each in spec.strategies
        }
        whole = _checked(GlobalLimits, spec.global_limits, "global limits")
        self.ceilings = ceilings_of(spec.ceilings)
        self.gate = RiskGate(spec.run, limits, whole, self.ledger, self.market, self.ceilings)
        self.paper_settings = _checked(PaperSettings, spec.paper, "paper")
        self.is_simulated = not spec.is_live
        self._paper: PaperVenue | None = None
        bound: dict[str, Executor]
        if executors is not None:
            bound = executors(self.bus, self.market)
        elif spec.venues:
            bound = dict.fromkeys(spec.venues, RecordedExecutor())
        else:
            self._paper = PaperVenue(self.bus, self.market, self.pools, self.paper_settings, spec.seed)
            bound = {"*": self._paper}
        self.router = Router(self.bus, self.market, bound)
        self.runner = Runner(
            spec.run, self.bus, self.market, self.ledger, self.gate, self.router, is_simulated=self.is_simulated
        )
        self.hedges = Hedges(self.bus, self.market, self.ledger, self.router, self.runner.unwind)
        self._attach()

    def _attach(self) -> None:
        bus = self.bus
        self.market.attach(bus)
        self.pools.attach(bus)
        self.ledger.attach(bus)
        self.gate.attach(bus)
        self.router.attach()
        self.hedges.attach()
        if self._paper is not None:
            PaperFunding(bus, self.market, self.ledger).attach()
            self._paper_account = PaperAccount(bus, self.market, self.ledger, self.paper_settings)
            self._paper_account.attach()
        self.runner.attach()
        bus.subscribe(RunRestarted, self._on_restarted, STAGE_STRATEGY)
        for each in self.spec.strategies:
            settings: Settings = _checked(each.kind.Settings, each.settings, each.kind.name)
            strategy = each.kind(settings, self.market)
            strategy.pools = self.pools
            strategy.notional_cap_usd = self._leg_cap_usd(strategy.name)
            self.runner.add(strategy)
        bus.subscribe(SettingsChanged, self._on_settings, STAGE_STRATEGY)

    def _on_settings(self, event: SettingsChanged) -> None:
        """Limits may have changed: strategies size within them. Or the paper venue behaves otherwise from here on."""
        if event.strategy == PAPER_NAME and self._paper is not None:
            try:
                self.paper_settings = msgspec.json.decode(event.settings_json, type=PaperSettings)
            except msgspec.MsgspecError as error:
                self.runner.refuse_settings(PAPER_NAME, str(error))
                return
            self._paper.apply(self.paper_settings)
            self._paper_account.apply(self.paper_settings)
        for name, slot in self.runner.slots.items():
            slot.strategy.notional_cap_usd = self._leg_cap_usd(name)

    def _leg_cap_usd(self, strategy: str) -> float:
        """Most that one leg of a two-leg order may be so that no limit of size denies it."""
        return min(
            cap
            for limits in (self.gate.limits_for(strategy), self.gate.whole)
            for cap in (
                limits.max_notional_usd,
                limits.max_position_usd,
                limits.budget_usd / 2,
                limits.max_gross_exposure_usd / 2,
            )
        )

    def begin(self, now_ns: int) -> None:
        """Start the minute samples; call once, before the first input of a run."""
        self.bus.now_ns = max(self.bus.now_ns, now_ns)
        self.runner.start_sampling()

    def recover(self, events: Iterable[Event], first_seq: int) -> None:
        """Fold a recorded log, inputs and derived alike, with nothing published, sent or approved; then be ready."""
        self._set_recovering(True)
        self.bus.seq = first_seq - 1
        try:
            self.bus.feed(events)
        finally:
            self._set_recovering(False)

    def _on_restarted(self, event: RunRestarted) -> None:
        """First event after recovery: ask venues about orders without an end, mend hedges."""
        if not self.router.is_recovering:
            self.router.reconcile()
            self.runner.cancel_stopped()
            self.hedges.mend_after_recovery()

    def _set_recovering(self, is_recovering: bool) -> None:
        self.bus.is_muted = is_recovering
        self.router.is_recovering = is_recovering
        self.hedges.is_recovering = is_recovering
        self.runner.is_recovering = is_recovering

    def state(self) -> dict[str, Any]:
        """Books and reservations as plain, sorted, exact values: the end of every digest."""
        return {"ledger": self.ledger.state(), "gate": self.gate.state(), "open": sorted(self.router.open)}


def ceilings_of(named: dict[str, Any]) -> GlobalLimits | None:
    """The hard ceilings of a profile, None when it names none. Raises `ConfigError` naming the field."""
    return _checked(GlobalLimits, {**loosest(), **named}, "ceilings") if named else None


def _checked(kind: type[SettingsT], values: dict[str, Any], owner: str) -> SettingsT:
    """Settings of `owner`; a wrong one is told with its owner, an unknown one with the names that are meant."""
    unknown = sorted(set(values) - set(kind.__struct_fields__))
    if unknown:
        near = get_close_matches(unknown[0], kind.__struct_fields__, n=3) or kind.__struct_fields__
        raise ConfigError(f"{owner}: there is no setting {unknown[0]!r}; there is {', '.join(near)}")
    try:
        return convert_settings(kind, values)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{owner}: {error}") from error

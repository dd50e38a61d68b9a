"""A strategy that does what a test says, and a kernel around it."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from bus.events import REPORTS, Event, FundingPaid, OrderApproved, OrderDenied, OrphanLeg, Quote, TimerFired
from bus.intents import Intent
from kernel.core import Core, CoreSpec, StrategySpec
from kernel.strategy import Settings, Strategy, View
from tests.builders import PERP, T0, listed, quote

React = Callable[[Any, Any], Iterable[Intent]]
ALL_WANTS: tuple[type[Event], ...] = (
    Quote,
    *REPORTS,
    OrderApproved,
    OrderDenied,
    OrphanLeg,
    FundingPaid,
    TimerFired,
)
WIDE: dict[str, Any] = {
    "budget_usd": 1e6,
    "max_notional_usd": 1e6,
    "max_position_usd": 1e6,
    "max_gross_exposure_usd": 1e6,
    "max_orders_per_minute": 6000,
    "max_open_orders": 1000,
    "max_price_age_ms": 600_000,
    "max_consecutive_failures": 1000,
    "cooldown_after_loss_s": 0,
    "max_daily_loss_usd": 1e6,
    "max_drawdown_pct": 50.0,
    "min_expected_net_usd": -1e6,
}
CALM: dict[str, Any] = {"latency_jitter_ms": 0, "inclusion_jitter_ms": 0, "swap_fail_pct": 0.0, "base_balance_usd": 1e6}


class PuppetSettings(Settings, frozen=True, kw_only=True):
    """One number that a test can change."""

    size: int = 1


class PuppetView(View, frozen=True, kw_only=True):
    """Nothing to see."""


class Puppet(Strategy[PuppetSettings]):
    """Remembers what it heard and answers with what its script yields."""

    title: ClassVar[str] = "Puppet"
    idea: ClassVar[str] = "Does what a test says."
    wants: ClassVar[tuple[type[Event], ...]] = ALL_WANTS
    Settings: ClassVar[type[Any]] = PuppetSettings
    script: ClassVar[React]
    script_flatten: ClassVar[Callable[[Any], Iterable[Intent]] | None] = None
    script_apply: ClassVar[Callable[[Any, Any], None] | None] = None

    def __init__(self, settings: PuppetSettings, market: Any) -> None:
        super().__init__(settings, market)
        self.heard: list[Event] = []

    def apply(self, settings: PuppetSettings) -> None:
        if type(self).script_apply is not None:
            type(self).script_apply(self, settings)
        super().apply(settings)

    def on_event(self, event: Any) -> Iterable[Intent]:
        self.heard.append(event)
        return type(self).script(self, event) or ()

    def flatten(self, reason: str) -> Iterable[Intent]:
        return () if type(self).script_flatten is None else type(self).script_flatten(self)

    def view(self) -> PuppetView:
        return PuppetView()

    def is_flat(self) -> bool:
        return True

    def kinds(self) -> list[str]:
        """Names of the events heard, in order."""
        return [type(each).__name__ for each in self.heard]


def puppet(name: str, script: React, **members: Any) -> type[Puppet]:
    """A strategy class of that name; `wants`, `script_flatten`, `script_apply` may be given."""
    return type(name, (Puppet,), {"name": name, "script": script, **members})


def silent(_: Any, __: Any) -> Iterable[Intent]:
    """A script that never asks for anything."""
    return ()


class Stage:
    """A core with a recorder. Instruments are listed and quoted before the test begins."""

    def __init__(
        self, *kinds: type[Any], paper: dict[str, Any] | None = None, is_listed: bool = True, **spec: Any
    ) -> None:
        limits = spec.pop("limits", WIDE)
        settings = spec.pop("settings", {})
        executors = spec.pop("executors", None)
        self.core = Core(
            CoreSpec(
                run=spec.pop("run", "t"),
                strategies=tuple(StrategySpec(kind=kind, limits=limits, settings=settings) for kind in kinds),
                global_limits=spec.pop("global_limits", WIDE),
                paper={**CALM, **(paper or {})},
                **spec,
            ),
            executors,
        )
        self.bus = self.core.bus
        self.seen: list[tuple[int, bool, Event]] = []
        self.bus.tap(lambda seq, is_derived, event: self.seen.append((seq, is_derived, event)))
        if is_listed:
            self.feed(listed(), listed(PERP), quote(T0), quote(T0, instrument=PERP))

    def feed(self, *events: Event) -> None:
        self.bus.feed(events)

    def strategy(self, name: str) -> Any:
        return self.core.runner.slots[name].strategy

    def events(self, *kinds: type[Any]) -> list[Any]:
        """Everything published of these types, in order."""
        return [event for _, _, event in self.seen if isinstance(event, kinds)]

    def names(self, order_id: str) -> list[str]:
        """The reports of one order."""
        return [
            type(event).__name__
            for _, _, event in self.seen
            if getattr(event, "order_id", "") == order_id and isinstance(event, REPORTS)
        ]


def once(intents: Callable[[], Iterable[Intent]], when: int = T0) -> React:
    """A script that yields on the first quote at or after a time, and never again."""

    def script(self: Any, event: Any) -> Iterable[Intent]:
        if type(event) is Quote and event.ts_ns >= when and not getattr(self, "has_acted", False):
            self.has_acted = True
            return intents()
        return ()

    return script

"""What a strategy is: settings, a pure fold from events to intents, and a view of itself for people.

A strategy never waits, reads a clock, draws randomness or does I/O (law 2); time arrives as `TimerFired`, new settings
through `apply`, shared prices through the read-only `Market` it was given. It believes a position only when a report
says so (law 7).
"""

import math
from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Generic, TypeVar

import msgspec
from msgspec import Meta, Struct

from bus.events import AnyEvent
from bus.events.base import Event
from bus.intents import Intent, Opportunity
from kernel.market import Market
from kernel.pools import Pools


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every settings struct. Build it with `msgspec.convert` (`kernel.settings`): a constructor checks nothing.

    Every field carries `Meta(title=, description=, extra={"unit": …, "group": …, "recommended": …})` and bounds.
    """


class View(Struct, frozen=True, kw_only=True):
    """Base of every view: what the strategy's page shows live. Fields carry Meta titles and units like settings."""


class Signal(Struct, frozen=True, kw_only=True):
    """One point of a live chart: a signal against its threshold. None = not known now (a gap in the line).

    A view that holds one, or a tuple of them, gets its chart.
    """

    name: str
    value: float | None
    threshold: float | None
    unit: str


class Funnel:
    """How many candidates got how far, and why the others did not. Counters are totals of the run."""

    __slots__ = ("best_rejected", "priced", "seen", "why_not")

    def __init__(self) -> None:
        self.seen = 0  #: looked at
        self.priced = 0  #: priced with all costs
        self.why_not: dict[str, int] = {}  #: reason code -> how often
        self.best_rejected: Opportunity | None = None  #: the one with the highest expected net

    def reject(self, reason: str, candidate: Opportunity | None = None) -> None:
        """Count a reason; remember the candidate if no rejected one was better."""
        self.why_not[reason] = self.why_not.get(reason, 0) + 1
        best = self.best_rejected
        if candidate is not None and (best is None or candidate.expected_net_usd > best.expected_net_usd):
            self.best_rejected = candidate


SettingsT = TypeVar("SettingsT", bound=Settings)


class Strategy(Generic[SettingsT]):
    """Base of every strategy. Subclasses state the class variables and write `on_event` and `view`."""

    name: ClassVar[str]  #: folder name, also the module name in tables, flags and pages
    title: ClassVar[str]
    idea: ClassVar[str]  #: one sentence
    wants: ClassVar[tuple[type[Event], ...]]  #: event types delivered; reports and timers only its own
    Settings: ClassVar[type[Any]]
    required_secrets: ClassVar[tuple[str, ...]] = ()  #: for live trading only
    pools: Pools  #: exact pool states, read-only; set before the first event

    def __init__(self, settings: SettingsT, market: Market) -> None:
        self.settings = settings
        self.market = market
        self.funnel = Funnel()
        self.notional_cap_usd = math.inf  #: most that the gate lets one leg be; the kernel sets it from the limits

    def apply(self, settings: SettingsT) -> None:
        """New settings, between events. Override to rebuild what was derived from the old ones."""
        self.settings = settings

    def on_event(self, event: Any) -> Iterable[Intent]:
        """Fold one event; return `()` fast when there is nothing to do, else yield intents and opportunities."""
        raise NotImplementedError

    def view(self) -> View:
        """A snapshot for the page."""
        raise NotImplementedError

    def assumptions(self) -> list[str]:
        """What a reader of a report must know about this strategy's data and costs, one sentence each."""
        return []

    def is_flat(self) -> bool:
        """Whether no position is believed and no order is in flight."""
        raise NotImplementedError

    def flatten(self, reason: str) -> Iterable[Intent]:
        """Intents that close everything (reduce-only); for a graceful stop with policy flatten, and max hold."""
        return ()


def convert_settings(kind: type[SettingsT], values: dict[str, Any]) -> SettingsT:
    """Checked settings from plain values (strings from a form or command line are read as their field's type).

    Raises `msgspec.ValidationError` naming the first wrong field.
    """
    return msgspec.convert(values, kind, strict=False)


AnyStrategy = Strategy[Any]
HandlerOutput = Iterable[Intent]
__all__ = [
    "Annotated", "AnyEvent", "AnyStrategy", "Funnel", "HandlerOutput", "Meta", "Settings", "Strategy", "View",
    "convert_settings",
]  # fmt: skip

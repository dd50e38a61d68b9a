"""Law 7: deny, reject, expire, fill in parts or leave unknown: no strategy believes a position that no report gave it.

Both strategies run on the bundled log as the demo profile runs them.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from msgspec.structs import replace

from bus.events import REPORTS, Event, Fill, OrderApproved, OrderDenied, OrphanLeg, StrategyFaulted
from bus.intents import Hedge, Intent, PlaceOrder, Swap
from bus.units import sign
from kernel.compose.registry import spec_of_profile
from kernel.core import Core, CoreSpec, StrategySpec
from kernel.profile import load_profile
from kernel.strategy import AnyStrategy
from persistence.event_log import EventLogReader
from tests.shared_data import PROJECT

DEMO = PROJECT / "samples" / "demo.evl"
NAMES = ("cex_dex_arb", "drift_funding_arb")


@cache
def _events() -> list[Event]:
    return [event for block in EventLogReader(DEMO).blocks() for event in block.events]


def _listening(kind: type[AnyStrategy], asked: list[PlaceOrder | Swap]) -> type[AnyStrategy]:
    """The same strategy; every order it asks for is written down."""

    def on_event(self: Any, event: Any) -> Iterable[Intent]:
        for intent in kind.on_event(self, event):
            if isinstance(intent, Hedge):
                asked.extend(intent.legs)
            elif isinstance(intent, PlaceOrder | Swap):
                asked.append(intent)
            yield intent

    return type(kind.__name__, (kind,), {"on_event": on_event})


class _Run:
    """The demo with other limits or another venue; `each` is called after every event that concerns an order."""

    def __init__(
        self,
        limits: dict[str, Any] | None = None,
        paper: dict[str, Any] | None = None,
        each: Callable[["_Run"], None] | None = None,
    ) -> None:
        if not DEMO.exists():
            pytest.skip(f"BUNDLED LOG MISSING: {DEMO}; the real strategies are not tried here")
        base: CoreSpec = spec_of_profile(load_profile("demo", {}), "t")
        self.asked: dict[str, list[PlaceOrder | Swap]] = {name: [] for name in NAMES}
        strategies = tuple(
            StrategySpec(
                kind=_listening(spec.kind, self.asked[spec.kind.name]),
                settings=spec.settings,
                limits={**spec.limits, **(limits or {})},
            )
            for spec in base.strategies
            if spec.kind.name in NAMES
        )
        self.core = Core(replace(base, strategies=strategies, paper={**base.paper, **(paper or {})}))
        self.counts: Counter[tuple[str, str]] = Counter()
        self.reported: Counter[tuple[str, str]] = Counter()
        self._each = each
        for kind in (*REPORTS, OrderApproved, OrderDenied, OrphanLeg, StrategyFaulted):
            self.core.bus.subscribe(kind, self._count, 3)
        self.core.begin(_events()[0].ts_ns)
        self.core.bus.feed(_events())

    def _count(self, event: Any) -> None:
        self.counts[event.strategy, type(event).__name__] += 1
        if type(event) is Fill:
            self.reported[event.strategy, event.instrument] += sign(event.side) * event.qty  # type: ignore[assignment]
        if self._each is not None:
            self._each(self)

    def strategy(self, name: str) -> Any:
        return self.core.runner.slots[name].strategy

    def believed(self) -> dict[tuple[str, str], Decimal]:
        """What each strategy thinks it holds, without zeros."""
        held: Counter[tuple[str, str]] = Counter()
        for instrument, qty in self.strategy("cex_dex_arb").inventory.base.items():
            held["cex_dex_arb", instrument] += qty
        for position in self.strategy("drift_funding_arb").positions.values():
            for leg in (position.perp, position.spot):
                held["drift_funding_arb", leg.instrument] += leg.qty
        return {key: Decimal(qty) for key, qty in held.items() if qty}


@pytest.mark.parametrize(
    ("limits", "paper"),
    [
        ({"max_open_orders": 0}, {}),
        ({"max_orders_per_minute": 0}, {}),
        ({"min_expected_net_usd": 1e6}, {}),
        ({}, {"reject_pct": 100.0, "swap_fail_pct": 100.0}),
        ({}, {"latency_ms": 1, "latency_jitter_ms": 0, "fill_wait_ms": 1, "swap_fail_pct": 100.0}),
    ],
    ids=["no orders", "no pace", "no profit is enough", "all rejected", "all expired"],
)
def test_without_a_fill_nothing_is_believed_and_nothing_is_closed(
    limits: dict[str, Any], paper: dict[str, Any]
) -> None:
    run = _Run({**limits, "max_consecutive_failures": 1000}, paper)
    assert not [key for key in run.counts if key[1] in ("Fill", "StrategyFaulted", "OrphanLeg")]
    for name in NAMES:
        assert run.strategy(name).is_flat(), f"{name} believes something"
        assert not [each for each in run.asked[name] if each.is_reduce_only], f"{name} wants to close what it never had"
    assert run.believed() == {}
    assert run.core.ledger.positions == {}
    assert run.core.gate.open_orders() == 0
    assert sum(len(each) for each in run.asked.values()) > 0, "nothing was asked: nothing was tried"
    if limits:
        assert not [key for key in run.counts if key[1] == "OrderApproved"]
        assert all(run.counts[name, "OrderDenied"] for name in NAMES if run.asked[name])


def test_with_partial_fills_rejects_and_unknown_outcomes_belief_is_what_reports_told() -> None:
    checked = 0

    def same(run: _Run) -> None:
        nonlocal checked
        checked += 1
        told = {key: Decimal(qty) for key, qty in run.reported.items() if qty}
        assert run.believed() == told, f"after {sum(run.counts.values())} reports"

    paper = {"reject_pct": 25.0, "unknown_pct": 40.0, "unknown_ms": 3000, "swap_fail_pct": 30.0}
    run = _Run({"max_consecutive_failures": 1000}, paper, same)
    ends = Counter(kind for _, kind in run.counts)
    assert {"Fill", "Unknown", "Rejected", "OrphanLeg"} <= set(ends)
    assert checked > 50
    assert not [key for key in run.counts if key[1] == "StrategyFaulted"]

"""The strategy behind the real gate, router, hedges and simulated venue: only reports are believed."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from bus.bus import STAGE_VIEW
from bus.clock import NS_PER_MINUTE, NS_PER_S
from bus.events import Fill, OpportunitySeen, OrderApproved, OrderDenied, OrphanLeg, StrategyCommand, StrategyFaulted
from bus.events.base import Event
from bus.intents import Swap
from kernel.core import Core, CoreSpec, StrategySpec
from strategies.cex_dex_arb import CexDexArb
from tests.strategies.cex_dex_arb.desk import (
    CEX,
    DEAR_POOL,
    POOL,
    PRICE,
    START_NS,
    gas,
    listed_cex,
    listed_pool,
    pool_state,
    quote,
)

ROOMY = {
    "budget_usd": 100_000.0, "max_notional_usd": 5_000.0, "max_position_usd": 5_000.0,
    "max_gross_exposure_usd": 20_000.0, "max_orders_per_minute": 300,
}  # fmt: skip
KINDS = (OpportunitySeen, OrderApproved, OrderDenied, Fill, OrphanLeg, StrategyFaulted)


class Run:
    """One kernel fed with a market that is calm for 70 minutes and dislocated now and then in the next 30."""

    def __init__(
        self,
        *,
        limits: dict[str, Any] | None = None,
        paper: dict[str, Any] | None = None,
        settings: dict[str, Any] | None = None,
        shown: float = 100.0,
    ) -> None:
        spec = CoreSpec(
            run="t",
            seed=3,
            strategies=(
                StrategySpec(
                    kind=CexDexArb,
                    settings={"max_position_size_usd": 1000.0} | (settings or {}),
                    limits=ROOMY | (limits or {}),
                ),
            ),
            global_limits={"max_leverage": 5.0, "max_position_usd": 50_000.0, "budget_usd": 1e6},
            paper={"swap_fail_pct": 0.0} | (paper or {}),
        )
        self.core = Core(spec)
        self.events: dict[type, list[Any]] = {kind: [] for kind in KINDS}
        for kind in KINDS:
            self.core.bus.subscribe(kind, self.events[kind].append, STAGE_VIEW)
        self.core.begin(START_NS)
        self.core.bus.feed(market(shown))
        self.core.bus.ring_until(self.core.bus.now_ns + 3600 * NS_PER_S)
        strategy = self.core.runner.slots["cex_dex_arb"].strategy
        assert isinstance(strategy, CexDexArb)
        self.strategy = strategy
        assert self.events[StrategyFaulted] == []

    @property
    def booked(self) -> dict[str, Decimal]:
        """Positions by the ledger."""
        return {name: each.qty for (_, name), each in self.core.ledger.positions.items() if each.qty}

    def believed(self) -> dict[str, Decimal]:
        return {name: qty for name, qty in self.strategy.inventory.base.items() if qty}


def market(shown: float) -> Iterator[Event]:
    yield listed_cex()
    yield listed_pool()
    yield listed_pool(DEAR_POOL, fee_pips=500)
    at = START_NS
    for minute in range(100):
        at += NS_PER_MINUTE
        dislocation = 1.006 if minute > 70 and minute % 6 == 0 else 0.994 if minute > 70 and minute % 6 == 3 else 1.0
        yield gas(at)
        for second in range(0, 60, 2):
            now = at + second * NS_PER_S
            yield quote(now, PRICE * (dislocation if second < 30 else 1.0), qty=shown)
            yield pool_state(now, PRICE)
            yield pool_state(now, PRICE * (dislocation if second < 30 else 1.0), pool=DEAR_POOL)


def test_it_trades_both_ways_and_believes_what_the_ledger_believes() -> None:
    run = Run()
    sides = {fill.side for fill in run.events[Fill] if fill.instrument == POOL}
    assert sides == {"buy", "sell"}
    assert run.believed() == run.booked
    assert abs(sum(run.booked.values(), Decimal(0))) < Decimal("0.001")
    acted = [each for each in run.events[OpportunitySeen] if not each.why_not]
    assert len(acted) == run.strategy.acted > 3
    assert all(each.expected_net_usd > 2 for each in acted)
    assert run.core.ledger.books("cex_dex_arb").pnl_usd > 0
    funnel = run.strategy.funnel
    extra = ("denied", "rebalance_proposed")
    assert funnel.seen == run.strategy.acted + sum(n for code, n in funnel.why_not.items() if code not in extra)


def test_flash_mode_trades_and_ends_flat_each_time() -> None:
    run = Run(settings={"execution_mode": "flash_loan"})
    swaps = [each.intent for each in run.events[OrderApproved]]
    assert swaps and all(isinstance(each, Swap) and each.is_flash_loan for each in swaps)
    assert run.strategy.is_flat()
    assert run.believed() == run.booked
    assert run.booked == {}
    books = run.core.ledger.books("cex_dex_arb")
    assert books.pnl_usd > 0 and books.unrealised_usd == 0


def test_denied_everywhere_it_holds_nothing_and_closes_nothing() -> None:
    run = Run(limits={"max_open_orders": 0})
    assert run.strategy.acted > 3 and len(run.events[OrderDenied]) == run.strategy.acted
    assert run.events[OrderApproved] == [] and run.events[Fill] == []
    assert run.believed() == {} and run.strategy.is_flat() and list(run.strategy.flatten("stopped")) == []
    assert run.strategy.funnel.why_not["denied"] == run.strategy.acted


@pytest.mark.parametrize(
    ("paper", "shown"),
    [
        ({"reject_pct": 100.0}, 100.0),
        ({"swap_fail_pct": 100.0}, 100.0),
        ({"swap_fail_pct": 50.0, "reject_pct": 30.0}, 100.0),
        ({"unknown_pct": 100.0, "unknown_ms": 20_000}, 100.0),
        ({"unknown_pct": 50.0, "reject_pct": 20.0, "swap_fail_pct": 20.0}, 100.0),
        ({"latency_ms": 40_000}, 100.0),
        ({"inclusion_ms": 40_000}, 100.0),
        ({}, 0.9),
    ],
    ids=["all rejected", "all reverted", "half", "all unknown", "mixed", "late order", "late swap", "thin book"],
)
@pytest.mark.parametrize("policy", ["hedge_cex", "unwind_dex"])
def test_whatever_the_venue_does_only_reports_are_believed(paper: dict[str, Any], shown: float, policy: str) -> None:
    run = Run(
        paper=paper, shown=shown, settings={"orphan_policy": policy, "failure_cooldown_s": 5.0, "min_profit_usd": 0.5}
    )
    assert run.strategy.acted > 0
    assert run.believed() == run.booked
    approved = {order.order_id for order in run.events[OrderApproved]}
    assert {fill.order_id for fill in run.events[Fill]} <= approved
    assert not run.core.router.open
    assert not any(each.open for each in run.strategy.attempts.by_key.values())
    unresolved = len(run.core.hedges.orphans)
    alone = abs(sum(run.booked.values(), Decimal(0)))
    assert unresolved or alone <= sum(map(abs, run.booked.values()), Decimal(0)) * Decimal("0.01") + Decimal("0.001")


def test_a_stop_swaps_back_and_ends_flat() -> None:
    run = Run()
    before = run.booked
    assert before and not run.strategy.is_flat()
    at = run.core.bus.now_ns + NS_PER_S
    stop = StrategyCommand(ts_ns=at + 1, strategy="cex_dex_arb", command="stop", by="test")
    later = [
        event
        for second in range(1, 60)
        for event in (
            gas(at + second * NS_PER_S),
            quote(at + second * NS_PER_S, PRICE),
            pool_state(at + second * NS_PER_S, PRICE),
        )
    ]
    run.core.bus.feed([gas(at), quote(at, PRICE), pool_state(at, PRICE), stop, *later])
    assert all(abs(qty) < Decimal("1e-6") for qty in run.booked.values()), (before, run.events[OrderDenied][-2:])
    assert run.strategy.is_flat()
    assert set(before) <= {POOL, CEX, DEAR_POOL}

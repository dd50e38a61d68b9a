"""Recorded markets, imported from the reference shelf: calm days give next to no trades, and every look says why."""

from collections.abc import Callable
from typing import Any

import pytest

from adapters.importing.manifest import load_manifest
from bus.bus import STAGE_VIEW
from bus.events import OpportunitySeen, OrderDenied, PoolState, PoolSwap, StrategyFaulted
from kernel.core import Core, CoreSpec, StrategySpec
from strategies.cex_dex_arb import CexDexArb
from tests.shared_data import PROJECT, require_shared

ROOMY = {
    "budget_usd": 100_000.0, "max_notional_usd": 6_000.0, "max_position_usd": 20_000.0,
    "max_gross_exposure_usd": 50_000.0, "max_chain_age_ms": 120_000, "max_price_age_ms": 120_000,
}  # fmt: skip


class Recorded:
    """One set through the whole kernel."""

    def __init__(self, name: str, **settings: Any) -> None:
        require_shared(f"data/market/{name}")
        plan = load_manifest(PROJECT / "samples" / "imports" / f"{name}.toml", require_shared("data"))
        spec = CoreSpec(
            run="t",
            strategies=(StrategySpec(kind=CexDexArb, settings=settings, limits=ROOMY),),
            global_limits={
                "max_leverage": 5.0,
                "max_position_usd": 50_000.0,
                "budget_usd": 1e6,
                "max_notional_usd": 1e4,
            },
        )
        self.core = Core(spec)
        self.far = 0  #: looks more than 15 bps off the usual gap
        self.denied: list[Any] = []
        self.told: list[Any] = []
        faults: list[Any] = []
        strategy = self.core.runner.slots["cex_dex_arb"].strategy
        assert isinstance(strategy, CexDexArb)
        self.strategy = strategy
        self._watch(
            {OrderDenied: self.denied.append, OpportunitySeen: self.told.append, StrategyFaulted: faults.append}
            | dict.fromkeys((PoolState, PoolSwap), self._count)
        )
        self.core.begin(0)
        self.core.bus.feed(plan.events())
        assert faults == []
        funnel = strategy.funnel
        self.why_not = dict(funnel.why_not)
        print(
            f"{name} {settings}: seen {funnel.seen}, priced {funnel.priced}, acted {strategy.acted}, "
            f"beyond 15 bps {self.far}, why not {self.why_not}"
        )
        extra = ("denied", "rebalance_proposed")
        assert funnel.seen == strategy.acted + sum(n for code, n in funnel.why_not.items() if code not in extra)

    def _watch(self, handlers: dict[type, Callable[[Any], None]]) -> None:
        for kind, handler in handlers.items():
            self.core.bus.subscribe(kind, handler, STAGE_VIEW)

    def _count(self, _: Any) -> None:
        self.far += any(pair.excess is not None and abs(pair.excess) > 0.0015 for pair in self.strategy.watch.pairs)


@pytest.mark.slow
def test_three_calm_days_on_polygon_give_no_trade() -> None:
    run = Recorded("evm-2023-08")
    assert run.strategy.acted == 0
    assert run.strategy.funnel.seen > 4300
    assert run.why_not["below_threshold"] > 4200
    assert run.far == 3  # as counted for the shelf by other means
    best = run.strategy.funnel.best_rejected
    assert best is not None and {"gas", "pool_fee", "venue_fee"} <= {cost.name for cost in best.costs}
    assert len(run.told) < 20


@pytest.mark.slow
def test_even_at_a_tenth_of_the_profit_wanted_three_days_give_a_handful() -> None:
    run = Recorded("evm-2023-08", min_spread_threshold=0.08, min_profit_usd=0.2)
    assert run.strategy.acted <= 3


@pytest.mark.slow
def test_a_recent_day_on_polygon_gives_no_trade() -> None:
    run = Recorded("polygon-univ3-2025-07")
    assert run.strategy.acted == 0
    assert run.strategy.funnel.seen > 1400


@pytest.mark.slow
def test_five_minute_prices_beside_single_swaps_are_stale_and_nothing_else() -> None:
    run = Recorded("eth-univ3-2024-01-05")
    assert run.strategy.acted == 0 and run.strategy.funnel.priced == 0
    assert set(run.why_not) == {"no_quote", "stale"}


@pytest.mark.slow
def test_with_ten_seconds_allowed_the_swaps_after_a_bar_are_judged() -> None:
    run = Recorded("eth-univ3-2024-01-05", price_staleness_threshold_ms=10_000, basis_min_samples=10)
    assert run.strategy.acted == 0
    assert run.why_not["below_threshold"] > 100


@pytest.mark.slow
def test_flash_mode_between_two_ethereum_pools_gives_no_trade() -> None:
    run = Recorded(
        "eth-univ3-2024-01-05",
        price_staleness_threshold_ms=10_000,
        basis_min_samples=10,
        execution_mode="flash_loan",
        min_spread_threshold=0.01,
    )
    assert run.strategy.acted == 0

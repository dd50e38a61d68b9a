"""Recorded thin pools, imported from the reference shelf: wide spreads that nobody could trade are refused for depth.

Counted on the three recordings with default settings: 657,860, 393,236 and 900,280 cycles passed the first screen (a
look every half second and at every change), all of them were refused for depth.
"""

from typing import Any

import pytest

from adapters.importing.manifest import load_manifest
from bus.bus import STAGE_VIEW
from bus.events import Alert, Fill, OpportunitySeen, OrderApproved, PoolSeen, StrategyFaulted
from kernel.core import Core, CoreSpec, StrategySpec
from strategies.solana_arb import SolanaArb
from tests.shared_data import PROJECT, require_shared

SETS = ("solana-lp-2024-05", "solana-lp-2024-05-msol", "solana-lp-2024-06")
SPARSE = {"scan_interval_ms": 10_000}  #: looks between changes every ten seconds; a change is looked at on the spot
DEEP = "solana:raydium/SOL-USDC/58oQChx4yWmvKdwLLZzBi4ChoCc2fqCUWBkwMihLYQo2"
DUST = "solana:raydium/SOL-USDC/CwF4aUPjMciM3u9DpxoZyLGVKVxgUgBmxHW32RbtmZNz"


class Recorded:
    """One set through the whole kernel, with its default limits and the paper venue."""

    def __init__(self, name: str, **settings: Any) -> None:
        require_shared("data/market/solana-lp-2024-05")
        plan = load_manifest(PROJECT / "samples" / "imports" / f"{name}.toml", require_shared("data"))
        self.core = Core(CoreSpec(run="t", strategies=(StrategySpec(kind=SolanaArb, settings=settings),)))
        strategy = self.core.runner.slots["solana_arb"].strategy
        assert isinstance(strategy, SolanaArb)
        self.strategy = strategy
        self.heard: list[Any] = []
        self.depths_usd: dict[str, list[float]] = {}
        for kind in (OpportunitySeen, OrderApproved, Fill, Alert, StrategyFaulted):
            self.core.bus.subscribe(kind, self.heard.append, STAGE_VIEW)
        self.core.bus.subscribe(PoolSeen, self._on_seen, STAGE_VIEW)
        self.core.begin(0)
        self.core.bus.feed(plan.events())
        self.why_not = dict(strategy.funnel.why_not)
        print(f"{name} {settings}: seen {strategy.funnel.seen}, acted {strategy.acted}, why not {self.why_not}")

    def _on_seen(self, event: PoolSeen) -> None:
        universe = self.strategy.universe
        if event.instrument in universe.listed:
            depth_usd = universe.depth_usd(event.instrument, self.strategy.pools, event.ts_ns)
            assert depth_usd is not None
            self.depths_usd.setdefault(event.instrument, []).append(depth_usd)


@pytest.mark.slow
def test_with_default_settings_every_cycle_of_the_thin_pools_is_refused_for_depth() -> None:
    run = Recorded("solana-lp-2024-05")
    assert set(run.why_not) == {"depth"} and run.why_not["depth"] > 600_000
    assert run.heard == [] and run.strategy.acted == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_no_recording_gives_a_trade_and_depth_is_the_only_reason(name: str) -> None:
    run = Recorded(name, **SPARSE)
    assert set(run.why_not) == {"depth"} and run.why_not["depth"] > 10_000
    assert run.heard == [] and run.strategy.acted == run.strategy.funnel.priced == 0


@pytest.mark.slow
def test_the_filter_lets_the_deep_pool_through_and_holds_the_dust() -> None:
    run = Recorded("solana-lp-2024-05", **SPARSE)
    least = run.strategy.settings.min_pool_depth_usd
    assert min(run.depths_usd[DEEP]) > least > 50 * max(run.depths_usd[DUST])
    assert [name for name, depths in run.depths_usd.items() if max(depths) >= least] == [DEEP]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "has_traded"), [(SETS[0], True), (SETS[1], False), (SETS[2], True)])
def test_without_the_depth_filter_the_same_cycles_are_priced_and_some_are_traded(name: str, has_traded: bool) -> None:
    run = Recorded(name, min_pool_depth_usd=0.0, **SPARSE)
    assert "depth" not in run.why_not
    assert run.strategy.funnel.priced > 10_000 and run.why_not["below_min_profit"] > 10_000
    assert (run.strategy.acted > 0) == has_traded
    assert any(isinstance(event, OrderApproved) for event in run.heard) == has_traded


@pytest.mark.slow
def test_sol_and_staked_sol_are_not_taken_for_one_asset() -> None:
    run = Recorded(
        "solana-lp-2024-05-msol", pairs_to_monitor=("SOL/USDC", "SOL/USDT", "mSOL/USDC", "mSOL/USDT"), **SPARSE
    )
    bases = [
        {run.strategy.universe.listed[hop.pool].base for hop in cycle.hops}
        for cycle in run.strategy.universe.index.cycles
    ]
    assert bases and {"SOL", "mSOL"} not in bases
    assert set(run.why_not) == {"depth"}

"""The strategy inside a whole kernel: real gate, paper venue, books; pools of constant product with known answers."""

from decimal import Decimal
from typing import Any

import pytest

from bus.clock import NS_PER_MS
from bus.events import (
    ClockTick,
    Event,
    Fill,
    NativeSpent,
    OpportunitySeen,
    OrderApproved,
    OrderDenied,
    PoolDisabled,
    TipFloor,
)
from bus.intents import Swap
from strategies.solana_arb import SolanaArb
from tests.builders import SECOND, T0
from tests.kernel.puppet import WIDE, Stage
from tests.solana_pools import cpmm, lamports, reserves, slot_seen

SOL, USDC = 10**9, 10**6
LIMITS = {**WIDE, "max_chain_age_ms": 600_000, "max_gas_price_gwei": 10.0}


def stage(*pools: list[Event], **settings: Any) -> Stage:
    """A kernel with the pools given, in order; SOL and USDC in the wallet."""
    made = Stage(SolanaArb, settings=settings, limits=LIMITS, global_limits=LIMITS, is_listed=False)
    made.feed(lamports(), slot_seen(100, T0))
    for pool in pools:
        made.feed(*pool)
    return made


def deep(name: str, usdc_per_sol: float, sol: int = 20_000, **changes: Any) -> list[Event]:
    return cpmm(name, "SOL", "USDC", sol * SOL, int(sol * usdc_per_sol * USDC), **changes)


def after(made: Stage, ms: int) -> None:
    made.feed(ClockTick(ts_ns=T0 + ms * NS_PER_MS))


def test_two_pools_that_disagree_are_traded_once_and_the_books_end_flat_with_a_gain() -> None:
    made = stage(deep("one", 150.0, fee_rate=500), deep("two", 152.0, fee_rate=500))
    after(made, 10_000)
    swaps = [each.intent for each in made.events(OrderApproved)]
    assert swaps and all(isinstance(each, Swap) and each.is_bundle for each in swaps)
    first = swaps[0]
    assert [hop.pool for hop in first.route] == ["solana:one", "solana:two"]
    assert first.route[1].amount_in > 0, "the second hop's input is fixed in the transaction"
    assert first.amount_out_min > first.amount_in, "below the input and all costs it fails on chain"
    bought, sold = made.events(Fill)[:2]
    assert (bought.side, sold.side) == ("buy", "sell") and bought.qty == sold.qty
    assert made.core.ledger.positions == {}
    books = made.core.ledger.books("solana_arb")
    assert books.realised_usd > 0 and books.pnl_usd > 0
    seen = made.events(OpportunitySeen)[0]
    assert float(books.pnl_usd) == pytest.approx(float(seen.expected_net_usd), rel=0.001)
    assert {each.name for each in seen.costs} == {"gas", "tip"}
    (spent, *_) = made.events(NativeSpent)
    assert spent.tip_raw == first.tip_lamports >= 10_000


def test_a_landed_trade_leaves_nothing_to_trade_until_a_pool_changes_again() -> None:
    made = stage(deep("one", 150.0, fee_rate=500), deep("two", 152.0, fee_rate=500))
    after(made, 60_000)
    count = len(made.events(OrderApproved))
    assert count == 1, "the same pool states are not traded twice"
    made.feed(reserves("two", 20_000 * SOL, 20_000 * 153 * USDC, slot=101, ts_ns=T0 + 61 * SECOND))
    made.feed(ClockTick(ts_ns=T0 + 80 * SECOND))
    assert len(made.events(OrderApproved)) == 2


def test_thin_pools_with_a_wide_spread_are_refused_for_depth() -> None:
    made = stage(deep("dust", 140.0, sol=1), deep("two", 152.0))
    after(made, 5_000)
    assert made.events(OrderApproved, OpportunitySeen) == []
    assert made.strategy("solana_arb").funnel.why_not["depth"] > 0


def test_a_spread_inside_the_fees_is_never_priced() -> None:
    made = stage(deep("one", 150.0), deep("two", 150.5))
    after(made, 5_000)
    strategy = made.strategy("solana_arb")
    assert strategy.funnel.priced == 0 and made.events(OrderApproved) == []


def test_triangles_are_found_and_can_be_switched_off() -> None:
    pools = (
        deep("sol", 150.0, fee_rate=100),
        cpmm("msol", "mSOL", "SOL", 20_000 * SOL, 24_000 * SOL, fee_rate=100),
        cpmm("dear", "mSOL", "USDC", 20_000 * SOL, 20_000 * 183 * USDC, fee_rate=100),
    )
    pairs = ("SOL/USDC", "mSOL/SOL", "mSOL/USDC")
    made = stage(*pools, pairs_to_monitor=pairs)
    after(made, 10_000)
    (order, *_) = made.events(OrderApproved)
    assert [hop.pool for hop in order.intent.route] == ["solana:sol", "solana:msol", "solana:dear"]
    assert made.core.ledger.positions == {}
    assert made.core.ledger.books("solana_arb").realised_usd > 0
    none = stage(*pools, pairs_to_monitor=pairs, max_hops=2)
    after(none, 10_000)
    assert none.events(OrderApproved) == []


def test_states_too_many_slots_apart_are_not_compared() -> None:
    made = stage(deep("one", 150.0, fee_rate=500))
    made.feed(*deep("two", 152.0, fee_rate=500, slot=103))
    assert made.strategy("solana_arb").funnel.why_not["slot_skew"] > 0
    assert made.events(OrderApproved) == []
    made.feed(slot_seen(103, T0 + SECOND))
    made.feed(ClockTick(ts_ns=T0 + 2 * SECOND))
    assert len(made.events(OrderApproved)) == 1, "the pool that nobody touched is known up to the newest slot"


def test_other_pairs_dexes_and_disabled_pools_are_left_alone() -> None:
    made = stage(deep("one", 150.0), deep("two", 152.0), dexes_enabled=("orca",))
    after(made, 5_000)
    assert made.strategy("solana_arb").universe.refused == {"solana:one": "dex_disabled", "solana:two": "dex_disabled"}
    other = stage(deep("one", 150.0, fee_rate=500))
    other.feed(*deep("two", 152.0, fee_rate=500)[:-1])
    other.feed(PoolDisabled(ts_ns=T0, instrument="solana:two", slot=101, reason="unknown layout"))
    after(other, 5_000)
    assert other.events(OrderApproved) == []


def test_the_tip_follows_what_landed_and_never_takes_more_than_its_share() -> None:
    made = stage()
    made.feed(
        TipFloor(
            ts_ns=T0, p25_lamports=1, p50_lamports=400_000, p75_lamports=1, p95_lamports=1, p99_lamports=1,
            ema50_lamports=300_000,
        )
    )  # fmt: skip
    made.feed(*deep("one", 150.0, fee_rate=500), *deep("two", 152.0, fee_rate=500))
    (order, *_) = made.events(OrderApproved)
    assert order.intent.tip_lamports == 400_000
    capped = stage(max_tip_lamports=50_000)
    capped.feed(
        TipFloor(
            ts_ns=T0, p25_lamports=1, p50_lamports=400_000, p75_lamports=1, p95_lamports=1, p99_lamports=1,
            ema50_lamports=300_000,
        )
    )  # fmt: skip
    capped.feed(*deep("one", 150.0, fee_rate=500), *deep("two", 152.0, fee_rate=500))
    assert capped.events(OrderApproved)[0].intent.tip_lamports == 50_000


def test_a_denial_pauses_the_pools_and_believes_nothing() -> None:
    made = Stage(
        SolanaArb, settings={}, limits={**LIMITS, "max_tip_usd": 0.0001}, global_limits=LIMITS, is_listed=False
    )
    made.feed(lamports(), slot_seen(100, T0), *deep("one", 150.0, fee_rate=500), *deep("two", 152.0, fee_rate=500))
    assert [each.reason for each in made.events(OrderDenied)] == ["max_tip_usd"]
    strategy = made.strategy("solana_arb")
    assert strategy.is_flat() and strategy.funnel.why_not["denied"] == 1
    assert made.events(Fill) == []


def test_straight_to_the_leader_needs_a_known_priority_fee() -> None:
    made = stage(deep("one", 150.0, fee_rate=500), deep("two", 152.0, fee_rate=500), use_jito_bundles=False)
    after(made, 1_000)
    assert made.events(OrderApproved) == []
    assert made.strategy("solana_arb").funnel.why_not["priority_fee_unknown"] > 0


def test_size_stays_within_setting_balance_and_share_of_depth() -> None:
    made = stage(deep("one", 150.0, fee_rate=500), deep("two", 153.0, fee_rate=500), max_trade_size_sol=2.0)
    (order, *_) = made.events(OrderApproved)
    assert order.intent.amount_in <= 2 * 153 * USDC
    assert order.intent.notional_usd <= 2 * 153


def test_left_over_base_is_told_and_sold_by_flatten() -> None:
    made = stage(deep("one", 150.0, fee_rate=500), deep("two", 150.0, fee_rate=500))
    strategy = made.strategy("solana_arb")
    strategy.held["solana:one"] = Decimal("0.5")
    assert not strategy.is_flat()
    (swap,) = strategy.flatten("test")
    assert swap.is_reduce_only and swap.base_side == "sell" and swap.amount_in == SOL // 2
    strategy.held["solana:one"] = Decimal("-0.5")
    (swap,) = strategy.flatten("test")
    assert swap.base_side == "buy" and swap.amount_out_min < SOL // 2


def test_the_view_shows_blanks_for_what_is_not_known() -> None:
    made = stage(deep("one", 150.0)[:2])
    view = made.strategy("solana_arb").view()
    assert view.pools[0].state == "incomplete" and view.pools[0].price is None and view.best_bps is None

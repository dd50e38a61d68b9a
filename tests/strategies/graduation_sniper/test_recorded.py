"""Fifty recorded curves of which none sells out: all are followed, nothing is bought; completed by hand, one is."""

from collections.abc import Iterable
from functools import cache
from typing import Any

import msgspec
import pytest

from adapters.importing.manifest import load_manifest
from bus.events import (
    ClockTick,
    Event,
    InstrumentListed,
    LaunchCreated,
    LaunchSampled,
    LaunchTrade,
    OpportunitySeen,
    OrderApproved,
    OrderDenied,
)
from strategies.graduation_sniper import GraduationSniper
from tests.builders import SECOND
from tests.kernel.puppet import WIDE, Stage
from tests.shared_data import PROJECT, require_shared
from tests.strategies.graduation_sniper.launches import CURVE, END, MINT, T0, completed, life, migrated, pool, start

LIMITS = {
    **WIDE, "max_chain_age_ms": 10**8, "max_gas_price_gwei": 10.0, "max_price_deviation_bps": 5_000.0,
    "max_fee_bps": 1_000.0,
}  # fmt: skip
FURTHEST_PCT = 66.19


@cache
def recorded() -> tuple[Event, ...]:
    require_shared("data/market/pumpfun-tracks-2025-06-06")
    manifest = PROJECT / "samples" / "imports" / "pumpfun-tracks-2025-06-06.toml"
    plan = load_manifest(manifest, require_shared("data"))
    return tuple(plan.events())


def stage(events: Iterable[Event], **settings: Any) -> tuple[Stage, GraduationSniper]:
    """A kernel with SOL priced and in the wallet, so that nothing but the coins themselves can be missing."""
    made = Stage(GraduationSniper, settings=settings, limits=LIMITS, global_limits=LIMITS, is_listed=False)
    made.feed(*start(recorded()[0].ts_ns), *events)
    strategy = made.strategy("graduation_sniper")
    assert isinstance(strategy, GraduationSniper)
    return made, strategy


def furthest() -> LaunchSampled:
    return max((event for event in recorded() if isinstance(event, LaunchSampled)), key=lambda each: each.progress_pct)


def relabelled(events: Iterable[Event], curve: str, mint: str, by_ns: int) -> list[Event]:
    """The builders' coin as the recorded one, later."""
    made = []
    for event in events:
        changes: dict[str, Any] = {"ts_ns": event.ts_ns + by_ns}
        if getattr(event, "instrument", "") == CURVE:
            changes["instrument"] = curve
        if getattr(event, "mint", "") == MINT:
            changes["mint"] = mint
        if isinstance(event, InstrumentListed) and event.base_mint == MINT:
            changes["base_mint"] = mint
        made.append(msgspec.structs.replace(event, **changes))
    return made


def test_all_rows_of_fifty_coins_are_followed_and_nothing_is_asked_for() -> None:
    samples = [event for event in recorded() if isinstance(event, LaunchSampled)]
    made, strategy = stage(recorded())
    assert (len(samples), len(strategy.coins)) == (7_838, 50)
    last = {event.instrument: event for event in samples}
    for curve, coin in strategy.coins.items():
        assert (coin.progress_pct(0), coin.real_quote_raw) == (last[curve].progress_pct, last[curve].quote_raw)
    assert made.events(OpportunitySeen, OrderApproved, OrderDenied) == []
    assert strategy.funnel.seen == strategy.funnel.priced == strategy.entries == 0
    assert strategy.funnel.why_not == {}


def test_no_trade_is_made_up_from_a_sample() -> None:
    _, strategy = stage(recorded())
    assert all(coin.buys == coin.sells == coin.volume_raw == 0 for coin in strategy.coins.values())
    assert all(coin.price is coin.holders is coin.top10_pct is None for coin in strategy.coins.values())


def test_the_page_shows_the_furthest_curve_while_it_is_there() -> None:
    top = furthest()
    assert top.progress_pct == FURTHEST_PCT
    until = [event for event in recorded() if event.ts_ns <= top.ts_ns]
    _, strategy = stage(until, watch_from_progress_pct=50.0)
    view = strategy.view()
    assert view.watched == sum(isinstance(event, LaunchCreated) for event in until)
    assert (view.coins[0].progress_pct, view.signals[0].value) == (FURTHEST_PCT, FURTHEST_PCT)
    assert top.instrument.endswith(view.coins[0].mint)


def test_a_coin_of_the_recording_that_is_completed_by_hand_is_bought() -> None:
    """The positive control: with trades, holders and a pool of the builders, the same coin passes."""
    top = furthest()
    mint = next(e.mint for e in recorded() if isinstance(e, LaunchCreated) and e.instrument == top.instrument)
    by_ns = recorded()[-1].ts_ns - T0
    ending = [*life(), completed(END), migrated(END + SECOND), *pool(END + SECOND), ClockTick(ts_ns=END + 8 * SECOND)]
    made, strategy = stage(recorded())
    made.feed(*relabelled(ending, top.instrument, mint, by_ns))
    (order,) = made.events(OrderApproved)
    assert order.intent.base_side == "buy"
    assert strategy.coins[top.instrument].created_ns < by_ns + T0 and strategy.funnel.seen == 1
    assert strategy.holdings.positions


@pytest.mark.parametrize("left_out", [LaunchTrade, "completed"])
def test_the_control_is_bought_for_its_trades_and_its_completion_alone(left_out: Any) -> None:
    top = furthest()
    mint = next(e.mint for e in recorded() if isinstance(e, LaunchCreated) and e.instrument == top.instrument)
    by_ns = recorded()[-1].ts_ns - T0
    done = [] if left_out == "completed" else [completed(END), migrated(END + SECOND)]
    ending = [*life(), *done, *pool(END + SECOND), ClockTick(ts_ns=END + 8 * SECOND)]
    kept = [event for event in ending if left_out == "completed" or not isinstance(event, left_out)]
    made, _ = stage(recorded())
    made.feed(*relabelled(kept, top.instrument, mint, by_ns))
    assert made.events(OrderApproved) == []

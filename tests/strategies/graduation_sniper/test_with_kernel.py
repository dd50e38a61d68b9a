"""A coin's whole life inside a whole kernel: filters, purchase, tiers, stops, ends that nothing delays, restart."""

from typing import Any

import pytest

from bus.clock import NS_PER_MINUTE
from bus.events import ClockTick, Fill, OpportunitySeen, OrderApproved, OrderDenied, PoolDisabled, SlotSeen
from bus.intents import Swap
from kernel.core import Core, CoreSpec, StrategySpec
from strategies.graduation_sniper import GraduationSniper
from tests.builders import SECOND, T0
from tests.kernel.puppet import CALM, WIDE, Stage
from tests.solana_pools import lamports, slot_seen
from tests.strategies.graduation_sniper.launches import (
    CREATOR,
    END,
    POOL,
    POOL_COINS,
    POOL_SOL,
    at_multiple,
    completed,
    created,
    holders,
    life,
    migrated,
    pool,
    start,
    trade,
    vaults,
)

LIMITS = {
    **WIDE, "max_chain_age_ms": 10**8, "max_gas_price_gwei": 10.0, "max_price_deviation_bps": 5_000.0,
    "max_fee_bps": 1_000.0,
}  # fmt: skip


def stage(*, is_started: bool = True, paper: dict[str, Any] | None = None, **settings: Any) -> Stage:
    made = Stage(GraduationSniper, settings=settings, limits=LIMITS, global_limits=LIMITS, is_listed=False, paper=paper)
    if is_started:
        made.feed(*start())
    return made


def graduate(made: Stage, *events: Any) -> Stage:
    """A healthy life, then completion, migration and the pool."""
    made.feed(*(events or life()), completed(END), migrated(END + SECOND), *pool(END + SECOND))
    return made


def bought(**settings: Any) -> Stage:
    """A coin in hand, its purchase landed."""
    made = graduate(stage(**settings))
    made.feed(ClockTick(ts_ns=END + 8 * SECOND))
    assert made.strategy("graduation_sniper").holdings.positions
    return made


def swaps(made: Stage, side: str) -> list[Swap]:
    return [each.intent for each in made.events(OrderApproved) if each.intent.base_side == side]


def walk(made: Stage, *multiples: float, begin: int = END + 10 * SECOND, step: int = 10 * SECOND) -> int:
    """Prices in turn, each with time for a sale to land; returns the last time."""
    now = begin
    for number, multiple in enumerate(multiples):
        made.feed(*at_multiple(now, multiple, slot=200 + number))
        now += step
        made.feed(SlotSeen(ts_ns=now - 1, chain="solana", slot=300 + number))
    return now


def test_a_healthy_coin_is_bought_once_with_a_least_number_of_coins_and_a_tip_inside() -> None:
    made = bought()
    (buy,) = swaps(made, "buy")
    assert buy.amount_in <= 10**8 and buy.is_bundle and buy.tip_lamports == 50_000
    (fill,) = made.events(Fill)
    assert fill.amount_out_raw >= buy.amount_out_min > fill.amount_out_raw * 9 // 10
    (seen, *_) = made.events(OpportunitySeen)
    assert seen.expected_net_usd < 0 and "breaks even at" in seen.note
    position = made.strategy("graduation_sniper").holdings.positions[POOL]
    assert (position.bought_raw, position.held_raw) == (fill.amount_out_raw, fill.amount_out_raw)


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("holders", lambda events: [*events, holders(END, 99)]),
        ("dev_holding", lambda events: [*events, holders(END, creator_pct=5.1)]),
        ("dev_sold", lambda events: [*events, trade(100, END, is_buy=False, user=CREATOR, base_amount=51 * 10**12)]),
        ("price_decline", lambda events: [*events, trade(80, END)]),
        ("mayhem_mode", lambda events: [created(T0, is_mayhem=True), *events[1:]]),
        ("quote_mint", lambda events: [created(T0, quote_mint="USDC"), *events[1:]]),
        ("rug_probability", lambda events: [*events, holders(END, top10_pct=60.0, creator_pct=4.9)]),
    ],
)
def test_each_filter_refuses_by_its_name(reason: str, change: Any) -> None:
    made = graduate(stage(), *change(life()))
    made.feed(ClockTick(ts_ns=END + 8 * SECOND))
    assert swaps(made, "buy") == []
    assert made.strategy("graduation_sniper").funnel.why_not[reason] == 1


def test_sales_volume_and_liquidity_count_too() -> None:
    many = graduate(stage(), *life(sells=100))
    assert many.strategy("graduation_sniper").funnel.why_not["buy_sell_ratio"] == 1
    small = graduate(stage(), *life(sol=0.2))
    found = small.strategy("graduation_sniper").funnel.why_not
    assert found["volume"] == found["vol_liq_ratio"] == 1


def test_an_unknown_holder_count_is_not_a_hundred_holders() -> None:
    made = graduate(stage(), *life()[:-1])
    assert made.strategy("graduation_sniper").funnel.why_not["holders"] == 1
    assert swaps(made, "buy") == []


def test_a_coin_that_graduated_too_long_ago_is_left_alone() -> None:
    made = stage()
    made.feed(*life(), completed(END), migrated(END + SECOND), *pool(END + 30 * SECOND))
    assert made.strategy("graduation_sniper").funnel.why_not["window_missed"] == 1
    assert swaps(made, "buy") == []


def test_a_stake_that_cannot_break_even_before_the_first_tier_is_not_placed() -> None:
    made = graduate(stage(jito_tip_lamports=60_000_000, max_tip_lamports=60_000_000))
    assert made.strategy("graduation_sniper").funnel.why_not["break_even"] == 1
    assert swaps(made, "buy") == []


def test_switched_off_it_judges_and_buys_nothing() -> None:
    made = graduate(stage(graduation_snipe_enabled=False))
    assert made.strategy("graduation_sniper").funnel.why_not["disabled"] == 1
    assert swaps(made, "buy") == []


def test_tiers_are_sold_one_by_one_and_the_moonbag_by_the_trailing_stop() -> None:
    made = bought()
    position = made.strategy("graduation_sniper").holdings.positions[POOL]
    whole = position.bought_raw
    walk(made, 1.5, 2.05, 2.2, 3.1, 5.2, 6.0, 4.4)
    sold = [each.amount_in for each in swaps(made, "sell")]
    assert sold[:3] == [whole * 25 // 100] * 3
    assert sum(sold) == whole and len(sold) == 4
    strategy = made.strategy("graduation_sniper")
    assert strategy.exits == {"tier_1": 1, "tier_2": 1, "tier_3": 1, "trailing_stop": 1}
    assert strategy.is_flat() and made.core.ledger.positions == {}
    assert made.core.ledger.books("graduation_sniper").realised_usd > 0


def test_a_jump_over_several_tiers_sells_them_together() -> None:
    made = bought()
    whole = made.strategy("graduation_sniper").holdings.positions[POOL].bought_raw
    walk(made, 3.2)
    (sale,) = swaps(made, "sell")
    assert sale.amount_in == 2 * (whole * 25 // 100) and sale.is_reduce_only


def test_the_stop_loss_sells_everything() -> None:
    made = bought()
    walk(made, 0.9, 0.55)
    assert made.strategy("graduation_sniper").exits == {"stop_loss": 1}
    assert made.core.ledger.positions == {}


def test_the_longest_hold_ends_it_whatever_else_is_known() -> None:
    made = bought(max_hold_minutes=5)
    made.feed(PoolDisabled(ts_ns=END + 20 * SECOND, instrument=POOL, slot=200, reason="unknown layout"))
    now = END + 20 * SECOND
    while now < END + 6 * NS_PER_MINUTE:
        now += 20 * SECOND
        made.feed(SlotSeen(ts_ns=now, chain="solana", slot=500))
    assert made.strategy("graduation_sniper").exits["max_hold"] >= 1
    (sale, *_) = swaps(made, "sell")
    assert sale.amount_out_min == 1, "without a price anything is better than staying"


def test_silence_of_the_chain_sells_everything() -> None:
    made = bought()
    made.feed(ClockTick(ts_ns=END + 20 * SECOND), ClockTick(ts_ns=END + 90 * SECOND))
    assert made.strategy("graduation_sniper").exits["stale_price"] >= 1


def test_a_creator_who_dumps_and_liquidity_that_is_pulled_end_it() -> None:
    dumped = bought()
    sale = trade(100, END + 20 * SECOND, is_buy=False, user=CREATOR, base_amount=21 * 10**12, instrument=POOL)
    dumped.feed(*at_multiple(END + 15 * SECOND, 1.1), sale)
    assert dumped.strategy("graduation_sniper").exits == {"creator_dump": 1}
    pulled = bought()
    pulled.feed(*at_multiple(END + 15 * SECOND, 1.1))
    pulled.feed(vaults(END + 16 * SECOND, POOL_COINS // 2, POOL_SOL // 2), slot_seen(201, END + 16 * SECOND))
    assert "liquidity_pull" in pulled.strategy("graduation_sniper").exits


def test_a_failed_exit_is_tried_again_with_more_slippage_until_it_lands() -> None:
    made = bought()
    made.feed(*at_multiple(END + 10 * SECOND, 0.5))
    made.feed(*at_multiple(END + 11 * SECOND, 0.3, slot=201))  # gone before the sale lands: below its least output
    now = END + 11 * SECOND
    for number in range(12):
        now += 5 * SECOND
        made.feed(SlotSeen(ts_ns=now, chain="solana", slot=300 + number))
    strategy = made.strategy("graduation_sniper")
    sales = swaps(made, "sell")
    assert len(sales) == 2 and strategy.is_flat()
    assert sales[1].is_bundle is False, "the second try goes the other way"


def test_no_more_positions_than_allowed_and_one_per_creator() -> None:
    made = bought()
    strategy = made.strategy("graduation_sniper")
    assert strategy.holdings.taken() == 1 == strategy.holdings.taken(CREATOR)
    assert strategy.holdings.taken("another") == 0


def test_a_denied_purchase_leaves_nothing_believed() -> None:
    made = Stage(GraduationSniper, limits={**LIMITS, "max_tip_usd": 0.0001}, global_limits=LIMITS, is_listed=False)
    made.feed(*start())
    graduate(made)
    assert [each.reason for each in made.events(OrderDenied)] == ["max_tip_usd"]
    assert made.strategy("graduation_sniper").is_flat()


def test_a_position_survives_a_restart_and_is_still_sold() -> None:
    made = bought()
    recorded = [event for _, _, event in made.seen]
    spec = CoreSpec(
        run="again",
        strategies=(StrategySpec(kind=GraduationSniper, limits=LIMITS),),
        global_limits=LIMITS,
        paper=CALM,
    )
    core = Core(spec)
    core.recover(recorded, 1)
    strategy = core.runner.slots["graduation_sniper"].strategy
    assert isinstance(strategy, GraduationSniper)
    position = strategy.holdings.positions[POOL]
    assert position.held_raw == made.strategy("graduation_sniper").holdings.positions[POOL].held_raw
    core.bus.feed([lamports(END + 20 * SECOND), *at_multiple(END + 20 * SECOND, 0.5)])
    core.bus.feed([ClockTick(ts_ns=END + 40 * SECOND)])
    assert strategy.is_flat() and strategy.exits == {"stop_loss": 1}


def test_the_view_shows_what_is_held_and_what_comes() -> None:
    made = stage()
    made.feed(*life())
    view = made.strategy("graduation_sniper").view()
    assert view.coins[0].mint == "COINmint" and view.coins[0].progress_pct == 100.0
    view = bought().strategy("graduation_sniper").view()
    assert view.held[0].multiple is not None and 0.9 < view.held[0].multiple < 1.0
    assert view.break_even is not None and 1.0 < view.break_even < 1.1

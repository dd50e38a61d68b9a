"""Given events, expect intents: signals, refusals and the life of a trade."""

from decimal import Decimal

import msgspec
import pytest

from bus.clock import NS_PER_MINUTE, NS_PER_MS, NS_PER_S
from bus.events import Cancelled, Expired, Landed, OrphanLeg, Rejected, Reverted, Unknown
from bus.intents import Hedge, PlaceOrder, Swap
from kernel.strategy import convert_settings
from strategies.cex_dex_arb import CexDexArbSettings
from tests.strategies.cex_dex_arb.desk import (
    CEX,
    DEAR_POOL,
    PERP,
    POOL,
    PRICE,
    Desk,
    bar,
    gas,
    listed_cex,
    listed_pool,
    notes,
    pool_state,
    quote,
    trades,
)


def one_hedge(outputs: list) -> Hedge:
    (found,) = trades(outputs)
    assert isinstance(found, Hedge)
    return found


# signal ---------------------------------------------------------------------------------------------------------


def test_a_cheap_pool_is_bought_and_the_cex_sold_in_one_hedge_with_the_swap_first() -> None:
    desk = Desk()
    desk.warm()
    outputs = desk.tick(PRICE * 1.006, PRICE)
    hedge = one_hedge(outputs)
    swap, order = hedge.legs
    assert isinstance(swap, Swap) and isinstance(order, PlaceOrder)
    assert (swap.base_side, order.side, order.tif, order.instrument) == ("buy", "sell", "ioc", CEX)
    assert swap.route[0].is_zero_for_one  # dollars are token0
    assert hedge.on_partial == "hedge" and hedge.deadline_ms == 1500
    assert hedge.expected_net_usd is not None and hedge.expected_net_usd > 2
    assert Decimal(4000) < order.notional_usd <= Decimal(5040)
    assert order.limit_price is not None and order.limit_price >= Decimal("2011.89") * Decimal("0.998")
    (note,) = notes(outputs)
    assert note.why_not == "" and note.opportunity == hedge.opportunity
    assert outputs.index(note) < outputs.index(hedge)


def test_a_dear_pool_is_sold_into_and_the_cex_bought() -> None:
    desk = Desk()
    desk.warm()
    swap, order = one_hedge(desk.tick(PRICE, PRICE * 1.006)).legs
    assert isinstance(swap, Swap) and isinstance(order, PlaceOrder)
    assert (swap.base_side, order.side) == ("sell", "buy")
    assert not swap.route[0].is_zero_for_one
    assert Decimal(swap.amount_in).scaleb(-18) == order.qty
    assert order.limit_price is not None and order.limit_price <= Decimal("2000.1") * Decimal("1.002")


@pytest.mark.parametrize("factor", [1.006, 0.994])
def test_token_order_does_not_matter(factor: float) -> None:
    name = "uniswap_v3.polygon:WETH/USDC-500"
    desk = Desk([listed_cex(), listed_pool(name, base_is_token0=True)])
    for _ in range(70):
        desk.now_ns += NS_PER_MINUTE
        at = desk.now_ns
        desk.feed(gas(at), quote(at, PRICE), pool_state(at, PRICE, pool=name, base_is_token0=True))
    at = desk.now_ns + NS_PER_S
    swap, order = one_hedge(
        desk.feed(quote(at, PRICE * factor), pool_state(at, PRICE, pool=name, base_is_token0=True))
    ).legs
    assert isinstance(swap, Swap) and isinstance(order, PlaceOrder)
    assert swap.base_side == ("buy" if factor > 1 else "sell")
    assert swap.route[0].is_zero_for_one == (factor < 1)


@pytest.mark.parametrize("gap_bps", [20.0, -20.0, 60.0, -60.0])
def test_a_constant_basis_is_never_a_trade(gap_bps: float) -> None:
    desk = Desk()
    desk.warm(gap_bps=gap_bps, minutes=300)
    assert desk.strategy.acted == 0 and desk.strategy.funnel.priced == 0
    assert set(desk.why_not) <= {"no_quote", "basis_warming", "below_threshold"}


def test_the_usual_gap_shifts_the_reference_but_a_helping_one_adds_nothing() -> None:
    """With the pool 60 bps dear as usual, 40 bps of excess on top is cash of 100, of which 60 must not count."""
    plain, usual = Desk(min_spread_threshold=0.1), Desk(min_spread_threshold=0.1)
    plain.warm()
    usual.warm(gap_bps=60)
    alone = one_hedge(plain.tick(PRICE, PRICE * 1.004))
    shifted = one_hedge(usual.tick(PRICE, PRICE * 1.006 * 1.004))
    assert alone.expected_net_usd and shifted.expected_net_usd
    assert abs(alone.expected_net_usd - shifted.expected_net_usd) < alone.expected_net_usd / 20
    back = Desk(min_spread_threshold=0.1)
    back.warm(gap_bps=60)
    assert not trades(back.tick(PRICE, PRICE))  # the excess is -60 bps, but buying the pool at par earns no cash


def test_cash_is_not_enough_without_an_excess() -> None:
    desk = Desk(min_spread_threshold=0.1)
    desk.warm(gap_bps=60)
    assert not trades(desk.tick(PRICE, PRICE * 1.006))


# refusals -------------------------------------------------------------------------------------------------------


def test_each_look_ends_as_a_trade_or_one_reason() -> None:
    desk = Desk()
    desk.warm(minutes=80)
    hedge = one_hedge(desk.tick(PRICE * 1.006, PRICE))
    desk.tick(PRICE * 1.006, PRICE)
    desk.deny(hedge)
    desk.tick(PRICE * 1.001, PRICE, seconds=120)
    funnel = desk.strategy.funnel
    reasons = {code: count for code, count in desk.why_not.items() if code != "denied"}
    assert funnel.seen == desk.strategy.acted + sum(reasons.values())


def test_nothing_trades_before_the_basis_is_known() -> None:
    desk = Desk()
    desk.warm(minutes=59)
    assert not trades(desk.tick(PRICE * 1.02, PRICE, seconds=0.1))
    assert desk.why_not["basis_warming"] == 61  # 59 minutes, and both legs of the tick


def test_an_old_leg_is_stale_and_a_leg_that_comes_in_time_is_not() -> None:
    desk = Desk()
    desk.warm()
    at = desk.now_ns + 10 * NS_PER_S
    stale = desk.why_not.get("stale", 0)
    assert not trades(desk.feed(quote(at, PRICE * 1.006)))  # the pool is 10 s old
    assert not trades(desk.feed(quote(at + NS_PER_S, PRICE * 1.006)))
    assert desk.why_not["stale"] == stale + 1  # the first look is over, the second may still be saved
    assert trades(desk.feed(pool_state(at + NS_PER_S + 400 * NS_PER_MS, PRICE)))
    assert desk.why_not["stale"] == stale + 1


def test_five_minute_bars_beside_swaps_are_stale() -> None:
    desk = Desk()
    for _ in range(100):
        desk.now_ns += 5 * NS_PER_MINUTE
        desk.feed(gas(desk.now_ns), bar(desk.now_ns, PRICE, minutes=5))
        for seconds in (40, 90, 200):
            at = desk.now_ns + seconds * NS_PER_S
            assert not trades(desk.feed(gas(at), pool_state(at, PRICE * 0.98)))
    assert desk.strategy.funnel.priced == 0
    assert set(desk.why_not) == {"no_quote", "stale"} and desk.why_not["stale"] > 390


@pytest.mark.parametrize(
    "price",
    [None, gas(0, native_usd=0.0), gas(0)],
    ids=["no gas price", "native price unknown", "gas price too old"],
)
def test_unknown_gas_is_no_trade(price: object) -> None:
    desk = Desk([listed_cex(), listed_pool(chain="arbitrum")])
    at = desk.now_ns
    if price is not None:
        desk.feed(msgspec.structs.replace(price, ts_ns=at, chain="arbitrum"))  # type: ignore[type-var]
    for _ in range(70):
        at += NS_PER_MINUTE
        desk.feed(quote(at, PRICE), pool_state(at, PRICE))
    assert not trades(desk.feed(quote(at + 1, PRICE * 1.01), pool_state(at + 1, PRICE)))
    assert desk.why_not["gas_unknown"] == 2


def test_a_pool_known_only_to_its_edge_refuses_with_depth_unknown() -> None:
    desk = Desk()
    desk.warm()
    spacing_root = 1.0001 ** (-(201_300) / 2)  # price at tick 201300: the lower edge of its interval is right there
    edge = (1 / spacing_root) ** 2
    price = 10.0**12 / (edge * 1.0000001)
    at = desk.now_ns
    for _ in range(70):
        at += NS_PER_MINUTE
        desk.feed(gas(at), quote(at, price), pool_state(at, price))
    assert not trades(desk.feed(quote(at + NS_PER_S, price * 1.01), pool_state(at + NS_PER_S, price)))
    assert desk.why_not.get("depth_unknown", 0) >= 1


def test_a_pool_without_a_state_refuses_with_depth_unknown() -> None:
    desk = Desk([listed_cex(), listed_pool(tick_spacing=0)])
    desk.warm()
    assert not trades(desk.tick(PRICE * 1.01, PRICE))
    assert desk.why_not["depth_unknown"] >= 1


def test_a_book_that_shows_nothing_refuses_and_a_thin_one_caps_the_size() -> None:
    desk = Desk()
    desk.warm()
    at = desk.now_ns + NS_PER_S
    assert not trades(desk.feed(quote(at, PRICE * 1.01, qty=0.0), pool_state(at, PRICE)))
    assert desk.why_not["depth_unknown"] >= 1
    at += NS_PER_S
    order = one_hedge(desk.feed(quote(at, PRICE * 1.01, qty=2.0), pool_state(at, PRICE))).legs[1]
    assert isinstance(order, PlaceOrder) and order.qty <= Decimal("0.5")  # 25 % of 2


def test_a_thin_pool_shows_a_spread_that_does_not_pay() -> None:
    desk = Desk()
    desk.warm(liquidity=10**16)
    outputs = desk.tick(PRICE * 1.01, PRICE, liquidity=10**16)
    assert not trades(outputs)
    (note,) = notes(outputs)
    assert note.why_not == "depth_unknown" and note.expected_net_usd < 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"chain": "optimism"}, "chain_disabled"), ({"underlying": "LINK", "base": "LINK"}, "pair_not_monitored")],
)
def test_a_pool_that_is_not_watched_says_so_once_a_minute(changes: dict[str, str], code: str) -> None:
    desk = Desk([listed_cex(), listed_pool(**changes)])
    at = desk.now_ns
    for _ in range(30):
        at += 10 * NS_PER_S
        assert desk.feed(quote(at, PRICE * 1.02), pool_state(at, PRICE)) == []
    assert desk.why_not == {code: 5}
    assert desk.strategy.view().pairs[0].state == code


def test_without_a_cex_instrument_there_is_no_quote() -> None:
    desk = Desk([listed_pool()])
    assert desk.feed(pool_state(desk.now_ns, PRICE)) == []
    assert desk.why_not == {"no_quote": 1}


@pytest.mark.parametrize(("bid", "ask"), [(0.0, 2000.0), (2001.0, 2000.0), (-1.0, 2000.0)])
def test_a_crossed_or_empty_book_is_no_price(bid: float, ask: float) -> None:
    desk = Desk()
    desk.warm()
    at = desk.now_ns + 1
    broken = msgspec.structs.replace(quote(at, PRICE), bid=bid, ask=ask)
    assert desk.feed(broken, pool_state(at, PRICE * 1.02)) == []
    assert desk.why_not["no_quote"] >= 1


def test_real_and_simulated_legs_are_never_joined() -> None:
    desk = Desk([listed_cex(), listed_pool("uniswap_v3.simulated:USDC/WETH-500", chain="simulated")])
    assert desk.strategy.watch.pairs[0].book is None
    desk.feed(listed_cex("simulated:ETHUSDC", quote="USDC"))
    book = desk.strategy.watch.pairs[0].book
    assert book is not None and book.listed.instrument == "simulated:ETHUSDC"


# life of a trade --------------------------------------------------------------------------------------------------


def test_one_trade_of_a_pair_at_a_time() -> None:
    desk = Desk()
    desk.warm()
    hedge = one_hedge(desk.tick(PRICE * 1.006, PRICE))
    desk.approve(hedge)
    assert not trades(desk.tick(PRICE * 1.007, PRICE))
    assert not trades(desk.tick(PRICE * 1.007, PRICE, seconds=600))
    assert desk.why_not["in_flight"] >= 2
    assert desk.strategy.view().pairs[0].state == "working"


def test_a_denied_trade_leaves_no_position_and_is_not_repeated_at_once() -> None:
    desk = Desk()
    desk.warm()
    hedge = one_hedge(desk.tick(PRICE * 1.006, PRICE))
    assert not desk.strategy.is_flat()
    assert desk.deny(hedge) == []
    assert desk.strategy.is_flat() and list(desk.strategy.flatten("stopped")) == []
    assert not trades(desk.tick(PRICE * 1.006, PRICE, seconds=30))
    assert desk.why_not["cooldown"] >= 1 and desk.why_not["denied"] == 1
    assert trades(desk.tick(PRICE * 1.006, PRICE, seconds=60))


def test_a_lost_verdict_does_not_block_for_ever() -> None:
    desk = Desk()
    desk.warm()
    assert trades(desk.tick(PRICE * 1.006, PRICE))
    assert not trades(desk.tick(PRICE * 1.006, PRICE, seconds=4))
    assert trades(desk.tick(PRICE * 1.006, PRICE, seconds=4))


def test_filled_legs_end_the_trade_and_the_result_is_their_cash() -> None:
    desk = Desk()
    desk.warm()
    hedge = one_hedge(desk.tick(PRICE * 1.006, PRICE))
    swap, order = desk.approve(hedge)
    qty = hedge.legs[1].qty  # type: ignore[union-attr]
    desk.fill(swap, qty, Decimal(2001))
    assert desk.end(swap, Landed) == []
    assert not desk.strategy.is_flat()
    desk.fill(order, qty, Decimal(2011))
    desk.end(order)
    page = desk.strategy.view().pairs[0]
    assert page.result_usd == 10 * qty
    assert (page.pool_base, page.cex_base) == (qty, -qty)
    assert page.expected_usd == hedge.expected_net_usd
    assert not trades(desk.tick(PRICE * 1.006, PRICE, seconds=1))
    assert trades(desk.tick(PRICE * 1.006, PRICE, seconds=10))


def test_a_traded_pool_state_is_not_traded_again() -> None:
    desk = Desk()
    desk.warm()
    hedge = one_hedge(desk.tick(PRICE * 1.006, PRICE))
    for order in desk.approve(hedge):
        desk.end(order, Expired)
    at = desk.now_ns + 400 * NS_PER_MS
    desk.strategy.apply(convert_settings(CexDexArbSettings, {"failure_cooldown_s": 0.0, "cooldown_s": 0.0}))
    desk.strategy.attempts._pause_until_ns.clear()
    assert not trades(desk.feed(quote(at, PRICE * 1.006)))
    assert desk.why_not["same_state"] == 1


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (Rejected, {"reason": "no"}),
        (Expired, {}),
        (Cancelled, {}),
        (Reverted, {"tx": "t", "block": 1, "gas_usd": Decimal("0.02"), "reason": "lost"}),
    ],
)
def test_legs_that_fail_leave_no_position(kind: type, fields: dict) -> None:
    desk = Desk()
    desk.warm()
    hedge = one_hedge(desk.tick(PRICE * 1.006, PRICE))
    swap, order = desk.approve(hedge)
    desk.end(swap, kind, **fields)
    assert desk.end(order, Expired) == []
    assert desk.strategy.is_flat() and desk.strategy.inventory.base == {}
    assert not trades(desk.tick(PRICE * 1.006, PRICE))  # pauses after the failure
    assert trades(desk.tick(PRICE * 1.006, PRICE, seconds=60))


def test_unknown_is_not_an_end() -> None:
    desk = Desk()
    desk.warm()
    hedge = one_hedge(desk.tick(PRICE * 1.006, PRICE))
    swap, order = desk.approve(hedge)
    desk.end(order, Unknown, reason="no answer")
    desk.end(swap, Rejected, reason="no")
    assert not trades(desk.tick(PRICE * 1.006, PRICE, seconds=3600))
    assert not desk.strategy.is_flat()
    assert desk.strategy.inventory.base == {}


def test_an_orphan_leg_blocks_until_the_kernel_has_mended_it() -> None:
    desk = Desk()
    desk.warm()
    hedge = one_hedge(desk.tick(PRICE * 1.006, PRICE))
    swap, order = desk.approve(hedge)
    qty = hedge.legs[1].qty  # type: ignore[union-attr]
    desk.fill(order, qty, Decimal(2012))
    desk.end(order)
    desk.end(swap, Reverted, tx="t", block=1, gas_usd=Decimal("0.02"), reason="lost")
    orphan = OrphanLeg(
        ts_ns=desk.now_ns, strategy="cex_dex_arb", group="g", instrument=CEX, side="sell", qty=qty, action="hedge"
    )
    desk.feed(orphan)
    assert desk.strategy.view().pairs[0].state == "orphan" and desk.strategy.view().orphans == 1
    assert not trades(desk.tick(PRICE * 1.006, PRICE, seconds=600))
    mend = PlaceOrder(instrument=CEX, side="buy", qty=qty, notional_usd=Decimal(1))
    mended = msgspec.structs.replace(order, order_id="g.mend", intent=mend, is_unwind=True)
    desk.feed(mended)
    desk.fill(mended, qty, Decimal(2013))
    desk.end(mended)
    assert desk.strategy.is_flat()
    assert desk.strategy.view().pairs[0].result_usd == -qty - Decimal("0.02")


def test_unwind_policy_is_passed_on() -> None:
    desk = Desk(orphan_policy="unwind_dex")
    desk.warm()
    assert one_hedge(desk.tick(PRICE * 1.006, PRICE)).on_partial == "unwind"


def test_a_lopsided_inventory_is_proposed_to_the_operator_once() -> None:
    desk = Desk(inventory_usd=10_000)
    desk.warm()
    hedge = one_hedge(desk.tick(PRICE * 1.006, PRICE))
    swap, order = desk.approve(hedge)
    qty = hedge.legs[1].qty  # type: ignore[union-attr]
    for each, price in ((swap, 2001), (order, 2011)):
        desk.fill(each, qty, Decimal(price))
    desk.end(swap, Landed)
    (told,) = notes(desk.end(order))
    assert told.why_not == "rebalance_proposed" and told.expected_net_usd == -5
    assert told.note == f"move {qty:.6f} WETH from uniswap_v3.polygon to binance"
    assert desk.strategy.view().pairs[0].rebalance == told.note


def test_flatten_undoes_both_sides_in_one_reduce_only_hedge() -> None:
    desk = Desk()
    desk.warm()
    hedge = one_hedge(desk.tick(PRICE * 1.006, PRICE))
    swap, order = desk.approve(hedge)
    qty = hedge.legs[1].qty  # type: ignore[union-attr]
    desk.fill(swap, qty, Decimal(2001))
    desk.end(swap, Landed)
    desk.fill(order, qty, Decimal(2011))
    desk.end(order)
    (closing,) = desk.strategy.flatten("stopped")
    assert isinstance(closing, Hedge)
    back, buy = closing.legs
    assert isinstance(back, Swap) and isinstance(buy, PlaceOrder)
    assert back.is_reduce_only and buy.is_reduce_only
    assert (back.base_side, buy.side, buy.qty) == ("sell", "buy", qty)
    assert Decimal(back.amount_in).scaleb(-18) == qty


# coarse data, flash mode, settings --------------------------------------------------------------------------------


def test_bars_pay_a_half_spread_and_are_called_coarse() -> None:
    desk = Desk([listed_cex(PERP), listed_pool()])
    for _ in range(70):
        desk.now_ns += NS_PER_MINUTE
        at = desk.now_ns
        desk.feed(gas(at), bar(at, PRICE, cex=PERP), pool_state(at, PRICE, is_sampled=True))
    at = desk.now_ns + NS_PER_MINUTE
    outputs = desk.feed(gas(at), bar(at, PRICE * 1.006, cex=PERP), pool_state(at, PRICE, is_sampled=True))
    hedge = one_hedge(outputs)
    assert hedge.legs
    (note,) = notes(outputs)
    costs = {cost.name: cost.usd for cost in note.costs}
    assert abs(costs["slippage"] * 5 - costs["venue_fee"]) < Decimal("0.00001")  # 1 bps beside a taker fee of 5
    assert "coarse data" in note.note
    assert any(line.startswith("Coarse: CEX") for line in desk.strategy.assumptions())


def flash_desk(**settings: object) -> Desk:
    desk = Desk(
        [listed_cex(), listed_pool(), listed_pool(DEAR_POOL, fee_pips=500)],
        execution_mode="flash_loan", min_spread_threshold=0.1, **settings,
    )  # fmt: skip
    for _ in range(70):
        desk.now_ns += NS_PER_MINUTE
        at = desk.now_ns
        desk.feed(gas(at), quote(at, PRICE), pool_state(at, PRICE), pool_state(at, PRICE, pool=DEAR_POOL))
    return desk


def test_flash_mode_borrows_buys_in_the_lagging_pool_and_sells_in_the_other() -> None:
    desk = flash_desk()
    at = desk.now_ns + NS_PER_S
    moved = pool_state(at, PRICE * 1.006, pool=DEAR_POOL)
    outputs = desk.feed(quote(at, PRICE * 1.006), moved, pool_state(at, PRICE))
    (swap,) = trades(outputs)
    assert isinstance(swap, Swap) and swap.is_flash_loan
    assert [hop.pool for hop in swap.route] == [POOL, DEAR_POOL]
    assert [hop.is_zero_for_one for hop in swap.route] == [True, False]
    (note,) = notes(outputs)
    costs = {cost.name: cost.usd for cost in note.costs}
    assert set(costs) == {"pool_fee", "flash_premium", "gas", "expected_failures"}
    assert note.expected_net_usd == note.gross_usd - sum(costs.values())
    repay = swap.amount_in + swap.amount_in * 5 // 10_000
    assert swap.amount_out_min > repay  # gas is in it too: a loss reverts


def test_a_flash_trade_leaves_no_position() -> None:
    desk = flash_desk()
    at = desk.now_ns + NS_PER_S
    (swap,) = trades(
        desk.feed(quote(at, PRICE * 1.006), pool_state(at, PRICE * 1.006, pool=DEAR_POOL), pool_state(at, PRICE))
    )
    assert isinstance(swap, Swap)
    (order,) = desk.approve(swap)
    desk.fill(order, Decimal(2), Decimal(2000), instrument=POOL, side="buy")
    desk.fill(order, Decimal(2), Decimal(2010), instrument=DEAR_POOL, side="sell")
    desk.end(order, Landed)
    assert desk.strategy.view().pairs[0].result_usd == 20
    assert desk.strategy.attempts.by_key == {}


def test_flash_mode_needs_two_pools_and_the_word_of_the_cex() -> None:
    alone = Desk(execution_mode="flash_loan")
    alone.warm()
    assert not trades(alone.tick(PRICE * 1.006, PRICE))
    assert alone.why_not["single_pool"] >= 1
    desk = flash_desk()
    at = desk.now_ns + NS_PER_S
    # Both pools below the CEX, and the dearer one is asked about: selling into it is not what the CEX says.
    outputs = desk.feed(
        quote(at, PRICE * 1.02), pool_state(at, PRICE, pool=POOL), pool_state(at, PRICE * 1.006, pool=DEAR_POOL)
    )
    assert desk.why_not["wrong_side"] >= 1
    assert all(isinstance(each, Swap) and each.route[0].pool == POOL for each in trades(outputs))


def test_new_settings_count_from_the_next_event_and_keep_the_basis() -> None:
    desk = Desk()
    desk.warm()
    desk.strategy.apply(convert_settings(CexDexArbSettings, {"min_spread_threshold": 2.0}))
    assert not trades(desk.tick(PRICE * 1.006, PRICE))
    desk.strategy.apply(convert_settings(CexDexArbSettings, {"min_spread_threshold": 0.3}))
    assert trades(desk.tick(PRICE * 1.006, PRICE))
    desk.strategy.apply(convert_settings(CexDexArbSettings, {"chains_enabled": ["base"]}))
    assert not trades(desk.tick(PRICE * 1.006, PRICE, seconds=300))
    assert desk.why_not["chain_disabled"] == 1


def test_rejected_candidates_are_told_at_most_once_a_minute() -> None:
    desk = Desk(min_profit_usd=1000)
    desk.warm()
    told = [len(notes(desk.tick(PRICE * (1.006 + step / 1e5), PRICE, seconds=6))) for step in range(30)]
    assert sum(told) == 3
    assert desk.why_not["below_min_profit"] >= 30
    assert desk.strategy.funnel.best_rejected is not None
    assert desk.strategy.funnel.best_rejected.costs

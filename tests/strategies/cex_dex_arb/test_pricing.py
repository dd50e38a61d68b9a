"""Exact pricing against a slow second opinion, sizes against neighbours, and the medians."""

import random
import statistics
from decimal import Decimal
from fractions import Fraction
from math import expm1

from hypothesis import given, settings
from hypothesis import strategies as st

from bus.clock import NS_PER_MINUTE, NS_PER_S
from bus.events import LiquidityChanged
from bus.intents import Hedge, PlaceOrder, Swap
from kernel.amm.v3 import V3Pool, pool_within_interval, swap_exact_in
from kernel.strategy import convert_settings
from strategies.cex_dex_arb import CexDexArbSettings
from strategies.cex_dex_arb.basis import SAMPLE_NS, Basis
from strategies.cex_dex_arb.costs import CostTerms, total_usd
from strategies.cex_dex_arb.depth import depth_in
from strategies.cex_dex_arb.legs import Book
from strategies.cex_dex_arb.pricing import DirectPricer
from tests.kernel.amm.v3_pools import pool_of
from tests.strategies.cex_dex_arb.desk import (
    CEX,
    LIQUIDITY,
    POOL,
    PRICE,
    Desk,
    gas,
    listed_cex,
    listed_pool,
    pool_state,
    quote,
    slow_net_usd,
    sqrt_price,
    trades,
)

MILLIONTH = Fraction(1, 1_000_000)


@settings(max_examples=200, deadline=None)
@given(
    move_bps=st.integers(20, 300) | st.integers(-300, -20),
    gap_bps=st.integers(-40, 40),
    liquidity=st.integers(10**18, 10**20),
    price=st.floats(300.0, 9000.0),
    gwei=st.floats(1.0, 400.0),
    size_usd=st.floats(50.0, 50_000.0),
    threshold=st.floats(0.01, 0.5),
    min_profit=st.floats(0.01, 20.0),
    shown=st.floats(0.01, 200.0),
)
def test_every_trade_earns_more_than_the_minimum_by_an_independent_account(
    move_bps: int,
    gap_bps: int,
    liquidity: int,
    price: float,
    gwei: float,
    size_usd: float,
    threshold: float,
    min_profit: float,
    shown: float,
) -> None:
    chosen = {
        "min_spread_threshold": threshold,
        "min_profit_usd": min_profit,
        "max_position_size_usd": size_usd,
        "basis_min_samples": 5,
    }
    desk = Desk(**chosen)
    desk.warm(price, gap_bps=gap_bps, minutes=6, liquidity=liquidity)
    usual = desk.strategy.watch.pairs[0].basis.median
    assert usual is not None
    at = desk.now_ns + NS_PER_S
    cost = gas(at, gwei=gwei)
    book = quote(at, price * (1 + move_bps / 10_000), qty=shown)
    state = pool_state(at, price * (1 + gap_bps / 10_000), liquidity=liquidity)
    for hedge in trades(desk.feed(cost, book, state)):
        assert isinstance(hedge, Hedge) and hedge.expected_net_usd is not None
        swap, order = hedge.legs
        assert isinstance(swap, Swap) and isinstance(order, PlaceOrder)
        values = convert_settings(CexDexArbSettings, chosen)
        net = slow_net_usd(hedge, state, listed_pool(), book, cost, values, expm1(usual))
        assert net > Fraction(str(min_profit)) - 20 * MILLIONTH
        assert abs(net - Fraction(hedge.expected_net_usd)) < 20 * MILLIONTH
        assert order.notional_usd <= Decimal(str(size_usd))
        assert order.qty <= Decimal(str(shown)) / 4 + Decimal("0.0001")
        pool = desk.pools.get(POOL)
        assert pool is not None
        out = swap_exact_in(pool, swap.route[0].is_zero_for_one, swap.amount_in).amount_out
        assert swap.amount_out_min <= out


def whole_pool(price: float) -> V3Pool:
    root = sqrt_price(price)
    state = pool_state(1, price)
    assert root == state.sqrt_price_x96
    low = state.tick // 10 * 10
    return pool_of(
        [(low - 2000, low + 2000, LIQUIDITY // 80), (low - 40, low + 50, LIQUIDITY // 80)],
        sqrt_price_x96=root,
        tick=state.tick,
        fee_pips=500,
        tick_spacing=10,
    )


def pricer(pool: V3Pool, mid: float, **changes: object) -> DirectPricer:
    book = Book(listed_cex())
    book.on_quote(quote(1, mid, cex=CEX, qty=1e6))
    terms = CostTerms(
        taker_bps=Decimal(10), half_spread_bps=Decimal(0), reserve_bps=Decimal(1), adverse_bps=Decimal(1),
        failure_share=Decimal("0.05"), gas_usd=Decimal("0.01"), l1_usd=Decimal(0), rebalance_usd=Decimal("0.25"),
        gas_limit=220_000, gas_price_wei_max=10**11, gas_usd_max=Decimal("0.02"),
    )  # fmt: skip
    return DirectPricer(
        side="buy" if mid > PRICE else "sell",
        pool=pool,
        listed=listed_pool(),
        book=book,
        basis=0.0,
        terms=terms,
        quote_usd=Decimal(1),
        settings=convert_settings(
            CexDexArbSettings, {"max_position_size_usd": 1e6, "max_depth_share_pct": 100} | changes
        ),
    )


def test_no_neighbouring_size_earns_more() -> None:
    """The size is the optimum of the exact net over a pool with several ticks, by trying others."""
    pool = whole_pool(PRICE)
    for mid in (PRICE * 1.008, PRICE * 0.992):
        exact = pricer(pool, mid, min_spread_threshold=0.01)
        best = exact.best()
        assert not isinstance(best, str) and best.bound == ""
        lots = int(best.qty * 10_000)
        for other in {lots + step for step in (-lots // 2, -lots // 10, -100, -1, 1, 100, lots // 10, lots // 2)}:
            swap = exact._quote(other)
            assert swap is not None
            assert exact._candidate(swap, other, "").net_usd <= best.net_usd + Decimal("0.0002")


def test_the_threshold_holds_at_size_and_shrinks_it() -> None:
    pool = whole_pool(PRICE)
    free = pricer(pool, PRICE * 1.008, min_spread_threshold=0.01).best()
    held = pricer(pool, PRICE * 1.008, min_spread_threshold=0.6).best()
    assert not isinstance(free, str) and not isinstance(held, str)
    assert free.spread_pct < Decimal("0.6") <= held.spread_pct < Decimal("0.6001")
    assert held.qty < free.qty


def test_gross_less_all_lines_is_the_net_and_the_pool_fee_is_not_taken_twice() -> None:
    """Worked by hand: no fees at the CEX, nothing else: what is left is the cash difference of the two legs."""
    best = pricer(whole_pool(PRICE), PRICE * 1.008, min_spread_threshold=0.01).best()
    assert not isinstance(best, str)
    assert best.net_usd == best.gross_usd - total_usd(best.costs)
    lines = {line.name: line.usd for line in best.costs}
    cash = best.qty * best.cex_price - Decimal(best.amount_in).scaleb(-6)
    assert abs(best.gross_usd - lines["pool_fee"] - cash) < Decimal("0.000002")
    assert abs(lines["pool_fee"] - Decimal(best.amount_in).scaleb(-6) * 5 / 10_000) < Decimal("0.00001")


def test_the_least_output_never_loses_money() -> None:
    best = pricer(whole_pool(PRICE), PRICE * 1.008, min_spread_threshold=0.01, max_slippage_bps=200).best()
    assert not isinstance(best, str)
    given_up = Decimal(best.amount_out - best.amount_out_min).scaleb(-18) * best.cex_price
    assert given_up <= best.net_usd


def test_depth_ends_where_knowledge_ends() -> None:
    root = sqrt_price(PRICE)
    tick = pool_state(1, PRICE).tick
    narrow = pool_within_interval(sqrt_price_x96=root, tick=tick, liquidity=LIQUIDITY, fee_pips=500, tick_spacing=10)
    for zero_for_one in (True, False):
        known = depth_in(narrow, zero_for_one)
        assert not known.is_known and known.amount_in > 0
        assert swap_exact_in(narrow, zero_for_one, known.amount_in * 99 // 100).amount_out > 0
        assert depth_in(whole_pool(PRICE), zero_for_one).is_known
    empty = pool_within_interval(sqrt_price_x96=root, tick=tick, liquidity=0, fee_pips=500, tick_spacing=10)
    assert depth_in(empty, True).amount_in == 0


def test_the_basis_is_the_median_of_the_window_and_of_nothing_else() -> None:
    draws = random.Random(7)
    basis = Basis(window_minutes=240, min_samples=5)
    samples: list[tuple[int, float]] = []
    at = 0
    for _ in range(3000):
        at += draws.choice([1, 4, 40]) * SAMPLE_NS
        basis.expire(at)
        samples = [each for each in samples if each[0] >= at - 240 * NS_PER_MINUTE]
        value = draws.gauss(0.0, 1e-3)
        basis.add(at, value)
        samples.append((at, value))
        expected = statistics.median(each for _, each in samples) if len(samples) >= 5 else None
        assert basis.median == expected
        assert len(basis) == len(samples)


def test_a_look_is_judged_against_the_past_alone() -> None:
    """The sample that a look adds may not move the median by which that look is judged."""
    desk = Desk(basis_min_samples=5)
    desk.warm(minutes=5)
    pair = desk.strategy.watch.pairs[0]
    usual = pair.basis.median
    desk.tick(PRICE * 1.001, PRICE, seconds=60)
    assert usual is not None and pair.excess is not None
    assert abs(pair.excess - (-0.0009995 - usual)) < 2e-6


def test_a_mint_counts_as_hearing_of_the_pool() -> None:
    desk = Desk()
    desk.warm()
    at = desk.now_ns + 30 * NS_PER_S
    tick = pool_state(1, PRICE).tick // 10 * 10
    mint = LiquidityChanged(
        ts_ns=at, instrument=POOL, block=2, log_index=0, tx="t", tick_lower=tick - 100, tick_upper=tick + 100,
        liquidity_delta=10**18,
    )  # fmt: skip
    assert not trades(desk.feed(quote(at - 1, PRICE * 1.006)))
    assert trades(desk.feed(mint))

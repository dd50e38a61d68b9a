"""The ledger against worked numbers, against a slow double-entry model, and its bounds."""

import gc
import sys
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.bus import Bus
from bus.clock import NS_PER_DAY
from bus.events import (
    BalanceUpdated,
    Bar,
    Filled,
    FundingPaid,
    InstrumentListed,
    OrderApproved,
    PoolState,
    Quote,
    Reverted,
)
from bus.events import Fill as FillEvent
from bus.intents import Hop, PlaceOrder, Swap
from kernel.errors import BadInput
from kernel.fill_ids import FillIds
from kernel.finance.drawdown import Drawdown
from kernel.finance.money import plain_text, settle, share
from kernel.ledger import Ledger
from kernel.market import Market
from kernel.position import ClosedTrade
from tests.kernel.double_entry import DoubleEntry

D = Decimal
SPOT, PERP, ALT, POOL = "binance:BTCUSDT", "drift:BTC-PERP", "binance:ETHBTC", "uniswap_v3.polygon:USDC/WETH-500"
CLOSE = Fraction(1, 10**18)


def listed(instrument: str, kind: str, base: str, quote: str, **more: object) -> InstrumentListed:
    venue = instrument.partition(":")[0]
    return InstrumentListed(
        ts_ns=0, instrument=instrument, venue=venue, kind=kind, base=base, quote=quote, underlying=base, **more
    )


def new_books() -> tuple[Bus, Ledger]:
    bus, market = Bus(), Market()
    ledger = Ledger(market)
    market.attach(bus)
    ledger.attach(bus)
    pool = listed(POOL, "pool", "WETH", "USDC", base_decimals=18, quote_decimals=6, mark_from="binance:ETHUSDT")
    bus.feed([listed(SPOT, "spot", "BTC", "USDT"), listed(PERP, "perp", "BTC", "USDC"), pool])
    return bus, ledger


def fill(side: str = "buy", qty: str = "1", price: str = "100", **more: object) -> FillEvent:
    fields: dict[str, object] = {
        "ts_ns": 1, "strategy": "s", "order_id": "o1", "simulated": True, "instrument": SPOT, **more,
    }  # fmt: skip
    return FillEvent(side=side, qty=D(qty), price=D(price), **fields)


def quote(instrument: str, price: float, ts_ns: int = 1) -> Quote:
    return Quote(ts_ns=ts_ns, instrument=instrument, venue_ts_ns=0, bid=price, ask=price, bid_qty=1.0, ask_qty=1.0)


def approved(order_id: str, instrument: str = SPOT) -> OrderApproved:
    intent = PlaceOrder(instrument=instrument, side="buy", qty=D(1), notional_usd=D(100))
    return OrderApproved(ts_ns=1, strategy="s", order_id=order_id, cause_seq=1, intent=intent)


def filled(order_id: str) -> Filled:
    return Filled(ts_ns=1, strategy="s", order_id=order_id, simulated=True)


# positions ------------------------------------------------------------------------------------------------------------


def test_average_cost_of_a_long_built_twice_and_sold_in_part() -> None:
    bus, ledger = new_books()
    bus.feed([fill(price="100"), fill(price="110", qty="3"), fill("sell", price="120", qty="1", fee_usd=D("0.12"))])
    position = ledger.positions["s", SPOT]
    assert (position.qty, position.avg_price, position.cost_quote) == (D(3), D("107.5"), D("322.5"))
    assert (position.realised_usd, position.fees_usd, position.fills) == (D("12.5"), D("0.12"), 3)
    assert position.venue == "binance" and position.simulated and position.is_long


def test_a_short_gains_when_the_price_falls() -> None:
    bus, ledger = new_books()
    bus.feed([fill("sell", qty="2", price="100"), fill("buy", qty="1", price="90"), quote(SPOT, 80.0)])
    assert ledger.positions["s", SPOT].avg_price == 100
    books = ledger.books("s")
    assert (books.realised_usd, books.unrealised_usd, books.exposure_usd) == (D(10), D(20), D(80))
    assert books.pnl_usd == 30


def test_a_fill_through_zero_closes_then_opens_the_rest_at_the_fill_price_with_its_share_of_the_fee() -> None:
    bus, ledger = new_books()
    trades: list[ClosedTrade] = []
    ledger.watch_closed(trades.append)
    bus.feed([fill(qty="2", price="100"), fill("sell", qty="5", price="110", fee_usd=D("0.5"), ts_ns=9)])
    position = ledger.positions["s", SPOT]
    assert (position.qty, position.avg_price, position.fees_usd, position.opened_ts_ns) == (D(-3), D(110), D("0.3"), 9)
    assert [(t.is_long, t.pnl_usd, t.fills, t.opened_ts_ns, t.closed_ts_ns) for t in trades] == [
        (True, D("19.8"), 2, 1, 9)
    ]
    books = ledger.books("s")
    assert (books.realised_usd, books.fees_usd, books.fills, books.closed, books.profitable) == (
        D(20), D("0.5"), 2, 1, 1,
    )  # fmt: skip


def test_a_flat_position_leaves_the_open_set_and_keeps_its_totals() -> None:
    bus, ledger = new_books()
    bus.feed([fill(price="100"), fill("sell", price="90", gas_usd=D("0.2"))])
    assert ledger.positions == {} and ledger.positions_of("s") == ()
    totals = ledger.totals["s", SPOT]
    assert (totals.realised_usd, totals.gas_usd, totals.closed, totals.profitable) == (D(-10), D("0.2"), 1, 0)
    assert ledger.books("s").pnl_usd == ledger.books(None).pnl_usd == D("-10.2")


def test_thirds_lose_no_money() -> None:
    bus, ledger = new_books()
    bus.feed([fill(qty="3", price="0.1"), fill(qty="4", price="0.3")])
    bus.feed([fill("sell", qty="1", price="0.2")] * 7)
    assert ledger.positions == {}
    assert ledger.books("s").realised_usd == D("1.4") - D("1.5")


def test_strategies_are_kept_apart_and_add_up() -> None:
    bus, ledger = new_books()
    bus.feed([fill(strategy="a"), fill("sell", strategy="b", qty="2"), quote(SPOT, 110.0)])
    assert (ledger.books("a").unrealised_usd, ledger.books("b").unrealised_usd) == (D(10), D(-20))
    assert (ledger.books(None).unrealised_usd, ledger.books(None).exposure_usd) == (D(-10), D(330))
    assert ledger.books("nobody").pnl_usd == 0


def test_slippage_is_reported_and_not_subtracted() -> None:
    bus, ledger = new_books()
    bus.feed([fill(price="100", slippage_usd=D("0.7")), fill("sell", price="101")])
    books = ledger.books("s")
    assert (books.slippage_usd, books.pnl_usd) == (D("0.7"), D(1))


# what is unknown ------------------------------------------------------------------------------------------------------


def test_a_position_without_a_mark_is_counted_and_left_out() -> None:
    bus, ledger = new_books()
    bus.feed([fill()])
    books = ledger.books("s")
    assert (books.unpriced, books.unrealised_usd, books.exposure_usd) == (1, D(0), D(0))
    bus.feed([quote(SPOT, 90.0)])
    assert (ledger.books("s").unpriced, ledger.books("s").unrealised_usd) == (0, D(-10))


def test_profit_in_a_currency_without_a_usd_value_is_kept_in_that_currency() -> None:
    bus, ledger = new_books()
    trades: list[ClosedTrade] = []
    ledger.watch_closed(trades.append)
    bus.feed([listed(ALT, "spot", "ETH", "BTC"), fill(instrument=ALT, price="0.05")])
    bus.feed([fill("sell", instrument=ALT, price="0.06")])
    assert ledger.unconverted == {"BTC": D("0.01")}
    books = ledger.books("s")
    assert (books.realised_usd, books.unconverted_fills, books.profitable) == (D(0), 2, 0)
    assert trades[0].pnl_usd is None


def test_profit_in_another_currency_is_valued_at_the_fill() -> None:
    bus, ledger = new_books()
    bus.feed([listed(ALT, "spot", "ETH", "BTC"), quote(SPOT, 50_000.0), fill(instrument=ALT, price="0.05")])
    bus.feed([quote(SPOT, 60_000.0), fill("sell", instrument=ALT, price="0.06"), quote(SPOT, 1.0)])
    assert ledger.books("s").realised_usd == 600
    assert ledger.unconverted == {}


def test_a_pool_pushed_to_an_absurd_price_has_no_mark() -> None:
    bus, ledger = new_books()
    wild = "uniswap_v3.base:USDC/WILD-500"
    state = PoolState(ts_ns=1, instrument=wild, block=1, log_index=0, sqrt_price_x96=1, tick=0, liquidity=1)
    bus.feed([listed(wild, "pool", "WILD", "USDC", base_decimals=18, quote_decimals=6), fill(instrument=wild), state])
    assert ledger.books("s").unpriced == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [("qty", "NaN"), ("qty", "0"), ("qty", "-1"), ("price", "Infinity"), ("price", "1e60"), ("fee_usd", "sNaN")],
)
def test_a_fill_that_is_no_money_is_refused_by_name_and_books_nothing(field: str, value: str) -> None:
    bus, ledger = new_books()
    bad = fill(**{field: D(value)}) if field == "fee_usd" else fill(**{field: value})
    before = ledger.state()
    with pytest.raises(BadInput, match=rf"Fill of o1: .*{field}"):
        bus.feed([bad])
    assert ledger.state() == before


# once -----------------------------------------------------------------------------------------------------------------


def test_the_same_fill_id_of_an_order_is_booked_once_before_and_after_the_terminal_report() -> None:
    bus, ledger = new_books()
    bus.feed([approved("o1"), fill(fill_id="t1"), fill(fill_id="t1"), fill(fill_id="t2"), filled("o1")])
    bus.feed([fill(fill_id="t2"), fill(fill_id="t1", order_id="o2")])
    assert ledger.positions["s", SPOT].qty == 3
    assert ledger.books("s").fills == 3


def test_fills_without_an_id_are_all_booked() -> None:
    bus, ledger = new_books()
    bus.feed([fill(), fill()])
    assert ledger.positions["s", SPOT].qty == 2


def test_ids_of_ended_orders_are_bounded_and_those_of_open_orders_are_kept() -> None:
    ids = FillIds(settled_max=10)
    assert ids.is_new("open", "x", is_open=True)
    for number in range(100):
        assert ids.is_new(f"o{number}", "x", is_open=True)
        ids.end(f"o{number}")
    assert len(ids) == 11
    assert not ids.is_new("open", "x", is_open=True)
    assert not ids.is_new("o99", "x", is_open=False)
    assert ids.is_new("o0", "x", is_open=False), "the oldest is forgotten: that is the bound"


def test_a_thousand_round_trips_leave_nothing_open_behind() -> None:
    bus, ledger = new_books()
    for number in range(1000):
        side = "buy" if number % 2 == 0 else "sell"
        bus.feed([approved(f"o{number}"), fill(side, order_id=f"o{number}", fill_id="t"), filled(f"o{number}")])
    assert ledger.positions == {}
    assert ledger.state()["open_orders"] == []
    assert len(ledger.totals) == 1


# gas, funding, balances -----------------------------------------------------------------------------------------------


def swap_approved(order_id: str) -> OrderApproved:
    intent = Swap(
        route=(Hop(pool=POOL, is_zero_for_one=True),), amount_in=1, amount_out_min=1, base_side="buy", gas_limit=1,
        gas_price_wei_max=1, gas_usd_max=D(1), notional_usd=D(1),
    )  # fmt: skip
    return OrderApproved(ts_ns=1, strategy="s", order_id=order_id, cause_seq=1, intent=intent)


def test_a_reverted_transaction_costs_its_gas_once_at_its_instrument() -> None:
    bus, ledger = new_books()
    reverted = Reverted(
        ts_ns=2, strategy="s", order_id="o1", simulated=True, tx="0x1", block=1, gas_usd=D("0.31"), reason="min out"
    )
    bus.feed([swap_approved("o1"), reverted, reverted])
    assert ledger.totals["s", POOL].gas_usd == D("0.31")
    assert ledger.books("s").pnl_usd == D("-0.31")
    assert ledger.state()["open_orders"] == []


def funding(amount_usd: str, instrument: str = PERP, ts_ns: int = 2) -> FundingPaid:
    return FundingPaid(
        ts_ns=ts_ns, strategy="s", instrument=instrument, settle_ts_ns=1, amount_usd=amount_usd, position_qty="-1",
        simulated=True,
    )  # fmt: skip


def test_funding_is_booked_to_position_totals_and_margin() -> None:
    bus, ledger = new_books()
    bus.feed([BalanceUpdated(ts_ns=0, venue="drift", asset="USDC", total=D(1000), simulated=True)])
    bus.feed([fill("sell", instrument=PERP), funding("0.25"), funding("-0.05")])
    assert ledger.positions["s", PERP].funding_usd == ledger.books("s").funding_usd == D("0.20")
    assert ledger.balances["drift", "USDC"] == D("1000.20")
    with pytest.raises(BadInput, match="amount_usd expected decimal text"):
        bus.feed([funding("lots")])


def test_a_balance_that_nobody_told_stays_unknown() -> None:
    bus, ledger = new_books()
    bus.feed([fill()])
    assert ledger.balances == {}


def test_spot_moves_both_balances_and_a_perp_only_its_margin() -> None:
    bus, ledger = new_books()
    for venue, asset, total in (("binance", "BTC", 1), ("binance", "USDT", 500), ("drift", "USDC", 100)):
        bus.feed([BalanceUpdated(ts_ns=0, venue=venue, asset=asset, total=D(total), simulated=True)])
    bus.feed([fill(qty="2", price="100", fee_usd=D("0.2"))])
    assert (ledger.balances["binance", "BTC"], ledger.balances["binance", "USDT"]) == (D(3), D("299.8"))
    bus.feed([fill(qty="2", instrument=PERP, fee_usd=D("0.2")), fill("sell", qty="1", price="130", instrument=PERP)])
    assert ledger.balances["drift", "USDC"] == D("129.8")
    bus.feed([BalanceUpdated(ts_ns=5, venue="drift", asset="USDC", total=D(7), simulated=True)])
    assert ledger.balances["drift", "USDC"] == 7


def test_a_fee_that_cannot_be_valued_makes_the_balance_unknown_rather_than_wrong() -> None:
    bus, ledger = new_books()
    bus.feed([listed(ALT, "spot", "ETH", "BTC")])
    bus.feed([BalanceUpdated(ts_ns=0, venue="binance", asset="BTC", total=D(1), simulated=True)])
    bus.feed([fill(instrument=ALT, price="0.05", fee_usd=D(1))])
    assert ("binance", "BTC") not in ledger.balances


def test_a_pool_fill_books_its_exact_raw_amounts() -> None:
    bus, ledger = new_books()
    for asset, total in (("USDC", 5000), ("WETH", 0)):
        bus.feed([BalanceUpdated(ts_ns=0, venue="uniswap_v3.polygon", asset=asset, total=D(total), simulated=True)])
    price = D(2_000_123_457) / D(10**6) / D("0.999999999999999999")
    swap = fill(
        qty="0.999999999999999999", instrument=POOL, price=str(price),
        amount_in_raw=2_000_123_457, amount_out_raw=999_999_999_999_999_999,
    )  # fmt: skip
    bus.feed([swap])
    assert ledger.positions["s", POOL].cost_quote == D("2000.123457")
    assert ledger.balances["uniswap_v3.polygon", "USDC"] == D("2999.876543")
    assert ledger.balances["uniswap_v3.polygon", "WETH"] == D("0.999999999999999999")


def test_raw_amounts_of_another_pair_are_not_taken_for_the_quote() -> None:
    bus, ledger = new_books()
    bus.feed([fill(qty="1", price="2000", instrument=POOL, amount_in_raw=5, amount_out_raw=10**18)])
    assert ledger.positions["s", POOL].cost_quote == 2000


# days and drawdown ----------------------------------------------------------------------------------------------------


def test_day_pnl_starts_at_the_first_sample_of_the_utc_day() -> None:
    bus, ledger = new_books()
    bus.feed([fill(price="100"), quote(SPOT, 110.0, ts_ns=2)])
    assert ledger.day_pnl("s", 3) == ledger.day_pnl(None, 3) == 10
    assert ledger.day_pnl("s", NS_PER_DAY) == 0, "nothing of the new day was seen"
    ledger.sample(NS_PER_DAY + 1)
    bus.feed([quote(SPOT, 104.0, ts_ns=NS_PER_DAY + 2)])
    assert ledger.day_pnl("s", NS_PER_DAY + 2) == -6
    bus.feed([fill("sell", price="90", strategy="late", ts_ns=NS_PER_DAY + 3)])
    bus.feed([fill("buy", price="80", strategy="late", ts_ns=2 * NS_PER_DAY + 3)])
    assert ledger.day_pnl("late", 2 * NS_PER_DAY + 4) == 24, "marked 104 against 90 at the day's start, closed at 80"


def test_drawdown_counts_a_loss_from_the_first_sample() -> None:
    drawdown = Drawdown()
    for value in (-5, 10, 4, 12, 11):
        drawdown.sample(D(value))
    assert (drawdown.peak_usd, drawdown.drawdown_usd, drawdown.max_drawdown_usd) == (D(12), D(1), D(6))


# money ----------------------------------------------------------------------------------------------------------------


def test_settled_amounts_have_no_exponent_and_no_trailing_zeros() -> None:
    assert [str(settle(D(text))) for text in ("150.00", "1E+3", "0.10", "-0", "1e-30")] == [
        "150", "1000", "0.1", "-0", "0",
    ]  # fmt: skip
    assert plain_text(D("-0.000")) == "0" and plain_text(D("1.50E+2")) == "150"
    assert share(D(1), D(1), D(3)) == D("0.333333333333333333333333")


# against the slow model -----------------------------------------------------------------------------------------------

amounts = st.integers(1, 10**9).flatmap(lambda raw: st.integers(0, 9).map(lambda scale: D(raw).scaleb(-scale)))
prices = st.integers(1, 10**12).map(lambda raw: D(raw).scaleb(-6))
costs = st.integers(-100, 10**6).map(lambda raw: D(raw).scaleb(-5))
fills = st.builds(
    FillEvent,
    ts_ns=st.integers(1, 10**9),
    strategy=st.sampled_from(["a", "b"]),
    order_id=st.sampled_from(["o1", "o2"]),
    simulated=st.just(True),
    instrument=st.sampled_from([SPOT, PERP]),
    side=st.sampled_from(["buy", "sell"]),
    qty=amounts,
    price=prices,
    fee_usd=costs,
    gas_usd=costs.map(abs),
    fill_id=st.sampled_from(["", "", "x", "y"]),
)
payments = st.builds(
    FundingPaid,
    ts_ns=st.integers(1, 10**9),
    strategy=st.sampled_from(["a", "b"]),
    instrument=st.just(PERP),
    settle_ts_ns=st.just(0),
    amount_usd=costs.map(str),
    position_qty=st.just("0"),
    simulated=st.just(True),
)


def run_both(events: list[FillEvent | FundingPaid]) -> tuple[Ledger, DoubleEntry]:
    bus, ledger = new_books()
    model = DoubleEntry()
    bus.feed(events)
    for event in events:
        if isinstance(event, FundingPaid):
            model.funding(event)
        else:
            model.fill(event)
    return ledger, model


@given(st.lists(fills | payments, max_size=25))
@settings(deadline=None, max_examples=60)
def test_the_ledger_agrees_with_double_entry(events: list[FillEvent | FundingPaid]) -> None:
    ledger, model = run_both(events)
    assert model.balance() == 0
    assert {name[1:] for lines in model.journal for name, _ in lines} == set(ledger.totals)
    for key in ledger.totals:
        position, totals = ledger.positions.get(key), ledger.totals[key]
        assert Fraction(position.qty if position else 0) == model.qty[key]
        assert abs(Fraction(position.cost_quote if position else 0) - model.balance("inventory", *key)) < CLOSE
        assert abs(Fraction(totals.realised_usd) + model.balance("realised", *key)) < CLOSE
        assert Fraction(totals.fees_usd) == model.balance("fees", *key)
        assert Fraction(totals.gas_usd) == model.balance("gas", *key)
        assert Fraction(totals.funding_usd) == -model.balance("funding", *key)
        # Rounding moves money between cost and realised only: with cash they balance exactly.
        cost = Fraction(position.cost_quote if position else 0)
        net = Fraction(totals.realised_usd) - Fraction(totals.fees_usd) - Fraction(totals.gas_usd)
        net += Fraction(totals.funding_usd)
        assert model.balance("cash", *key) + cost == net


@given(st.lists(fills, max_size=25), prices)
@settings(deadline=None, max_examples=60)
def test_the_whole_is_valued_as_the_sum_of_its_positions(events: list[FillEvent], price: Decimal) -> None:
    bus, ledger = new_books()
    bus.feed(events)
    held = ledger.positions.values()
    assert ledger.books(None).unpriced == len(held)
    bus.feed([quote(SPOT, float(price)), quote(PERP, float(price))])
    mark = Fraction(D(repr(float(price))))
    books = ledger.books(None)
    assert books.unpriced == 0
    assert Fraction(books.exposure_usd) == sum(abs(Fraction(each.qty)) * mark for each in held)
    assert Fraction(books.unrealised_usd) == sum(Fraction(each.qty) * mark - Fraction(each.cost_quote) for each in held)
    assert ledger.pnl_usd(None) == books.pnl_usd


@given(st.lists(fills, max_size=25))
@settings(deadline=None, max_examples=60)
def test_closing_everything_leaves_exactly_the_cash_difference(events: list[FillEvent]) -> None:
    ledger, _ = run_both(events)
    closing = [
        fill(
            "sell" if position.qty > 0 else "buy", str(abs(position.qty)), "7.000003",
            strategy=position.strategy, instrument=position.instrument, order_id="close",
        )
        for position in ledger.positions.values()
    ]  # fmt: skip
    ledger, model = run_both([*events, *closing])
    assert ledger.positions == {}
    assert Fraction(ledger.books(None).pnl_usd) == model.balance("cash")
    parts = [ledger.books(strategy).pnl_usd for strategy in ("a", "b")]
    assert sum(map(Fraction, parts)) == model.balance("cash")


@given(st.lists(fills, max_size=20), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_the_order_among_independent_instruments_changes_nothing(events: list[FillEvent], random: object) -> None:
    alone = [msg for msg in events if not msg.fill_id]
    lanes: dict[tuple[str, str], list[FillEvent]] = {}
    for event in alone:
        lanes.setdefault((event.strategy, event.instrument), []).append(event)
    shuffled: list[FillEvent] = []
    waiting = [list(lane) for lane in lanes.values()]
    while waiting:
        lane = random.choice(waiting)  # type: ignore[attr-defined]
        shuffled.append(lane.pop(0))
        waiting = [each for each in waiting if each]
    assert run_both(alone)[0].state() == run_both(shuffled)[0].state()


@given(st.lists(fills | payments, max_size=20))
@settings(deadline=None, max_examples=60)
def test_the_same_history_gives_the_same_state(events: list[FillEvent | FundingPaid]) -> None:
    assert run_both(events)[0].state() == run_both(events)[0].state()


def test_the_cost_of_books_is_that_of_the_open_positions_not_of_the_history() -> None:
    """Counted in calls, not in seconds: the same work after 4,000 orders as after 4."""

    def calls_of_an_order(bus: Bus, number: int) -> int:
        calls = 0

        def count(frame: object, event: str, arg: object) -> None:
            nonlocal calls
            calls += event in {"call", "c_call"}

        order = [approved(f"n{number}"), fill(order_id=f"n{number}", fill_id="t"), filled(f"n{number}")]
        gc.disable()  # a collection calls hooks of other libraries
        sys.setprofile(count)
        try:
            bus.feed(order)
            ledger.books("s")
        finally:
            sys.setprofile(None)
            gc.enable()
        return calls

    bus, ledger = new_books()
    bus.feed([Bar(ts_ns=1, instrument=SPOT, open_ts_ns=0, close_ts_ns=1, open=1.0, high=1.0, low=1.0, close=1.0,
                  volume=0.0)])  # fmt: skip
    for number in range(4):
        calls_of_an_order(bus, number)
    early = calls_of_an_order(bus, 5)
    for number in range(6, 4000):
        bus.feed([approved(f"n{number}"), fill(order_id=f"n{number}", fill_id="t"), filled(f"n{number}")])
    assert calls_of_an_order(bus, 4000) == early

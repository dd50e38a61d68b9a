"""The paper venue's order books: latency, sizes, limits, queues, cancels, bars, fees, unknown outcomes."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest

from bus.events import TERMINAL_REPORTS, Fill, Quote, Submitted
from bus.intents import Intent
from tests.builders import MINUTE, PERP, SECOND, SPOT, T0, bar, place, quote, trade
from tests.kernel.execution.desk import LATENCY_NS, Desk
from tests.kernel.puppet import Stage, once, puppet

ARRIVED = T0 + LATENCY_NS


def _limit(price: str, **changes: Any) -> dict[str, Any]:
    return {"limit_price": Decimal(price), "tif": "gtc", **changes}


# latency


def test_an_order_waits_its_latency_and_a_price_newer_than_its_cause() -> None:
    desk = Desk()
    desk.order(place())
    desk.tick(ARRIVED - 1)
    assert desk.reports() == ["Submitted"]
    desk.tick(ARRIVED)
    assert desk.reports() == ["Submitted", "Accepted"]
    desk.feed(quote(ARRIVED + 1, 2001.0, 2001.1))
    assert desk.reports() == ["Submitted", "Accepted", "Fill", "Filled"]
    assert desk.fills() == [("1", "2001.1")]
    assert desk.events(Fill)[0].ts_ns == ARRIVED + 1


def test_a_price_that_came_while_the_order_travelled_fills_it_on_arrival_and_not_before() -> None:
    desk = Desk()
    desk.order(place())
    desk.feed(quote(T0 + 10, 2001.0, 2001.1), quote(T0 + 20, 2002.0, 2002.1))
    assert desk.fills() == []
    desk.tick(ARRIVED + 5)
    assert desk.fills() == [("1", "2002.1")]
    assert desk.events(Fill)[0].ts_ns == ARRIVED


def test_jitter_is_seeded_by_order_and_within_its_bound() -> None:
    def arrival(seed: int, order_id: str) -> int:
        desk = Desk(seed=seed, latency_ms=10, latency_jitter_ms=40)
        desk.order(place(), order_id=order_id)
        for n in range(1, 52):
            desk.feed(quote(T0 + n * 1_000_000))
        return int(desk.events(Fill)[0].ts_ns - T0)

    arrivals = {(seed, name): arrival(seed, name) for seed in (1, 2) for name in ("t-a-1-0", "t-a-2-0", "t-b-1-0")}
    assert all(10_000_000 <= each < 51_000_000 for each in arrivals.values())
    assert len(set(arrivals.values())) > 3
    assert arrival(1, "t-a-1-0") == arrivals[1, "t-a-1-0"]


def test_nothing_fills_on_the_event_that_triggered_it_even_with_the_least_latency() -> None:
    stage = Stage(puppet("a", once(lambda: (place(qty="0.1"),), T0 + 1)), paper={"latency_ms": 1})
    stage.feed(quote(T0 + 1, 1900.0, 1900.1))
    stage.feed(quote(T0 + SECOND, 2000.0, 2000.1))
    (fill,) = stage.events(Fill)
    assert (fill.price, fill.ts_ns) == (Decimal("2000.1"), T0 + SECOND)


def test_a_second_event_at_the_very_time_of_the_cause_is_not_newer() -> None:
    desk = Desk()
    desk.feed(quote(T0 + 5))
    desk.order(place(), T0 + 5)
    desk.feed(quote(T0 + 5, 1900.0, 1900.1))
    desk.tick(T0 + SECOND)
    assert desk.fills() == []


# taking


def test_a_taker_gets_the_displayed_size_and_an_ioc_remainder_expires() -> None:
    desk = Desk()
    desk.order(place(qty="7"))
    desk.feed(quote(ARRIVED, qty=5.0))
    assert desk.fills() == [("5", "2000.1")]
    assert desk.reports()[-1] == "Expired" and desk.reason() == "remainder unfilled"


def test_what_was_taken_stays_taken_until_the_level_changes() -> None:
    desk = Desk()
    for number in range(3):
        desk.order(place(qty="3"), order_id=f"t-s-{number}-0")
    desk.feed(quote(ARRIVED, qty=5.0))
    assert [desk.fills(f"t-s-{number}-0") for number in range(3)] == [[("3", "2000.1")], [("2", "2000.1")], []]
    desk.order(place(qty="3"), ARRIVED, "t-s-9-0")
    desk.feed(quote(ARRIVED + SECOND, qty=5.0))
    assert desk.fills("t-s-9-0") == []
    for change in ({"qty": 4.0}, {"ask": 2000.2}):
        name = f"t-s-{change}-0"
        desk.order(place(qty="3"), desk.bus.now_ns, name)
        desk.feed(quote(desk.bus.now_ns + SECOND, **change))
        assert len(desk.fills(name)) == 1, change


def test_each_side_has_its_own_depth() -> None:
    desk = Desk()
    desk.order(place(qty="5"))
    desk.order(place("sell", qty="5"), order_id="t-s-2-0")
    desk.feed(quote(ARRIVED))
    assert (desk.fills(), desk.fills("t-s-2-0")) == ([("5", "2000.1")], [("5", "2000")])


def test_a_fill_keeps_to_the_lot_lattice() -> None:
    desk = Desk()
    desk.order(place(qty="7"))
    desk.feed(quote(ARRIVED, qty=1.23456))
    assert desk.fills() == [("1.234", "2000.1")]


def test_fok_is_all_or_nothing() -> None:
    for shown, fills in ((4.999, []), (5.0, [("5", "2000.1")])):
        desk = Desk()
        desk.order(place(qty="5", tif="fok"))
        desk.feed(quote(ARRIVED, qty=shown))
        assert desk.fills() == fills
        assert desk.reports()[-1] == ("Filled" if fills else "Expired")


def test_gtc_takes_what_is_there_and_rests_with_the_rest() -> None:
    desk = Desk()
    desk.order(place(qty="7", **_limit("2000.1")))
    desk.feed(quote(ARRIVED, qty=5.0))
    assert (desk.fills(), desk.reports()[-1]) == ([("5", "2000.1")], "Fill")
    desk.feed(trade(ARRIVED + 1, 2000.0, 2.0, is_buy=False))
    assert desk.fills() == [("5", "2000.1"), ("2", "2000.1")]
    assert desk.reports()[-1] == "Filled"


@pytest.mark.parametrize(("side", "limit", "is_taken"), [
    ("buy", "2000.1", True), ("buy", "2000.09", False), ("sell", "2000.0", True), ("sell", "2000.01", False),
])  # fmt: skip
def test_a_limit_is_never_exceeded(side: str, limit: str, is_taken: bool) -> None:
    desk = Desk()
    desk.order(place(side, limit_price=Decimal(limit)))
    desk.feed(quote(ARRIVED))
    assert bool(desk.fills()) == is_taken
    assert desk.reports()[-1] == ("Filled" if is_taken else "Expired")


@pytest.mark.parametrize(("limit", "last"), [("2000.1", "Rejected"), ("2000.05", "Accepted")])
def test_post_only_never_takes(limit: str, last: str) -> None:
    desk = Desk()
    desk.order(place(**_limit(limit, tif="post_only")))
    desk.feed(quote(ARRIVED))
    assert (desk.fills(), desk.reports()[-1]) == ([], last)


def test_an_immediate_order_without_a_newer_price_expires_after_the_wait() -> None:
    desk = Desk(fill_wait_ms=300)
    desk.order(place())
    desk.tick(ARRIVED + 299_999_999)
    assert desk.reports()[-1] == "Accepted"
    desk.tick(ARRIVED + 300_000_000)
    assert (desk.reports()[-1], desk.reason()) == ("Expired", "no newer price came in time")
    desk.feed(quote(ARRIVED + SECOND))
    assert desk.fills() == []


# resting


def test_a_resting_order_fills_from_trades_behind_the_queue_that_was_shown() -> None:
    desk = Desk()
    desk.order(place(qty="2", **_limit("2000")))
    desk.feed(quote(ARRIVED, 2000.0, 2000.1, qty=5.0))
    desk.feed(trade(ARRIVED + 1, 2000.0, 4.0, is_buy=False))
    assert desk.fills() == []
    desk.feed(trade(ARRIVED + 2, 2000.0, 2.0, is_buy=False))
    assert desk.fills() == [("1", "2000")]
    desk.feed(trade(ARRIVED + 3, 2000.0, 9.0, is_buy=False))
    assert desk.fills() == [("1", "2000"), ("1", "2000")]
    assert desk.reports()[-1] == "Filled"


def test_inside_the_spread_there_is_no_queue() -> None:
    desk = Desk()
    desk.order(place(qty="2", **_limit("2000.05")))
    desk.feed(quote(ARRIVED), trade(ARRIVED + 1, 2000.05, 0.5, is_buy=False))
    assert desk.fills() == [("0.5", "2000.05")]


def test_trades_of_the_own_side_fill_nothing() -> None:
    desk = Desk()
    desk.order(place(**_limit("2000")))
    desk.feed(quote(ARRIVED), *(trade(ARRIVED + n, 2000.0, 9.0, is_buy=True) for n in range(1, 4)))
    assert desk.fills() == []


@pytest.mark.parametrize(("side", "through", "limit"), [("buy", 1999.9, "2000"), ("sell", 2000.2, "2000.1")])
def test_a_trade_through_the_limit_fills_the_rest_at_the_limit(side: str, through: float, limit: str) -> None:
    desk = Desk()
    desk.order(place(side, qty="2", **_limit(limit)))
    desk.feed(quote(ARRIVED), trade(ARRIVED + 1, through, 0.001, is_buy=side == "sell"))
    assert desk.fills() == [("2", limit)]


def test_a_quote_that_crosses_a_resting_order_fills_it_at_its_limit_as_maker() -> None:
    desk = Desk(maker_bps={"binance": 1.0}, taker_bps={"binance": 7.0})
    desk.order(place(qty="2", **_limit("2000")))
    desk.feed(quote(ARRIVED), quote(ARRIVED + 1, 1998.9, 1999.0))
    assert desk.fills() == [("2", "2000")]
    assert desk.events(Fill)[0].fee_usd == Decimal(4000) / 10_000


def test_an_order_that_arrived_with_no_quote_since_does_not_rest_yet() -> None:
    desk = Desk()
    desk.order(place(**_limit("2000")))
    desk.tick(ARRIVED)
    desk.feed(trade(ARRIVED + 1, 1990.0, 9.0, is_buy=False))
    assert desk.fills() == []


# cancels


def test_a_cancel_takes_its_latency_and_can_lose_the_race() -> None:
    for trade_at, last in ((40, "Filled"), (60, "Cancelled")):
        desk = Desk(cancel_latency_ms=50)
        desk.order(place(**_limit("2000")))
        desk.feed(quote(ARRIVED))
        desk.cancel("t-s-1-0", ARRIVED + SECOND)
        desk.feed(trade(ARRIVED + SECOND + trade_at * 1_000_000, 1990.0, 9.0, is_buy=False))
        desk.tick(ARRIVED + 9 * SECOND)
        assert desk.reports()[-1] == last
        assert len(desk.events(*TERMINAL_REPORTS)) == 1


def test_a_cancelled_part_keeps_what_was_filled() -> None:
    desk = Desk()
    desk.order(place(qty="7", **_limit("2000.1")))
    desk.feed(quote(ARRIVED, qty=5.0))
    desk.cancel("t-s-1-0", ARRIVED + 1)
    desk.tick(ARRIVED + SECOND)
    assert desk.reports() == ["Submitted", "Accepted", "Fill", "Cancelled"]
    assert desk.ledger.positions["s", SPOT].qty == 5


def test_an_order_cancelled_before_it_arrived_ends_once_and_never_works() -> None:
    desk = Desk(latency_ms=100, cancel_latency_ms=20)
    desk.order(place())
    desk.cancel("t-s-1-0", T0 + 1)
    desk.feed(*(quote(T0 + n * LATENCY_NS) for n in range(1, 9)))
    assert desk.reports() == ["Submitted", "Cancelled"]


def test_an_order_cancelled_while_unknown_ends_once_and_never_works() -> None:
    desk = Desk(unknown_pct=100.0, unknown_ms=1000)
    desk.order(place())
    desk.tick(ARRIVED)
    desk.cancel("t-s-1-0", ARRIVED + 1)
    desk.feed(*(quote(ARRIVED + n * SECOND // 2) for n in range(1, 9)))
    assert desk.reports() == ["Submitted", "Unknown", "Cancelled"]


# bars


def _barred(order_late_ns: int, **changes: Any) -> Desk:
    desk = Desk(is_priced=False, bar_half_spread_bps=1.0)
    open_ns = T0 + MINUTE
    desk.feed(bar(open_ns, 2000.0))
    desk.order(place(**changes), open_ns + order_late_ns)
    desk.feed(bar(open_ns + MINUTE, 2100.0, open=2010.0))
    return desk


def test_a_decision_at_the_bars_open_gets_its_open_and_half_a_spread() -> None:
    assert _barred(MINUTE // 100).fills() == [("1", "2010.201")]
    assert _barred(0, side="sell").fills() == [("1", "2009.799")]


def test_a_later_decision_gets_the_close() -> None:
    assert _barred(MINUTE // 100 + 1).fills() == [("1", "2100.21")]


def test_a_bar_gives_its_volume_share_and_no_more() -> None:
    desk = _barred(0, qty="150")
    assert desk.fills()[0][0] == "100"
    assert (desk.reports()[-1], desk.reason()) == ("Expired", "remainder unfilled: bar volume share")
    assert _barred(0, qty="150", tif="fok").reports()[-1] == "Expired"


def test_a_resting_order_takes_its_share_bar_by_bar() -> None:
    desk = _barred(0, qty="150", **_limit("2200"))
    assert desk.reports()[-1] == "Fill"
    desk.feed(bar(T0 + 3 * MINUTE, 2100.0))
    assert [qty for qty, _ in desk.fills()] == ["100", "50"]
    assert desk.reports()[-1] == "Filled"


def test_a_bar_beyond_the_limit_fills_nothing() -> None:
    assert _barred(0, limit_price=Decimal(2010)).reason() == "limit not reached at the next bar"
    assert _barred(0, **_limit("2010")).reports()[-1] == "Accepted"


def test_on_bars_an_order_waits_for_the_next_one_however_coarse() -> None:
    desk = Desk(is_priced=False)
    hour = 60 * MINUTE
    desk.feed(bar(T0 + hour, minutes=60), bar(T0 + 2 * hour, minutes=60))
    desk.order(place(), T0 + 2 * hour)
    desk.tick(T0 + 3 * hour - 1)
    assert desk.reports()[-1] == "Accepted"
    desk.feed(bar(T0 + 3 * hour, minutes=60))
    assert desk.reports()[-1] == "Filled"


def test_a_bar_that_closed_before_the_decision_fills_nothing_however_late_it_came() -> None:
    desk = Desk(is_priced=False)
    desk.feed(bar(T0 + MINUTE))
    desk.order(place(), T0 + 2 * MINUTE + SECOND)
    desk.feed(bar(T0 + 2 * MINUTE, 1900.0, ts_ns=T0 + 2 * MINUTE + 2 * SECOND))
    assert desk.fills() == []
    desk.feed(bar(T0 + 3 * MINUTE, 2000.0))
    assert len(desk.fills()) == 1


# fees, refusals, unknown outcomes


def test_fees_are_those_of_venue_and_side() -> None:
    desk = Desk(taker_bps={"binance": 10.0, "binance_usdm": 5.0}, maker_bps={"binance_usdm": -1.0})
    desk.order(place())
    desk.order(place(instrument=PERP), order_id="t-s-2-0")
    desk.order(place(instrument=PERP, **_limit("1999")), order_id="t-s-3-0")
    desk.feed(quote(ARRIVED, 2000.0, 2000.0), quote(ARRIVED, 2000.0, 2000.0, instrument=PERP))
    desk.feed(trade(ARRIVED + 1, 1990.0, 1.0, is_buy=False, instrument=PERP))
    assert {each.order_id: each.fee_usd for each in desk.events(Fill)} == {
        "t-s-1-0": Decimal(2),
        "t-s-2-0": Decimal(1),
        "t-s-3-0": Decimal("-0.1999"),
    }


def test_a_venue_whose_fee_nobody_set_is_refused() -> None:
    desk = Desk(taker_bps={"binance": 10.0})
    desk.order(place(instrument=PERP))
    desk.feed(quote(ARRIVED, instrument=PERP))
    assert desk.reports() == ["Submitted", "Rejected"]
    assert desk.reason() == "unknown_fee: no taker fee is set for venue binance_usdm"


def test_slippage_is_told_against_the_price_at_approval() -> None:
    for side, expected in (("buy", "1.05"), ("sell", "-0.95")):
        desk = Desk()
        desk.order(place(side))
        desk.feed(quote(ARRIVED, 2001.0, 2001.1))
        assert desk.events(Fill)[0].slippage_usd == Decimal(expected)


def test_a_share_of_orders_is_rejected_by_the_draw() -> None:
    desk = Desk(reject_pct=30.0)
    for number in range(200):
        desk.order(place(qty="0.001"), order_id=f"t-s-{number}-0")
    desk.feed(quote(ARRIVED))
    last = [desk.reports(f"t-s-{number}-0")[-1] for number in range(200)]
    assert set(last) == {"Rejected", "Filled"}
    assert 35 <= last.count("Rejected") <= 85


def test_an_unknown_outcome_keeps_the_order_open_and_is_resolved_later() -> None:
    desk = Desk(unknown_pct=100.0, unknown_ms=5000)
    desk.order(place())
    desk.feed(quote(ARRIVED))
    assert desk.reports() == ["Submitted", "Unknown"]
    assert list(desk.router.open) == ["t-s-1-0"]
    desk.feed(quote(ARRIVED + SECOND), quote(ARRIVED + 5 * SECOND + 1))
    assert desk.reports() == ["Submitted", "Unknown", "Fill", "Filled"]
    assert desk.events(Fill)[0].ts_ns == ARRIVED + 5 * SECOND
    assert not desk.router.open


def test_every_report_is_marked_simulated() -> None:
    desk = Desk()
    desk.order(place())
    desk.feed(quote(ARRIVED))
    assert len(desk.events(Submitted, Fill, *TERMINAL_REPORTS)) == 3
    assert all(each.simulated for each in desk.events(Submitted, Fill, *TERMINAL_REPORTS))


def test_prices_are_watched_only_while_an_order_waits() -> None:
    desk = Desk()
    watchers = len(desk.bus._routes[Quote])
    desk.order(place())
    desk.tick(ARRIVED)
    assert len(desk.bus._routes[Quote]) == watchers + 1
    desk.feed(quote(ARRIVED + 1))
    assert len(desk.bus._routes[Quote]) == watchers


# after a restart


def test_reconciling_works_on_what_is_left_and_ends_what_is_done() -> None:
    for filled, fills, last in (
        ("0", [("7", "2000.1")], "Filled"),
        ("4", [("3", "2000.1")], "Filled"),
        ("7", [], "Filled"),
    ):
        desk = Desk()
        desk.router.is_recovering = True
        desk.order(place(qty="7"))
        desk.router.is_recovering = False
        desk.router._executors["*"].reconcile(desk.router.open["t-s-1-0"], Decimal(filled))
        desk.feed(quote(ARRIVED, qty=50.0))
        assert desk.fills() == fills
        assert desk.reports()[-1] == last
        assert len(desk.events(*TERMINAL_REPORTS)) == 1


def test_a_strategys_own_orders_share_the_depth_that_is_shown() -> None:
    def two(_: Any = None) -> Iterable[Intent]:
        return (place(qty="3"), place(qty="3"))

    stage = Stage(puppet("a", once(two, T0 + 1)))
    stage.feed(quote(T0 + 1), quote(T0 + SECOND, qty=5.0))
    assert sum(each.qty for each in stage.events(Fill)) == 5

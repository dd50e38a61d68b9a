"""Simulated funding: once per stamp, on what was held at the stamp."""

from decimal import Decimal
from typing import Any

from bus.events import Alert, FundingPaid
from tests.builders import PERP, SECOND, SPOT, T0, fill, funding, listed, quote
from tests.kernel.execution.desk import Desk

HOUR = 3600 * SECOND
STAMP = T0 + HOUR


def _desk(**paper: Any) -> Desk:
    desk = Desk(is_priced=False, **paper)
    desk.feed(quote(T0, 2000.0, 2000.0, instrument=PERP))
    return desk


def _hold(desk: Desk, qty: str, at_ns: int = T0 + SECOND, strategy: str = "s", side: str = "sell") -> None:
    desk.feed(fill(f"o-{strategy}-{at_ns}", side, qty, ts_ns=at_ns, instrument=PERP, strategy=strategy))


def _paid(desk: Desk) -> list[tuple[str, str, Decimal, str]]:
    return [
        (each.strategy, each.instrument, Decimal(each.amount_usd), each.position_qty)
        for each in desk.events(FundingPaid)
    ]


def test_a_short_receives_what_longs_pay() -> None:
    desk = _desk()
    _hold(desk, "3")
    desk.feed(funding(STAMP, -0.0001))
    assert _paid(desk) == [("s", PERP, Decimal("0.6"), "-3")]
    assert desk.ledger.books("s").funding_usd == Decimal("0.6")
    desk.feed(funding(STAMP + HOUR, 0.0002))
    assert _paid(desk)[1][2] == Decimal("-1.2")


def test_the_payment_covers_the_venues_whole_period() -> None:
    desk = _desk()
    _hold(desk, "1")
    desk.feed(funding(STAMP, -0.0001, interval_h=8.0))
    assert _paid(desk)[0][2] == Decimal("1.6")


def test_a_repeated_row_pays_nothing_more() -> None:
    desk = _desk()
    _hold(desk, "1")
    desk.feed(funding(STAMP, -0.0001), funding(STAMP, -0.0001), funding(STAMP, -0.0005))
    assert len(_paid(desk)) == 1


def test_each_strategy_is_paid_for_its_own_position() -> None:
    desk = _desk()
    _hold(desk, "1", strategy="a")
    _hold(desk, "2", strategy="b", side="buy")
    desk.feed(funding(STAMP, -0.0001))
    assert _paid(desk) == [("a", PERP, Decimal("0.2"), "-1"), ("b", PERP, Decimal("-0.4"), "2")]


def test_a_position_opened_behind_the_stamp_gets_nothing() -> None:
    desk = _desk()
    _hold(desk, "1", STAMP + 1)
    desk.feed(funding(STAMP, -0.0001, ts_ns=STAMP + 60 * SECOND))
    assert _paid(desk) == []


def test_what_was_traded_between_the_stamp_and_its_row_does_not_count() -> None:
    for side, qty in (("sell", "5"), ("buy", "1"), ("buy", "3")):
        desk = _desk()
        _hold(desk, "1")
        _hold(desk, qty, STAMP + SECOND, side=side)
        desk.feed(funding(STAMP, -0.0001, ts_ns=STAMP + 60 * SECOND))
        assert _paid(desk) == [("s", PERP, Decimal("0.2"), "-1")]


def test_flat_positions_estimates_and_other_instruments_get_nothing() -> None:
    desk = _desk()
    _hold(desk, "1")
    desk.feed(funding(STAMP, -0.0001, is_estimate=True), funding(STAMP, -0.0001, instrument=SPOT))
    _hold(desk, "1", T0 + 2 * SECOND, side="buy")
    desk.feed(funding(STAMP, -0.0001))
    assert _paid(desk) == []


def test_the_venues_mark_counts_before_our_price() -> None:
    desk = _desk()
    _hold(desk, "1")
    desk.feed(funding(STAMP, -0.0001, mark_price=1000.0))
    assert _paid(desk)[0][2] == Decimal("0.1")


def test_without_any_price_nothing_is_booked_and_the_operator_is_told() -> None:
    desk = Desk(is_priced=False)
    desk.feed(listed(PERP))
    _hold(desk, "1")
    desk.feed(funding(STAMP, -0.0001))
    assert _paid(desk) == []
    assert [each.code for each in desk.events(Alert)] == ["funding_unpriced"]

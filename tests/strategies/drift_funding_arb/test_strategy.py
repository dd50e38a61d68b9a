"""Given events, expect intents: entry, exits, delta, orphan protocol, and belief in reports alone."""

from decimal import Decimal

import msgspec
import pytest

from bus.clock import NS_PER_S
from bus.events import FeedGap, Fill, FundingPaid, OrderApproved, OrphanLeg, VenueHealth
from bus.intents import Hedge, PlaceOrder
from tests.strategies.drift_funding_arb.desk import NAME, PERP, SPOT, Desk, bar, funding, hour_ns, listed, settings_of

HIGH = 0.03  #: percent per hour, longs pay


def started(**values: object) -> Desk:
    desk = Desk(settings_of(**values))
    desk.start()
    return desk


def opened(**values: object) -> Desk:
    desk = started(**values)
    desk.hours(1, 24, HIGH)
    assert desk.position.state == "open"
    return desk


def health(venue: str, status: str, hour: float) -> VenueHealth:
    return VenueHealth(ts_ns=hour_ns(hour), venue=venue, status=status, reason="test")


# entry ----------------------------------------------------------------------------------------------------------------


def test_longs_pay_gives_short_perp_and_long_spot_of_equal_quantity() -> None:
    desk = opened()
    (hedge,) = desk.opens()
    perp, spot = hedge.legs
    assert isinstance(perp, PlaceOrder) and isinstance(spot, PlaceOrder)
    assert (perp.instrument, perp.side, spot.instrument, spot.side) == (PERP, "sell", SPOT, "buy")
    assert perp.qty == spot.qty == Decimal("0.1")
    assert (hedge.deadline_ms, hedge.on_partial) == (5000, "unwind")
    assert hedge.expected_net_usd is not None and hedge.expected_net_usd > 0


def test_shorts_pay_needs_short_spot_to_be_allowed() -> None:
    desk = started()
    desk.hours(1, 24, -HIGH)
    assert not desk.opens() and desk.strategy.why_not["BTC-PERP"] == "short_spot_off"
    allowed = started(allow_short_spot=True)
    allowed.hours(1, 24, -HIGH)
    (hedge,) = allowed.opens()
    assert [leg.side for leg in hedge.legs if isinstance(leg, PlaceOrder)] == ["buy", "sell"]
    assert "borrow" in {cost.name for cost in allowed.opportunities[-1].costs}


def test_a_short_history_is_low_coverage_not_a_signal() -> None:
    desk = started()
    desk.hours(1, 22, HIGH)
    assert not desk.opens()
    assert desk.strategy.why_not["BTC-PERP"] == "low_coverage"
    desk.hours(23, 23, HIGH)  # 23 of 24 hours are 95.8 %
    assert len(desk.opens()) == 1


def test_missing_hours_block_by_coverage_and_leave_the_mean() -> None:
    desk = started()
    for hour in range(1, 60):
        desk.feed(bar(PERP, hour, 20_000), bar(SPOT, hour, 20_000))
        if hour % 4:
            desk.feed(funding(hour, HIGH))
    assert not desk.opens()
    assert desk.strategy.funnel.why_not["low_coverage"] > 0
    view = desk.strategy.view().markets[1]
    assert view.mean_pct_per_hour == pytest.approx(-HIGH)
    assert view.coverage_pct == 75.0


def test_one_high_hour_is_not_a_forecast() -> None:
    desk = started()
    desk.hours(1, 30, 0.001)
    desk.hours(31, 31, 0.2)
    assert not desk.opens()
    assert desk.strategy.why_not["BTC-PERP"] in {"below_threshold", "fading", "break_even_too_long"}


def test_at_the_threshold_itself_four_trades_are_never_earned() -> None:
    desk = started()
    desk.hours(1, 48, 0.0101)
    assert not desk.opens() and desk.strategy.why_not["BTC-PERP"] == "break_even_too_long"
    assert all(each.why_not for each in desk.opportunities)


def test_the_break_even_counts_both_exits() -> None:
    desk = started()
    desk.hours(1, 24, 0.0133)
    names = [cost.name for cost in desk.opportunities[-1].costs]
    assert {"perp_entry_fee", "spot_entry_fee", "entry_spread"} < set(names)
    assert {"perp_exit_fee", "spot_exit_fee", "exit_spread"} < set(names)
    assert desk.strategy.why_not["BTC-PERP"] == "break_even_too_long"
    # Without the exits 24 of 51 bps are gone: the same rate would break even in time.
    halved = {
        "perp_taker_fee_bps": 5,
        "spot_taker_fee_bps": 5,
        "perp_half_spread_bps": 1.5,
        "spot_half_spread_bps": 0.5,
    }
    cheap = started(**halved)
    cheap.hours(1, 24, 0.0133)
    assert len(cheap.opens()) == 1


def test_income_beyond_the_horizon_does_not_count() -> None:
    desk = started(forecast_horizon_hours=24)
    desk.hours(1, 24, 0.018)  # breaks even after about 35 h, within the limit of 48 h
    assert not desk.opens() and desk.strategy.why_not["BTC-PERP"] == "costs"
    candidate = desk.opportunities[-1]
    assert candidate.expected_net_usd < 0 and desk.strategy.funnel.best_rejected is not None


def test_at_most_one_opportunity_per_settled_rate_and_none_for_a_repetition() -> None:
    desk = started()
    desk.hours(1, 12, HIGH)
    before = len(desk.opportunities)
    desk.feed(funding(12, HIGH), funding(12, HIGH), bar(SPOT, 12, 20_000))
    assert len(desk.opportunities) == before
    assert len({each.opportunity for each in desk.opportunities}) == len(desk.opportunities)


def test_estimates_are_not_settled_rates() -> None:
    desk = started()
    for hour in range(1, 40):
        desk.feed(bar(PERP, hour, 20_000), bar(SPOT, hour, 20_000))
        desk.feed(msgspec.structs.replace(funding(hour, HIGH), is_estimate=True))
    assert desk.intents == []


@pytest.mark.parametrize("missing", [PERP, SPOT])
def test_unknown_price_means_no_trade(missing: str) -> None:
    desk = started()
    for hour in range(1, 40):
        desk.feed(*(bar(name, hour, 20_000) for name in (PERP, SPOT) if name != missing), funding(hour, HIGH))
    assert desk.intents == [] and desk.strategy.why_not["BTC-PERP"] == "no_price"


def test_prices_of_different_hours_wait_for_each_other() -> None:
    desk = started()
    for hour in range(1, 24):
        desk.feed(bar(PERP, hour, 20_000), funding(hour, HIGH))
    desk.feed(bar(SPOT, 23.2, 20_000), bar(PERP, 24, 21_000), funding(24, HIGH))
    assert not desk.opens() and desk.strategy.why_not["BTC-PERP"] == "price_skew"
    desk.feed(bar(PERP, 25, 21_000), bar(SPOT, 25, 21_000), funding(25, HIGH))
    assert len(desk.opens()) == 1


def test_an_old_price_is_no_price() -> None:
    desk = started(max_price_age_hours=2)
    desk.hours(1, 20, HIGH)
    for hour in range(21, 40):
        desk.feed(funding(hour, HIGH))
    assert not desk.opens() and desk.strategy.why_not["BTC-PERP"] == "stale_price"


@pytest.mark.parametrize("status", ["stale", "degraded", "down", "paused"])
def test_an_unhealthy_venue_gets_no_entry(status: str) -> None:
    desk = started()
    desk.feed(health("drift", status, 0.5))
    desk.hours(1, 30, HIGH)
    assert not desk.opens() and desk.strategy.why_not["BTC-PERP"] == "venue_unhealthy"


def test_velocity_gets_no_entry_before_its_health_check_said_ok_and_is_left_at_once_when_it_says_no() -> None:
    perp = "velocity:BTC-PERP"
    desk = Desk(settings_of(perp_venue="velocity", spot_venue="binance"))
    desk.feed(listed(perp, "perp"), listed(SPOT, "spot"))

    def hours(first: int, last: int) -> None:
        for hour in range(first, last + 1):
            desk.feed(bar(perp, hour, 20_000.0), bar(SPOT, hour, 20_000.0), funding(hour, HIGH, perp))

    hours(1, 24)
    assert not desk.opens() and desk.strategy.why_not["BTC-PERP"] == "venue_unchecked"
    desk.feed(health("velocity", "ok", 24.5))
    hours(25, 25)
    assert desk.position.state == "open"
    desk.feed(health("velocity", "paused", 25.5))
    assert desk.position.is_flat and desk.exits == {"venue_paused": 1}
    desk.feed(health("velocity", "down", 26.5))
    hours(27, 60)
    assert len(desk.opens()) == 1 and desk.strategy.why_not["BTC-PERP"] == "venue_unhealthy"


def test_a_gap_that_is_still_open_blocks_entry() -> None:
    desk = started()
    desk.hours(1, 22, HIGH)
    desk.feed(
        FeedGap(
            ts_ns=hour_ns(22.5),
            source="test",
            instrument=PERP,
            from_ts_ns=hour_ns(22),
            to_ts_ns=hour_ns(26),
            reason="hole",
        )
    )
    desk.hours(23, 24, HIGH)
    assert not desk.opens() and desk.strategy.why_not["BTC-PERP"] == "venue_stale"


def test_no_second_open_while_opening() -> None:
    desk = started()
    desk.answer = lambda order: "unknown"
    desk.hours(1, 40, HIGH)
    assert len(desk.opens()) == 1
    assert desk.position.state == "opening" and desk.position.perp.qty == 0
    assert desk.strategy.funnel.why_not["already_open"] > 0


# belief ---------------------------------------------------------------------------------------------------------------


def test_deny_everything_no_position_is_believed_and_no_close_is_sent() -> None:
    desk = started()
    desk.answer = lambda order: "deny"
    orders = desk.hours(1, 400, HIGH)
    assert len(orders) > 3
    assert all(isinstance(each, Hedge) and not each.legs[0].is_reduce_only for each in orders)
    assert len(orders) < 30  # the pause between attempts grows to a day
    assert desk.strategy.is_flat() and desk.position.state == "flat" and desk.position.perp.qty == 0


@pytest.mark.parametrize("answer", ["reject", "expire"])
def test_rejected_and_expired_opens_leave_nothing(answer: str) -> None:
    desk = started()
    desk.answer = lambda order: answer
    orders = desk.hours(1, 100, HIGH)
    assert orders and all(not each.legs[0].is_reduce_only for each in orders)
    assert desk.strategy.is_flat()


def test_an_answer_that_never_comes_is_not_a_position() -> None:
    desk = started()
    desk.answer = lambda order: "silence"
    desk.hours(1, 60, HIGH)
    assert len(desk.opens()) > 1
    assert desk.strategy.is_flat() or desk.position.state == "opening"
    assert desk.position.perp.qty == desk.position.spot.qty == 0


def test_unknown_keeps_the_order_in_flight_until_the_venue_answers() -> None:
    desk = started()
    desk.answer = lambda order: "unknown" if order.instrument == SPOT else "fill"
    desk.hours(1, 24, HIGH)
    assert desk.position.state == "opening"
    assert (desk.position.perp.qty, desk.position.spot.qty) == (Decimal("-0.1"), 0)
    assert desk.hours(25, 30, HIGH) == []
    (order_id,) = desk.open_orders
    desk.resolve_unknown(order_id, "fill")
    assert desk.position.state == "open" and desk.position.delta == 0


def test_a_partly_filled_leg_that_the_router_unwinds_leaves_equal_legs() -> None:
    desk = started()
    desk.unwinds = True
    desk.answer = lambda order: "part:0.4" if order.instrument == SPOT else "fill"
    desk.hours(1, 24, HIGH)
    assert (desk.position.perp.qty, desk.position.spot.qty) == (Decimal("-0.04"), Decimal("0.04"))
    assert desk.holdings == {PERP: Decimal("-0.04"), SPOT: Decimal("0.04")}


def test_a_lone_leg_waits_for_the_router_then_is_closed_by_us() -> None:
    desk = started()
    desk.answer = lambda order: "reject" if order.instrument == SPOT else "fill"
    assert [type(each) for each in desk.hours(1, 23, HIGH)] == [Hedge]
    assert desk.position.state == "orphan" and desk.position.perp.qty == Decimal("-0.1")
    orders = desk.feed(bar(PERP, 23.5, 20_000))  # the deadline and the router's 20 minutes are over
    (close,) = orders
    assert isinstance(close, PlaceOrder)
    assert (close.instrument, close.side, close.qty, close.is_reduce_only) == (PERP, "buy", Decimal("0.1"), True)
    assert desk.strategy.is_flat() and desk.holdings[PERP] == 0


def test_an_orphan_report_moves_no_holding_and_holds_back_our_own_orders() -> None:
    desk = opened()
    orphan = OrphanLeg(
        ts_ns=hour_ns(24.5),
        strategy=NAME,
        group=desk.position.group,
        instrument=SPOT,
        side="sell",
        qty=Decimal("0.1"),
        action="unwind",
    )
    desk.feed(orphan)
    assert desk.position.state == "orphan" and desk.position.spot.qty == Decimal("0.1")
    desk.feed(msgspec.structs.replace(orphan, ts_ns=hour_ns(24.5) + NS_PER_S, instrument="", is_resolved=True))
    assert desk.position.state == "open"


def test_a_repeated_fill_is_booked_once_and_foreign_reports_never() -> None:
    desk = opened()
    fill = Fill(
        ts_ns=hour_ns(24.1), strategy=NAME, order_id="x", simulated=True, instrument=SPOT, side="buy",
        qty=Decimal("0.001"), price=Decimal(20_000), fill_id="x#1",
    )  # fmt: skip
    desk.feed(fill, fill, msgspec.structs.replace(fill, strategy="other", fill_id="x#2"))
    assert desk.position.spot.qty == Decimal("0.101")


def test_funding_is_what_payments_say_once_per_stamp() -> None:
    desk = opened()
    paid = FundingPaid(
        ts_ns=hour_ns(25), strategy=NAME, instrument=PERP, settle_ts_ns=hour_ns(25), amount_usd="0.61",
        position_qty="-0.1", simulated=True,
    )  # fmt: skip
    desk.feed(paid, paid)
    assert desk.position.funding_usd == Decimal("0.61")


# delta ----------------------------------------------------------------------------------------------------------------


def _add_spot(desk: Desk, qty: str) -> list[object]:
    return desk.feed(
        Fill(
            ts_ns=hour_ns(24.2), strategy=NAME, order_id="y", simulated=True, instrument=SPOT, side="buy",
            qty=Decimal(qty), price=Decimal(20_000), fill_id="y#1",
        )
    )  # fmt: skip


def test_delta_beyond_tolerance_reduces_the_larger_leg_by_the_difference() -> None:
    desk = opened()
    orders = _add_spot(desk, "0.005")
    (order,) = orders
    assert isinstance(order, PlaceOrder)
    assert (order.instrument, order.side, order.qty, order.is_reduce_only) == (SPOT, "sell", Decimal("0.005"), True)
    assert desk.position.delta == 0 and desk.position.state == "open"


def test_delta_within_tolerance_is_left_alone() -> None:
    desk = opened()
    assert _add_spot(desk, "0.002") == []


def test_failing_rebalances_are_tried_with_growing_pauses() -> None:
    desk = opened()
    desk.answer = lambda order: "reject"
    _add_spot(desk, "0.01")
    desk.hours(25, 26, HIGH)
    attempts = [each for each in desk.intents if isinstance(each, PlaceOrder)]
    assert 8 <= len(attempts) <= 20  # 5 s, 10 s, ... 15 min over nearly two hours
    assert desk.position.state == "open"


def test_a_narrower_tolerance_applies_from_the_next_event_on() -> None:
    desk = opened()
    _add_spot(desk, "0.002")
    desk.strategy.apply(settings_of(delta_tolerance_pct=1.0))
    (order,) = desk.feed(bar(SPOT, 24.3, 20_000))
    assert order.qty == Decimal("0.002")


# exits ----------------------------------------------------------------------------------------------------------------


def exit_reasons(desk: Desk) -> list[str]:
    return list(desk.exits)


def test_low_funding_closes_both_legs_reduce_only() -> None:
    desk = opened()
    desk.hours(25, 40, 0.001)
    close = desk.hedges[-1]
    assert exit_reasons(desk) == ["funding_below"]
    assert all(isinstance(leg, PlaceOrder) and leg.is_reduce_only for leg in close.legs)
    assert close.on_partial == "hedge" and close.expected_net_usd is None
    assert desk.strategy.is_flat() and set(desk.holdings.values()) == {Decimal(0)}


def test_flipped_funding_closes() -> None:
    desk = opened(exit_lookback_hours=1)
    desk.hours(25, 25, -0.002)
    assert exit_reasons(desk) == ["funding_flipped"]


def test_a_soft_exit_waits_for_aligned_prices_but_not_for_ever() -> None:
    desk = opened(exit_lookback_hours=1, max_exit_wait_hours=4)
    for hour in range(25, 29):
        assert desk.feed(bar(PERP, hour, 20_000), funding(hour, 0.001)) == []
    assert desk.feed(bar(PERP, 29.1, 20_000)) != []
    assert exit_reasons(desk) == ["funding_below"]
    aligned = opened(exit_lookback_hours=1, max_exit_wait_hours=4)
    assert aligned.feed(bar(PERP, 25, 20_000), funding(25, 0.001)) == []
    assert aligned.feed(bar(SPOT, 25.2, 20_000)) != []


def test_a_price_near_liquidation_closes_at_once() -> None:
    desk = opened()
    assert desk.feed(bar(PERP, 25, 23_500)) == []
    assert desk.feed(bar(PERP, 26, 24_100)) != []  # 30,000 is liquidation: 24.5 % away
    assert exit_reasons(desk) == ["liquidation_distance"]


def test_max_hold_is_kept_by_the_alarm_and_by_any_event() -> None:
    desk = opened(max_hold_minutes=90)
    desk.feed(bar("binance:ETHUSDT", 26, 1_500))  # foreign event: only the alarm can act
    assert exit_reasons(desk) == ["max_hold"]
    shorter = opened()
    shorter.strategy.apply(settings_of(max_hold_minutes=30))
    assert shorter.feed(bar(SPOT, 25, 20_000)) != []
    assert exit_reasons(shorter) == ["max_hold"]


@pytest.mark.parametrize("status, hours", [("down", 0.0), ("paused", 0.0), ("stale", 6.0), ("degraded", 6.0)])
def test_an_unhealthy_venue_ends_the_position_after_its_grace(status: str, hours: float) -> None:
    desk = opened()
    orders = desk.feed(health("binance", status, 24.1))
    assert bool(orders) == (hours == 0.0)
    for hour in range(25, 30):  # repeated reports do not prolong the grace
        desk.feed(
            health("binance", status, hour), bar(PERP, hour, 20_000), bar(SPOT, hour, 20_000), funding(hour, HIGH)
        )
    assert bool(desk.exits) == (hours == 0.0)
    desk.hours(31, 31, HIGH)
    assert exit_reasons(desk) == [f"venue_{status}"]


def test_a_silent_venue_ends_the_position_after_its_grace() -> None:
    desk = opened()
    for hour in range(25, 33):
        assert desk.feed(bar(PERP, hour, 20_000), bar(SPOT, hour, 20_000)) == []
    desk.feed(bar("binance:ETHUSDT", 33.5, 1_500))  # nothing of ours speaks: the alarm acts at 24 + 3 + 6
    assert exit_reasons(desk) == ["venue_silent"]


def test_diverging_prices_end_the_position() -> None:
    desk = opened()
    desk.feed(bar(PERP, 25, 21_500))
    assert desk.exits == {}  # the spot price is an hour older: nothing can be said
    desk.feed(bar(SPOT, 25, 20_000))
    assert exit_reasons(desk) == ["price_divergence"]


@pytest.mark.parametrize("answer", ["deny", "reject", "expire"])
def test_failed_closes_are_tried_again_with_growing_pauses_until_flat(answer: str) -> None:
    desk = opened()
    desk.answer = lambda order: answer
    desk.feed(health("drift", "down", 24.1))
    desk.hours(25, 26, HIGH)
    attempts = [each for each in desk.hedges if each.legs[0].is_reduce_only]
    assert 10 <= len(attempts) <= 20
    assert desk.position.state == "closing" and desk.position.perp.qty == Decimal("-0.1")
    desk.answer = lambda order: "fill"
    desk.hours(27, 28, HIGH)
    assert desk.strategy.is_flat() and set(desk.holdings.values()) == {Decimal(0)}


def test_a_close_that_fills_one_leg_closes_the_other_alone() -> None:
    desk = opened()
    desk.answer = lambda order: "reject" if order.instrument == SPOT else "fill"
    desk.feed(health("drift", "down", 24.1))
    desk.answer = lambda order: "fill"
    desk.hours(25, 25, HIGH)
    last = [each for each in desk.intents if isinstance(each, PlaceOrder)][-1]
    assert (last.instrument, last.side, last.is_reduce_only) == (SPOT, "sell", True)
    assert desk.strategy.is_flat() and set(desk.holdings.values()) == {Decimal(0)}


def test_a_market_that_is_switched_off_is_managed_to_its_end_and_not_opened_again() -> None:
    desk = opened()
    desk.strategy.apply(settings_of(markets_enabled=["SOL-PERP"], perp_venue="hyperliquid"))
    desk.hours(25, 40, 0.001)
    assert desk.strategy.is_flat()
    desk.hours(41, 90, HIGH)
    assert len(desk.opens()) == 1


def test_flatten_closes_and_is_flat_reports_it() -> None:
    desk = opened()
    assert not desk.strategy.is_flat()
    (close, *_) = [each for each in desk.strategy.flatten("stop") if isinstance(each, Hedge)]
    assert all(isinstance(leg, PlaceOrder) and leg.is_reduce_only for leg in close.legs)
    assert not desk.strategy.is_flat()  # asked, not reported


def test_an_interval_change_is_followed() -> None:
    desk = Desk(settings_of(perp_venue="binance", spot_venue="binance"))
    desk.feed(listed("binance_usdm:BTCUSDT", "perp"), listed(SPOT, "spot"))
    hour = 0
    for hour in (8, 16, 24, 26, 28, 30):
        step = 8.0 if hour <= 24 else 2.0
        desk.feed(bar(SPOT, hour, 20_000), bar("binance_usdm:BTCUSDT", hour, 20_000))
        desk.feed(funding(hour, HIGH, "binance_usdm:BTCUSDT", step))
    assert len(desk.opens()) == 1
    window = desk.strategy.histories["binance_usdm:BTCUSDT"].window(30, hour_ns(hour))
    assert window.covered_hours == 30
    assert desk.strategy.histories["binance_usdm:BTCUSDT"].overdue_intervals(hour_ns(34)) == pytest.approx(2.0)


def test_approved_orders_of_other_instruments_are_ignored() -> None:
    desk = opened()
    order = PlaceOrder(instrument="binance:DOGEUSDT", side="buy", qty=Decimal(1), notional_usd=Decimal(1))
    desk.feed(OrderApproved(ts_ns=hour_ns(25), strategy=NAME, order_id="z", cause_seq=1, intent=order))
    assert desk.position.is_idle


def test_the_view_has_blanks_where_nothing_is_known_and_round_trips() -> None:
    empty = Desk().strategy.view()
    assert empty.markets[0].rate_pct_per_hour is None and empty.signals[0].value is None
    view = opened().strategy.view()
    market = view.markets[1]
    assert (market.state, market.market, market.delta_pct) == ("open", "BTC-PERP", 0.0)
    assert market.liquidation_distance_pct == pytest.approx(50.0)
    assert market.venues == "drift stands in for velocity; binance stands in for jupiter"
    assert view.signals[1].value == pytest.approx(HIGH) and view.signals[1].threshold == 0.01
    assert msgspec.json.decode(msgspec.json.encode(view), type=type(view)) == view


def test_assumptions_name_costs_stand_ins_and_coarse_prices() -> None:
    desk = opened()
    for hour in (32, 40):
        desk.feed(bar(SPOT, hour, 20_000))
    text = "\n".join(desk.strategy.assumptions())
    assert "no order book" in text and "stands in for jupiter" in text and "every 8 h" in text

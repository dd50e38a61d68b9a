"""Whatever gate and venue answer: one hedge per market at most, belief equals reports, profit promised after costs."""

import itertools
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from bus.intents import Hedge, PlaceOrder
from tests.strategies.drift_funding_arb.desk import PERP, SPOT, Desk, bar, funding, settings_of

ANSWERS = ("fill", "fill", "fill", "deny", "reject", "expire", "part:0.3", "part:0.77", "unknown", "silence")
RATES = (0.03, 0.05, 0.0005, -0.03, 0.0)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=30),
    st.lists(
        st.tuples(
            st.sampled_from(RATES), st.booleans(), st.booleans(), st.sampled_from((19_900.0, 20_000.0, 26_000.0))
        ),
        min_size=30,
        max_size=90,
    ),
    st.booleans(),
    st.booleans(),
)
def test_no_answer_leads_to_two_hedges_or_to_a_belief_without_a_report(
    answers: list[str], hours: list[tuple[float, bool, bool, float]], unwinds: bool, short_spot: bool
) -> None:
    desk = Desk(settings_of(rate_lookback_hours=4, min_rate_coverage_pct=50, allow_short_spot=short_spot))
    desk.unwinds = unwinds
    desk.start()
    script = itertools.cycle(answers)
    asked: list[tuple[bool, bool, Decimal, Decimal]] = []

    def answer(order: PlaceOrder) -> str:
        held = (desk.position.perp.qty, desk.position.spot.qty)
        asked.append((order.is_reduce_only, bool(desk.open_orders), *held))
        return next(script)

    desk.answer = answer
    for hour, (rate, has_row, has_spot, price) in enumerate(hours, start=1):
        desk.feed(bar(PERP, hour, price))
        if has_spot:
            desk.feed(bar(SPOT, hour, price))
        if has_row:
            desk.feed(funding(hour, rate))
        for order_id in list(desk.open_orders) if hour % 7 == 0 else ():
            desk.resolve_unknown(order_id, "fill")
        position = desk.position
        assert position.perp.qty == desk.holdings.get(PERP, Decimal(0))
        assert position.spot.qty == desk.holdings.get(SPOT, Decimal(0))
        _ = desk.strategy.view()
    for is_close, has_open_orders, perp_qty, spot_qty in asked:
        assert not has_open_orders, "an order was asked while another was in flight"
        assert is_close == bool(perp_qty or spot_qty), "opened on top of a position, or closed nothing"
    for intent in desk.intents:
        if isinstance(intent, Hedge) and not intent.legs[0].is_reduce_only:
            perp, spot = intent.legs
            assert isinstance(perp, PlaceOrder) and isinstance(spot, PlaceOrder)
            assert perp.qty == spot.qty and perp.side != spot.side
    for candidate in desk.opportunities:
        assert candidate.why_not or candidate.expected_net_usd > 0

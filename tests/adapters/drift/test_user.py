"""A user's account: positions with the funding that the indices owe them, and open orders."""

from decimal import Decimal
from typing import Any

import pytest

from adapters.drift import PerpLayout, PerpMarket, PerpUser, drift
from adapters.velocity import velocity
from tests.adapters.drift.accounts import blank, market

LAYOUTS = pytest.mark.parametrize("layout", [drift(), velocity()], ids=["drift", "velocity"])


def user(layout: PerpLayout, **changes: Any) -> PerpUser:
    return PerpUser.decode(layout, layout.program, blank(layout, "User", **changes), 80)


def sol(layout: PerpLayout, **changes: Any) -> dict[int, PerpMarket]:
    return {0: PerpMarket.decode(layout, layout.program, market(layout, **changes), 80)}


@LAYOUTS
def test_a_long_owes_the_growth_of_the_long_index_and_a_short_gets_that_of_the_short_one(layout: PerpLayout) -> None:
    markets = sol(layout, cumulative_funding_rate_long=150_000_000, cumulative_funding_rate_short=120_000_000)
    long = user(layout, perp_positions__3={**_position(layout), "base_asset_amount": 2_000_000_000,
                                           "quote_entry_amount": -300_000_000, "quote_asset_amount": -300_300_000,
                                           "last_cumulative_funding_rate": 100_000_000})  # fmt: skip
    (held,) = long.in_markets(markets)
    assert (held.qty, held.entry_price) == (Decimal(2), Decimal(150))
    assert held.unsettled_funding == Decimal("-0.1")
    short = user(layout, perp_positions__0={**_position(layout), "base_asset_amount": -1_000_000_000,
                                            "last_cumulative_funding_rate": 100_000_000})  # fmt: skip
    (held,) = short.in_markets(markets)
    assert held.unsettled_funding == Decimal("0.02")


@LAYOUTS
def test_places_that_are_not_used_are_no_positions(layout: PerpLayout) -> None:
    empty = user(layout)
    assert (empty.positions, empty.orders, empty.spot_markets, empty.in_markets(sol(layout))) == ((), (), (), ())


@LAYOUTS
def test_open_perp_orders_are_found_and_others_are_not(layout: PerpLayout) -> None:
    template = layout.codec.decode_account("User", blank(layout, "User"))["orders"][0]
    changes = {"order_id": 5, "user_order_id": 9, "direction": "Short", "base_asset_amount": 10, "price": 3}
    mine = {**template, "status": "Open", "market_type": "Perp", **changes}
    found = user(
        layout, orders__0={**mine, "status": "Filled"}, orders__7=mine, orders__8={**mine, "market_type": "Spot"}
    )
    assert [(each.order_id, each.user_order_id, each.direction) for each in found.orders] == [(5, 9, "Short")]


def _position(layout: PerpLayout) -> dict[str, Any]:
    found: dict[str, Any] = layout.codec.decode_account("User", blank(layout, "User"))["perp_positions"][0]
    return found

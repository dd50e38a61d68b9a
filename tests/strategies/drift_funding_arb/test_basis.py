"""The distance between two dollar coins is a cost where it is known, and never less than the reserve."""

import pytest

from bus.bus import Bus
from kernel.market import Market
from strategies.drift_funding_arb.basis import settlement_basis_bps
from tests.strategies.drift_funding_arb.desk import PERP, SPOT, bar, hour_ns, listed, settings_of
from tests.strategies.drift_funding_arb.test_strategy import HIGH, started

COINS = "binance:USDCUSDT"


def basis(price: float | None, *, hour: float = 0.0, reserve: float = 2.0) -> float:
    market, bus = Market(), Bus()
    market.attach(bus)
    bus.feed([listed(COINS, "spot")])
    if price is not None:
        bus.feed([bar(COINS, hour, price)])
    settings = settings_of(settlement_basis_bps=reserve)
    return settlement_basis_bps(market, listed(PERP, "perp"), listed(SPOT, "spot"), settings, hour_ns(0))


def test_the_measured_distance_counts_in_both_directions_when_it_is_more_than_the_reserve() -> None:
    assert basis(0.99) == pytest.approx(100.0)
    assert basis(1.01) == pytest.approx(100.0)
    assert basis(1.0001) == pytest.approx(2.0)


def test_an_unknown_or_old_price_leaves_the_reserve() -> None:
    assert basis(None) == 2.0
    assert basis(0.9, hour=-10.0) == 2.0


def test_equal_currencies_have_the_reserve_alone() -> None:
    market, bus = Market(), Bus()
    market.attach(bus)
    bus.feed([listed(COINS, "spot"), bar(COINS, 0, 0.5)])
    perp = listed(PERP, "perp")
    assert settlement_basis_bps(market, perp, perp, settings_of(), hour_ns(0)) == settings_of().settlement_basis_bps


def test_a_coin_that_lost_its_peg_keeps_the_strategy_out() -> None:
    desk = started()
    desk.feed(listed(COINS, "spot"))
    for hour in range(1, 31):
        desk.feed(bar(COINS, hour, 0.9))
        desk.hours(hour, hour, HIGH)
    assert not desk.opens()
    (cost,) = [each for each in desk.opportunities[-1].costs if each.name == "settlement_basis"]
    assert float(cost.usd) == pytest.approx(0.1 * float(desk.opportunities[-1].size_usd))

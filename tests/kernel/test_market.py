"""The market fold: last prices, marks, dollar values, steps; no price is None and never a guess."""

from decimal import Decimal

import pytest

from bus.bus import Bus
from bus.events import Event, GasPrice, LendingRate, PoolSwap, VenueHealth
from kernel.market import Market
from tests.builders import MINUTE, PERP, SECOND, SPOT, T0, bar, funding, listed, quote, trade
from tests.kernel.execution.test_paper_swaps import POOL, TICK, _listed, _state


def _market(*events: Event) -> Market:
    bus, market = Bus(), Market()
    market.attach(bus)
    bus.feed(events)
    return market


def test_nothing_known_is_none() -> None:
    market = _market(listed())
    assert market.price(SPOT) is None and market.mark(SPOT) is None
    assert market.price("nowhere:X") is None
    assert market.usd_per_unit("ETH") is None


def test_the_newer_of_quote_and_bar_is_the_price_and_a_trade_stands_in_for_neither() -> None:
    assert _market(trade(T0, 1990.0)).price(SPOT) == (1990.0, T0)
    assert _market(quote(T0), trade(T0 + 1, 1990.0)).price(SPOT) == (2000.05, T0)
    assert _market(quote(T0), bar(T0 + 1, 1980.0)).price(SPOT) == (1980.0, T0 + 1)
    assert _market(bar(T0, 1980.0), quote(T0 + 1)).price(SPOT) == (2000.05, T0 + 1)


@pytest.mark.parametrize("is_token0", [False, True])
def test_a_pools_price_is_in_quote_per_base_whichever_token_comes_first(is_token0: bool) -> None:
    tick = TICK if not is_token0 else -TICK
    market = _market(_listed(POOL, 500, 10, base_is_token0=is_token0), _state(tick=tick))
    price = market.price(POOL)
    assert price is not None
    assert price[0] == pytest.approx(1e12 / 1.0001**TICK, rel=1e-9)


def test_a_swap_moves_the_pool() -> None:
    after = _state(tick=TICK - 100)
    swap = PoolSwap(
        ts_ns=T0 + 1, instrument=POOL, block=2, log_index=1, tx="0x", amount0=1, amount1=-1,
        sqrt_price_x96=after.sqrt_price_x96, tick=after.tick, liquidity=after.liquidity,
    )  # fmt: skip
    market = _market(_listed(POOL, 500, 10), _state(is_sampled=True), swap)
    price = market.price(POOL)
    assert price is not None and price[0] == pytest.approx(1e12 / 1.0001 ** (TICK - 100), rel=1e-9)
    assert not market.pools[POOL].is_sampled


def test_a_mark_comes_from_where_the_instrument_says() -> None:
    market = _market(listed(), listed(PERP, mark_from=SPOT), quote(T0, 100.0, 102.0), quote(T0, instrument=PERP))
    assert market.mark(PERP) == (101.0, T0)
    assert market.price(PERP) == (2000.05, T0)


def test_dollars_are_one_and_other_assets_are_worth_their_dollar_mark() -> None:
    market = _market(listed(), quote(T0))
    assert market.usd_per_unit("USDC") == Decimal(1)
    assert market.usd_per_unit("ETH") == market.usd_per_unit("WETH") == Decimal("2000.05")
    assert market.usd_per_unit("DOGE") is None
    inverse = _market(listed(), quote(T0), listed("x:ALT/ETH", base="ALT", quote="ETH", underlying="ALT"))
    assert inverse.quote_usd("x:ALT/ETH") == Decimal("2000.05")
    assert inverse.quote_usd("never:LISTED") == Decimal(1)


def test_a_pool_is_no_dollar_mark() -> None:
    assert _market(_listed(POOL, 500, 10), _state()).usd_per_unit("ETH") is None


def test_a_step_is_that_of_bars_and_samples_alone() -> None:
    assert _market(quote(T0)).step_ns(SPOT) == 0
    assert _market(bar(T0)).step_ns(SPOT) == MINUTE
    assert _market(bar(T0), quote(T0 + 1)).step_ns(SPOT) == 0
    hourly = _market(bar(T0, minutes=60), bar(T0 + 480 * MINUTE, minutes=60))
    assert hourly.step_ns(SPOT) == 480 * MINUTE
    assert _market(_state(is_sampled=True)).step_ns(POOL) == MINUTE
    assert _market(_state()).step_ns(POOL) == 0


def test_a_venue_is_what_the_listing_says_else_what_the_id_says() -> None:
    market = _market(listed("alias:X", venue="binance"))
    assert market.venue_of("alias:X") == "binance"
    assert market.venue_of("okx:BTCUSDT") == "okx"


def test_gas_funding_lending_and_health_are_the_last_told() -> None:
    gas = [GasPrice(ts_ns=T0 + n, chain="polygon", gas_price_wei=n + 1) for n in range(2)]
    lending = LendingRate(ts_ns=T0, venue="aave", chain="polygon", asset="USDC", supply_apr=0.01, borrow_apr=0.02)
    health = VenueHealth(ts_ns=T0, venue="binance", status="stale", reason="x")
    rate = funding(T0, 0.1)
    market = _market(*gas, lending, health, funding(T0 - SECOND, 0.2), rate)
    assert market.gas["polygon"] is gas[1]
    assert market.lending["aave", "polygon", "USDC"] is lending
    assert market.venues["binance"] is health
    assert market.funding[PERP] is rate

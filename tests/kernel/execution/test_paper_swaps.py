"""Simulated swaps: exact amounts, guards, gas, sampled pools, own impact, routes."""

from decimal import Decimal
from typing import Any

import pytest

from bus.clock import NS_PER_MS
from bus.events import TERMINAL_REPORTS, Fill, GasPrice, InstrumentListed, Landed, PoolState, Rejected, Reverted
from bus.intents import Hop, Swap
from kernel.amm.v3 import pool_after, pool_within_interval, swap_exact_in
from kernel.amm.v3_ticks import sqrt_ratio_at_tick
from tests.builders import MINUTE, SECOND, T0
from tests.kernel.execution.desk import Desk

POOL, DEAR = "uniswap_v3.polygon:USDC/WETH-500", "uniswap_v3.polygon:USDC/WETH-3000"
TICK, LIQUIDITY = 200_315, 10**18
INCLUDED = T0 + 2000 * NS_PER_MS
USDC_IN = 1_000_000_000  #: 1000 USDC
WEI = 50 * 10**9
GAS_USD = Decimal("0.007")  #: 200,000 units at 50 gwei and 0.7 USD


def _listed(name: str, fee_pips: int, spacing: int, **changes: Any) -> InstrumentListed:
    fields: dict[str, Any] = {
        "ts_ns": T0,
        "instrument": name,
        "venue": "uniswap_v3.polygon",
        "kind": "pool",
        "base": "WETH",
        "quote": "USDC",
        "underlying": "ETH",
        "base_decimals": 18,
        "quote_decimals": 6,
        "base_is_token0": False,
        "fee_pips": fee_pips,
        "tick_spacing": spacing,
        "chain": "polygon",
    }
    return InstrumentListed(**{**fields, **changes})


def _state(ts_ns: int = T0, name: str = POOL, tick: int = TICK, **changes: Any) -> PoolState:
    fields: dict[str, Any] = {"block": 1, "log_index": 0, "liquidity": LIQUIDITY}
    price = sqrt_ratio_at_tick(tick)
    return PoolState(**{"ts_ns": ts_ns, "instrument": name, "sqrt_price_x96": price, "tick": tick, **fields, **changes})


def _gas(ts_ns: int = T0, **changes: Any) -> GasPrice:
    return GasPrice(**{"ts_ns": ts_ns, "chain": "polygon", "gas_price_wei": WEI, "native_usd": 0.7, **changes})


def _swap(amount_in: int = USDC_IN, *route: Hop, **changes: Any) -> Swap:
    fields: dict[str, Any] = {
        "route": route or (Hop(pool=POOL, is_zero_for_one=True),),
        "amount_in": amount_in,
        "amount_out_min": 1,
        "base_side": "buy",
        "gas_limit": 200_000,
        "gas_price_wei_max": 2 * WEI,
        "gas_usd_max": Decimal(1),
        "notional_usd": Decimal(1000),
        "expected_net_usd": Decimal(1),
    }
    return Swap(**{**fields, **changes})


def _desk(is_sampled: bool = False, has_gas: bool = True, **paper: Any) -> Desk:
    desk = Desk(is_priced=False, **paper)
    desk.feed(_listed(POOL, 500, 10), _listed(DEAR, 3000, 60))
    desk.feed(_state(is_sampled=is_sampled), _state(name=DEAR, tick=TICK + 20, is_sampled=is_sampled))
    if has_gas:
        desk.feed(_gas())
    return desk


def _pool(fee_pips: int = 500, spacing: int = 10, tick: int = TICK) -> Any:
    return pool_within_interval(
        sqrt_price_x96=sqrt_ratio_at_tick(tick), tick=tick, liquidity=LIQUIDITY, fee_pips=fee_pips, tick_spacing=spacing
    )


def test_a_swap_lands_after_its_inclusion_with_the_exact_amounts_of_the_pool() -> None:
    desk = _desk()
    desk.order(_swap())
    desk.tick(INCLUDED - 1)
    assert desk.reports() == ["Submitted"]
    desk.tick(INCLUDED)
    assert desk.reports() == ["Submitted", "Fill", "Landed"]
    out = swap_exact_in(_pool(), True, USDC_IN).amount_out
    (fill,) = desk.events(Fill)
    assert (fill.amount_in_raw, fill.amount_out_raw, fill.side) == (USDC_IN, out, "buy")
    assert fill.qty == Decimal(out).scaleb(-18)
    assert fill.price == Decimal(1000) / fill.qty
    assert (fill.gas_usd, fill.fee_usd, fill.ts_ns) == (GAS_USD, Decimal(0), INCLUDED)
    assert fill.slippage_usd > 0
    assert desk.events(Landed)[0].tx.startswith("simulated-")


def test_the_price_at_inclusion_counts_not_the_one_at_approval() -> None:
    desk = _desk()
    desk.order(_swap())
    desk.feed(_state(T0 + SECOND, tick=TICK - 400))
    desk.tick(INCLUDED)
    assert desk.events(Fill)[0].amount_out_raw == swap_exact_in(_pool(tick=TICK - 400), True, USDC_IN).amount_out


def test_selling_base_reports_a_sale() -> None:
    desk = _desk()
    desk.order(_swap(10**17, Hop(pool=POOL, is_zero_for_one=False), base_side="sell"))
    desk.tick(INCLUDED)
    (fill,) = desk.events(Fill)
    assert (fill.side, fill.qty) == ("sell", Decimal("0.1"))
    assert fill.amount_out_raw == swap_exact_in(_pool(), False, 10**17).amount_out


def test_below_its_minimum_a_swap_reverts_and_pays_gas_alone() -> None:
    out = swap_exact_in(_pool(), True, USDC_IN).amount_out
    for minimum, last in ((out, Landed), (out + 1, Reverted)):
        desk = _desk()
        desk.order(_swap(amount_out_min=minimum))
        desk.tick(INCLUDED)
        assert len(desk.events(last)) == len(desk.events(*TERMINAL_REPORTS)) == 1
    assert desk.events(Reverted)[0].gas_usd == GAS_USD
    assert f"got {out}, wanted at least {out + 1}" in desk.reason()
    assert desk.events(Fill) == []
    assert desk.ledger.books("s").pnl_usd == -GAS_USD


def test_a_lost_race_reverts_and_pays_gas() -> None:
    desk = _desk(swap_fail_pct=100.0)
    desk.order(_swap())
    desk.tick(INCLUDED)
    assert desk.reports() == ["Submitted", "Reverted"]
    assert desk.events(Reverted)[0].gas_usd == GAS_USD


@pytest.mark.parametrize("native_usd", [None, 0.0])
def test_without_a_gas_price_nothing_is_executed_and_nothing_invented(native_usd: float | None) -> None:
    desk = _desk(has_gas=False)
    if native_usd is not None:
        desk.feed(_gas(native_usd=native_usd))
    desk.order(_swap())
    desk.tick(INCLUDED)
    assert desk.reports() == ["Submitted", "Rejected"]
    assert desk.reason().startswith("gas_unknown")


def test_above_the_highest_gas_price_it_bids_a_swap_is_not_included() -> None:
    desk = _desk()
    desk.order(_swap())
    desk.feed(_gas(T0 + 1, gas_price_wei=2 * WEI + 1))
    desk.tick(INCLUDED)
    assert desk.reports() == ["Submitted", "Rejected"]
    assert desk.reason().startswith("gas_price")


def test_a_tip_is_paid_when_the_swap_lands() -> None:
    for changes, paid in (({}, GAS_USD + Decimal(3)), ({"amount_out_min": 10**30}, GAS_USD)):
        desk = _desk()
        desk.order(_swap(tip_usd=Decimal(3), **changes))
        desk.tick(INCLUDED)
        assert desk.ledger.books("s").gas_usd == paid


def test_beyond_the_known_ticks_a_swap_is_refused_not_guessed() -> None:
    desk = _desk()
    desk.order(_swap(10**15))
    desk.tick(INCLUDED)
    assert desk.reports() == ["Submitted", "Reverted"]
    assert desk.reason().startswith("pool_refused")


def test_an_unknown_pool_is_not_included() -> None:
    desk = _desk()
    desk.order(_swap(USDC_IN, Hop(pool="uniswap_v3.polygon:NEW", is_zero_for_one=True)))
    desk.tick(INCLUDED)
    assert desk.reason() == "pool_unknown: uniswap_v3.polygon:NEW"
    assert isinstance(desk.events(*TERMINAL_REPORTS)[0], Rejected)


def test_own_impact_is_remembered_until_the_pools_next_event() -> None:
    desk = _desk()
    desk.order(_swap())
    desk.order(_swap(), order_id="t-s-2-0")
    desk.tick(INCLUDED)
    first = swap_exact_in(_pool(), True, USDC_IN)
    second = swap_exact_in(pool_after(_pool(), first), True, USDC_IN)
    assert [each.amount_out_raw for each in desk.events(Fill)] == [first.amount_out, second.amount_out]
    assert second.amount_out < first.amount_out
    desk.feed(_state(INCLUDED + 1))
    desk.order(_swap(), INCLUDED + 1, "t-s-3-0")
    desk.tick(INCLUDED + 4 * SECOND)
    assert desk.events(Fill)[2].amount_out_raw == first.amount_out


# sampled pools


def test_a_sampled_pool_waits_for_a_newer_sample() -> None:
    desk = _desk(is_sampled=True)
    desk.order(_swap())
    desk.tick(INCLUDED + 50 * SECOND)
    assert desk.reports() == ["Submitted"]
    desk.feed(_state(T0 + MINUTE, tick=TICK - 300, is_sampled=True))
    assert desk.reports() == ["Submitted", "Fill", "Landed"]
    assert desk.events(Fill)[0].amount_out_raw == swap_exact_in(_pool(tick=TICK - 300), True, USDC_IN).amount_out


def test_a_sampled_pool_that_shows_nothing_newer_in_time_refuses() -> None:
    desk = _desk(is_sampled=True)
    desk.order(_swap())
    desk.tick(INCLUDED + 180 * SECOND - 1)
    assert desk.reports() == ["Submitted"]
    desk.tick(INCLUDED + 180 * SECOND)
    assert desk.reports() == ["Submitted", "Rejected"]
    desk.feed(_state(T0 + 10 * MINUTE, is_sampled=True))
    assert len(desk.events(*TERMINAL_REPORTS)) == 1


def _round_trip(**changes: Any) -> Swap:
    route = (Hop(pool=POOL, is_zero_for_one=False), Hop(pool=DEAR, is_zero_for_one=True))
    return _swap(10**16, *route, base_side="sell", **changes)


def test_a_route_over_sampled_pools_waits_for_both() -> None:
    """Else the first pool's new minute would trade against the second's old one: a profit that nobody could take."""
    desk = _desk(is_sampled=True)
    desk.order(_round_trip())
    desk.tick(INCLUDED)
    desk.feed(_state(T0 + MINUTE, is_sampled=True))
    assert desk.reports() == ["Submitted"]
    desk.feed(_state(T0 + MINUTE, name=DEAR, is_sampled=True))
    assert desk.reports() == ["Submitted", "Fill", "Fill", "Landed"]


def test_two_swaps_that_wait_for_the_same_sample_both_land_once() -> None:
    desk = _desk(is_sampled=True)
    names = [desk.order(_swap(), order_id=f"t-s-{n}-0") for n in (1, 2)]
    desk.order(_round_trip(), order_id="t-s-3-0")
    desk.tick(INCLUDED)
    desk.feed(_state(T0 + MINUTE, is_sampled=True))
    desk.feed(_state(T0 + MINUTE + 1, is_sampled=True), _state(T0 + MINUTE + 1, name=DEAR, is_sampled=True))
    for name in names:
        assert desk.reports(name) == ["Submitted", "Fill", "Landed"]
    assert desk.reports("t-s-3-0") == ["Submitted", "Fill", "Fill", "Landed"]
    desk.tick(T0 + 60 * MINUTE)
    assert len(desk.events(*TERMINAL_REPORTS)) == 3


# routes


def test_a_route_hands_each_pools_output_to_the_next() -> None:
    desk = _desk()
    desk.order(_round_trip())
    desk.tick(INCLUDED)
    first = swap_exact_in(_pool(), False, 10**16)
    second = swap_exact_in(_pool(3000, 60, TICK + 20), True, first.amount_out)
    fills = desk.events(Fill)
    assert [(each.pool, each.amount_in_raw, each.amount_out_raw) for each in fills] == [
        (POOL, 10**16, first.amount_out),
        (DEAR, first.amount_out, second.amount_out),
    ]
    assert [each.side for each in fills] == ["sell", "buy"]
    assert [each.gas_usd for each in fills] == [GAS_USD, 0]
    assert len({each.fill_id for each in fills}) == 2


def test_the_minimum_of_a_route_is_that_of_its_end_and_a_revert_moves_no_pool() -> None:
    desk = _desk()
    desk.order(_round_trip(amount_out_min=10**16))
    desk.order(_swap(), order_id="t-s-2-0")
    desk.tick(INCLUDED)
    assert desk.reports() == ["Submitted", "Reverted"]
    assert desk.events(Fill)[0].amount_out_raw == swap_exact_in(_pool(), True, USDC_IN).amount_out


def test_a_flash_loan_pays_its_premium_once() -> None:
    desk = _desk(flash_premium_bps=5.0)
    desk.order(_round_trip(is_flash_loan=True))
    desk.tick(INCLUDED)
    assert [each.fee_usd for each in desk.events(Fill)] == [Decimal("0.5"), Decimal(0)]


def test_after_a_restart_a_swap_with_fills_has_landed_and_one_without_is_sent_again() -> None:
    for filled, reports in (("0.5", ["Landed"]), ("0", ["Fill", "Landed"])):
        desk = _desk()
        desk.router.is_recovering = True
        desk.order(_swap())
        desk.router.is_recovering = False
        desk.router._executors["*"].reconcile(desk.router.open["t-s-1-0"], Decimal(filled))
        desk.tick(INCLUDED)
        assert desk.reports() == reports

"""The bonding curve against the golden cases of the official SDK: every trade, first buy and fee tier, to the unit.

The SDK prices without refusing. Where its answer is one that the program reverts on (nothing bought, fees above the
proceeds, more than the curve holds), the pool must refuse.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from adapters.pumpfun.addresses import quote_kind
from bus.pool_parts.pump_curve import PumpCurve, PumpCurveTerms
from bus.pool_parts.pump_fees import PumpFees
from kernel.amm.bonding_curve import BondingCurve
from kernel.amm.errors import PoolRefused
from kernel.amm.pump_fees import fees_on
from tests.vectors.load import params

FILE = "pump_curve.json"
Answer = TypeVar("Answer")


def fees_of(content: dict[str, Any], index: int | None) -> PumpFees:
    if index is None:
        return PumpFees(is_present=False)
    config = content["fee_configs"][index]
    return PumpFees(
        is_present=True,
        flat=tuple(config["flat_fees"]),
        tiers=tuple((int(floor), *rates) for floor, *rates in config["fee_tiers"]),
        stable_tiers=tuple((int(floor), *rates) for floor, *rates in config["stable_fee_tiers"]),
        exotic=tuple(config["exotic_flat_fees"]),
    )


def curve_of(case: dict[str, Any], content: dict[str, Any]) -> BondingCurve:
    given, terms = case["curve"], case["global"]
    curve = PumpCurve(
        virtual_base=int(given["virtual_token_reserves"]),
        virtual_quote=int(given["virtual_quote_reserves"]),
        real_base=int(given["real_token_reserves"]),
        real_quote=int(given["real_quote_reserves"]),
        supply=int(case["mint_supply"]),
        is_complete=False,
        has_creator=given["has_creator"],
        is_mayhem=given["is_mayhem_mode"],
        creator_fee_bps=given["creator_fee_bps"],
        quote_kind=quote_kind(given["quote_mint"]),
    )
    known = PumpCurveTerms(
        protocol_fee_bps=terms["fee_basis_points"],
        creator_fee_bps=terms["creator_fee_basis_points"],
        is_creator_fee_configurable=terms["creator_fee_configurable"],
        initial_real_base=int(content["initial"]["real_token_reserves"]),
    )
    return BondingCurve(curve, known, fees_of(content, case["fee_config"]))


@pytest.mark.parametrize(("case", "content"), params(FILE, "trades"))
def test_a_trade_costs_and_brings_what_the_sdk_says(case: dict[str, Any], content: dict[str, Any]) -> None:
    pool, out = curve_of(case, content), case["out"]
    coins, budget = int(case["tokens"]), int(case["quote_in"])
    assert pool.market_cap == int(out["market_cap"])
    assert pool.rates() == (int(out["protocol_fee_bps"]), int(out["creator_fee_bps"]))

    if pool.is_complete:
        for is_sale in (True, False):
            with pytest.raises(PoolRefused, match="curve_complete"):
                pool.quote_in(is_sale, max(coins, 1), 0)
        assert int(out["buy_tokens_for_quote"]) == 0
        return

    cost = asked(lambda: pool.quote_out(False, coins, 0))
    assert (cost.amount_in if cost else 0) == int(out["buy_quote_for_tokens"])
    assert cost is None or cost.amount_out == min(coins, pool.curve.real_base)

    assert (asked(lambda: pool.coins_for(budget)) or 0) == int(out["buy_tokens_for_quote"])

    brings = int(out["sell_quote_for_tokens"])
    gross = pool.curve.virtual_quote * coins // (pool.curve.virtual_base + coins)
    sale = asked(lambda: pool.quote_in(True, coins, 0))
    if sale is None:
        assert coins == 0 or brings < 0 or gross > pool.curve.real_quote
        assert gross - fees_on(gross, pool.charged) == brings
    else:
        assert sale.amount_out == brings


def asked(quote: Callable[[], Answer]) -> Answer | None:
    """An answer, or None for a refusal."""
    try:
        return quote()
    except PoolRefused:
        return None


@pytest.mark.parametrize(("case", "content"), params(FILE, "trades"))
def test_the_buy_for_a_budget_is_within_a_quote_unit_of_the_sdk(case: dict[str, Any], content: dict[str, Any]) -> None:
    pool, sdk = curve_of(case, content), int(case["out"]["buy_tokens_for_quote"])
    unit = pool.curve.virtual_base // max(pool.curve.virtual_quote, 1) + 1
    bought = asked(lambda: pool.quote_in(False, int(case["quote_in"]), 0))
    if bought is None:
        assert sdk <= 2 * unit
        return
    assert sdk - 2 * unit <= bought.amount_out <= sdk
    assert bought.amount_in <= int(case["quote_in"])


@pytest.mark.parametrize(("case", "content"), params(FILE, "fresh"))
def test_a_first_buy_gets_what_the_sdk_says(case: dict[str, Any], content: dict[str, Any]) -> None:
    start, kind = content["initial"], quote_kind(case["quote_mint"])
    pool = BondingCurve(
        PumpCurve(
            virtual_base=int(start["virtual_token_reserves"]),
            virtual_quote=int(start["virtual_quote_reserves_whitelisted" if kind else "virtual_sol_reserves"]),
            real_base=int(start["real_token_reserves"]),
            real_quote=0,
            supply=int(start["token_total_supply"]),
            is_complete=False,
            has_creator=True,
            is_mayhem=False,
            creator_fee_bps=0,
            quote_kind=kind,
        ),
        PumpCurveTerms(95, 30, False, int(start["real_token_reserves"])),
        fees_of(content, case["fee_config"]),
    )
    assert pool.coins_for(int(case["quote_in"])) == int(case["buy_tokens_for_quote"])

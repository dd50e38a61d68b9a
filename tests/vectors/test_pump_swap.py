"""PumpSwap against the golden cases of the official SDK: four quotes each, errors included, to the unit."""

from math import floor
from typing import Any

import pytest

from adapters.pumpfun.addresses import quote_kind
from bus.pool_parts.pump_swap import PumpSwapState, PumpSwapTerms
from kernel.amm.errors import PoolRefused
from kernel.amm.pump_swap import PumpSwap
from tests.vectors.load import params
from tests.vectors.test_pump_curve import asked, fees_of

NOBODY = "11111111111111111111111111111111"


def pool_of(case: dict[str, Any], content: dict[str, Any]) -> PumpSwap:
    given = case["pool"]
    return PumpSwap(
        PumpSwapState(
            virtual_quote=int(given["virtual_quote_reserves"]),
            is_canonical=given["is_canonical"],
            has_creator=given["coin_creator"] != NOBODY,
            is_mayhem=given["is_mayhem_mode"],
            creator_fee_bps=given["creator_fee_bps"],
            quote_kind=quote_kind(given["quote_mint"]),
        ),
        PumpSwapTerms(20, 5, 5, case["global"]["creator_fee_configurable"], False, False),
        fees_of(content, case["fee_config"]),
        int(given["base_reserve"]),
        int(given["quote_reserve"]),
        int(case["base_supply"]),
    )


def limit(amount: int, slippage_pct: float, sign: int) -> int:
    """The SDK's slippage: a float factor cut to nine digits. Not a rule of the program, so it lives in this test."""
    return amount * floor((1 + sign * slippage_pct / 100) * 1_000_000_000) // 1_000_000_000


@pytest.mark.parametrize(("case", "content"), params("pump_swap.json", "swaps"))
def test_the_four_quotes_are_those_of_the_sdk(case: dict[str, Any], content: dict[str, Any]) -> None:
    pool, out, slippage = pool_of(case, content), case["out"], case["slippage_pct"]
    coins, quote = int(case["base_amount"]), int(case["quote_amount"])
    fees = out["fees_bps"]
    if "error" not in fees:
        assert pool.rates() == tuple(int(fees[name]) for name in ("lpFeeBps", "protocolFeeBps", "creatorFeeBps"))

    buy, said = asked(lambda: pool.quote_out(False, coins, 0)), out["buy_base"]
    assert (buy is None) == ("error" in said)
    if buy:
        assert (buy.amount_in, buy.amount_out) == (int(said["uiQuote"]), coins)
        assert buy.amount_in - buy.fee == int(said["internalQuoteAmount"])
        assert limit(buy.amount_in, slippage, 1) == int(said["maxQuote"])

    buy, said = asked(lambda: pool.quote_in(False, quote, 0)), out["buy_quote"]
    assert (buy is None) == ("error" in said or int(said["base"]) <= 0)
    if buy:
        assert (buy.amount_out, buy.amount_in - buy.fee) == (int(said["base"]), int(said["internalQuoteWithoutFees"]))
        assert limit(quote, slippage, 1) == int(said["maxQuote"])
        assert buy.amount_in <= quote

    sale, said = asked(lambda: pool.quote_in(True, coins, 0)), out["sell_base"]
    assert (sale is None) == ("error" in said)
    if sale:
        assert (sale.amount_out, sale.amount_out + sale.fee) == (
            int(said["uiQuote"]),
            int(said["internalQuoteAmountOut"]),
        )
        assert limit(sale.amount_out, slippage, -1) == int(said["minQuote"])

    said = out["sell_quote"]
    if "error" in said:
        with pytest.raises(PoolRefused):
            pool.coins_for(quote)
    else:
        assert pool.coins_for(quote) == (int(said["base"]), int(said["internalRawQuote"]))
        assert limit(quote, slippage, -1) == int(said["minQuote"])

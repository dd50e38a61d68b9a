"""Raydium CPMM against the official SDK's calculator, and the pool where calculator and program agree."""

from typing import Any

import pytest

from bus.pool_parts.constant_product import RaydiumCpmmConfig, RaydiumCpmmState
from kernel.amm.constant_product import CpmmRates, swap_base_input, swap_base_output
from kernel.amm.errors import PoolRefused
from kernel.amm.raydium_cpmm import RaydiumCpmmPool
from tests.vectors.load import params

FILE = "raydium_cpmm.json"
FIELDS = (
    "newInputVaultAmount",
    "newOutputVaultAmount",
    "inputAmount",
    "outputAmount",
    "tradeFee",
    "protocolFee",
    "fundFee",
    "creatorFee",
)


def _arguments(case: Any) -> tuple[int, int, int, CpmmRates, bool]:
    rates = CpmmRates(
        case["trade_fee_rate"], case["creator_fee_rate"], case["protocol_fee_rate"], case["fund_fee_rate"]
    )
    amounts = (int(case["amount"]), int(case["input_vault"]), int(case["output_vault"]))
    return (*amounts, rates, case["creator_fee_on_input"])


def _pool(case: Any) -> RaydiumCpmmPool:
    _, reserve_in, reserve_out, rates, is_on_input = _arguments(case)
    config = RaydiumCpmmConfig(rates.trade, rates.protocol, rates.fund, rates.creator)
    state = RaydiumCpmmState(0, 0, 1 if is_on_input else 2, True, 0, 0)
    return RaydiumCpmmPool(state, config, (reserve_in, reserve_out))


@pytest.mark.parametrize(("case", "content"), params(FILE, "cases"))
def test_the_curve_is_the_sdks_calculator(case: Any, content: Any) -> None:
    found = swap_base_input(*_arguments(case), are_fees_apart=True)
    assert list(found) == [int(case["base_input"][name]) for name in FIELDS]
    if "error" in case["base_output"]:
        with pytest.raises(PoolRefused):
            swap_base_output(*_arguments(case))
        return
    assert list(swap_base_output(*_arguments(case))) == [int(case["base_output"][name]) for name in FIELDS]


@pytest.mark.parametrize(("case", "content"), params(FILE, "cases"))
def test_an_input_quote_is_the_programs_and_the_sdks_but_for_the_rounding_of_two_fees(case: Any, content: Any) -> None:
    amount, *_, rates, is_on_input = _arguments(case)
    program = swap_base_input(*_arguments(case))
    out = int(case["base_input"]["outputAmount"])
    if program.amount_out <= 0:
        with pytest.raises(PoolRefused):
            _pool(case).quote_in(True, amount, 1)
        return
    quote = _pool(case).quote_in(True, amount, 1)
    assert quote.amount_out == program.amount_out
    if not (is_on_input and rates.creator):
        assert quote.amount_out == out
    else:
        assert quote.amount_out >= out


@pytest.mark.parametrize(("case", "content"), params(FILE, "cases"))
def test_an_output_quote_is_the_sdks_or_a_refusal_beyond_the_reserve(case: Any, content: Any) -> None:
    amount, _, reserve_out, rates, is_on_input = _arguments(case)
    gross = amount if is_on_input else -(-amount * 1_000_000 // (1_000_000 - rates.creator))
    if gross >= reserve_out:
        with pytest.raises(PoolRefused, match="insufficient_liquidity"):
            _pool(case).quote_out(True, amount, 1)
        return
    expected = int(case["base_output"]["inputAmount"])
    if expected >= 1 << 64:
        with pytest.raises(PoolRefused, match="amount_out_of_range"):
            _pool(case).quote_out(True, amount, 1)
        return
    quote = _pool(case).quote_out(True, amount, 1)
    assert (quote.amount_in, quote.amount_out) == (expected, amount)

"""Instructions of pump.fun and PumpSwap equal what the official SDKs build: data, accounts, order, flags."""

from typing import Any

import pytest
from solders.instruction import Instruction
from solders.pubkey import Pubkey

from adapters.pumpfun.addresses import TOKEN, canonical_pool
from adapters.pumpfun.curve_instructions import (
    BUY_EXACT_QUOTE_IN_V2,
    CurveTrade,
    buy,
    buy_exact_quote_in_v2,
    buy_v2,
    migrate_v2,
    sell,
    sell_v2,
)
from adapters.pumpfun.swap_instructions import SwapTrade, swap_buy, swap_buy_exact_quote_in, swap_sell
from tests.vectors.load import params

CASES = params("pump_instructions.json", "cases")
KEYS = ("user", "mint", "quote_mint", "fee_recipient", "buyback_fee_recipient")


def keys_of(given: dict[str, Any]) -> dict[str, Pubkey]:
    keys = {name: Pubkey.from_string(given[name]) for name in KEYS}
    return keys | {"token_program": Pubkey.from_string(given["base_token_program"]), "quote_token_program": TOKEN}


def built(case: dict[str, Any]) -> Instruction:
    given, keys = case["input"], keys_of(case["input"])
    coins, quote, creator = int(given["amount"]), int(given["quote_amount"]), Pubkey.from_string(given["creator"])
    if case["name"] == "pump.migrate_v2":
        authority = Pubkey.from_string(case["withdraw_authority"])
        names = ("user", "mint", "quote_mint", "token_program", "quote_token_program")
        return migrate_v2(*(keys[name] for name in names), authority)
    if case["name"].startswith("pump_amm"):
        pool = Pubkey.from_string(case["pool"])
        assert pool == canonical_pool(keys["mint"], keys["quote_mint"])
        trade = SwapTrade(pool=pool, coin_creator=creator, is_cashback=case["cashback"], **keys)
        return (swap_buy if case["name"] == "pump_amm.buy" else swap_sell)(trade, coins, quote)
    curve = CurveTrade(creator=creator, **keys)
    if case["name"] == "pump.sell":
        return sell(curve, coins, quote, case["cashback"])
    return {"pump.buy": buy, "pump.buy_v2": buy_v2, "pump.sell_v2": sell_v2}[case["name"]](curve, coins, quote)


@pytest.mark.parametrize(("case", "content"), CASES)
def test_an_instruction_is_the_sdks_byte_for_byte(case: dict[str, Any], content: dict[str, Any]) -> None:
    instruction, out = built(case), case["out"]
    assert str(instruction.program_id) == out["program"]
    assert bytes(instruction.data).hex() == out["data_hex"]
    assert [[str(meta.pubkey), "s" * meta.is_signer + "w" * meta.is_writable] for meta in instruction.accounts] == out[
        "accounts"
    ]


@pytest.mark.parametrize(("case", "content"), CASES)
def test_a_buy_for_a_budget_takes_the_accounts_of_a_buy(case: dict[str, Any], content: dict[str, Any]) -> None:
    given, keys = case["input"], keys_of(case["input"])
    creator = Pubkey.from_string(given["creator"])
    if case["name"] == "pump.buy_v2":
        spent = buy_exact_quote_in_v2(CurveTrade(creator=creator, **keys), 5, 7)
        assert bytes(spent.data) == BUY_EXACT_QUOTE_IN_V2 + b"\x05" + bytes(7) + b"\x07" + bytes(7)
    elif case["name"] == "pump_amm.buy":
        pool = Pubkey.from_string(case["pool"])
        trade = SwapTrade(pool=pool, coin_creator=creator, is_cashback=case["cashback"], **keys)
        spent = swap_buy_exact_quote_in(trade, 5, 7)
    else:
        return
    assert spent.accounts == built(case).accounts

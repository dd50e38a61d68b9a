"""Raydium account layouts against the official SDK's decoders: every field, and encoding gives the bytes back."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from adapters.raydium.amm_v4_account import AmmV4State
from adapters.raydium.clmm_accounts import ClmmConfig, ClmmExtension, ClmmPoolState, ClmmPosition, ClmmTickArray
from adapters.raydium.cpmm_accounts import CpmmConfig, CpmmPoolState
from tests.vectors.load import files, params

ACCOUNTS: dict[tuple[str, str], Any] = {
    ("raydium_clmm", "PoolState"): ClmmPoolState,
    ("raydium_clmm", "AmmConfig"): ClmmConfig,
    ("raydium_clmm", "TickArrayState"): ClmmTickArray,
    ("raydium_clmm", "TickArrayBitmapExtension"): ClmmExtension,
    ("raydium_clmm", "PersonalPositionState"): ClmmPosition,
    ("raydium_cpmm", "PoolState"): CpmmPoolState,
    ("raydium_cpmm", "AmmConfig"): CpmmConfig,
    ("raydium_amm_v4", "LiquidityStateV4"): AmmV4State,
}
# Their name in the SDK where ours is not the same words.
RENAMED = {
    "config": "configId",
    "observation": "observationId",
    "decimals_a": "mintDecimalsA",
    "decimals_b": "mintDecimalsB",
    "tick": "tickCurrent",
    "fee_growth_a_x64": "feeGrowthGlobalX64A",
    "fee_growth_b_x64": "feeGrowthGlobalX64B",
    "protocol_fees_a": "protocolFeesTokenA",
    "protocol_fees_b": "protocolFeesTokenB",
    "fund_fees_a": "fundFeesTokenA",
    "fund_fees_b": "fundFeesTokenB",
    "open_time_s": "startTime",
    "pool": "poolId",
    "start": "startTickIndex",
    "initialised_count": "initializedTickCount",
    "fee_growth_inside_last_a_x64": "feeGrowthInsideLastX64A",
    "fee_growth_inside_last_b_x64": "feeGrowthInsideLastX64B",
    "fees_owed_a": "tokenFeesOwedA",
    "fees_owed_b": "tokenFeesOwedB",
}
DYNAMIC = {
    "filter_period_s": "filterPeriod",
    "decay_period_s": "decayPeriod",
    "reduction_factor": "reductionFactor",
    "dynamic_fee_control": "dynamicFeeControl",
    "volatility_max": "maxVolatilityAccumulator",
    "index_reference": "tickSpacingIndexReference",
    "volatility_reference": "volatilityReference",
    "volatility": "volatilityAccumulator",
    "last_update_s": "lastUpdateTimestamp",
}
TICK = {
    "tick": "tick",
    "liquidity_net": "liquidityNet",
    "liquidity_gross": "liquidityGross",
    "fee_growth_outside_a_x64": "feeGrowthOutsideX64A",
    "fee_growth_outside_b_x64": "feeGrowthOutsideX64B",
    "order_phase": "orderPhase",
    "orders": "ordersAmount",
    "orders_part_filled": "partFilledOrdersRemaining",
    "unfilled_ratio_x64": "unfilledRatioX64",
}
REWARD = {
    "state": "state",
    "open_time_s": "openTime",
    "end_time_s": "endTime",
    "last_update_s": "lastUpdateTime",
    "emissions_per_s_x64": "emissionsPerSecondX64",
    "total_emissioned": "totalEmissioned",
    "claimed": "claimed",
    "mint": "mint",
    "vault": "vault",
    "creator": "creator",
    "growth_global_x64": "growthGlobalX64",
}
CPMM = {
    "creator": "poolCreator",
    "lp_mint": "mintLp",
    "token_program_a": "mintProgramA",
    "token_program_b": "mintProgramB",
    "authority_bump": "bump",
    "decimals_a": "mintDecimalA",
    "decimals_b": "mintDecimalB",
    "lp_supply": "lpAmount",
    "protocol_fees_a": "protocolFeesMintA",
    "protocol_fees_b": "protocolFeesMintB",
    "fund_fees_a": "fundFeesMintA",
    "fund_fees_b": "fundFeesMintB",
    "open_time_s": "openTime",
    "recent_epoch": "epoch",
    "creator_fee_on": "feeOn",
    "creator_fees_a": "creatorFeesMintA",
    "creator_fees_b": "creatorFeesMintB",
}
AMM_V4 = {
    "base_decimals": "baseDecimal",
    "quote_decimals": "quoteDecimal",
    "pool_open_time_s": "poolOpenTime",
    "orderbook_to_init_time_s": "orderbookToInitTime",
    "swap_base_to_quote_fee": "swapBase2QuoteFee",
    "swap_quote_to_base_fee": "swapQuote2BaseFee",
    "vault_a": "baseVault",
    "vault_b": "quoteVault",
    "mint_a": "baseMint",
    "mint_b": "quoteMint",
    "market": "marketId",
    "market_program": "marketProgramId",
}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(each.capitalize() for each in rest)


def _cases() -> list[Any]:
    found = []
    for parameter in params("accounts.json", "accounts"):
        case = parameter.values[0]
        if case is None or (case["venue"], case["kind"]) in ACCOUNTS:
            found.append(parameter)
    for label, content in files("accounts_raydium.json"):
        found += [
            pytest.param(case, content, id=f"{label}-raydium-{at}") for at, case in enumerate(content["accounts"])
        ]
    return found


def _compare(account: Any, expected: dict[str, Any], names: Callable[[str], str]) -> set[str]:
    """Assert all that is in both; the names met."""
    met = set()
    for field in account.__struct_fields__:
        name = names(field)
        if name in expected and not isinstance(expected[name], list | dict):
            value = getattr(account, field)
            if isinstance(expected[name], bool):
                value = bool(value)
            assert str(value) == str(expected[name]), field
            met.add(name)
    return met


@pytest.mark.parametrize(("case", "content"), _cases())
def test_every_field_is_where_the_sdk_has_it_and_the_bytes_come_back(case: Any, content: Any) -> None:
    data = base64.b64decode(case["base64"])
    account = ACCOUNTS[case["venue"], case["kind"]].decode(data)
    assert account.encode() == data
    expected = case["decoded"]
    special = {"raydium_cpmm": CPMM, "raydium_amm_v4": AMM_V4}.get(case["venue"], {})
    met = _compare(account, expected, lambda field: special.get(field) or RENAMED.get(field) or _camel(field))
    if "dynamicFeeInfo" in expected:
        met |= {"dynamicFeeInfo", "tickArrayBitmap", "rewardInfos"}
        dynamic = expected["dynamicFeeInfo"]
        assert {their: str(getattr(account, our)) for our, their in DYNAMIC.items()} == {
            name: str(value) for name, value in dynamic.items()
        }
        assert account.bitmap_raw.hex() == expected["tickArrayBitmap"]["hex"]
        for reward, theirs in zip(account.rewards, expected["rewardInfos"], strict=True):
            assert {name: str(getattr(reward, our)) for our, name in REWARD.items()} == {
                name: str(value) for name, value in theirs.items()
            }
    elif "rewardInfos" in expected:
        met.add("rewardInfos")
        found = [(str(each.growth_inside_last_x64), str(each.amount_owed)) for each in account.rewards]
        assert found == [(each["growthInsideLastX64"], each["rewardAmountOwed"]) for each in expected["rewardInfos"]]
    if "ticks" in expected:
        met.add("ticks")
        for tick, theirs in zip(account.ticks, expected["ticks"], strict=True):
            assert {name: str(getattr(tick, our)) for our, name in TICK.items()} == {
                name: str(theirs[name]) for name in TICK.values()
            }
            growths = [getattr(tick, f"reward_growth_outside_{number}_x64") for number in (1, 2, 3)]
            assert [str(each) for each in growths] == theirs["rewardGrowthsOutsideX64"]
            assert tick.encode() in account.ticks_raw
    for name, raw in (("positiveTickArrayBitmap", "positive_raw"), ("negativeTickArrayBitmap", "negative_raw")):
        if name in expected:
            met.add(name)
            assert getattr(account, raw).hex() == expected[name]["hex"]
    if "padding" in expected:
        met.add("padding")
        assert [str(getattr(account, f"padding_{number}")) for number in (1, 2, 3)] == expected["padding"]
    assert met == set(expected)

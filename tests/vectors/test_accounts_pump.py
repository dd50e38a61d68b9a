"""Accounts, events and derived addresses of pump.fun, PumpSwap and LaunchLab against the official SDKs' coders."""

import base64
import re
from typing import Any

import pytest
from msgspec import Struct
from solders.pubkey import Pubkey

from adapters.launchlab import accounts as launchlab
from adapters.pumpfun import accounts, addresses
from adapters.pumpfun.event_records import CURVE_EVENTS, SWAP_EVENTS
from adapters.pumpfun.events import decode_event, events_in_logs
from tests.vectors.load import files, params

RECORDS = {
    ("pump", "BondingCurve"): accounts.BONDING_CURVE,
    ("pump", "Global"): accounts.GLOBAL,
    ("pump", "FeeConfig"): accounts.FEE_CONFIG,
    ("pump_amm", "Pool"): accounts.POOL,
    ("pump_amm", "GlobalConfig"): accounts.GLOBAL_CONFIG,
    ("raydium_launchlab", "PoolState"): launchlab.POOL_STATE,
    ("raydium_launchlab", "GlobalConfig"): launchlab.GLOBAL_CONFIG,
}
PROGRAMS = {"pump": str(addresses.PUMP), "pump_amm": str(addresses.PUMP_SWAP)}
RAYDIUM_WORDS = {
    "total_sell_a": "total_base_sell",
    "virtual_a": "virtual_base",
    "virtual_b": "virtual_quote",
    "real_a": "real_base",
    "real_b": "real_quote",
    "total_fund_raising_b": "total_quote_fund_raising",
    "protocol_fee": "quote_protocol_fee",
    "mint_decimals_a": "base_decimals",
    "mint_decimals_b": "quote_decimals",
    "config_id": "global_config",
    "platform_id": "platform_config",
    "mint_a": "base_mint",
    "mint_b": "quote_mint",
    "vault_a": "base_vault",
    "vault_b": "quote_vault",
    "mint_program_flag": "token_program_flag",
    "cpmm_creator_fee_on": "amm_creator_fee_on",
    "bump": "auth_bump",
    "total_allocated_share": "allocated_share_amount",
    "min_supply_a": "min_base_supply",
    "min_sell_rate_a": "min_base_sell_rate",
    "min_migrate_rate_a": "min_base_migrate_rate",
    "min_fund_raising_b": "min_quote_fund_raising",
    "migrate_to_cpmm_wallet": "migrate_to_cpswap_wallet",
}


def cases(section: str, venues: tuple[str, ...]) -> list[Any]:
    found = params("accounts.json", section)
    return [each for each in found if each.values[0] is None or each.values[0]["venue"] in venues]


def plain(value: Any) -> Any:
    """A decoded value the way the golden file writes it: numbers as text, names in snake case."""
    if isinstance(value, Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, dict):
        return {re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower(): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def said(decoded: dict[str, Any], venue: str) -> dict[str, Any]:
    names: dict[str, Any] = plain(decoded)
    if venue == "raydium_launchlab":
        return {RAYDIUM_WORDS.get(name, name): _renamed(each) for name, each in names.items()}
    return names


def _renamed(value: Any) -> Any:
    if isinstance(value, dict):
        return {RAYDIUM_WORDS.get(name, name): each for name, each in value.items()}
    return value


@pytest.mark.parametrize(("case", "content"), cases("accounts", ("pump", "pump_amm", "raydium_launchlab")))
def test_an_account_is_read_as_the_sdk_reads_it_and_written_back(case: dict[str, Any], content: Any) -> None:
    record, data = RECORDS[case["venue"], case["kind"]], base64.b64decode(case["base64"])
    value = record.decode(data)
    read, expected = plain(value), said(case["decoded"], case["venue"])
    assert {name: read[name] for name in expected} == expected
    # SDKs leave out reserved bytes and, for a pool, a flag that its program already writes.
    assert set(read) - set(expected) <= {"reserved", "is_holder_reward"}
    assert record.encode(value, len(data)) == data


@pytest.mark.parametrize(("case", "content"), cases("events", ("pump", "pump_amm")))
def test_an_event_is_the_same_from_a_log_and_from_a_self_call(case: dict[str, Any], content: Any) -> None:
    program = PROGRAMS[case["venue"]]
    event = decode_event(program, bytes.fromhex(case["self_cpi_instruction_hex"]))
    lines = [f"Program {program} invoke [1]", case["program_data_log"], f"Program {program} success"]
    assert events_in_logs(lines) == (event,)
    assert type(event).__name__ == case["event"]
    assert plain(event) == plain(case["decoded"])
    record = {each.name: each for each in CURVE_EVENTS + SWAP_EVENTS}[case["event"]]
    assert record.encode(event) == base64.b64decode(case["program_data_log"].removeprefix("Program data: "))


@pytest.mark.parametrize(("case", "content"), params("pump_curve.json", "pdas"))
def test_addresses_are_derived_as_the_sdk_derives_them(case: dict[str, Any], content: Any) -> None:
    mint, creator, user, other = (Pubkey.from_string(case[name]) for name in ("mint", "creator", "user", "other_quote"))
    pool = addresses.canonical_pool(mint, addresses.WRAPPED_SOL)
    found = {
        "bonding_curve": addresses.bonding_curve(mint),
        "bonding_curve_v2": addresses.bonding_curve_v2(mint),
        "creator_vault": addresses.creator_vault(creator),
        "amm_creator_vault_authority": addresses.swap_creator_authority(creator),
        "holder_rewards": addresses.holder_rewards(mint),
        "pool_authority": addresses.pool_authority(mint),
        "canonical_pool_wsol": pool,
        "canonical_pool_usdc": addresses.canonical_pool(mint, addresses.USDC),
        "canonical_pool_other": addresses.canonical_pool(mint, other),
        "pool_index7_by_creator": addresses.swap_pool(creator, mint, addresses.WRAPPED_SOL, 7),
        "lp_mint": addresses.lp_mint(pool),
        "user_volume_accumulator": addresses.user_volume(user),
        "fee_sharing_config": addresses.sharing_config(mint),
    }
    given = {"mint", "creator", "user", "other_quote"}
    assert {name: str(each) for name, each in found.items()} == {k: v for k, v in case.items() if k not in given}


@pytest.mark.parametrize("content", [pytest.param(each, id=label) for label, each in files("pump_curve.json")])
def test_the_programs_own_addresses_are_derived_as_the_sdk_derives_them(content: dict[str, Any]) -> None:
    found = {
        "global": addresses.GLOBAL,
        "amm_global": addresses.SWAP_AUTHORITY,
        "fee_config": addresses.FEE_CONFIG,
        "quote_control": addresses.QUOTE_CONTROL,
        "event_authority": addresses.EVENT_AUTHORITY,
        "amm_event_authority": addresses.SWAP_EVENT_AUTHORITY,
        "global_volume_accumulator": addresses.VOLUME,
    }
    assert {name: str(each) for name, each in found.items()} == content["constants"]

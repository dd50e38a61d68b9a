"""Whirlpool account bytes against what the IDL coder of whirlpools-sdk 0.22.0 reads in them."""

import base64
from typing import Any

import msgspec
import pytest
from solders.pubkey import Pubkey

from adapters.orca.accounts import DynamicTickArray, TickArray, decode, encode, initialised_ticks
from tests.vectors.load import params

CASES = [
    each
    for each in params("accounts.json", "accounts")
    if each.values[0] is None or each.values[0]["venue"] == "orca_whirlpool"
]


def as_coder(value: Any) -> Any:
    """The account in the coder's form: text for keys and numbers, a list for bytes, Rust's enum for optional ticks."""
    match value:
        case bytes():
            return [str(each) for each in value]
        case Pubkey() | int():
            return str(value)
        case DynamicTickArray():
            ticks = [
                {"Uninitialized": {}} if tick is None else {"Initialized": {"0": as_coder(tick)}}
                for tick in value.ticks
            ]
            return {**_fields(value), "ticks": ticks}
        case TickArray():
            ticks = [{"initialized": str(flag), **as_coder(tick)} for flag, tick in value.ticks]
            return {**_fields(value), "ticks": ticks}
        case tuple():
            return [as_coder(each) for each in value]
    return _fields(value)


def _fields(value: msgspec.Struct) -> dict[str, Any]:
    return {name: as_coder(getattr(value, name)) for name in value.__struct_fields__ if name != "ticks"}


def as_text(value: Any) -> Any:
    """The coder's answer with every number as text."""
    if isinstance(value, dict):
        return {name: as_text(each) for name, each in value.items()}
    if isinstance(value, list):
        return [as_text(each) for each in value]
    return str(value)


@pytest.mark.parametrize(("case", "content"), CASES)
def test_every_field_is_what_the_coder_reads_and_the_bytes_come_back(
    case: dict[str, Any], content: dict[str, Any]
) -> None:
    data = base64.b64decode(case["base64"])
    assert len(data) == case["len"]
    account = decode(data)
    assert type(account).__name__ == case["kind"]
    assert as_coder(account) == as_text(case["decoded"])
    assert encode(account) == data


@pytest.mark.parametrize(
    ("case", "content"), [each for each in CASES if each.values[0] and "Tick" in each.values[0]["kind"]]
)
def test_the_short_way_finds_the_same_initialised_ticks(case: dict[str, Any], content: dict[str, Any]) -> None:
    account = decode(base64.b64decode(case["base64"]))
    assert isinstance(account, TickArray | DynamicTickArray)
    if isinstance(account, TickArray):
        expected = [(number, tick.liquidity_net) for number, (flag, tick) in enumerate(account.ticks) if flag]
    else:
        expected = [(number, tick.liquidity_net) for number, tick in enumerate(account.ticks) if tick]
    start, pool, found = initialised_ticks(base64.b64decode(case["base64"]))
    assert (start, pool) == (account.start_tick_index, account.whirlpool)
    assert list(found) == expected

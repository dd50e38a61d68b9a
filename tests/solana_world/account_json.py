"""Accounts and token amounts as nodes write them."""

import base64
from decimal import Decimal
from typing import Any

import zstandard
from solders.account import Account

from tests.solana_world import base58
from tests.solana_world.addresses import TOKEN_2022, WRAPPED_SOL
from tests.solana_world.rpc_error import RpcError, invalid_params
from tests.solana_world.token_layouts import decimals_of, holding_of, is_mint, supply_of

BASE58_BYTES_MAX = 128  #: nodes refuse to encode more
RENT_EPOCH = 2**64 - 1
_STATES = {1: "initialized", 2: "frozen"}


def program_label(account: Account) -> str:
    """As parsed answers name a token program."""
    return "spl-token-2022" if account.owner == TOKEN_2022 else "spl-token"


def amount_json(amount: int, decimals: int) -> dict[str, Any]:
    """`uiTokenAmount`. The float is what nodes give; nobody should count with it."""
    exact = Decimal(amount).scaleb(-decimals)
    text = format(exact, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return {"amount": str(amount), "decimals": decimals, "uiAmount": float(exact), "uiAmountString": text}


def data_json(account: Account, config: dict[str, Any], decimals: int | None) -> Any:
    """The `data` member in the encoding that was asked for. `decimals`: of a token account's mint, where known."""
    encoding = config.get("encoding", "binary")
    data = account.data
    if encoding == "jsonParsed":
        parsed = _parsed(account, decimals)
        if parsed is not None:
            return parsed
        encoding = "base64"
    cut = config.get("dataSlice")
    if cut is not None:
        if not isinstance(cut, dict) or not all(isinstance(cut.get(each), int) for each in ("offset", "length")):
            raise invalid_params("dataSlice: expected offset and length.")
        data = data[cut["offset"] : cut["offset"] + cut["length"]]
    if encoding == "base64":
        return [base64.b64encode(data).decode(), encoding]
    if encoding == "base64+zstd":
        return [base64.b64encode(zstandard.compress(data)).decode(), encoding]
    if encoding in ("binary", "base58"):
        if len(data) > BASE58_BYTES_MAX:
            text = "Encoded binary (base 58) data should be less than 128 bytes, please use Base64 encoding."
            raise RpcError(-32600, text)
        return base58.encode(data) if encoding == "binary" else [base58.encode(data), encoding]
    raise invalid_params(f"unknown variant `{encoding}`.")


def account_json(account: Account | None, config: dict[str, Any], decimals: int | None = None) -> Any:
    """One account; null where there is none."""
    if account is None:
        return None
    return {
        "data": data_json(account, config, decimals),
        "executable": account.executable,
        "lamports": account.lamports,
        "owner": str(account.owner),
        "rentEpoch": RENT_EPOCH,
        "space": len(account.data),
    }


def _parsed(account: Account, decimals: int | None) -> Any:
    data = account.data
    holding = holding_of(account)
    if holding is not None and decimals is not None:
        info: dict[str, Any] = {
            "isNative": holding.mint == WRAPPED_SOL,
            "mint": str(holding.mint),
            "owner": str(holding.owner),
            "state": _STATES.get(data[108], "uninitialized"),
            "tokenAmount": amount_json(holding.amount, decimals),
        }
        kind = "account"
    elif is_mint(account):
        info = {"decimals": decimals_of(data), "isInitialized": bool(data[45]), "supply": str(supply_of(data))}
        kind = "mint"
    else:
        return None
    return {"parsed": {"info": info, "type": kind}, "program": program_label(account), "space": len(data)}

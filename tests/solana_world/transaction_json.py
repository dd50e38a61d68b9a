"""Transactions and what came of them, as nodes write them (json, jsonParsed, base64, base58)."""

import base64
import struct
from collections.abc import Callable, Iterable
from typing import Any

from solders.message import MessageV0
from solders.pubkey import Pubkey

from tests.solana_world import base58
from tests.solana_world.account_json import amount_json
from tests.solana_world.addresses import ASSOCIATED, SYSTEM, TOKEN_2022, TOKEN_PROGRAMS
from tests.solana_world.landed import Landed
from tests.solana_world.rpc_error import UNSUPPORTED_VERSION, RpcError, invalid_params
from tests.solana_world.token_layouts import Holding

_TRANSFER, _TRANSFER_CHECKED, _CLOSE, _SYNC = 3, 12, 9, 17
Decimals = Callable[[Pubkey], int]


def version_of(landed: Landed) -> Any:
    """0 or "legacy"."""
    return 0 if isinstance(landed.message.message, MessageV0) else "legacy"


def transaction_json(landed: Landed, config: dict[str, Any], decimals: Decimals) -> dict[str, Any]:
    """The answer of getTransaction. Raises `RpcError` for a version that the caller did not allow."""
    version = version_of(landed)
    most = config.get("maxSupportedTransactionVersion")
    if version == 0 and most is None:
        text = (
            "Transaction version (0) is not supported by the requesting client. "
            "Please try the request again with the following configuration parameter: "
            '"maxSupportedTransactionVersion": 0'
        )
        raise RpcError(UNSUPPORTED_VERSION, text)
    encoding = config.get("encoding", "json")
    answer = {
        "blockTime": landed.time_s,
        "meta": _meta(landed, encoding, decimals),
        "slot": landed.slot,
        "transaction": _encoded(landed, encoding),
    }
    return answer if most is None else {**answer, "version": version}


def _encoded(landed: Landed, encoding: str) -> Any:
    raw = bytes(landed.transaction)
    if encoding == "base64":
        return [base64.b64encode(raw).decode(), encoding]
    if encoding == "base58":
        return [base58.encode(raw), encoding]
    signatures = [str(each) for each in landed.transaction.signatures]
    if encoding == "json":
        return {"message": _message(landed), "signatures": signatures}
    if encoding == "jsonParsed":
        return {"message": _parsed_message(landed), "signatures": signatures}
    raise invalid_params(f"unknown variant `{encoding}`.")


def _tables(landed: Landed) -> list[dict[str, Any]]:
    message = landed.message.message
    return [
        {
            "accountKey": str(each.account_key),
            "readonlyIndexes": list(bytes(each.readonly_indexes)),
            "writableIndexes": list(bytes(each.writable_indexes)),
        }
        for each in (message.address_table_lookups if isinstance(message, MessageV0) else ())
    ]


def _message(landed: Landed) -> dict[str, Any]:
    message = landed.message.message
    header = message.header
    body = {
        "accountKeys": [str(each) for each in landed.message.static],
        "header": {
            "numReadonlySignedAccounts": header.num_readonly_signed_accounts,
            "numReadonlyUnsignedAccounts": header.num_readonly_unsigned_accounts,
            "numRequiredSignatures": header.num_required_signatures,
        },
        "instructions": [
            {
                "accounts": list(bytes(each.accounts)),
                "data": base58.encode(bytes(each.data)),
                "programIdIndex": each.program_id_index,
                "stackHeight": 1,
            }
            for each in message.instructions
        ],
        "recentBlockhash": str(message.recent_blockhash),
    }
    return {**body, "addressTableLookups": _tables(landed)} if isinstance(message, MessageV0) else body


def _parsed_message(landed: Landed) -> dict[str, Any]:
    resolved = landed.message
    keys = [
        {
            "pubkey": str(key),
            "signer": index < resolved.signatures,
            "source": "transaction" if index < len(resolved.static) else "lookupTable",
            "writable": resolved.writable[index],
        }
        for index, key in enumerate(resolved.keys)
    ]
    calls = [
        _parsed_call(each.program, [meta.pubkey for meta in each.metas], each.data, 1) for each in resolved.calls()
    ]
    body = {"accountKeys": keys, "instructions": calls, "recentBlockhash": str(resolved.message.recent_blockhash)}
    return {**body, "addressTableLookups": _tables(landed)} if version_of(landed) == 0 else body


def _parsed_call(program: Pubkey, accounts: Iterable[Pubkey], data: bytes, height: int) -> dict[str, Any]:
    names = [str(each) for each in accounts]
    found = _parse(program, names, data)
    if found is None:
        body: dict[str, Any] = {"accounts": names, "data": base58.encode(data)}
    else:
        label, kind, info = found
        body = {"parsed": {"info": info, "type": kind}, "program": label}
    return {**body, "programId": str(program), "stackHeight": height}


def _parse(program: Pubkey, names: list[str], data: bytes) -> tuple[str, str, dict[str, Any]] | None:
    """(program, type, info) of the few instructions that matter for reading what moved; None = left as it is."""
    if program == SYSTEM and len(data) == 12 and data[:4] == b"\2\0\0\0" and len(names) >= 2:
        lamports = struct.unpack_from("<Q", data, 4)[0]
        return "system", "transfer", {"destination": names[1], "lamports": lamports, "source": names[0]}
    if program == ASSOCIATED and len(names) >= 6 and data in (b"", b"\0", b"\1"):
        kind = "createIdempotent" if data == b"\1" else "create"
        roles = ("source", "account", "wallet", "mint", "systemProgram", "tokenProgram")
        return "spl-associated-token-account", kind, dict(zip(roles, names[:6], strict=True))
    if program not in TOKEN_PROGRAMS or not data:
        return None
    label = "spl-token-2022" if program == TOKEN_2022 else "spl-token"
    if data[0] == _TRANSFER and len(data) == 9 and len(names) >= 3:
        amount = str(struct.unpack_from("<Q", data, 1)[0])
        moved = dict(zip(("source", "destination", "authority"), names[:3], strict=True))
        return label, "transfer", {"amount": amount, **moved}
    if data[0] == _TRANSFER_CHECKED and len(data) == 10 and len(names) >= 4:
        info: dict[str, Any] = dict(zip(("source", "mint", "destination", "authority"), names[:4], strict=True))
        return (
            label,
            "transferChecked",
            {**info, "tokenAmount": amount_json(struct.unpack_from("<Q", data, 1)[0], data[9])},
        )
    if data[0] == _CLOSE and len(names) >= 3:
        return label, "closeAccount", dict(zip(("account", "destination", "owner"), names[:3], strict=True))
    if data[0] == _SYNC and names:
        return label, "syncNative", {"account": names[0]}
    return None


def _inner(landed: Landed, encoding: str) -> list[dict[str, Any]]:
    place = {key: index for index, key in enumerate(landed.keys)}
    groups = []
    for index, inner in sorted(landed.trace.inner.items()):
        if encoding == "jsonParsed":
            calls = [_parsed_call(each.program, each.accounts, each.data, each.height) for each in inner]
        else:
            calls = [
                {
                    "accounts": [place[key] for key in each.accounts],
                    "data": base58.encode(each.data),
                    "programIdIndex": place[each.program],
                    "stackHeight": each.height,
                }
                for each in inner
            ]
        groups.append({"index": index, "instructions": calls})
    return groups


def token_balances(holdings: list[Holding | None], decimals: Decimals) -> list[dict[str, Any]]:
    """Of every token account of the transaction, at one side of it."""
    return [
        {
            "accountIndex": index,
            "mint": str(holding.mint),
            "owner": str(holding.owner),
            "programId": str(holding.program),
            "uiTokenAmount": amount_json(holding.amount, decimals(holding.mint)),
        }
        for index, holding in enumerate(holdings)
        if holding is not None
    ]


def _meta(landed: Landed, encoding: str, decimals: Decimals) -> dict[str, Any]:
    lamports, holdings = landed.lamports, landed.holdings
    meta = {
        "computeUnitsConsumed": landed.trace.units,
        "err": landed.err,
        "fee": landed.fee,
        "innerInstructions": _inner(landed, encoding),
        "logMessages": landed.trace.logs,
        "postBalances": [new for _, new in lamports],
        "postTokenBalances": token_balances([new for _, new in holdings], decimals),
        "preBalances": [old for old, _ in lamports],
        "preTokenBalances": token_balances([old for old, _ in holdings], decimals),
        "rewards": [],
        "status": {"Ok": None} if landed.err is None else {"Err": landed.err},
    }
    if encoding != "jsonParsed":
        meta["loadedAddresses"] = {
            "readonly": [str(each) for each in landed.message.loaded_readonly],
            "writable": [str(each) for each in landed.message.loaded_writable],
        }
    return meta

"""Signed bytes from outside: decoded, bounded, their signatures checked."""

import base64
import binascii
from typing import Any

from solders.message import Message, MessageV0, to_bytes_versioned
from solders.transaction import SanitizeError, VersionedTransaction

from tests.solana_world import base58
from tests.solana_world.rpc_error import INVALID_PARAMS, SIGNATURE_FAILURE, RpcError, invalid_params

PACKET_BYTES_MAX = 1_232


def decode_transaction(text: Any, encoding: Any) -> VersionedTransaction:
    """`encoding`: base64 or base58. Raises `RpcError` as a node words it."""
    if not isinstance(text, str):
        raise invalid_params("expected an encoded transaction.")
    try:
        if encoding == "base64":
            data = base64.b64decode(text, validate=True)
        elif encoding in (None, "base58"):
            data = base58.decode(text)
        else:
            raise invalid_params(f"unsupported encoding: {encoding}. Supported encodings: base58, base64")
    except (ValueError, binascii.Error) as error:
        raise RpcError(INVALID_PARAMS, f"invalid {encoding or 'base58'} encoding: {error}") from error
    if len(data) > PACKET_BYTES_MAX:
        text = f"decoded solana_transaction::versioned::VersionedTransaction too large: {len(data)} bytes"
        raise RpcError(INVALID_PARAMS, f"{text} (max: {PACKET_BYTES_MAX} bytes)")
    try:
        transaction = VersionedTransaction.from_bytes(data)
        transaction.sanitize()
    except (ValueError, SanitizeError) as error:
        raise RpcError(
            INVALID_PARAMS, "failed to deserialize solana_transaction::versioned::VersionedTransaction"
        ) from error
    if not isinstance(transaction.message, Message | MessageV0):
        raise RpcError(INVALID_PARAMS, "invalid transaction: Transaction version is unsupported")
    return transaction


def is_signed(transaction: VersionedTransaction) -> bool:
    """Whether every signature is of its key over this message."""
    message = transaction.message
    needed = message.header.num_required_signatures
    if len(transaction.signatures) != needed:
        return False
    data = to_bytes_versioned(message)
    keys = message.account_keys
    return all(each.verify(keys[index], data) for index, each in enumerate(transaction.signatures))


def check_signatures(transaction: VersionedTransaction) -> None:
    """Raises `RpcError`."""
    if not is_signed(transaction):
        raise RpcError(SIGNATURE_FAILURE, "Transaction signature verification failure")

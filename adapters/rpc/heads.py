"""Heads and identities in answers: hexadecimal on EVM chains, plain on Solana."""

from typing import Any

from msgspec import Raw, Struct

from adapters.rpc.json_rpc import decode_result
from kernel.errors import BadWire

HEAD_MAX = 2**53  #: no chain is near; a larger number is no height
_ASKED = {"eth_blockNumber": "evm", "getSlot": "solana"}


class _Context(Struct):
    slot: int


class _WithContext(Struct):
    context: _Context


def quantity(value: Any) -> int:
    """A JSON-RPC quantity ("0x1b4") or a plain number as an integer. Raises `BadWire`."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and len(value) <= 66:
        try:
            return int(value, 16) if value[:2] == "0x" else int(value, 10)
        except ValueError:
            pass
    raise BadWire(f"expected a quantity like 0x1b4, found {str(value)[:40]!r}")


def head_in(method: str, family: str, raw: Raw) -> int | None:
    """The head that an answer gives away, or None."""
    try:
        if _ASKED.get(method) == family:
            head = quantity(decode_result(raw, Any))
        elif family == "solana" and bytes(memoryview(raw)[:11]) == b'{"context":':
            head = decode_result(raw, _WithContext).context.slot
        else:
            return None
    except BadWire:
        return None
    return head if 0 <= head < HEAD_MAX else None

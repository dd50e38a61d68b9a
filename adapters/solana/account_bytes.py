"""One account as bytes, out of the base64 of an RPC answer."""

import binascii
from base64 import b64decode

from msgspec import Struct

from adapters.solana.rpc_answers import RawAccount
from kernel.errors import BadWire

SYSTEM_PROGRAM = "11111111111111111111111111111111"
ACCOUNT_BYTES_MAX = 10 * 1024 * 1024  #: the runtime's own limit


class AccountBytes(Struct, frozen=True, gc=False):
    """Owner program, balance and data of an account that exists."""

    owner: str
    lamports: int
    data: bytes


def account_of(raw: RawAccount | None) -> AccountBytes | None:
    """Decoded; None for an account that does not exist (absent, or closed: no lamports). Raises `BadWire`."""
    if raw is None or raw.lamports == 0:
        return None
    text, encoding = raw.data
    if encoding != "base64":
        raise BadWire(f"account data: expected base64, found {encoding[:20]!r}")
    if len(text) > ACCOUNT_BYTES_MAX * 4 // 3 + 4:
        raise BadWire(f"account data: expected at most {ACCOUNT_BYTES_MAX} bytes, found {len(text)} characters")
    try:
        data = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadWire(f"account data: expected base64, found {len(text)} characters that are none") from None
    return AccountBytes(raw.owner, raw.lamports, data)

"""One account as bytes, out of an RPC answer."""

from msgspec import Struct

from adapters.solana.rpc_answers import RawAccount
from kernel.errors import BadWire

ACCOUNT_BYTES_MAX = 10 * 1024 * 1024  #: the runtime's own limit


class AccountBytes(Struct, frozen=True, gc=False):
    """Owner program, balance and data of an account that exists."""

    owner: str
    lamports: int
    data: bytes


def account_of(raw: RawAccount | None) -> AccountBytes | None:
    """None for an account that does not exist (absent, or closed: no lamports). Raises `BadWire`."""
    if raw is None or raw.lamports == 0:
        return None
    data, encoding = raw.data
    if encoding != "base64":
        raise BadWire(f"account data: expected base64, found {encoding[:20]!r}")
    if len(data) > ACCOUNT_BYTES_MAX:
        raise BadWire(f"account data: expected at most {ACCOUNT_BYTES_MAX} bytes, found {len(data)}")
    return AccountBytes(raw.owner, raw.lamports, data)

"""Token accounts as far as pools need them: which mint they hold and how much of it."""

from typing import NamedTuple

from solders.pubkey import Pubkey

from adapters.raydium.addresses import TOKEN_2022_PROGRAM, TOKEN_PROGRAM
from adapters.solana.tracked_pool import UnknownLayout

TOKEN_ACCOUNT_BYTES = 165
_OWNERS = (str(TOKEN_PROGRAM), str(TOKEN_2022_PROGRAM))
_AMOUNT_AT, _STATE_AT, _TYPE_AT = 64, 108, 165
_TYPE_TOKEN_ACCOUNT = 2


class Vault(NamedTuple):
    """`is_frozen`: nothing can be moved out or in."""

    mint: Pubkey
    authority: Pubkey
    amount: int
    is_frozen: bool


def decode_vault(address: str, owner: str, data: bytes) -> Vault:
    """An initialised token account of either token program. Raises `UnknownLayout`."""
    size = len(data)
    if owner not in _OWNERS:
        raise UnknownLayout(f"vault {address}: expected an account of a token program, found one of {owner}")
    is_plain = size == TOKEN_ACCOUNT_BYTES
    is_extended = size > _TYPE_AT and data[_TYPE_AT] == _TYPE_TOKEN_ACCOUNT and owner == _OWNERS[1]
    if not (is_plain or is_extended):
        raise UnknownLayout(f"vault {address}: expected a token account of 165 bytes or extended, found {size} bytes")
    if data[_STATE_AT] not in (1, 2):
        raise UnknownLayout(f"vault {address}: expected an initialised token account, found state {data[_STATE_AT]}")
    return Vault(
        Pubkey.from_bytes(data[:32]),
        Pubkey.from_bytes(data[32:64]),
        int.from_bytes(data[_AMOUNT_AT : _AMOUNT_AT + 8], "little"),
        data[_STATE_AT] == 2,
    )

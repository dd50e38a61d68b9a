"""The two numbers that pools need of token accounts and mints: a balance and a supply.

Layouts of spl-token 8 and spl-token-2022 9, 2026: both programs lay the first 165 and 82 bytes out alike.
"""

from solders.pubkey import Pubkey

from adapters.pumpfun.addresses import TOKEN, TOKEN_2022
from adapters.solana.tracked_pool import UnknownLayout

ACCOUNT_BYTES = 165
MINT_BYTES = 82
TOKEN_PROGRAMS = frozenset((str(TOKEN), str(TOKEN_2022)))
_STATE, _INITIALISED = 108, (1, 2)  #: 2 is frozen: the balance is known all the same


def balance_of(address: str, owner: str, data: bytes, mint: str) -> int:
    """Raw balance of a token account of a mint. Raises `UnknownLayout`."""
    _of_token_program(address, owner)
    if len(data) < ACCOUNT_BYTES or data[_STATE] not in _INITIALISED:
        raise UnknownLayout(f"{address}: expected a token account of {ACCOUNT_BYTES} bytes or more, found {len(data)}")
    found = str(Pubkey(data[:32]))
    if found != mint:
        raise UnknownLayout(f"{address}: expected a token account of {mint}, found one of {found}")
    return int.from_bytes(data[64:72], "little")


def supply_of(address: str, owner: str, data: bytes) -> int:
    """Raw supply of a mint. Raises `UnknownLayout`."""
    _of_token_program(address, owner)
    if len(data) < MINT_BYTES or data[45] != 1:
        raise UnknownLayout(f"{address}: expected a mint of {MINT_BYTES} bytes or more, found {len(data)}")
    return int.from_bytes(data[36:44], "little")


def _of_token_program(address: str, owner: str) -> None:
    if owner not in TOKEN_PROGRAMS:
        raise UnknownLayout(f"{address}: expected an account of a token program, found one of {owner}")

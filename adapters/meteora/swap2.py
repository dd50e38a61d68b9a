"""The DLMM program's exact-in swap that takes both token programs: `swap2` (lb_clmm, dlmm package 1.9.14, 2026).

Bin arrays follow the named accounts in the order of the swap, after the accounts of transfer hooks, whose numbers are
said in the data. Where an optional account is absent the program's own id stands in its place.
"""

import hashlib
import struct

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from adapters.meteora import addresses
from adapters.meteora.lb_pair import LbPair

DISCRIMINATOR = hashlib.sha256(b"global:swap2").digest()[:8]
HOOK_X, HOOK_Y = 0, 1
_PROGRAM = Pubkey.from_string(addresses.PROGRAM)
_MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
_EVENT_AUTHORITY = Pubkey.from_string(addresses.event_authority())

Hooks = tuple[tuple[AccountMeta, ...], tuple[AccountMeta, ...]]


def swap2(
    *,
    pair: str,
    account: LbPair,
    wallet: Pubkey,
    is_x_in: bool,
    amount_in: int,
    amount_out_min: int,
    token_accounts: tuple[Pubkey, Pubkey],
    token_programs: tuple[Pubkey, Pubkey],
    bin_arrays: tuple[str, ...],
    bitmap_extension: str | None,
    hooks: Hooks,
) -> Instruction:
    """The instruction; amounts are raw units at the wallet, pairs of accounts are X's and Y's."""
    token_in, token_out = token_accounts if is_x_in else token_accounts[::-1]
    extension = AccountMeta(_PROGRAM, False, False)
    if bitmap_extension is not None:
        extension = AccountMeta(Pubkey.from_string(bitmap_extension), False, True)
    named = [
        AccountMeta(Pubkey.from_string(pair), False, True),
        extension,
        AccountMeta(Pubkey.from_string(account.reserve_x), False, True),
        AccountMeta(Pubkey.from_string(account.reserve_y), False, True),
        AccountMeta(token_in, False, True),
        AccountMeta(token_out, False, True),
        AccountMeta(Pubkey.from_string(account.token_x_mint), False, False),
        AccountMeta(Pubkey.from_string(account.token_y_mint), False, False),
        AccountMeta(Pubkey.from_string(account.oracle), False, True),
        AccountMeta(_PROGRAM, False, False),  # no host takes a fee
        AccountMeta(wallet, True, False),
        AccountMeta(token_programs[0], False, False),
        AccountMeta(token_programs[1], False, False),
        AccountMeta(_MEMO, False, False),
        AccountMeta(_EVENT_AUTHORITY, False, False),
        AccountMeta(_PROGRAM, False, False),
    ]
    slices = [(kind, len(metas)) for kind, metas in zip((HOOK_X, HOOK_Y), hooks, strict=True) if metas]
    data = DISCRIMINATOR + struct.pack("<QQI", amount_in, amount_out_min, len(slices))
    data += b"".join(bytes(each) for each in slices)
    arrays = [AccountMeta(Pubkey.from_string(each), False, True) for each in bin_arrays]
    return Instruction(_PROGRAM, data, [*named, *hooks[0], *hooks[1], *arrays])

"""Accounts of the two token programs: the fields that everybody reads. SPL Token 8 and Token-2022 9, 2026."""

import struct
from typing import NamedTuple

from solders.account import Account
from solders.pubkey import Pubkey

from tests.solana_world.addresses import TOKEN_2022, TOKEN_PROGRAMS, WRAPPED_SOL

MINT_BYTES = 82
ACCOUNT_BYTES = 165  #: Token-2022: the account's kind follows, then extensions
_KIND_MINT, _KIND_ACCOUNT = 1, 2
_TRANSFER_FEE_CONFIG = 1
_FEE_CONFIG_BYTES = 108


class TransferFee(NamedTuple):
    """Of a Token-2022 mint; no fee where `bps` is 0."""

    bps: int
    most: int


class Holding(NamedTuple):
    """What a token account says."""

    mint: Pubkey
    owner: Pubkey
    amount: int
    program: Pubkey  #: the token program


def mint_of(data: bytes) -> Pubkey | None:
    """The mint of a token account; None for other bytes."""
    return Pubkey.from_bytes(data[:32]) if len(data) >= ACCOUNT_BYTES else None


def amount_of(data: bytes) -> int:
    """What a token account holds, raw units."""
    return int.from_bytes(data[64:72], "little")


def decimals_of(data: bytes) -> int:
    """Of a mint."""
    return data[44] if len(data) >= MINT_BYTES else 0


def supply_of(data: bytes) -> int:
    """Of a mint, raw units."""
    return int.from_bytes(data[36:44], "little")


def is_mint(account: Account) -> bool:
    """Whether a token program would take it as a mint."""
    size = len(account.data)
    is_extended = size > ACCOUNT_BYTES and account.data[ACCOUNT_BYTES] == _KIND_MINT
    return account.owner in TOKEN_PROGRAMS and (size == MINT_BYTES or is_extended)


def holding_of(account: Account | None) -> Holding | None:
    """None where it is no initialised token account."""
    if account is None or account.owner not in TOKEN_PROGRAMS:
        return None
    data = account.data
    is_plain = len(data) == ACCOUNT_BYTES
    if not is_plain and not (len(data) > ACCOUNT_BYTES and data[ACCOUNT_BYTES] == _KIND_ACCOUNT):
        return None
    if not data[108]:
        return None
    return Holding(Pubkey.from_bytes(data[:32]), Pubkey.from_bytes(data[32:64]), amount_of(data), account.owner)


def transfer_fee_of(account: Account | None, epoch: int) -> TransferFee:
    """The fee in force in that epoch."""
    if account is None or account.owner != TOKEN_2022:
        return TransferFee(0, 0)
    data, at = account.data, ACCOUNT_BYTES + 1
    while at + 4 <= len(data):
        kind, size = struct.unpack_from("<HH", data, at)
        at += 4
        if kind == _TRANSFER_FEE_CONFIG and size == _FEE_CONFIG_BYTES and at + size <= len(data):
            older, newer = at + 72, at + 90
            is_newer = epoch >= int.from_bytes(data[newer : newer + 8], "little")
            _, most, bps = struct.unpack_from("<QQH", data, newer if is_newer else older)
            return TransferFee(bps, most)
        at += size
    return TransferFee(0, 0)


def native_mint() -> Account:
    """Wrapped SOL's mint."""
    data = bytes(44) + bytes([9, 1]) + bytes(36)
    return Account(1_461_600, data, TOKEN_PROGRAMS[0], False, 0)


def is_wrapped_sol(mint: Pubkey) -> bool:
    """Whether its accounts hold lamports."""
    return mint == WRAPPED_SOL

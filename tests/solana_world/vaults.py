"""Token accounts at addresses of their own, as pools keep their tokens."""

import struct

from solders.account import Account
from solders.instruction import AccountMeta
from solders.pubkey import Pubkey

from tests.solana_world.addresses import SYSTEM, TOKEN, TOKEN_2022, WRAPPED_SOL
from tests.solana_world.genesis import (
    MINT_AUTHORITY,
    MINT_BYTES_WITH_FEE,
    administer,
    give_lamports,
    token_program_of,
)
from tests.solana_world.resolved_message import Call
from tests.solana_world.token_layouts import ACCOUNT_BYTES
from tests.solana_world.world import World

ACCOUNT_BYTES_WITH_FEE = 178  #: account, kind, and the extension in which fees are withheld
_INITIALIZE_ACCOUNT_3, _MINT_TO, _SYNC_NATIVE = 18, 7, 17


def open_vault(world: World, key: Pubkey, mint: Pubkey, authority: Pubkey, amount: int) -> Pubkey:
    """A token account at `key`, with tokens out of nowhere; returns the key."""
    program = token_program_of(world, mint)
    found = world.read(mint)
    is_taxed = program == TOKEN_2022 and found is not None and len(found.data) == MINT_BYTES_WITH_FEE
    size = ACCOUNT_BYTES_WITH_FEE if is_taxed else ACCOUNT_BYTES
    rent = world.store.svm.minimum_balance_for_rent_exemption(size)
    create = struct.pack("<IQQ", 0, rent, size) + bytes(program)
    payer = world.processor.native.payer
    calls = [
        Call(SYSTEM, [AccountMeta(payer, True, True), AccountMeta(key, True, True)], create),
        Call(
            program,
            [AccountMeta(key, False, True), AccountMeta(mint, False, False)],
            bytes([_INITIALIZE_ACCOUNT_3]) + bytes(authority),
        ),
    ]
    if amount and mint != WRAPPED_SOL:
        metas = [
            AccountMeta(mint, False, True),
            AccountMeta(key, False, True),
            AccountMeta(MINT_AUTHORITY, True, False),
        ]
        calls.append(Call(program, metas, bytes([_MINT_TO]) + amount.to_bytes(8, "little")))
    administer(world, calls)
    if amount and mint == WRAPPED_SOL:
        give_lamports(world, key, amount)
        administer(world, [Call(TOKEN, [AccountMeta(key, False, True)], bytes([_SYNC_NATIVE]))])
    return key


def put_owned(world: World, key: Pubkey, data: bytes, program: Pubkey) -> None:
    """An account of a program, free of rent for ever."""
    rent = world.store.svm.minimum_balance_for_rent_exemption(len(data))
    world.store.put(key, Account(rent, data, program, False, 0))


def decimals(world: World, mint: Pubkey) -> int:
    """Of a mint that is there. Raises `ValueError`."""
    found = world.read(mint)
    if found is None:
        raise ValueError(f"expected a mint at {mint}, found nothing")
    return found.data[44]


def require_sorted(mints: tuple[Pubkey, Pubkey]) -> None:
    """Most programs take the mint with the lower address first. Raises `ValueError`."""
    if not bytes(mints[0]) < bytes(mints[1]):
        raise ValueError(f"expected the mint with the lower address first, found {mints[0]}, {mints[1]}")

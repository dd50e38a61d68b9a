"""The block engine's eight tip accounts (docs of jito-labs, 2026-02) and what a transaction pays into them."""

import struct
from collections.abc import Iterable

from solders.account import Account
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from tests.solana_world.addresses import SYSTEM
from tests.solana_world.resolved_message import ResolvedMessage
from tests.solana_world.world import World

TIP_LAMPORTS_MIN = 1_000
TIP_ACCOUNTS = tuple(
    Pubkey.from_string(each)
    for each in (
        "96gYZGLnJYVFmbjzopPSU6QiEV5fGqZNyN9nmNhvrZU5",
        "HFqU5x63VTqvQss8hp11i4wVV8bD44PvwucfZ2bU7gRe",
        "Cw8CFyM9FkoMi7K7Crf6HNQqf4uEMzpKw6QNghXLvLkY",
        "ADaUMid9yfUytqMBgopwjb2DTLSokTSzL1zt6iGPaS49",
        "DfXygSm4jCyNCybVYYK6DwvWqjKee8pbDmJGcLWNDXjh",
        "ADuUkR4vqLUMWXxW9gh6D6L8pMSawimctcNZ5pGwDcEt",
        "DttWaMuVvTiduZRnguLF7jNxTgiMBZ1hyAumKUiL2KRL",
        "3AVi9Tg9Uo68tJfuvoKvqKNWKkC5wPdSSdeBnizKZ6jT",
    )
)


def open_tip_accounts(world: World) -> None:
    """They exist, so that a tip of any size is rent-exempt."""
    for key in TIP_ACCOUNTS:
        world.store.put(key, Account(10**9, b"", SYSTEM, False, 0))


def locks_tip_account(transaction: VersionedTransaction) -> bool:
    """Whether it writes a tip account that is in the message itself; one out of a lookup table does not count."""
    message = transaction.message
    header = message.header
    writable_signed = header.num_required_signatures - header.num_readonly_signed_accounts
    writable_unsigned = len(message.account_keys) - header.num_readonly_unsigned_accounts
    return any(
        key in TIP_ACCOUNTS and (index < writable_signed or header.num_required_signatures <= index < writable_unsigned)
        for index, key in enumerate(message.account_keys)
    )


def tip_of(messages: Iterable[ResolvedMessage]) -> int:
    """Lamports by plain top-level transfers; tips that a program pays are not seen."""
    total = 0
    for message in messages:
        for call in message.calls():
            is_transfer = call.program == SYSTEM and len(call.data) == 12 and call.data[:4] == b"\2\0\0\0"
            if is_transfer and len(call.metas) >= 2 and call.metas[1].pubkey in TIP_ACCOUNTS:
                total += int(struct.unpack_from("<Q", call.data, 4)[0])
    return total

"""A transaction's message with its lookup tables resolved: who signs, what may be written, which instructions."""

from typing import Any, NamedTuple

from solders.account import Account
from solders.address_lookup_table_account import AddressLookupTable
from solders.instruction import AccountMeta
from solders.message import Message, MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from tests.solana_world.account_store import AccountStore
from tests.solana_world.addresses import LOADER, LOOKUP_TABLES, RESERVED, SYSVAR_PREFIX

LOCKS_MAX = 64  #: accounts of a transaction, those of tables included
NOT_DEACTIVATED = 2**64 - 1


class Refused(Exception):
    """A transaction that no block takes; `err` is the node's JSON for it."""

    def __init__(self, err: Any) -> None:
        super().__init__(str(err))
        self.err = err


class Call(NamedTuple):
    """One top-level instruction."""

    program: Pubkey
    metas: list[AccountMeta]
    data: bytes


class ResolvedMessage:
    """Keys in the order of the runtime: static, then writable and read-only ones of the tables."""

    def __init__(self, transaction: VersionedTransaction, store: AccountStore, slot: int) -> None:
        message = transaction.message
        if not isinstance(message, Message | MessageV0):
            raise Refused("UnsupportedVersion")
        self.message = message
        header = message.header
        self.signatures = header.num_required_signatures
        self.static = list(message.account_keys)
        self.loaded_writable: list[Pubkey] = []
        self.loaded_readonly: list[Pubkey] = []
        if isinstance(message, MessageV0):
            for lookup in message.address_table_lookups:
                table = _table(store.get(lookup.account_key), slot)
                self.loaded_writable += _pick(table, bytes(lookup.writable_indexes))
                self.loaded_readonly += _pick(table, bytes(lookup.readonly_indexes))
        self.keys = self.static + self.loaded_writable + self.loaded_readonly
        self._check()
        signed_writable = self.signatures - header.num_readonly_signed_accounts
        unsigned_writable = len(self.static) - header.num_readonly_unsigned_accounts
        called = {self.static[each.program_id_index] for each in message.instructions}
        is_loader_there = LOADER in self.keys
        self.writable = [
            (
                index < signed_writable
                or self.signatures <= index < unsigned_writable
                or len(self.static) <= index < len(self.static) + len(self.loaded_writable)
            )
            and key not in RESERVED
            and not str(key).startswith(SYSVAR_PREFIX)
            and (key not in called or is_loader_there)
            for index, key in enumerate(self.keys)
        ]

    def _check(self) -> None:
        static, count = self.static, len(self.keys)
        if not self.signatures or self.signatures > len(static) or count > 256:
            raise Refused("SanitizeFailure")
        if count > LOCKS_MAX:
            raise Refused("TooManyAccountLocks")
        if len(set(self.keys)) != count:
            raise Refused("AccountLoadedTwice")
        for each in self.message.instructions:
            is_program_bad = not 0 < each.program_id_index < len(static)
            if is_program_bad or any(index >= count for index in bytes(each.accounts)):
                raise Refused("SanitizeFailure")

    @property
    def payer(self) -> Pubkey:
        """Who pays the fee."""
        return self.static[0]

    @property
    def table_keys(self) -> list[Pubkey]:
        """The lookup tables."""
        if isinstance(self.message, MessageV0):
            return [each.account_key for each in self.message.address_table_lookups]
        return []

    def writable_keys(self) -> list[Pubkey]:
        """What the transaction may change."""
        return [key for key, is_writable in zip(self.keys, self.writable, strict=True) if is_writable]

    def meta(self, index: int) -> AccountMeta:
        """The account in that place with its privileges."""
        return AccountMeta(self.keys[index], index < self.signatures, self.writable[index])

    def calls(self) -> list[Call]:
        """Top-level instructions in order."""
        return [
            Call(
                self.static[each.program_id_index],
                [self.meta(index) for index in bytes(each.accounts)],
                bytes(each.data),
            )
            for each in self.message.instructions
        ]


def _table(account: Account | None, slot: int) -> list[Pubkey]:
    """The usable addresses of a table: those added in the slot under way are not yet."""
    if account is None:
        raise Refused("AddressLookupTableNotFound")
    if account.owner != LOOKUP_TABLES:
        raise Refused("InvalidAddressLookupTableOwner")
    try:
        table = AddressLookupTable.deserialize(account.data)
    except (ValueError, TypeError) as error:
        raise Refused("InvalidAddressLookupTableData") from error
    if table.meta.deactivation_slot != NOT_DEACTIVATED and slot > table.meta.deactivation_slot + 512:
        raise Refused("AddressLookupTableNotFound")
    addresses = list(table.addresses)
    if table.meta.last_extended_slot == slot:
        return addresses[: table.meta.last_extended_slot_start_index]
    return addresses


def _pick(table: list[Pubkey], indexes: bytes) -> list[Pubkey]:
    if any(index >= len(table) for index in indexes):
        raise Refused("InvalidAddressLookupTableIndex")
    return [table[index] for index in indexes]

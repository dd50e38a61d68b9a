"""Address lookup tables: read once, kept, and used by the rules of the runtime.

Entries added in the current slot cannot be used yet; a table that is being closed cannot be used at all. Accounts that
must be seen in the message itself (tip accounts, ours) are hidden from the tables before compiling.
"""

from collections.abc import Collection, Sequence

from msgspec import Struct
from solders.address_lookup_table_account import AddressLookupTable, AddressLookupTableAccount
from solders.pubkey import Pubkey

from adapters.solana.account_bytes import AccountBytes
from adapters.solana.node import SolanaNode
from adapters.solana.tracked_pool import UnknownLayout
from bus.clock import NS_PER_S, Clock

TABLE_PROGRAM = "AddressLookupTab1e1111111111111111111111111"
HEADER_BYTES = 56
KEY_BYTES = 32
ENTRIES_MAX = 256
NEVER = (1 << 64) - 1  #: deactivation slot of a table in use
READ_AGAIN_S = 300.0  #: tables are only ever extended or closed; closing takes 512 slots
TABLES_MAX = 64  #: a transaction can name few; more is a mistake of configuration
#: Stands in a table's place for an account that must not come out of it: nobody has this key, so nothing matches it.
_HIDDEN = Pubkey.from_bytes(b"\xff" * 32)


class LookupTable(Struct, frozen=True, kw_only=True):
    """A table as it was read."""

    address: str
    last_extended_slot: int
    last_extended_start: int  #: index of the first entry that was added in that slot
    addresses: tuple[Pubkey, ...]

    def usable(self, slot: int, hidden: Collection[Pubkey]) -> AddressLookupTableAccount:
        """For compiling at that slot, without the entries that are too new or must be seen in the message."""
        count = len(self.addresses) if slot > self.last_extended_slot else self.last_extended_start
        entries = [_HIDDEN if each in hidden else each for each in self.addresses[:count]]
        return AddressLookupTableAccount(Pubkey.from_string(self.address), entries)


def decode_table(address: str, account: AccountBytes) -> LookupTable:
    """Read a table. Raises `UnknownLayout`, also for one that is being closed."""
    data = account.data
    if account.owner != TABLE_PROGRAM:
        raise UnknownLayout(f"lookup table {address}: expected owner {TABLE_PROGRAM}, found {account.owner}")
    entries, rest = divmod(len(data) - HEADER_BYTES, KEY_BYTES)
    if len(data) < HEADER_BYTES or rest or entries > ENTRIES_MAX or data[:4] != b"\x01\x00\x00\x00":
        raise UnknownLayout(f"lookup table {address}: expected 56 + 32 n bytes of a table, found {len(data)} bytes")
    try:
        table = AddressLookupTable.deserialize(data)
    except ValueError as error:
        raise UnknownLayout(f"lookup table {address}: {str(error)[:100]}") from None
    if table.meta.deactivation_slot != NEVER:
        raise UnknownLayout(f"lookup table {address} is being closed since slot {table.meta.deactivation_slot}")
    return LookupTable(
        address=address,
        last_extended_slot=table.meta.last_extended_slot,
        last_extended_start=table.meta.last_extended_slot_start_index,
        addresses=tuple(table.addresses),
    )


class LookupTables:
    """The tables that the operator configured; read when first needed and again every five minutes."""

    def __init__(self, node: SolanaNode, clock: Clock, addresses: Sequence[str] = ()) -> None:
        self._node = node
        self._clock = clock
        self._addresses = tuple(dict.fromkeys(addresses))[:TABLES_MAX]
        self._tables: tuple[LookupTable, ...] = ()
        self._read_ns = 0

    async def get(self) -> tuple[LookupTable, ...]:
        """All that can be used. Raises as the node; a table that is none raises `UnknownLayout`."""
        now_ns = self._clock.now_ns()
        if self._addresses and (not self._read_ns or now_ns - self._read_ns > READ_AGAIN_S * NS_PER_S):
            answers = await self._node.accounts(self._addresses)
            found = zip(self._addresses, answers, strict=True)
            self._tables = tuple(decode_table(name, each) for name, (_, each) in found if each is not None)
            self._read_ns = now_ns
        return self._tables

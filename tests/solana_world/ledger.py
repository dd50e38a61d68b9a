"""What really happened to wallets: lamports and tokens of each transaction, read off the accounts themselves.

It shares no code with what clients read (no JSON, no meta), so that it can be held against their books.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from solders.pubkey import Pubkey
from solders.signature import Signature

from tests.solana_world.addresses import TOKEN_PROGRAMS
from tests.solana_world.landed import Landed
from tests.solana_world.token_layouts import holding_of
from tests.solana_world.world import World

SOL = "SOL"  #: lamports of the wallet itself; those within token accounts are rent or wrapped


class Entry(NamedTuple):
    """One wallet in one transaction. `deltas`: by mint, or `SOL`; what did not change is left out."""

    signature: Signature
    slot: int
    wallet: Pubkey
    is_failed: bool
    fee: int  #: that this wallet paid, within the delta of `SOL`
    rent: int  #: lamports that went into (or came out of: negative) token accounts of the wallet
    deltas: Mapping[str, int]


class Difference(NamedTuple):
    """Where a book and the chain disagree."""

    signature: str
    wallet: str
    asset: str
    claimed: int
    real: int


class Ledger:
    """`watch` wallets before they act; entries of an abandoned fork are not there."""

    def __init__(self, world: World, wallets: Iterable[Pubkey] = ()) -> None:
        self._world = world
        self._wallets: dict[Pubkey, int] = {}  # with the slot from which on it is watched
        for each in wallets:
            self.watch(each)

    def watch(self, wallet: Pubkey) -> None:
        """From the next slot on."""
        self._wallets.setdefault(wallet, self._world.slot)

    def entries(self, wallet: Pubkey) -> list[Entry]:
        """Of the present fork, oldest first."""
        since = self._wallets[wallet]
        found = (_entry(each, wallet) for each in self._world.history.since(since))
        return [each for each in found if each is not None]

    def balances(self, wallet: Pubkey) -> dict[str, int]:
        """At processed: lamports, and all tokens by mint."""
        account = self._world.read(wallet)
        totals = {SOL: 0 if account is None else account.lamports}
        for program in TOKEN_PROGRAMS:
            for _, each in self._world.store.of_program(program):
                holding = holding_of(each)
                if holding is not None and holding.owner == wallet:
                    totals[str(holding.mint)] = totals.get(str(holding.mint), 0) + holding.amount
        return totals

    def compare(self, wallet: Pubkey, claims: Mapping[str, Mapping[str, int]]) -> list[Difference]:
        """A book against the chain: {signature: {asset: change}}; missing or invented transactions are differences."""
        real = {str(each.signature): each.deltas for each in self.entries(wallet)}
        found: list[Difference] = []
        for signature in sorted(set(real) | set(claims)):
            claimed, true = claims.get(signature, {}), real.get(signature, {})
            for asset in sorted(set(claimed) | set(true)):
                if claimed.get(asset, 0) != true.get(asset, 0):
                    row = (signature, str(wallet), asset, claimed.get(asset, 0), true.get(asset, 0))
                    found.append(Difference(*row))
        return found

    def compare_balances(self, wallet: Pubkey, claims: Mapping[str, int]) -> list[Difference]:
        """What somebody believes to hold against what there is; assets that are not claimed count as claimed 0."""
        real = self.balances(wallet)
        return [
            Difference("", str(wallet), asset, claims.get(asset, 0), real.get(asset, 0))
            for asset in sorted(set(real) | set(claims))
            if claims.get(asset, 0) != real.get(asset, 0)
        ]


def _entry(landed: Landed, wallet: Pubkey) -> Entry | None:
    deltas: dict[str, int] = {}
    rent = 0
    for key, (old_lamports, new_lamports), (old, new) in zip(
        landed.keys, landed.lamports, landed.holdings, strict=True
    ):
        if key == wallet:
            deltas[SOL] = new_lamports - old_lamports
        for holding, sign in ((old, -1), (new, 1)):
            if holding is not None and holding.owner == wallet:
                deltas[str(holding.mint)] = deltas.get(str(holding.mint), 0) + sign * holding.amount
        is_ours = any(each is not None and each.owner == wallet for each in (old, new))
        if is_ours and (old is None or new is None):
            rent += new_lamports - old_lamports
    if wallet not in landed.keys and not deltas:
        return None
    fee = landed.fee if landed.keys[0] == wallet else 0
    real = {asset: delta for asset, delta in deltas.items() if delta}
    return Entry(landed.signature, landed.slot, wallet, landed.err is not None, fee, rent, real)

"""All accounts, now and at every slot not long ago: LiteSVM holds the present, an undo history the past.

A change of an account writes down what was there before the slot. The state at slot S is the oldest such note of a
later slot; the state of an abandoned fork is undone with the same notes.
"""

from collections.abc import Iterable

from solders.account import Account
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey

from tests.solana_world.addresses import SYSTEM

GONE = Account(0, b"", SYSTEM, False, 0)  #: LiteSVM drops what is set to this


class AccountStore:
    """`slot` is the one under way; whoever writes through `put`, or says so by `note`, is in the history."""

    def __init__(self, svm: LiteSVM) -> None:
        self.svm = svm
        self.slot = 0
        self._notes: dict[Pubkey, list[tuple[int, Account | None]]] = {}
        self._changed: dict[int, dict[Pubkey, None]] = {}  # slot -> keys, in order of change

    def get(self, key: Pubkey, slot: int | None = None) -> Account | None:
        """The account after `slot` (None: at present)."""
        if slot is not None:
            for at, before in self._notes.get(key, ()):
                if at > slot:
                    return before
        return self.svm.get_account(key)

    def put(self, key: Pubkey, account: Account | None) -> None:
        """Write one; None removes it."""
        before = self.svm.get_account(key)
        self.set(key, account)
        self.note(key, before)

    def set(self, key: Pubkey, account: Account | None) -> None:
        """Write without a note: for what is undone within the same transaction."""
        if account is None and self.svm.get_account(key) is None:
            return
        self.svm.set_account(key, GONE if account is None else account)

    def note(self, key: Pubkey, before: Account | None) -> None:
        """The account was changed in this slot; that is how it was."""
        notes = self._notes.setdefault(key, [])
        if not notes or notes[-1][0] != self.slot:
            notes.append((self.slot, before))
            self._changed.setdefault(self.slot, {})[key] = None

    def changed(self, slot: int) -> tuple[Pubkey, ...]:
        """What that slot wrote, in order."""
        return tuple(self._changed.get(slot, ()))

    def roll_back(self, slot: int) -> tuple[Pubkey, ...]:
        """Back to the state after `slot`; returns what changed by that, in order."""
        dead = [each for each in self._changed if each > slot]
        keys = dict.fromkeys(key for each in dead for key in self._changed.pop(each))
        for key in keys:
            notes = self._notes[key]
            before = next(account for at, account in notes if at > slot)
            self.set(key, before)
            kept = [each for each in notes if each[0] <= slot]
            if kept:
                self._notes[key] = kept
            else:
                del self._notes[key]
        return tuple(keys)

    def forget(self, slot: int) -> None:
        """Nobody will ask for a state before `slot` any more."""
        for old in [each for each in self._changed if each <= slot]:
            for key in self._changed.pop(old):
                kept = [each for each in self._notes.get(key, ()) if each[0] > slot]
                if kept:
                    self._notes[key] = kept
                else:
                    self._notes.pop(key, None)

    def go_back(self, keys: Iterable[Pubkey], slot: int) -> dict[Pubkey, Account | None]:
        """Set these to what they were after `slot`, for a moment; `restore` what this returns."""
        present: dict[Pubkey, Account | None] = {}
        for key in keys:
            notes = self._notes.get(key)
            if notes and notes[-1][0] > slot:
                present[key] = self.svm.get_account(key)
                self.set(key, self.get(key, slot))
        return present

    def of_program(self, program: Pubkey, slot: int | None = None) -> list[tuple[Pubkey, Account]]:
        """Accounts that the program owned after `slot`, by address."""
        found: dict[Pubkey, Account] = dict(self.svm.get_program_accounts(program))
        if slot is not None:
            for key, notes in self._notes.items():
                if notes[-1][0] > slot:
                    account = self.get(key, slot)
                    if account is not None and account.owner == program:
                        found[key] = account
                    else:
                        found.pop(key, None)
        return sorted(found.items(), key=lambda each: bytes(each[0]))

    def same(self, one: Account | None, other: Account | None) -> bool:
        """Whether nothing differs that a program could see."""
        if one is None or other is None:
            return one is other
        return one.lamports == other.lamports and one.owner == other.owner and one.data == other.data

    def snapshot(self, keys: Iterable[Pubkey]) -> dict[Pubkey, Account | None]:
        """How these are now."""
        return {key: self.svm.get_account(key) for key in keys}

    def restore(self, snapshot: dict[Pubkey, Account | None]) -> None:
        """As they were at `snapshot`."""
        for key, account in snapshot.items():
            if not self.same(self.svm.get_account(key), account):
                self.set(key, account)

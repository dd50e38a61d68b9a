"""The accounts as a program sees them: it reads what the transaction names, writes what is its own, calls others."""

import base64
from collections.abc import Iterable, Sequence
from typing import Protocol

from solders.account import Account
from solders.instruction import AccountMeta
from solders.pubkey import Pubkey

from tests.solana_world.account_store import AccountStore
from tests.solana_world.addresses import TOKEN_PROGRAMS
from tests.solana_world.program_error import ProgramError
from tests.solana_world.token_layouts import amount_of, decimals_of, mint_of
from tests.solana_world.trace import Inner, Trace

EVENT_TAG = bytes.fromhex("e445a52e51cb9a1d")  #: in front of an Anchor event that a program sends to itself
_TRANSFER_CHECKED = 12
EVENT_UNITS = 1_000


class Invoker(Protocol):
    """Who runs instructions below others."""

    store: AccountStore
    now_s: int

    def invoke(self, program: Pubkey, metas: Sequence[AccountMeta], data: bytes, depth: int, trace: Trace) -> None:
        """Raises `ProgramError`."""


class AccountsView:
    """For one call of one program. All methods raise `ProgramError` where the runtime would stop the program."""

    def __init__(
        self, invoker: Invoker, program: Pubkey, metas: Sequence[AccountMeta], depth: int, trace: Trace
    ) -> None:
        self._invoker = invoker
        self._store = invoker.store
        self._depth = depth
        self._trace = trace
        self.program = program
        self.now_s = invoker.now_s
        self.slot = invoker.store.slot
        self._keys = [each.pubkey for each in metas]
        self._known = {program} | {each.pubkey for each in metas}
        self._writable = {each.pubkey for each in metas if each.is_writable}
        self._signers = {each.pubkey for each in metas if each.is_signer}

    def key_at(self, place: int) -> Pubkey:
        """The instruction's account in that place."""
        if place >= len(self._keys):
            raise ProgramError("NotEnoughAccountKeys")
        return self._keys[place]

    def account(self, key: Pubkey) -> Account | None:
        """Any account of the instruction; None where there is none at that address."""
        if key not in self._known:
            raise ProgramError("MissingAccount", (f"{key} is not among the instruction's accounts",))
        return self._store.get(key)

    def peek(self, key: Pubkey) -> Account | None:
        """Any account at all: what a stand-in may judge by though the program could not see it. Never write by it."""
        return self._store.get(key)

    def data(self, key: Pubkey) -> bytes:
        """Its bytes; b"" where there is no account."""
        account = self.account(key)
        return b"" if account is None else account.data

    def owner(self, key: Pubkey) -> Pubkey | None:
        """The program that owns it."""
        account = self.account(key)
        return None if account is None else account.owner

    def token_amount(self, key: Pubkey) -> int:
        """What a token account holds."""
        account = self.account(key)
        if account is None or account.owner not in TOKEN_PROGRAMS:
            raise ProgramError("InvalidAccountData", (f"{key} is no token account",))
        return amount_of(account.data)

    def require_writable(self, key: Pubkey) -> None:
        """The transaction lets this account be changed."""
        self.account(key)
        if key not in self._writable:
            raise ProgramError("ReadonlyDataModified", (f"{key} is not writable",))

    def require_signer(self, key: Pubkey) -> None:
        """It signed the transaction."""
        if key not in self._signers:
            raise ProgramError("MissingRequiredSignature", (f"{key} did not sign",))

    def write(self, key: Pubkey, data: bytes) -> None:
        """Replace the bytes of an account of this program; lamports stay."""
        account = self.account(key)
        if account is None or account.owner != self.program:
            raise ProgramError("ExternalAccountDataModified", (f"{key} is not owned by {self.program}",))
        if key not in self._writable:
            raise ProgramError("ReadonlyDataModified", (f"{key} is not writable",))
        self._store.set(key, Account(account.lamports, data, account.owner, account.executable, account.rent_epoch))

    def log(self, text: str) -> None:
        """`Program log: ...`."""
        self._trace.log(f"Program log: {text}")

    def log_data(self, data: bytes) -> None:
        """`Program data: ...`: an Anchor event as a log."""
        self._trace.log(f"Program data: {base64.b64encode(data).decode()}")

    def emit_to_itself(self, event_authority: Pubkey, event: bytes) -> None:
        """An Anchor event as an inner instruction of the program to itself."""
        self._trace.log(f"Program {self.program} invoke [{self._depth + 1}]")
        self._trace.consume(EVENT_UNITS)
        self._trace.log(f"Program {self.program} success")
        self._trace.add_inner(Inner(self.program, (event_authority,), EVENT_TAG + event, self._depth + 1))

    def call(self, program: Pubkey, metas: Sequence[AccountMeta], data: bytes, signers: Iterable[Pubkey] = ()) -> None:
        """Call another program. `signers`: addresses of this program that it signs for."""
        ours = set(signers)
        for each in metas:
            is_escalated = (each.is_writable and each.pubkey not in self._writable) or (
                each.is_signer and each.pubkey not in self._signers and each.pubkey not in ours
            )
            if each.pubkey not in self._known:
                raise ProgramError("MissingAccount", (f"{each.pubkey} is not among the instruction's accounts",))
            if is_escalated:
                raise ProgramError("PrivilegeEscalation", (f"{each.pubkey}'s privilege escalated",))
        if program not in self._known:
            raise ProgramError("MissingAccount", (f"program {program} is not among the instruction's accounts",))
        keys = tuple(each.pubkey for each in metas)
        self._trace.add_inner(Inner(program, keys, data, self._depth + 1))
        self._invoker.invoke(program, metas, data, self._depth + 1, self._trace)

    def transfer(
        self, source: Pubkey, mint: Pubkey, destination: Pubkey, authority: Pubkey, amount: int, *, is_ours: bool
    ) -> int:
        """TransferChecked by the mint's real program; returns what arrived. `is_ours`: this program signs for it."""
        program = self.owner(mint)
        if program is None or mint_of(self.data(source)) != mint:
            raise ProgramError("InvalidAccountData", (f"{source} holds no {mint}",))
        before = self.token_amount(destination)
        metas = [
            AccountMeta(source, False, True),
            AccountMeta(mint, False, False),
            AccountMeta(destination, False, True),
            AccountMeta(authority, True, False),
        ]
        data = bytes([_TRANSFER_CHECKED]) + amount.to_bytes(8, "little") + bytes([decimals_of(self.data(mint))])
        self.call(program, metas, data, (authority,) if is_ours else ())
        return self.token_amount(destination) - before

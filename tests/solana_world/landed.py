"""A transaction that is in a block, with everything that nodes are asked about it."""

from dataclasses import dataclass
from typing import Any

from solders.account import Account
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from tests.solana_world.fees import Budget
from tests.solana_world.resolved_message import ResolvedMessage
from tests.solana_world.token_layouts import Holding, holding_of
from tests.solana_world.trace import Trace


@dataclass(frozen=True, slots=True)
class Landed:
    """`before` and `after` are the accounts of the message's keys, in order."""

    signature: Signature
    transaction: VersionedTransaction
    message: ResolvedMessage
    slot: int
    time_s: int
    err: Any
    budget: Budget
    trace: Trace
    before: list[Account | None]
    after: list[Account | None]
    bundle: str  #: its id; "" = came alone

    @property
    def fee(self) -> int:
        """Lamports, signatures and priority."""
        return self.budget.fee

    @property
    def keys(self) -> list[Pubkey]:
        """All accounts of the transaction."""
        return self.message.keys

    def lamports(self) -> list[tuple[int, int]]:
        """Before and after, for each key."""
        return [
            (0 if old is None else old.lamports, 0 if new is None else new.lamports)
            for old, new in zip(self.before, self.after, strict=True)
        ]

    def holdings(self) -> list[tuple[Holding | None, Holding | None]]:
        """Token accounts before and after, for each key; None where it is none."""
        return [(holding_of(old), holding_of(new)) for old, new in zip(self.before, self.after, strict=True)]

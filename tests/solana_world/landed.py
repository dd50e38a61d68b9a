"""A transaction that is in a block, with everything that nodes are asked about it."""

from dataclasses import dataclass
from typing import Any

from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from tests.solana_world.fees import Budget
from tests.solana_world.resolved_message import ResolvedMessage
from tests.solana_world.token_layouts import Holding
from tests.solana_world.trace import Trace


@dataclass(frozen=True, slots=True)
class Landed:
    """`lamports` and `holdings` are (before, after) for each key of the message, in order; None is no token account.

    The accounts themselves are not kept: a tick array is 10 KB, and there are thousands of transactions.
    """

    signature: Signature
    transaction: VersionedTransaction
    message: ResolvedMessage
    slot: int
    time_s: int
    err: Any
    budget: Budget
    trace: Trace
    lamports: list[tuple[int, int]]
    holdings: list[tuple[Holding | None, Holding | None]]
    bundle: str  #: its id; "" = came alone

    @property
    def fee(self) -> int:
        """Lamports, signatures and priority."""
        return self.budget.fee

    @property
    def keys(self) -> list[Pubkey]:
        """All accounts of the transaction."""
        return self.message.keys

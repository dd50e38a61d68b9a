"""What takes the place of a program whose binary is not here: Python that rewrites accounts as the program would.

One file per family, `standin_<family>.py`. A stand-in sees accounts only through the view, which enforces what the
runtime would: it writes only accounts of its program that the transaction made writable, and tokens move only by calls
into the real token programs.
"""

from collections.abc import Sequence
from typing import Protocol

from solders.instruction import AccountMeta

from tests.solana_world.accounts_view import AccountsView


class StandIn(Protocol):
    """A program. `units` is what one call costs beside what it calls."""

    program: str
    units: int

    def execute(self, accounts: AccountsView, metas: Sequence[AccountMeta], data: bytes) -> None:
        """Do the instruction. Raises `ProgramError`."""

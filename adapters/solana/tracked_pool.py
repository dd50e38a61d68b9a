"""What the feed and the executor need of one pool of one program: which accounts to watch, their parts, its swap.

Each venue folder implements it (`adapters/orca`, `raydium`, `meteora`, `pumpfun`). Nothing here does I/O.
"""

from typing import Protocol

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from bus.pool_parts.base import PoolPart
from kernel.errors import BadWire


class UnknownLayout(BadWire):
    """An account is not what its place says: other owner, discriminator or length, or impossible values.

    It disables the pool, never the process. The text names account, expectation and finding.
    """


class TrackedPool(Protocol):
    """One pool, from the bytes of its accounts. Addresses are base58 text."""

    address: str
    family: str  #: whirlpool, raydium_clmm, raydium_cpmm, raydium_amm_v4, dlmm, pump_curve, pump_swap, launchlab
    program: str
    mints: tuple[str, str]  #: first and second token

    def neighbours(self) -> tuple[str, ...]:
        """Accounts to watch beside the pool itself for exact quotes near the present price, its mints left out."""

    def update(self, address: str, owner: str, data: bytes, slot: int) -> tuple[PoolPart, ...]:
        """The pool's own or a neighbour's bytes, decoded. Raises `UnknownLayout`; () for what is not of this pool."""

    def missing(self, address: str) -> tuple[PoolPart, ...]:
        """A neighbour does not exist on chain: what that means for the pool (an empty tick array, no oracle)."""

    def swap(
        self,
        wallet: Pubkey,
        is_a_to_b: bool,
        amount_in: int,
        amount_out_min: int,
        token_accounts: tuple[Pubkey, Pubkey],
        token_programs: tuple[Pubkey, Pubkey],
    ) -> Instruction:
        """The program's exact-in swap, accounts in its order; `token_accounts` are the wallet's, first and second."""

"""A pool of the world as the aggregator and other traders see it, whatever its family."""

from collections.abc import Callable
from typing import Protocol

from solders.account import Account
from solders.instruction import Instruction
from solders.pubkey import Pubkey

Read = Callable[[Pubkey], Account | None]


class Market(Protocol):
    """One pool. Raises `ValueError` (`PoolRefused` is one) or `KernelError` where it has no answer."""

    address: Pubkey
    label: str  #: the venue, as the aggregator names it
    mints: tuple[Pubkey, Pubkey]

    def quote(self, read: Read, mint_in: Pubkey, amount_in: int, now_s: int, epoch: int) -> int:
        """What arrives of the other mint, raw units."""

    def swap(
        self, read: Read, wallet: Pubkey, mint_in: Pubkey, amount_in: int, amount_out_min: int,
        source: Pubkey, destination: Pubkey,
    ) -> Instruction:  # fmt: skip
        """The program's own instruction; `source` and `destination` are the wallet's token accounts."""

"""Blocks of the present fork: slots with gaps, heights without, blockhashes, commitment levels.

A slot can pass without a block, so heights grow slower than slots; a blockhash lives 150 blocks, not slots. What an
abandoned fork had is gone, its blockhashes included.
"""

import hashlib
from typing import Literal, NamedTuple

from solders.hash import Hash

Commitment = Literal["processed", "confirmed", "finalized"]
COMMITMENTS: tuple[Commitment, ...] = ("processed", "confirmed", "finalized")
BLOCKHASH_BLOCKS = 150  #: a transaction lands at most so many blocks above its blockhash's
BLOCKS_MAX = 900  #: remembered; beyond finality, blockhash age and status cache together
EPOCH_SLOTS = 432_000


class Block(NamedTuple):
    """One block."""

    slot: int
    height: int
    blockhash: Hash
    parent: int  #: slot
    time_s: int


class Chain:
    """The fork under way; `lags`: blocks by which confirmed and finalized are behind processed."""

    def __init__(self, seed: int, slot: int, height: int, time_s: int, lags: tuple[int, int]) -> None:
        self._seed = seed
        self._made = 0
        self.lags = {"processed": 0, "confirmed": lags[0], "finalized": lags[1]}
        self.blocks = [Block(slot, height, self._hash(), slot - 1, time_s)]
        self._heights = {self.blocks[0].blockhash: height}

    def _hash(self) -> Hash:
        self._made += 1
        return Hash.from_bytes(hashlib.sha256(f"blockhash:{self._seed}:{self._made}".encode()).digest())

    @property
    def tip(self) -> Block:
        """The newest block."""
        return self.blocks[-1]

    def extend(self, slot: int, time_s: int) -> Block:
        """The next block."""
        parent = self.tip
        block = Block(slot, parent.height + 1, self._hash(), parent.slot, time_s)
        self.blocks.append(block)
        self._heights[block.blockhash] = block.height
        if len(self.blocks) > BLOCKS_MAX:
            self._heights.pop(self.blocks.pop(0).blockhash, None)
        return block

    def roll_back(self, depth: int) -> list[Block]:
        """Abandon the newest blocks, never a confirmed one; returns them, oldest first."""
        depth = min(depth, self.lags["confirmed"], len(self.blocks) - 1)
        dead = self.blocks[len(self.blocks) - depth :]
        del self.blocks[len(self.blocks) - depth :]
        for each in dead:
            self._heights.pop(each.blockhash, None)
        return dead

    def at(self, commitment: Commitment, behind: int = 0) -> Block:
        """The newest block of that level; `behind`: as a node sees it that is so many blocks late."""
        return self.blocks[max(0, len(self.blocks) - 1 - self.lags[commitment] - behind)]

    def level(self, slot: int, behind: int = 0) -> Commitment:
        """How far a slot of this fork got."""
        if slot <= self.at("finalized", behind).slot:
            return "finalized"
        return "confirmed" if slot <= self.at("confirmed", behind).slot else "processed"

    def confirmations(self, slot: int, behind: int = 0) -> int:
        """Blocks built on that slot's."""
        tip = self.at("processed", behind)
        block = next((each for each in reversed(self.blocks) if each.slot <= slot), self.blocks[0])
        return max(0, tip.height - block.height)

    def is_usable(self, blockhash: Hash, height: int) -> bool:
        """Whether a transaction with it may land in the block of that height; one of a later block is not known yet."""
        born = self._heights.get(blockhash)
        return born is not None and 0 <= height - born <= BLOCKHASH_BLOCKS

    def slot_hashes(self) -> list[tuple[int, Hash]]:
        """Newest first, as the sysvar has them."""
        return [(each.slot, each.blockhash) for each in reversed(self.blocks[-512:])]


def epoch_of(slot: int) -> int:
    """Mainnet's epochs have had one length since its start."""
    return slot // EPOCH_SLOTS

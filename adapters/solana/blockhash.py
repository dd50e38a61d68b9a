"""Keeps a fresh confirmed blockhash, so that building a transaction never waits for one.

A hash lives for 150 blocks, about a minute; expiry is told in block HEIGHT, not slots.
"""

import asyncio
from collections.abc import Callable

import structlog
from msgspec import Struct

from adapters.solana.node import SolanaNode
from bus.clock import NS_PER_S
from kernel.errors import KernelError

REFRESH_S = 2.0  #: five slots: a transaction keeps nearly all of its minute
AGE_S_MAX = 20.0  #: an older one has lost a third of its life; then it is asked for at once
_log = structlog.get_logger(__name__)


class Blockhash(Struct, frozen=True, gc=False):
    """For the header of a transaction."""

    text: str
    last_valid_height: int
    slot: int  #: of the node that told it
    read_ns: int


class BlockhashKeeper:
    """`run` refreshes it beside everything else; `get` answers from memory while that works."""

    def __init__(self, node: SolanaNode, now_ns: Callable[[], int], refresh_s: float = REFRESH_S) -> None:
        self._node = node
        self._now_ns = now_ns
        self._refresh_s = refresh_s
        self._latest: Blockhash | None = None

    async def run(self) -> None:
        """Refresh until cancelled; a failure is told once and tried again."""
        was_failing = False
        while True:
            try:
                await self.refresh()
                was_failing = False
            except KernelError as error:
                if not was_failing:
                    _log.warning("blockhash_not_refreshed", error=str(error)[:300])
                was_failing = True
            await asyncio.sleep(self._refresh_s)

    async def refresh(self) -> Blockhash:
        """Ask now. An answer from a node that is behind what we know is not taken. Raises as `SolanaNode`."""
        answer = await self._node.latest_blockhash()
        found = Blockhash(
            answer.value.blockhash, answer.value.last_valid_block_height, answer.context.slot, self._now_ns()
        )
        known = self._latest
        if known is None or found.last_valid_height >= known.last_valid_height:
            self._latest = known = found
        return known

    async def get(self) -> Blockhash:
        """One to use now. Raises as `SolanaNode` where none is fresh enough and none can be had."""
        known = self._latest
        if known is not None and self._now_ns() - known.read_ns <= AGE_S_MAX * NS_PER_S:
            return known
        return await self.refresh()

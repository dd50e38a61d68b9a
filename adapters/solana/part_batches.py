"""What changes together is told together: parts of one pool at one slot leave as one.

A swap writes two vaults, or a pair and its bins; nodes tell them one by one within milliseconds. A state between is of
no slot, and a price of it would be invented. So parts wait a few milliseconds for their mates, less when the pool
moves on to another slot or the chain does.
"""

import asyncio
from collections.abc import Callable

from bus.pool_parts.base import PoolPart

WINDOW_S = 0.004  #: notices of one write come closer together than this from a node nearby; a hundredth of a slot
PARTS_MAX = 256  #: of one batch; a snapshot of a large pool has fewer

PublishParts = Callable[[str, int, tuple[PoolPart, ...]], None]  #: (instrument, slot, parts)


class PartBatches:
    """Gathers and flushes; call it from the loop."""

    def __init__(self, publish: PublishParts, window_s: float = WINDOW_S) -> None:
        self._publish = publish
        self._window_s = window_s
        self._waiting: dict[str, tuple[int, list[PoolPart]]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, instrument: str, slot: int, parts: tuple[PoolPart, ...]) -> None:
        """Parts of one account of a pool."""
        waiting = self._waiting.get(instrument)
        if waiting is not None and (waiting[0] != slot or len(waiting[1]) >= PARTS_MAX):
            del self._waiting[instrument]
            self._publish(instrument, waiting[0], tuple(waiting[1]))
            waiting = None
        if waiting is None:
            self._waiting[instrument] = (slot, list(parts))
        else:
            waiting[1].extend(parts)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._window_s, self.flush)

    def flush(self) -> None:
        """Tell everything that waits, in the order in which its pools began to wait."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, {}
        for instrument, (slot, parts) in waiting.items():
            self._publish(instrument, slot, tuple(parts))

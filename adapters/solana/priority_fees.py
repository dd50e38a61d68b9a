"""What to bid per compute unit so that the accounts we write are worth a leader's while.

`getRecentPrioritizationFees` tells per slot of the last 150 what the cheapest transaction paid that wrote all the
accounts asked for; so each of our accounts is asked for alone, and the dearest one decides.
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from adapters.solana.node import SolanaNode
from adapters.solana.rpc_answers import PrioritizationFee
from bus.clock import NS_PER_S
from kernel.errors import KernelError
from kernel.finance.lamports import MICRO

ACCOUNTS_ASKED_MAX = 6  #: each is a call; the pools and our own accounts are what is contended
FRESH_S = 5.0  #: a dozen slots
REMEMBERED_MAX = 2_000  #: accounts
_log = structlog.get_logger(__name__)


def percentile(values: Sequence[int], pct: int) -> int:
    """The smallest value that at least `pct` % of them do not exceed; 0 of none.

    >>> percentile([5, 1, 9, 7], 50), percentile([5, 1, 9, 7], 75), percentile([], 75)
    (5, 7, 0)
    """
    if not values:
        return 0
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * pct // 100) - 1)]


def capped_price(price_micro_lamports: int, units: int, fee_lamports_max: int) -> int:
    """The price, lowered so that `units` of it cost at most `fee_lamports_max`."""
    return min(price_micro_lamports, fee_lamports_max * MICRO // units) if units else 0


class PriorityFees:
    """Percentiles per account, kept for some seconds."""

    def __init__(self, node: SolanaNode, now_ns: Callable[[], int], pct: int = 75) -> None:
        """`pct`: which percentile of the recent slots, 1 to 100."""
        self._node = node
        self._now_ns = now_ns
        self._pct = pct
        self._known: dict[str, tuple[int, int]] = {}  # address -> (price, when)

    async def price(self, writable: Sequence[str]) -> int:
        """Micro-lamports per unit: the highest percentile among the first six accounts; what is not told counts as the
        last that was, or 0."""
        asked = list(dict.fromkeys(writable))[:ACCOUNTS_ASKED_MAX]
        return max(await asyncio.gather(*(self._price(each) for each in asked)), default=0)

    async def _price(self, address: str) -> int:
        now_ns = self._now_ns()
        known = self._known.get(address)
        if known is not None and now_ns - known[1] <= FRESH_S * NS_PER_S:
            return known[0]
        try:
            fees: list[PrioritizationFee] = await self._node.priority_fees([address])
        except KernelError as error:  # a bid is no reason to leave an order undone
            _log.warning("priority_fees_not_read", error=str(error)[:200])
            return known[0] if known is not None else 0
        price = percentile([each.prioritization_fee for each in fees], self._pct)
        self._known.pop(address, None)
        self._known[address] = (price, now_ns)
        while len(self._known) > REMEMBERED_MAX:
            del self._known[next(iter(self._known))]
        return price

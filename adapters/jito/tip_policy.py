"""How much to tip: learnt from what landed and what did not, never more than a share of the profit. Pure integers.

tip = clamp(max(what landed tips were, what the market tips, what failed last, grown by a step), floor, cap)
cap = min(the most allowed, share of the expected profit)

A cap below the floor means: not worth a bundle. A tip that fails is the base of the next step, so failures in a row
grow it geometrically. Equal histories give equal tips.
"""

from collections import deque

from msgspec import Struct

BPS = 10_000
TIP_LAMPORTS_MIN = 1_000  #: the block engine takes no less
HISTORY_MAX = 200  #: landed tips remembered


class TipLimits(Struct, frozen=True, kw_only=True):
    """All in lamports, percent or basis points."""

    floor_lamports: int = 10_000
    max_lamports: int = 2_000_000
    profit_share_pct: int = 50  #: of the expected profit before the tip
    landed_pct: int = 40  #: percentile of our own landed tips: below the middle, so that tips also come down again
    market_pct: int = 50  #: percentile of what all landed bundles tipped; 0 = do not look
    growth_bps: int = 2_500  #: of the tip that failed


class TipPolicy:
    """Give it every outcome; ask it for every bundle."""

    def __init__(self, limits: TipLimits) -> None:
        self.limits = limits
        self._landed: deque[int] = deque(maxlen=HISTORY_MAX)
        self._failed_tip = 0  # the highest that failed since something landed

    def saw_landed(self, tip_lamports: int) -> None:
        """A bundle with this tip landed."""
        self._landed.append(tip_lamports)
        self._failed_tip = 0

    def saw_failed(self, tip_lamports: int) -> None:
        """A bundle with this tip did not land although it could have (it was not overtaken by the market)."""
        self._failed_tip = max(self._failed_tip, tip_lamports)

    def tip(self, expected_profit_lamports: int, market_lamports: int = 0) -> int:
        """For a bundle that is expected to earn so much; 0 = do not send it. `market_lamports` 0 = not known."""
        limits = self.limits
        share = max(0, expected_profit_lamports) * limits.profit_share_pct // 100
        cap = min(limits.max_lamports, share)
        floor = max(TIP_LAMPORTS_MIN, limits.floor_lamports)
        if cap < floor:
            return 0
        wanted = max(self._usual(), market_lamports if limits.market_pct else 0, self._grown())
        return min(cap, max(floor, wanted))

    def _usual(self) -> int:
        if not self._landed:
            return 0
        ordered = sorted(self._landed)
        return ordered[max(0, -(-len(ordered) * self.limits.landed_pct // 100) - 1)]

    def _grown(self) -> int:
        """A step above what failed; 0 where nothing failed since something landed."""
        return self._failed_tip + self._failed_tip * self.limits.growth_bps // BPS

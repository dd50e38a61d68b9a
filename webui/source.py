"""What the dashboard needs of the kernel: snapshots of folds, history, three commands. The composition root adapts."""

from typing import Protocol

from webui.history import EquitySeries, Performance, Story, TradeList, TradeQuery
from webui.snapshot import Overview, Positions, StrategyPage


class DashboardSource(Protocol):
    """Everything the pages read and the few things they may do.

    The synchronous methods run in the kernel's loop between events: they must be cheap (well under a millisecond) and
    must not wait. The asynchronous ones may ask Postgres; they raise `StoreError` when it cannot answer, which a page
    shows as degraded. An unknown strategy gives None, never an exception.
    """

    def overview(self) -> Overview:
        """The kernel now."""
        ...

    def strategy(self, name: str) -> StrategyPage | None:
        """One strategy now."""
        ...

    def positions(self, name: str) -> Positions | None:
        """Its open legs now, from the ledger in memory."""
        ...

    async def equity(self, name: str | None, since_ns: int, points_max: int) -> EquitySeries:
        """Equity of a strategy, or of the whole kernel (None), since a moment of event time, at most `points_max`."""
        ...

    async def trades(self, query: TradeQuery) -> TradeList:
        """A slice of a strategy's trades."""
        ...

    async def performance(self, name: str, since_ns: int) -> Performance:
        """Statistics of a strategy since a moment of event time."""
        ...

    async def story(self, name: str, order_id: str) -> Story | None:
        """The life of an order; None = not known, or no longer kept."""
        ...

    def kill(self, reason: str, by: str) -> None:
        """Stop everything: publishes `KillSwitchSet` on. Must work without the database."""
        ...

    def reset_kill(self, reason: str, by: str) -> None:
        """Lift the stop."""
        ...

    def command(self, name: str, command: str, by: str) -> None:
        """start, pause or stop one strategy: publishes `StrategyCommand`."""
        ...

"""Stream topics, each rendered to cells from one snapshot: `shell`, `overview`, `strategy:NAME`, `positions:NAME`.

Parts of the interface add topics of their own kinds.
"""

from collections.abc import Callable, Mapping

from msgspec import Struct

from webui.cells import Cells
from webui.overview_cells import overview_cells, shell_cells
from webui.snapshot import Overview, SignalPoint, StrategyPage
from webui.source import DashboardSource
from webui.strategy_cells import positions_cells, strategy_cells


class Rendered(Struct, frozen=True):
    """The cells of a topic, and the points of its chart (oldest first)."""

    cells: Cells
    points: tuple[SignalPoint, ...] = ()


Render = Callable[[str], Rendered | None]


class Moment:
    """One look at the source: several topics of a tick share it. `parts` render the topics of the kinds they own."""

    def __init__(self, source: DashboardSource, parts: Mapping[str, Render] | None = None) -> None:
        self._source = source
        self._parts = parts or {}
        self._overview: Overview | None = None
        self._strategies: dict[str, StrategyPage | None] = {}

    def overview(self) -> Overview:
        """The kernel at this moment."""
        if self._overview is None:
            self._overview = self._source.overview()
        return self._overview

    def strategy(self, name: str) -> StrategyPage | None:
        """A strategy at this moment."""
        if name not in self._strategies:
            self._strategies[name] = self._source.strategy(name)
        return self._strategies[name]

    def render(self, topic: str) -> Rendered | None:
        """The topic's cells; None when there is no such topic."""
        kind, _, name = topic.partition(":")
        if topic == "shell":
            return Rendered(shell_cells(self.overview()))
        if topic == "overview":
            return Rendered(overview_cells(self.overview()))
        if kind == "strategy":
            page = self.strategy(name)
            if page is None:
                return None
            return Rendered(strategy_cells(page), page.signal.points if page.signal else ())
        if kind == "positions":
            held = self._source.positions(name)
            return None if held is None else Rendered(positions_cells(held))
        render = self._parts.get(kind)
        return None if render is None else render(topic)

"""How a group of pages joins the web interface: routes, entries of the rail, tabs on strategies, stream topics.

A part is built by the composition root with the source that it reads, and handed to the server; the application binds
it to the renderer. Nothing else has to know of it.
"""

from typing import Any

from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from webui.cells import Cells
from webui.periods import PERIODS
from webui.rendering import Renderer
from webui.source import DashboardSource
from webui.strategy_cells import strategy_cells
from webui.topics import Moment, Rendered


class NavItem(Struct, frozen=True):
    """An entry of the rail. `group` is its heading; entries of a group stand in the order of the parts."""

    href: str
    label: str
    group: str = "System"


class Part:
    """Base of every group of pages."""

    nav: tuple[NavItem, ...] = ()
    tabs: tuple[tuple[str, str], ...] = ()  #: (last segment of the path, label) added to every strategy
    topic_kinds: tuple[str, ...] = ()  #: kinds of stream topics (`kind` or `kind:NAME`) that `render` knows

    renderer: Renderer
    source: DashboardSource

    def bind(self, renderer: Renderer, source: DashboardSource) -> None:
        """Called once, before `routes`."""
        self.renderer = renderer
        self.source = source

    def routes(self) -> list[BaseRoute]:
        """Its routes; fixed paths of the system pages, or below `/{module}/`."""
        return []

    def render(self, topic: str) -> Rendered | None:
        """The cells of a topic now; None when there is no such topic. Runs in the loop: cheap, never waits."""
        return None

    def page(
        self,
        request: Request,
        template: str,
        *,
        title: str,
        cells: Cells | None = None,
        topics: tuple[str, ...] = (),
        **values: Any,
    ) -> Response:
        """A system page inside the shell."""
        moment = Moment(self.source)
        return self.renderer.page(request, template, moment, cells or {}, topics, title=title, **values)

    def strategy_page(
        self,
        request: Request,
        template: str,
        *,
        tab: str,
        cells: Cells | None = None,
        topics: tuple[str, ...] = (),
        **values: Any,
    ) -> Response:
        """A page of the strategy `request.path_params["module"]`, with its head and tabs. Raises 404 if unknown."""
        return strategy_page(self.renderer, self.source, request, template, tab, cells, topics, **values)


def strategy_page(
    renderer: Renderer,
    source: DashboardSource,
    request: Request,
    template: str,
    tab: str,
    cells: Cells | None = None,
    topics: tuple[str, ...] = (),
    **values: Any,
) -> Response:
    """A strategy's page with its head and tabs, live on the strategy's topic and on `topics`."""
    name = request.path_params["module"]
    moment = Moment(source)
    page = moment.strategy(name)
    if page is None:
        raise HTTPException(404, f"there is no strategy {name[:80]!r}")
    return renderer.page(
        request,
        template,
        moment,
        strategy_cells(page) | (cells or {}),
        (f"strategy:{name}", *topics),
        title=page.row.title,
        page=page,
        tab=tab,
        periods=PERIODS,
        **values,
    )

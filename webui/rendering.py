"""Templates with everything a page needs: autoescaped, undefined names are errors, the shell's cells always there."""

from pathlib import Path
from typing import Any

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse

from webui import typeset
from webui.cells import Cells
from webui.overview_cells import shell_cells
from webui.roles import role_of
from webui.topics import Moment

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"
TABS = (("dashboard", "Dashboard"), ("performance", "Performance"), ("trades", "Trades"), ("positions", "Positions"))
Nav = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]  #: (heading, ((href, label), …)), …


class Renderer:
    """Turns a template and its values into a response."""

    def __init__(self, nav: Nav = (), tabs: tuple[tuple[str, str], ...] = ()) -> None:
        """`nav` is what stands in the rail below the strategies; `tabs` are added to those of every strategy."""
        self._jinja = jinja2.Environment(
            loader=jinja2.FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._jinja.globals |= {"t": typeset, "tabs": (*TABS, *tabs), "nav": nav}
        self._jinja.filters["ms"] = lambda ts_ns: (ts_ns or 0) // 1_000_000

    def page(
        self,
        request: Request,
        template: str,
        moment: Moment,
        cells: Cells,
        topics: tuple[str, ...],
        **values: Any,
    ) -> HTMLResponse:
        """A page inside the shell, live on `topics`."""
        now = moment.overview()
        return self.plain(
            template,
            200,
            now=now,
            cells=shell_cells(now) | cells,
            topics=",".join(topics),
            csrf=request.scope["session"].csrf,
            role=role_of(request).label,
            path=request.url.path,
            **values,
        )

    def plain(self, template: str, code: int = 200, **values: Any) -> HTMLResponse:
        """A page without the shell."""
        return HTMLResponse(self._jinja.get_template(template).render(values), code)

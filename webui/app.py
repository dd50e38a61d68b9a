"""The web application: routes, error pages, and the guard in front of all of it."""

from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from bus.clock import WallClock
from webui.access import LOOPBACK_HOSTS, Access
from webui.commands import Commands
from webui.data import Data
from webui.guard import Guard
from webui.health import Health
from webui.login import Login
from webui.pages import Pages
from webui.part import Part
from webui.refusal import refusal_response
from webui.rendering import STATIC, Nav, Renderer
from webui.source import DashboardSource
from webui.stream import StreamHub

__all__ = ["LOOPBACK_HOSTS", "make_app"]


def make_app(
    source: DashboardSource,
    access: Access,
    hub: StreamHub,
    *,
    token_hint: str = "",
    parts: tuple[Part, ...] = (),
    health: Health | None = None,
) -> ASGIApp:
    """The ASGI application. `token_hint` says on the login page where the access token is kept."""
    renderer = Renderer(_nav(parts), tuple(tab for part in parts for tab in part.tabs))
    for part in parts:
        part.bind(renderer, source)
        hub.part_topics |= dict.fromkeys(part.topic_kinds, part.render)
    login = Login(access, renderer, WallClock(), hint=token_hint)
    pages = Pages(source, renderer)
    data = Data(source, hub)
    commands = Commands(source)

    async def refused(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            error = HTTPException(500, "The fault is ours; the kernel's log has it.")
        path, status, detail = request.url.path, error.status_code, error.detail
        if path.startswith("/api/") or "text/html" not in request.headers.get("accept", ""):
            return refusal_response(path, error)
        page = renderer.plain("error.html", status, status=status, phrase=HTTPStatus(status).phrase, detail=detail)
        page.headers.update(error.headers or {})
        return page

    app = Starlette(
        routes=[
            *(health.routes() if health is not None else ()),
            Route("/", pages.overview),
            Route("/login", login.show),
            Route("/login", login.submit, methods=["POST"]),
            Route("/reauth", login.show_reauth),
            Route("/reauth", login.reauth, methods=["POST"]),
            Route("/logout", login.logout, methods=["POST"]),
            Route("/data/sessions", login.sessions),
            Route("/stream", data.stream),
            Route("/kill", commands.kill, methods=["POST"]),
            Route("/kill/reset", commands.reset, methods=["POST"]),
            Route("/data/session", data.session),
            Route("/data/equity", data.equity),
            Route("/data/equity.csv", data.equity_csv),
            Mount("/static", StaticFiles(directory=STATIC)),
            *(route for part in parts for route in part.routes()),
            # One strategy: {module} is its name.
            Route("/{module}/dashboard", pages.dashboard),
            Route("/{module}/performance", pages.performance),
            Route("/{module}/trades", pages.trades),
            Route("/{module}/trades.csv", data.trades_csv),
            Route("/{module}/trades/{order_id}", pages.story),
            Route("/{module}/positions", pages.positions),
            Route("/{module}/signal", data.signal),
            Route("/{module}/command", commands.command, methods=["POST"]),
        ],
        exception_handlers={HTTPException: refused, 500: refused},
    )
    return Guard(app, access)


def _nav(parts: tuple[Part, ...]) -> Nav:
    groups: dict[str, list[tuple[str, str]]] = {}
    for item in (item for part in parts for item in part.nav):
        groups.setdefault(item.group, []).append((item.href, item.label))
    return tuple((heading, tuple(links)) for heading, links in groups.items())

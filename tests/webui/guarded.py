"""FOR TESTS ONLY: the guard and the login in front of a few routes that other parts bring, over a real socket."""

import asyncio
import socket
from collections.abc import Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from bus.clock import WallClock
from webui.access import Access
from webui.connection import BoundedConnection
from webui.guard import Guard
from webui.login import Login
from webui.refusal import refusal_response
from webui.rendering import Renderer
from webui.roles import Role, require, require_fresh
from webui.server import _Server


async def danger(request: Request) -> Response:
    require(request, Role.ADMIN)
    require_fresh(request)
    return PlainTextResponse("done")


async def echo(request: Request) -> Response:
    """Who asked and how much came."""
    session = request.scope["session"]
    size = len(await request.body())
    return PlainTextResponse(f"{session.user if session else '-'} {size} {request.client.host}")


async def form(request: Request) -> Response:
    return PlainTextResponse(repr(sorted((await request.form()).items())))


async def refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refusal_response(request.url.path, error)


class Guarded:
    """Serves on a free port until `stop`."""

    def __init__(
        self,
        access: Access,
        connection: type[BoundedConnection] = BoundedConnection,
        routes: Sequence[BaseRoute] = (),
    ) -> None:
        login = Login(access, Renderer(), WallClock(), hint="")
        both = ["GET", "POST", "PUT", "DELETE"]
        all_routes = [
            *routes,
            Route("/login", login.show),
            Route("/login", login.submit, methods=["POST"]),
            Route("/reauth", login.show_reauth),
            Route("/reauth", login.reauth, methods=["POST"]),
            Route("/logout", login.logout, methods=["POST"]),
            Route("/data/sessions", login.sessions),
            Route("/danger", danger, methods=["POST"]),
            Route("/api/v1/danger", danger, methods=["POST"]),
            Route("/form", form, methods=["POST"]),
            *(
                Route(path, echo, methods=both)
                for path in (
                    "/", "/page", "/healthz", "/readyz", "/metrics", "/api/v1/echo", "/settings/import", "/kill",
                    "/x/command", "/stream", "/data/x",
                )
            ),
        ]  # fmt: skip
        app = Guard(Starlette(routes=all_routes, exception_handlers={HTTPException: refused}), access)
        self.access = access
        self._config = uvicorn.Config(
            app, http=connection, ws="none", lifespan="off", log_config=None, access_log=False,
            proxy_headers=False, timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = _Server(self._config)
        self.port = 0

    @property
    def connections(self) -> int:
        return len(self._server.server_state.connections)

    async def start(self) -> None:
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.setblocking(False)
        self.port = listener.getsockname()[1]
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        while not self._server.started:
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        self._server.should_exit = True
        for connection in tuple(self._server.server_state.connections):
            connection.transport.abort()
        await self._serving
        self.access.close()

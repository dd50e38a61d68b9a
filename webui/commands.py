"""What the dashboard may do: stop everything, lift the stop, start, pause or stop one strategy."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from webui.operating import done, operator_form, reason_of
from webui.roles import user_of
from webui.source import DashboardSource

COMMANDS = ("start", "pause", "stop")


class Commands:
    """Handlers of the unsafe routes; the guard has checked role and CSRF token before."""

    def __init__(self, source: DashboardSource) -> None:
        self._source = source

    async def kill(self, request: Request) -> Response:
        """Stop everything, with a reason."""
        self._source.kill(reason_of(await operator_form(request)), user_of(request))
        return done(request, "/")

    async def reset(self, request: Request) -> Response:
        """Lift the stop, with a reason."""
        self._source.reset_kill(reason_of(await operator_form(request)), user_of(request))
        return done(request, "/")

    async def command(self, request: Request) -> Response:
        """start, pause or stop."""
        form = await operator_form(request)
        name = request.path_params["module"]
        word = form.get("command", "")
        if self._source.strategy(name) is None:
            raise HTTPException(404, f"there is no strategy {name[:80]!r}")
        if word not in COMMANDS:
            raise HTTPException(400, f"command: expected one of {', '.join(COMMANDS)}, found {word[:20]!r}")
        self._source.command(name, word, user_of(request))
        return done(request, f"/{name}/dashboard")

"""What the dashboard may do: stop everything, lift the stop, start, pause or stop one strategy."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from webui.roles import user_of
from webui.source import DashboardSource

REASON_MIN, REASON_MAX = 3, 200
COMMANDS = ("start", "pause", "stop")


class Commands:
    """Handlers of the unsafe routes; the guard has checked role and CSRF token before."""

    def __init__(self, source: DashboardSource) -> None:
        self._source = source

    async def kill(self, request: Request) -> Response:
        """Stop everything, with a reason."""
        self._source.kill(await _reason(request), user_of(request))
        return _done(request, "/")

    async def reset(self, request: Request) -> Response:
        """Lift the stop, with a reason."""
        self._source.reset_kill(await _reason(request), user_of(request))
        return _done(request, "/")

    async def command(self, request: Request) -> Response:
        """start, pause or stop."""
        form = await _form(request)
        name = request.path_params["module"]
        word = form.get("command", "")
        if self._source.strategy(name) is None:
            raise HTTPException(404, f"there is no strategy {name[:80]!r}")
        if word not in COMMANDS:
            raise HTTPException(400, f"command: expected one of {', '.join(COMMANDS)}, found {word[:20]!r}")
        self._source.command(name, word, user_of(request))
        return _done(request, f"/{name}/dashboard")


async def _reason(request: Request) -> str:
    reason = " ".join((await _form(request)).get("reason", "").split())
    if not REASON_MIN <= len(reason) <= REASON_MAX:
        raise HTTPException(400, f"reason: expected {REASON_MIN} to {REASON_MAX} characters, found {len(reason)}")
    return reason


async def _form(request: Request) -> dict[str, str]:
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}


def _done(request: Request, target: str) -> Response:
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(target, 303)
    return Response(status_code=204)

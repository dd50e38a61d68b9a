"""What every handler that changes something asks first: the role, the session's token, and a reason in words."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from webui.commands import REASON_MAX, REASON_MIN
from webui.guard import is_csrf_ok
from webui.roles import Role, require


async def operator_form(request: Request) -> dict[str, str]:
    """The form of an operator's request. Raises 403 for another role or without the session's token."""
    require(request, Role.OPERATOR)
    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    given = request.headers.get("x-csrf-token") or form.get("csrf", "")
    if not is_csrf_ok(request.scope["session"], given):
        raise HTTPException(403, "refused: the page is out of date; reload it")
    return form


def reason_of(form: dict[str, str]) -> str:
    """Its reason, on one line. Raises 400 for one that is too short or too long."""
    reason = " ".join(form.get("reason", "").split())
    if not REASON_MIN <= len(reason) <= REASON_MAX:
        raise HTTPException(400, f"reason: expected {REASON_MIN} to {REASON_MAX} characters, found {len(reason)}")
    return reason


def who(request: Request) -> str:
    """Who asks, for the record."""
    return str(getattr(request.scope["session"], "user", "dashboard"))


def done(request: Request, target: str) -> Response:
    """Back to the page, or nothing for a script that stays on it."""
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(target, 303)
    return Response(status_code=204)

"""What every handler that changes something asks first: the role, and a reason in words."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from webui.roles import Role, require

REASON_MIN, REASON_MAX = 3, 200


async def operator_form(request: Request) -> dict[str, str]:
    """The form of an operator's request; the guard has checked the page's token. Raises 403 for another role."""
    require(request, Role.OPERATOR)
    return {name: value for name, value in (await request.form()).items() if isinstance(value, str)}


def reason_of(form: dict[str, str]) -> str:
    """Its reason, on one line. Raises 400 for one that is too short or too long."""
    reason = " ".join(form.get("reason", "").split())
    if not REASON_MIN <= len(reason) <= REASON_MAX:
        raise HTTPException(400, f"reason: expected {REASON_MIN} to {REASON_MAX} characters, found {len(reason)}")
    return reason


def done(request: Request, target: str) -> Response:
    """Back to the page, or nothing for a script that stays on it."""
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(target, 303)
    return Response(status_code=204)

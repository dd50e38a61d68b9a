"""How the server says no: one code for programs, one sentence for people; JSON below /api/, plain text elsewhere."""

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response

CODE_HEADER = "X-Refusal"
CODE_BY_STATUS = {
    400: "bad_request", 401: "login_required", 403: "forbidden", 404: "not_found", 405: "method", 408: "slow_body",
    409: "conflict", 413: "too_large", 421: "unknown_host", 429: "rate", 431: "too_large", 500: "fault", 503: "busy",
}  # fmt: skip


class Refusal(HTTPException):
    """An HTTPException with a code that a program can act on; `field` names what was wrong in a form or body."""

    def __init__(
        self, status: int, message: str, *, code: str, field: str = "", headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(status, message, {CODE_HEADER: code, **(headers or {})})
        self.code = code
        self.field = field


def refusal_response(path: str, error: HTTPException) -> Response:
    """The answer to a request that does not ask for a page. `X-Refusal` carries the code in every form."""
    code = error.code if isinstance(error, Refusal) else CODE_BY_STATUS.get(error.status_code, "refused")
    headers = {CODE_HEADER: code, **(error.headers or {})}
    if not path.startswith("/api/"):
        return PlainTextResponse(error.detail, error.status_code, headers)
    field = error.field if isinstance(error, Refusal) else ""
    told = {"error": {"code": code, "message": error.detail, "field": field or None}}
    return Response(msgspec.json.encode(told), error.status_code, headers, "application/json")

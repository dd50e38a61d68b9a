"""The one shape of the API's errors, and the codes that it uses with their status and meaning."""

from collections.abc import Mapping

import msgspec
from msgspec import Struct
from starlette.responses import Response

from webui.refusal import CODE_HEADER, Refusal


class ErrorDetail(Struct, frozen=True, kw_only=True):
    """`code` is for programs, `message` for people. `field` names what was wrong; `errors` has a text for each of
    several fields, where they are known."""

    code: str
    message: str
    field: str | None = None
    errors: dict[str, str] | None = None


class ErrorAnswer(Struct, frozen=True, kw_only=True):
    """Every answer with a status of 400 or above."""

    error: ErrorDetail


#: code -> (status, meaning)
CODES: Mapping[str, tuple[int, str]] = {
    "bad_request": (400, "The request cannot be read."),
    "bad_json": (400, "The body is not JSON in UTF-8."),
    "bad_parameter": (400, "A parameter is unknown, given twice, or not what it must be; `field` names it."),
    "login_required": (401, "Neither a session nor an API token was given."),
    "token": (401, "The API token is not known, or not for this path."),
    "role": (403, "The session or token has a lower role than this needs."),
    "csrf": (403, "A session's unsafe request without its `X-CSRF-Token`."),
    "other_site": (403, "The browser says that another site asks."),
    "not_found": (404, "There is nothing of that name."),
    "not_enabled": (404, "This run does not have that part (for example because it has no database)."),
    "method": (405, "Not with this method; `Allow` names those that work."),
    "slow_body": (408, "The body came too slowly."),
    "conflict": (409, "Somebody changed it meanwhile; read it again."),
    "too_large": (413, "The body is too large."),
    "media_type": (415, "The body is not `application/json`."),
    "unknown_host": (421, "The server is not known by the name in `Host`."),
    "invalid": (422, "The body is JSON, but a field is missing, unknown or out of bounds; `field` names it."),
    "refused": (422, "The values are not taken; `errors` has a text for each."),
    "rate": (429, "Too many requests; `Retry-After` says how many seconds to wait."),
    "fault": (500, "A fault of ours; the kernel's log has it."),
    "store": (503, "The database or the disk does not answer now; nothing was written."),
}

EVERYWHERE = ("bad_request", "bad_parameter", "login_required", "token", "role", "other_site", "method",
              "unknown_host", "rate", "fault")  # fmt: skip
#: status -> meaning, where the guard uses a code of above with another status (431 comes as `too_large`)
MORE = {431: "Path, query and headers are too large together."}
UNSAFE_TOO = ("csrf",)
WITH_BODY = ("bad_json", "slow_body", "too_large", "media_type", "invalid")


class ApiRefusal(Refusal):
    """A refusal by the code of the table; `errors` by field."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        field: str = "",
        errors: Mapping[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(CODES[code][0], message, code=code, field=field, headers=headers)
        self.errors = dict(errors) if errors else None


def error_response(refusal: Refusal) -> Response:
    """The answer that tells a refusal."""
    errors = refusal.errors if isinstance(refusal, ApiRefusal) else None
    told = ErrorDetail(code=refusal.code, message=refusal.detail, field=refusal.field or None, errors=errors)
    headers = {CODE_HEADER: refusal.code, **(refusal.headers or {})}
    body = msgspec.json.encode(ErrorAnswer(error=told))
    return Response(body, refusal.status_code, headers, "application/json")

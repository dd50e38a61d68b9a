"""One row of the API's table. Routing, checks of input, roles, the OpenAPI document and docs/api.md all read it.

Queries and bodies are structs that refuse unknown fields; bounds stand in their `Meta`. So what is documented is what
is checked.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

from msgspec import Struct
from starlette.requests import Request

from webui.roles import Role

Method = Literal["GET", "POST", "PATCH", "DELETE"]


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """A query without parameters."""


class Call(Struct, frozen=True):
    """One request whose input was checked: `query` and `body` are of the operation's structs; `who` for histories."""

    request: Request
    path: dict[str, str]
    query: Any
    body: Any
    who: str


class Text(Struct, frozen=True):
    """An answer that is no JSON."""

    text: str


Handler = Callable[[Call], Awaitable[Any]]


class Operation(Struct, frozen=True, kw_only=True):
    """`path` is below /api/v1. `response` None = 204 without a body; `media` is of the response.

    `errors`: codes beyond those that every operation has (see `webui.api_error`). `is_stored`: asks the database or a
    disk, so it may answer 503. `example`: a body, or a query string, that would be accepted.
    """

    method: Method
    path: str
    name: str  #: operationId
    group: str
    summary: str
    handler: Handler
    role: Role = Role.VIEWER
    query: type[Struct] = Nothing
    body: type[Struct] | None = None
    response: Any = None
    media: str = "application/json"
    errors: tuple[str, ...] = ()
    is_stored: bool = False
    example: str = ""

    @property
    def path_names(self) -> tuple[str, ...]:
        """Names of the placeholders, in order."""
        return tuple(part[1:-1] for part in self.path.replace(".", "/").split("/") if part.startswith("{"))

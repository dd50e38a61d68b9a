"""Three roles, each with all of the one before: a viewer looks, an operator acts, an admin holds keys and users.

Handlers call `require` for the role, and `require_fresh` too where a stolen open tab must not be enough.
"""

from enum import IntEnum

from starlette.requests import Request

from webui.refusal import Refusal


class Role(IntEnum):
    """What a session may do."""

    VIEWER = 1  #: read pages and data
    OPERATOR = 2  #: start, pause, stop, kill, settings, alerts, replays
    ADMIN = 3  #: secrets, users, RPC endpoints, live switch

    @property
    def label(self) -> str:
        """The word on pages and in the API."""
        return self.name.lower()


def role_of(request: Request) -> Role:
    """The role of the request's session. The guard lets nobody through without one."""
    session = request.scope["session"]
    role: Role = session.role
    return role


def user_of(request: Request) -> str:
    """Who acts, for events and histories: `dashboard` for the owner's access token, else `dashboard: NAME`."""
    user: str = request.scope["session"].user
    return "dashboard" if user == "owner" else f"dashboard: {user}"


def require(request: Request, role: Role) -> None:
    """Raises 403 naming what is needed and what the session has."""
    found = role_of(request)
    if found < role:
        raise Refusal(403, f"this needs the role {role.label}; you are logged in as {found.label}", code="role")


def require_fresh(request: Request) -> None:
    """Raises 403 `reauth_required` unless the session entered its password or token again within some minutes.

    For the live switch, secrets and users. The page's script asks for it and repeats the request (`reauth.js`). An API
    token cannot do it at all: 403 `session_required`.
    """
    session = request.scope["session"]
    if session.is_bearer:
        raise Refusal(403, "an API token cannot do this; log in with a browser", code="session_required")
    if not session.is_fresh:
        kind = "password" if session.account is not None else "token"
        raise Refusal(
            403,
            f"enter your {'password' if kind == 'password' else 'access token'} again to do this",
            code="reauth_required",
            headers={"X-Reauth-With": kind},
        )

"""Three roles, each with all of the one before: a viewer looks, an operator acts, an admin holds keys and users."""

from enum import IntEnum

from starlette.exceptions import HTTPException
from starlette.requests import Request


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


def require(request: Request, role: Role) -> None:
    """Raises 403 naming what is needed and what the session has."""
    found = role_of(request)
    if found < role:
        raise HTTPException(403, f"this needs the role {role.label}; you are logged in as {found.label}")

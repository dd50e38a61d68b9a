"""One login, or one request with an API token: who asks and what they may do."""

from msgspec import Struct

from webui.accounts import OWNER, Account
from webui.roles import Role

BEARER_PREFIX = "bearer:"  #: of the session id of an API token; no cookie can hold one


class Session(Struct):
    """What `scope["session"]` holds. `csrf` must come back with a browser's unsafe requests. Times are monotonic."""

    session_id: str
    csrf: str
    created_s: float
    used_s: float
    role: Role = Role.ADMIN  #: the access token is the owner's
    user: str = OWNER  #: for `by` texts: the user's name, `owner`, or `api:NAME`
    address: str = ""  #: where the login came from
    handle: str = ""  #: names the session in lists; opens nothing
    account: Account | None = None  #: as it was at login; None = the access token or an API token
    proved_s: float | None = None  #: when the password or token was last entered again
    is_fresh: bool = False  #: as of this request: that was within `reauth_min`
    is_bearer: bool = False

    def __repr__(self) -> str:
        return f"Session({self.user}, {self.role.label}, {self.handle})"

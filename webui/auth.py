"""Who may come in: the sessions of the access token and of users, with two expiries, and a brake on guessing."""

import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from kernel.secrets.redaction import remember
from webui.accounts import Account, Accounts, hash_api_token, role_named
from webui.session import BEARER_PREFIX, Session
from webui.settings import DashboardSettings
from webui.token_buckets import TokenBuckets

TOKEN_CHARS_MIN = 16
IDLE_S = 12 * 3600.0  #: a tab that listens keeps its session alive; default of `session_idle_min`
ABSOLUTE_S = 7 * 86400.0  #: default of `session_absolute_min`
SESSIONS_MAX = 256
SESSIONS_PER_USER_MAX = 16  #: a user's own oldest goes first, so one user cannot push out another
ATTEMPTS = 5  #: wrong tokens or passwords in a row before waiting
ATTEMPT_EVERY_S = 10.0


class Sessions:
    """The open sessions, oldest dropped beyond a limit. Times are monotonic seconds.

    Every look at a session looks at its account too: a user who was removed, disabled or changed is out at once.
    """

    def __init__(
        self,
        token: str,
        clock: Callable[[], float] = time.monotonic,
        *,
        accounts: Accounts | None = None,
        settings: DashboardSettings | None = None,
    ) -> None:
        if len(token) < TOKEN_CHARS_MIN:
            raise ValueError(f"expected an access token of at least {TOKEN_CHARS_MIN} characters, found {len(token)}")
        remember(token)
        self._token = token.encode()
        self._clock = clock
        self._accounts = accounts
        self._settings = settings
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def apply(self, settings: DashboardSettings) -> None:
        """New times; open sessions get them too."""
        self._settings = settings

    def is_token(self, token: str) -> bool:
        """Whether this is the access token, compared in constant time."""
        return hmac.compare_digest(token.encode("utf-8", "surrogatepass"), self._token)

    def login(self, token: str, address: str = "") -> Session | None:
        """A session for the right token."""
        return self._open(None, address) if self.is_token(token) else None

    def open_for(self, account: Account, address: str = "") -> Session:
        """A session for a user whose password was right just now."""
        return self._open(account, address)

    def find(self, session_id: str) -> Session | None:
        """The live session of a cookie, counted as used now."""
        session = self._sessions.get(session_id)
        if session is None:
            return None
        now_s = self._clock()
        if not self._is_open(session, now_s):
            del self._sessions[session_id]
            return None
        session.used_s = now_s
        fresh_s = self._settings.reauth_min * 60.0 if self._settings else 300.0
        session.is_fresh = session.proved_s is not None and now_s - session.proved_s <= fresh_s
        return session

    def bearer(self, token: str) -> Session | None:
        """Who an API token speaks for; made anew with each request, so a revoked one is out at once."""
        found = self._accounts.token(hash_api_token(token)) if self._accounts is not None else None
        if found is None:
            return None
        now_s = self._clock()
        name = f"api:{found.name}"
        return Session(
            BEARER_PREFIX + found.sha256, "", now_s, now_s, role_named(found.role), name, handle=name, is_bearer=True
        )

    def is_live(self, session_id: str) -> bool:
        """Whether a stream may go on."""
        if session_id.startswith(BEARER_PREFIX):
            sha256 = session_id.removeprefix(BEARER_PREFIX)
            return self._accounts is not None and self._accounts.token(sha256) is not None
        return self.find(session_id) is not None

    def prove(self, session: Session) -> None:
        """The password or token was entered again just now."""
        session.proved_s = self._clock()

    def logout(self, session_id: str) -> None:
        """End one session."""
        self._sessions.pop(session_id, None)

    def logout_user(self, user: str | None) -> int:
        """End all sessions of a user (None = of everybody); how many there were."""
        ended = [key for key, each in self._sessions.items() if user is None or each.user == user]
        for key in ended:
            del self._sessions[key]
        return len(ended)

    def listed(self, user: str | None = None) -> list[tuple[Session, float, float]]:
        """Live sessions of a user (None = of everybody), oldest first, each with its age and idle time in seconds."""
        now_s = self._clock()
        return [
            (each, now_s - each.created_s, now_s - each.used_s)
            for each in self._sessions.values()
            if (user is None or each.user == user) and self._is_open(each, now_s)
        ]

    def _open(self, account: Account | None, address: str) -> Session:
        now_s = self._clock()
        session = Session(secrets.token_urlsafe(32), secrets.token_urlsafe(32), now_s, now_s, address=address)
        session.handle = secrets.token_hex(8)
        if account is not None:
            session.user, session.role, session.account = account.name, role_named(account.role), account
            own = [key for key, each in self._sessions.items() if each.user == account.name]
            for key in own[: max(0, len(own) - SESSIONS_PER_USER_MAX + 1)]:
                del self._sessions[key]
        self._sessions[session.session_id] = session
        while len(self._sessions) > SESSIONS_MAX:
            self._sessions.popitem(last=False)
        return session

    def _is_open(self, session: Session, now_s: float) -> bool:
        idle_s, absolute_s = IDLE_S, ABSOLUTE_S
        if self._settings is not None:
            idle_s, absolute_s = self._settings.session_idle_min * 60.0, self._settings.session_absolute_min * 60.0
        if now_s - session.used_s > idle_s or now_s - session.created_s > absolute_s:
            return False
        if session.account is None:
            return True
        return self._accounts is not None and self._accounts.user(session.user) == session.account


class LoginBrake:
    """A token bucket per address: a few wrong tries at once, then one per ten seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._tries = TokenBuckets(60 / ATTEMPT_EVERY_S, ATTEMPTS, clock)

    def wait_s(self, address: str) -> float:
        """Seconds until this address may try; 0 = now."""
        return self._tries.wait_s(address)

    def failed(self, address: str) -> None:
        """Count a wrong try. Count it before a check that waits, so that a hundred at once do not all get through."""
        self._tries.spend(address)

    def forgive(self, address: str) -> None:
        """It was right after all."""
        self._tries.give_back(address)


__all__ = ["ABSOLUTE_S", "ATTEMPTS", "IDLE_S", "SESSIONS_MAX", "TOKEN_CHARS_MIN", "LoginBrake", "Session", "Sessions"]

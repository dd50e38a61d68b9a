"""Who may come in: one access token, server-side sessions with two expiries, and a brake on guessing."""

import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from msgspec import Struct

from webui.roles import Role

TOKEN_CHARS_MIN = 16
IDLE_S = 12 * 3600.0  #: a tab that listens keeps its session alive
ABSOLUTE_S = 7 * 86400.0
SESSIONS_MAX = 64
ATTEMPTS = 5  #: wrong tokens in a row before waiting
ATTEMPT_EVERY_S = 10.0
ADDRESSES_MAX = 1024


class Session(Struct):
    """One login. `csrf` must come back with every unsafe request."""

    session_id: str
    csrf: str
    created_s: float
    used_s: float
    role: Role = Role.ADMIN  #: the access token is the owner's


class Sessions:
    """The open sessions, oldest dropped beyond a limit. Times are monotonic seconds."""

    def __init__(self, token: str, clock: Callable[[], float] = time.monotonic) -> None:
        if len(token) < TOKEN_CHARS_MIN:
            raise ValueError(f"expected an access token of at least {TOKEN_CHARS_MIN} characters, found {len(token)}")
        self._token = token.encode()
        self._clock = clock
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def login(self, token: str) -> Session | None:
        """A session for the right token, compared in constant time."""
        if not hmac.compare_digest(token.encode(), self._token):
            return None
        now_s = self._clock()
        session = Session(secrets.token_urlsafe(32), secrets.token_urlsafe(32), now_s, now_s)
        self._sessions[session.session_id] = session
        while len(self._sessions) > SESSIONS_MAX:
            self._sessions.popitem(last=False)
        return session

    def find(self, session_id: str) -> Session | None:
        """The live session of a cookie, counted as used now."""
        session = self._sessions.get(session_id)
        if session is None:
            return None
        now_s = self._clock()
        if now_s - session.used_s > IDLE_S or now_s - session.created_s > ABSOLUTE_S:
            del self._sessions[session_id]
            return None
        session.used_s = now_s
        return session

    def is_live(self, session_id: str) -> bool:
        """Whether a stream may go on."""
        return self.find(session_id) is not None

    def logout(self, session_id: str) -> None:
        """End one session."""
        self._sessions.pop(session_id, None)


class LoginBrake:
    """A token bucket per address: a few wrong tries at once, then one per ten seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._spent: OrderedDict[str, tuple[float, float]] = OrderedDict()  #: address -> (tries left, at)

    def wait_s(self, address: str) -> float:
        """Seconds until this address may try; 0 = now."""
        left = self._left(address)
        return 0.0 if left >= 1 else (1 - left) * ATTEMPT_EVERY_S

    def failed(self, address: str) -> None:
        """Count a wrong try."""
        self._spent[address] = (self._left(address) - 1, self._clock())
        self._spent.move_to_end(address)
        while len(self._spent) > ADDRESSES_MAX:
            self._spent.popitem(last=False)

    def _left(self, address: str) -> float:
        left, at_s = self._spent.get(address, (float(ATTEMPTS), self._clock()))
        return min(float(ATTEMPTS), left + (self._clock() - at_s) / ATTEMPT_EVERY_S)

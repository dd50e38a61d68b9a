"""All that decides who may do what, in one object: accounts, sessions, brakes, names and rates. The guard asks it."""

import time
from collections.abc import Callable

from kernel.strategy import convert_settings
from webui.accounts import Account, Accounts
from webui.auth import LoginBrake, Sessions
from webui.origin import rate_key
from webui.passwords import Passwords
from webui.session import Session
from webui.settings import DashboardSettings
from webui.token_buckets import TokenBuckets

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})


class TooManyTries(Exception):
    """Come back in `wait_s` seconds."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"too many tries; wait {wait_s:.0f} s")
        self.wait_s = wait_s


class Access:
    """Made once per server. `is_tls`: browsers reach us by https, directly or through the proxy in front."""

    def __init__(
        self,
        token: str,
        *,
        accounts: Accounts | None = None,
        allowed_hosts: frozenset[str] = LOOPBACK_HOSTS,
        cookie_name: str = "kernel_session",
        is_tls: bool = False,
        is_behind_proxy: bool = False,
        settings: DashboardSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        settings = settings or convert_settings(DashboardSettings, {})
        self.accounts = accounts
        self.allowed_hosts = frozenset(each.lower() for each in allowed_hosts)
        # A __Host- cookie cannot be set by a neighbour of the same domain, and never travels without TLS.
        self.cookie_name = f"__Host-{cookie_name}" if is_tls else cookie_name
        self.is_tls = is_tls
        self.is_behind_proxy = is_behind_proxy
        self.sessions = Sessions(token, clock, accounts=accounts, settings=settings)
        self.passwords = Passwords()
        self.brake = LoginBrake(clock)
        self.actions = TokenBuckets(settings.actions_per_min, settings.actions_burst, clock)
        self.reads = TokenBuckets(settings.reads_per_min, settings.reads_burst, clock)

    def apply(self, settings: DashboardSettings) -> None:
        """New settings, for open sessions too."""
        self.sessions.apply(settings)
        self.actions.apply(settings.actions_per_min, settings.actions_burst)
        self.reads.apply(settings.reads_per_min, settings.reads_burst)

    async def login(self, name: str, secret: str, address: str) -> Session | None:
        """A new session for the access token (no name) or a user's password. Raises TooManyTries."""
        if not name:
            return self.sessions.login(secret, address) if self._is_token(secret, address) else None
        account = await self._account(name, secret, address)
        return self.sessions.open_for(account, address) if account is not None else None

    async def prove(self, session: Session, secret: str, address: str) -> bool:
        """Whether the session's own password or token was entered again; if so it is fresh. Raises TooManyTries."""
        if session.account is None:
            is_right = self._is_token(secret, address)
        else:
            is_right = await self._account(session.account.name, secret, address) == session.account
        if is_right:
            self.sessions.prove(session)
        return is_right

    def close(self) -> None:
        """End the password thread."""
        self.passwords.close()

    def _is_token(self, secret: str, address: str) -> bool:
        key = self._admit(address)
        is_right = self.sessions.is_token(secret)
        if not is_right:
            self.brake.failed(key)
        return is_right

    async def _account(self, name: str, secret: str, address: str) -> Account | None:
        """The user whose password it is. The attempt counts before its check begins, and is forgiven when right."""
        key = self._admit(address)
        if not self.passwords.has_room:
            raise TooManyTries(1.0)
        self.brake.failed(key)
        known = self.accounts.user(name) if self.accounts is not None else None
        if not await self.passwords.is_right(secret, known.password if known is not None else None):
            return None
        self.brake.forgive(key)
        # The file may have changed while the hash was computed.
        return known if self.accounts is not None and self.accounts.user(name) == known else None

    def _admit(self, address: str) -> str:
        """The key to count this attempt by. Raises TooManyTries when there is nothing left to spend."""
        key = rate_key(address)
        wait_s = self.brake.wait_s(key)
        if wait_s > 0:
            raise TooManyTries(wait_s)
        return key

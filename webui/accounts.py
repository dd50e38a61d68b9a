"""Users and API tokens of the dashboard, in one file beside the log: it works without a database.

`<data>/dashboard.users.json`, mode 0600. Passwords are kept as Argon2id hashes; API tokens, which are 256 random bits,
as SHA-256. A running server looks at the stamp of the file with every request; a file that cannot be trusted counts as
empty, so nobody stays in by mistake, and the access token still works.
"""

import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import structlog
from msgspec import Struct

from kernel.errors import ConfigError
from webui.passwords import is_kept_form
from webui.private_file import read_private, replace_private
from webui.roles import Role

ACCOUNTS_FILE = "dashboard.users.json"
WHAT = "dashboard users"
FILE_BYTES_MAX = 256 * 1024
USERS_MAX = 64
TOKENS_MAX = 64
OWNER = "owner"  #: the name that sessions of the access token carry
NAME = re.compile(r"[a-z][a-z0-9._-]{0,31}")
TOKEN_PREFIX = "kt_"  #: so that a token that leaked somewhere can be found by searching
VERSION = 1

log = structlog.get_logger("webui")


class Account(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One user. Any change of it ends the user's sessions."""

    name: str
    role: str
    password: str  #: Argon2id, PHC format
    created_ns: int
    changed_ns: int
    disabled: bool = False

    def __repr__(self) -> str:
        return f"Account({self.name}, {self.role})"


class ApiToken(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One bearer token for /api/ and /metrics; `sha256` is of its whole text, in hex."""

    name: str
    role: str
    sha256: str
    created_ns: int

    def __repr__(self) -> str:
        return f"ApiToken({self.name}, {self.role})"


class AccountsFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the file holds."""

    version: int = VERSION
    users: tuple[Account, ...] = ()
    tokens: tuple[ApiToken, ...] = ()


class Accounts:
    """The users and tokens of a file, always as the file is now."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem = ""  #: why the file is not believed; "" = it is, or there is none
        self._stamp: tuple[int, ...] | None = None
        self._users: dict[str, Account] = {}
        self._tokens: dict[str, ApiToken] = {}

    def user(self, name: str) -> Account | None:
        """A user who may come in."""
        self._refresh()
        found = self._users.get(name)
        return None if found is None or found.disabled else found

    def token(self, sha256: str) -> ApiToken | None:
        """The API token with this hash."""
        self._refresh()
        return self._tokens.get(sha256)

    @property
    def has_users(self) -> bool:
        """Whether anybody could log in with a password."""
        self._refresh()
        return any(not each.disabled for each in self._users.values())

    def _refresh(self) -> None:
        stamp = _stamp(self.path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        problem = ""
        try:
            known = load_accounts(self.path)
        except ConfigError as error:
            known, problem = AccountsFile(), str(error)
            log.error("accounts_refused", error=problem)
        self.problem = problem
        self._users = {each.name: each for each in known.users}
        self._tokens = {each.sha256: each for each in known.tokens}


def load_accounts(path: Path) -> AccountsFile:
    """The checked file; a missing one is empty. Raises ConfigError saying what is wrong and what to do."""
    try:
        raw = read_private(path, WHAT, FILE_BYTES_MAX)
    except FileNotFoundError:
        return AccountsFile()
    try:
        known = msgspec.json.decode(raw, type=AccountsFile)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{WHAT}: {path} is not what `users` wrote: {error}; restore or delete it") from error
    _check(known, path)
    return known


@contextmanager
def changing_accounts(path: Path) -> Iterator[list[AccountsFile]]:
    """A list of one, the file now; what is put in its place is written when the block ends without an error.

    Two commands at once wait for each other (`.lock` beside the file). Raises ConfigError like `load_accounts`.
    """
    lock = path.with_name(f"{path.name}.lock")
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"{WHAT}: cannot write {lock}: {error.strerror}; choose another --data") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        box = [load_accounts(path)]
        yield box
        _check(box[0], path)
        replace_private(path, msgspec.json.format(msgspec.json.encode(box[0]), indent=1) + b"\n", WHAT)
    finally:
        os.close(handle)


def require_good_name(name: str) -> None:
    """Raises ConfigError for a name that is none."""
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"name: expected a letter, then up to 31 of a-z 0-9 . _ - (all lower case), found {name[:40]!r}"
        )
    if name == OWNER:
        raise ConfigError(f"name: {OWNER!r} is what the access token's sessions are called; choose another")


def role_named(text: str) -> Role:
    """viewer, operator or admin. Raises ConfigError for another word."""
    try:
        return Role[text.upper()]
    except KeyError:
        known = ", ".join(each.label for each in Role)
        raise ConfigError(f"role: expected one of {known}, found {text[:20]!r}") from None


def make_api_token() -> str:
    """256 random bits, to be shown once."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def hash_api_token(token: str) -> str:
    """What is kept of one. A plain hash is enough: nobody guesses 256 bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _check(known: AccountsFile, path: Path) -> None:
    if known.version != VERSION:
        raise ConfigError(f"{WHAT}: expected version {VERSION} in {path}, found {known.version}; update this program")
    for label, found, most in (("users", known.users, USERS_MAX), ("tokens", known.tokens, TOKENS_MAX)):
        names = [each.name for each in found]
        if len(names) > most:
            raise ConfigError(f"{WHAT}: expected at most {most} {label}, found {len(names)}; remove some")
        if len(set(names)) < len(names):
            raise ConfigError(f"{WHAT}: expected each of the {label} once, found one twice in {path}")
        for each in found:
            require_good_name(each.name)
            role_named(each.role)
    for user in known.users:
        if not is_kept_form(user.password):
            raise ConfigError(f"{WHAT}: the hash of {user.name!r} is none of ours; run `users passwd {user.name}`")
    for token in known.tokens:
        if not re.fullmatch(r"[0-9a-f]{64}", token.sha256):
            raise ConfigError(f"{WHAT}: the hash of token {token.name!r} is none of ours; revoke and add it again")


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)

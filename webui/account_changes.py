"""Changes of the file of users and API tokens, one each. They block on the file's lock: call them in a thread.

All raise ConfigError with what is wrong; sessions of a user who was changed end at their next request.
"""

from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from kernel.errors import ConfigError
from webui.accounts import (
    Account,
    AccountsFile,
    ApiToken,
    changing_accounts,
    hash_api_token,
    load_accounts,
    make_api_token,
    require_good_name,
    role_named,
)
from webui.passwords import hash_password, require_good_password


def add_user(path: Path, name: str, role: str, password: str, now_ns: int) -> None:
    """A new user. Takes 0.15 s, for the password's hash."""
    require_good_name(name)
    label = role_named(role).label
    require_good_password(password, name)
    refuse_taken(load_accounts(path), name)  # before the slow part
    made = Account(name=name, role=label, password=hash_password(password), created_ns=now_ns, changed_ns=now_ns)
    with changing_accounts(path) as box:
        refuse_taken(box[0], name)
        box[0] = replace(box[0], users=(*box[0].users, made))


def set_password(path: Path, name: str, password: str, now_ns: int) -> None:
    """Another password."""
    require_good_password(password, name)
    kept = hash_password(password)
    _change(path, name, lambda user: replace(user, password=kept, changed_ns=now_ns))


def set_role(path: Path, name: str, role: str, now_ns: int) -> None:
    """Another role."""
    label = role_named(role).label
    _change(path, name, lambda user: replace(user, role=label, changed_ns=now_ns))


def set_disabled(path: Path, name: str, now_ns: int, *, is_disabled: bool) -> None:
    """Keep a user out, or let him in again."""
    _change(path, name, lambda user: replace(user, disabled=is_disabled, changed_ns=now_ns))


def remove_user(path: Path, name: str) -> None:
    """For good."""
    with changing_accounts(path) as box:
        require_user(box[0], name)
        box[0] = replace(box[0], users=tuple(each for each in box[0].users if each.name != name))


def add_token(path: Path, name: str, role: str, now_ns: int) -> str:
    """A new API token; its text, which is kept nowhere."""
    require_good_name(name)
    label = role_named(role).label
    token = make_api_token()
    made = ApiToken(name=name, role=label, sha256=hash_api_token(token), created_ns=now_ns)
    with changing_accounts(path) as box:
        if any(each.name == name for each in box[0].tokens):
            raise ConfigError(f"name: there is a token {name!r} already; revoke it first")
        box[0] = replace(box[0], tokens=(*box[0].tokens, made))
    return token


def revoke_token(path: Path, name: str) -> None:
    """It is worth nothing from now on."""
    with changing_accounts(path) as box:
        left = tuple(each for each in box[0].tokens if each.name != name)
        if len(left) == len(box[0].tokens):
            raise ConfigError(f"there is no token {name[:40]!r}; it may have been revoked meanwhile")
        box[0] = replace(box[0], tokens=left)


def require_user(known: AccountsFile, name: str) -> None:
    """Raises ConfigError, naming those who are there."""
    if all(each.name != name for each in known.users):
        names = ", ".join(each.name for each in known.users) or "none"
        raise ConfigError(f"users: there is no user {name[:40]!r}; known: {names}")


def refuse_taken(known: AccountsFile, name: str) -> None:
    """Raises ConfigError when somebody has this name."""
    if any(each.name == name for each in known.users):
        raise ConfigError(f"name: there is a user {name!r} already")


def _change(path: Path, name: str, change: Callable[[Account], Account]) -> None:
    with changing_accounts(path) as box:
        require_user(box[0], name)
        box[0] = replace(box[0], users=tuple(change(each) if each.name == name else each for each in box[0].users))

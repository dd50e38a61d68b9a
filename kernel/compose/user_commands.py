"""`users`: who may log in to the dashboard, and the API tokens. Works on the file alone; a running kernel notices."""

import argparse
import getpass
import sys
from pathlib import Path

from msgspec.structs import replace

from bus.clock import WallClock
from kernel.compose.log_commands import utc_text
from kernel.errors import ConfigError
from webui.accounts import (
    ACCOUNTS_FILE,
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
from webui.passwords import CHARS_MAX, hash_password, require_good_password


def command(arguments: argparse.Namespace) -> int:
    """Do it. Raises ConfigError, which the command line prints."""
    path: Path = arguments.data / ACCOUNTS_FILE
    if not arguments.data.is_dir():
        raise ConfigError(f"--data: there is no folder {arguments.data}; start the kernel once, or make it")
    action = arguments.users_command
    if action == "token":
        return _token(arguments, path)
    if action == "list":
        return _list(load_accounts(path))
    if action == "add":
        return _add(arguments, path)
    return _change(arguments, path)


def _add(arguments: argparse.Namespace, path: Path) -> int:
    name = arguments.name
    require_good_name(name)
    if any(each.name == name for each in load_accounts(path).users):
        raise ConfigError(f"users add: there is a user {name!r} already; see `users passwd` and `users role`")
    kept = _asked_password(arguments, name)
    now_ns = WallClock().now_ns()
    made = Account(
        name=name, role=role_named(arguments.role).label, password=kept, created_ns=now_ns, changed_ns=now_ns
    )
    with changing_accounts(path) as box:
        box[0] = replace(box[0], users=(*box[0].users, made))
    print(f"{name} may log in as {made.role}")
    return 0


def _change(arguments: argparse.Namespace, path: Path) -> int:
    action, name = arguments.users_command, arguments.name
    user = _known_user(load_accounts(path), name)
    kept = _asked_password(arguments, name) if action == "passwd" else user.password
    now_ns = WallClock().now_ns()
    with changing_accounts(path) as box:
        user = _known_user(box[0], name)
        others = tuple(each for each in box[0].users if each.name != name)
        if action == "passwd":
            user = replace(user, password=kept, changed_ns=now_ns)
        elif action == "role":
            user = replace(user, role=role_named(arguments.role).label, changed_ns=now_ns)
        else:
            user = replace(user, disabled=action == "disable", changed_ns=now_ns)
        users = others if action == "remove" else tuple(user if each.name == name else each for each in box[0].users)
        box[0] = replace(box[0], users=users)
    print(f"{name}: {action} done; sessions of {name} end at their next request")
    return 0


def _known_user(known: AccountsFile, name: str) -> Account:
    for each in known.users:
        if each.name == name:
            return each
    names = ", ".join(each.name for each in known.users) or "none"
    raise ConfigError(f"users: there is no user {name[:40]!r}; known: {names}")


def _token(arguments: argparse.Namespace, path: Path) -> int:
    if arguments.token_command == "list":
        return _list_tokens(load_accounts(path))
    name = arguments.name
    require_good_name(name)
    with changing_accounts(path) as box:
        known = any(each.name == name for each in box[0].tokens)
        others = tuple(each for each in box[0].tokens if each.name != name)
        if arguments.token_command == "revoke":
            if not known:
                raise ConfigError(f"users token revoke: there is no token {name!r}; see `users token list`")
            box[0] = replace(box[0], tokens=others)
            print(f"{name} is worth nothing any more")
            return 0
        if known:
            raise ConfigError(f"users token add: there is a token {name!r} already; revoke it first")
        token = make_api_token()
        made = ApiToken(
            name=name,
            role=role_named(arguments.role).label,
            sha256=hash_api_token(token),
            created_ns=WallClock().now_ns(),
        )
        box[0] = replace(box[0], tokens=(*others, made))
    print("This is shown once; send it as `Authorization: Bearer …`:", file=sys.stderr)
    print(token)
    return 0


def _list(known: AccountsFile) -> int:
    for user in known.users:
        state = "disabled" if user.disabled else "active"
        print(f"{user.name:<32} {user.role:<8} {state:<8} since {utc_text(user.created_ns)[:10]}")
    if not known.users:
        print("no users; the access token is the only way in")
    return _list_tokens(known) if known.tokens else 0


def _list_tokens(known: AccountsFile) -> int:
    for token in known.tokens:
        print(f"{token.name:<32} {token.role:<8} {'token':<8} since {utc_text(token.created_ns)[:10]}")
    if not known.tokens:
        print("no API tokens")
    return 0


def _asked_password(arguments: argparse.Namespace, name: str) -> str:
    """The hash of the password that was typed twice, or of the line that came in."""
    if arguments.stdin:
        password = sys.stdin.readline(CHARS_MAX + 2).rstrip("\r\n")
    else:
        password = getpass.getpass(f"password of {name}: ")
        if getpass.getpass("once more: ") != password:
            raise ConfigError("password: expected the same twice, found two different ones; nothing was changed")
    require_good_password(password, name)
    return hash_password(password)

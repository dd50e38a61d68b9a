"""`users`: who may log in to the dashboard, and the API tokens. Works on the file alone; a running kernel notices."""

import argparse
import getpass
import sys
from pathlib import Path

from bus.clock import WallClock
from kernel.compose.log_commands import utc_text
from kernel.errors import ConfigError
from webui.account_changes import (
    add_token,
    add_user,
    refuse_taken,
    remove_user,
    require_user,
    revoke_token,
    set_disabled,
    set_password,
    set_role,
)
from webui.accounts import ACCOUNTS_FILE, AccountsFile, load_accounts, require_good_name, role_named
from webui.passwords import CHARS_MAX, require_good_password


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
    refuse_taken(load_accounts(path), name)  # before a password is asked for
    add_user(path, name, arguments.role, _asked_password(arguments, name), WallClock().now_ns())
    print(f"{name} may log in as {role_named(arguments.role).label}")
    return 0


def _change(arguments: argparse.Namespace, path: Path) -> int:
    action, name, now_ns = arguments.users_command, arguments.name, WallClock().now_ns()
    require_user(load_accounts(path), name)
    if action == "passwd":
        set_password(path, name, _asked_password(arguments, name), now_ns)
    elif action == "role":
        set_role(path, name, arguments.role, now_ns)
    elif action == "remove":
        remove_user(path, name)
    else:
        set_disabled(path, name, now_ns, is_disabled=action == "disable")
    print(f"{name}: {action} done; sessions of {name} end at their next request")
    return 0


def _token(arguments: argparse.Namespace, path: Path) -> int:
    if arguments.token_command == "list":
        return _list_tokens(load_accounts(path))
    if arguments.token_command == "revoke":
        revoke_token(path, arguments.name)
        print(f"{arguments.name} is worth nothing any more")
        return 0
    token = add_token(path, arguments.name, arguments.role, WallClock().now_ns())
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
    """The password that was typed twice, or the line that came in."""
    if arguments.stdin:
        password = sys.stdin.readline(CHARS_MAX + 2).rstrip("\r\n")
    else:
        password = getpass.getpass(f"password of {name}: ")
        if getpass.getpass("once more: ") != password:
            raise ConfigError("password: expected the same twice, found two different ones; nothing was changed")
    require_good_password(password, name)
    return password

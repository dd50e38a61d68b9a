"""The arguments of `python -m kernel users`. Apart from the commands, so that `--help` needs none of their packages."""

import argparse
from pathlib import Path

ROLES = ("viewer", "operator", "admin")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The actions; `parser` is the subcommand's own."""
    data = argparse.ArgumentParser(add_help=False)
    data.add_argument("--data", type=Path, default=Path("data"), help="folder of the kernel's data (default: data)")
    named = argparse.ArgumentParser(add_help=False, parents=[data])
    named.add_argument("name")
    typed = argparse.ArgumentParser(add_help=False, parents=[named])
    typed.add_argument("--stdin", action="store_true", help="read the password from standard input, one line")

    actions = parser.add_subparsers(dest="users_command", required=True, metavar="ACTION")
    add = actions.add_parser("add", parents=[typed], help="a new user; asks for the password")
    add.add_argument("--role", choices=ROLES, required=True)
    actions.add_parser("passwd", parents=[typed], help="another password; ends the user's sessions")
    role = actions.add_parser("role", parents=[named], help="another role; ends the user's sessions")
    role.add_argument("--role", choices=ROLES, required=True)
    actions.add_parser("disable", parents=[named], help="keep the user, let nobody in")
    actions.add_parser("enable", parents=[named], help="let a disabled user in again")
    actions.add_parser("remove", parents=[named], help="forget the user")
    actions.add_parser("list", parents=[data], help="users and API tokens, without secrets")

    token = actions.add_parser("token", help="API tokens for /api/ and /metrics")
    token_actions = token.add_subparsers(dest="token_command", required=True, metavar="ACTION")
    token_add = token_actions.add_parser("add", parents=[named], help="a new one; it is shown once")
    token_add.add_argument("--role", choices=ROLES, default="viewer")
    token_actions.add_parser("list", parents=[data], help="names and roles")
    token_actions.add_parser("revoke", parents=[named], help="make one worthless")

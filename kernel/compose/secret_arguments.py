"""The arguments of `secrets`; light, so that `--help` is."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The actions of `secrets`."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--profile", default=None, help="demo, paper, prod or a .toml file (default: demo)")
    shared.add_argument("--data", type=Path, default=Path("data"), help="folder of log and database (default: data)")
    shared.add_argument("--passphrase", action="store_true", help="ask for the master passphrase at the terminal")
    actions = parser.add_subparsers(dest="secrets_command", required=True, metavar="ACTION")
    put = actions.add_parser("set", parents=[shared], help="store or replace a secret; the value is asked for")
    put.add_argument("name", metavar="NAME")
    put.add_argument("--stdin", action="store_true", help="read the value from standard input")
    actions.add_parser("list", parents=[shared], help="names, sources, ages, last uses and addresses")
    check = actions.add_parser("check", parents=[shared], help="whether each enabled strategy has what it needs")
    check.add_argument("--json", action="store_true", help="print one JSON object")
    rotate = actions.add_parser("rotate", parents=[shared], help="encrypt anew")
    which = rotate.add_mutually_exclusive_group(required=True)
    which.add_argument("--values", action="store_true", help="all values under a fresh data key")
    which.add_argument("--master", action="store_true", help="the data keys under the key of --new-key-file")
    rotate.add_argument("--new-key-file", type=Path, metavar="FILE", help="the next master key; made if missing")
    delete = actions.add_parser("delete", parents=[shared], help="remove a secret from the database")
    delete.add_argument("name", metavar="NAME")
    delete.add_argument("--yes", action="store_true", help="do not ask")
    new_key = actions.add_parser("new-key", help="make a master key in a new 0600 file")
    new_key.add_argument("file", type=Path, metavar="FILE")

"""The arguments of `sweep`; light, so that `--help` is."""

import argparse
from pathlib import Path

CACHE_HELP = "folder of results by key: an interrupted sweep goes on there (default: nothing is kept)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `sweep`."""
    parser.add_argument("log", type=Path)
    parser.add_argument("--profile", default="", help="settings of a profile instead of the log's or the defaults")
    parser.add_argument("--strategy", action="append", default=[], metavar="NAME", help="only this one (repeatable)")
    parser.add_argument(
        "--vary", action="append", required=True, metavar="STRATEGY.KEY=A,B,C", help="what is varied (once or twice)"
    )
    parser.add_argument(
        "--set", action="append", default=[], dest="settings", metavar="STRATEGY.KEY=VALUE", help="(repeatable)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--out", type=Path, metavar="OUT.csv", help="also write one line per combination")
    parser.add_argument("--keep", type=Path, metavar="DIR", help=CACHE_HELP)
    parser.add_argument("--memory-mb", type=int, default=None, help="limit of the process (default: 2048)")

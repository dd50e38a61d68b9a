"""The arguments of `kill` and `resume`; light, so that `--help` is."""

import argparse
from pathlib import Path


def add_arguments(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `kill` and `resume` to the command line."""
    kill = commands.add_parser("kill", help="stop all trading: cancel orders, deny new ones")
    resume = commands.add_parser("resume", help="lift the kill switch")
    for each in (kill, resume):
        each.add_argument("--data", type=Path, default=Path("data"), help="folder of the kernel (default: data)")
        each.add_argument("--reason", required=True, metavar="TEXT", help="why; it goes into the log")
    resume.add_argument("--yes", action="store_true", help="do not ask")

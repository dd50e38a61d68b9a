"""`python -m kernel.compose.ops`: writes alert rules and dashboards into ops/, or checks that they are as written."""

import argparse
import sys
from pathlib import Path

from kernel.compose.ops_dashboards import board_json, boards
from kernel.compose.ops_rules import rules_yaml

OPS = Path(__file__).resolve().parents[2] / "ops"


def ops_files() -> dict[str, str]:
    """Path below ops/ -> text, of every file that is made."""
    files = {"prometheus/rules/kernel.yml": rules_yaml()}
    for board in boards():
        files[f"grafana/dashboards/{board.uid}.json"] = board_json(board)
    return files


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """For a command line that offers this."""
    parser.add_argument("--out", type=Path, default=OPS, help="folder to write to (ops/ of the project)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 when a file differs")


def ops_command(arguments: argparse.Namespace) -> int:
    """Write or check. Exit code 1 when a file differs in a check."""
    out: Path = arguments.out
    differing = []
    for name, text in ops_files().items():
        path = out / name
        if path.exists() and path.read_text() == text:
            continue
        differing.append(name)
        if not arguments.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    word = "differs" if arguments.check else "written"
    for name in differing:
        print(f"{word}: {out / name}")
    return 1 if arguments.check and differing else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m kernel.compose.ops", description=__doc__)
    add_arguments(parser)
    return ops_command(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())

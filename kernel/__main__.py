"""The command line. Heavy parts are imported when their command runs."""

import argparse
import sys
from pathlib import Path

from kernel import __version__
from kernel.errors import KernelError


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m kernel", description=__doc__)
    parser.add_argument("--version", action="version", version=f"trading kernel {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run the kernel until stopped")
    run.add_argument("--profile", default=None, help="demo, paper, prod or a .toml file (default: demo)")
    run.add_argument("--data", type=Path, default=Path("data"), help="folder of log and database (default: data)")
    run.add_argument("--port", type=int, default=None, help="port of the page (default: of the profile, 8080)")
    run.add_argument("--no-db", action="store_true", help="without Postgres; the log keeps everything")
    run.add_argument("--speed", type=float, default=None, help="event time per wall time of a recorded feed")
    run.add_argument("--feed", type=Path, default=None, metavar="LOG", help="play this log instead of the profile's")

    replay = commands.add_parser("replay", help="replay a log: verify it, or simulate on it")
    replay.add_argument("log", type=Path)
    replay.add_argument("--mode", choices=("verify", "simulate", "what-if"), default="simulate")
    replay.add_argument("--profile", default="", help="settings of a profile instead of the log's or the defaults")
    replay.add_argument("--strategy", action="append", default=[], metavar="NAME", help="only this one (repeatable)")
    replay.add_argument(
        "--set", action="append", default=[], dest="settings", metavar="STRATEGY.KEY=VALUE", help="(repeatable)"
    )
    replay.add_argument("--json", action="store_true", help="print one JSON object")
    replay.add_argument("--report", type=Path, metavar="OUT.html", help="write the HTML report")

    importing = commands.add_parser("import", help="make one ordered log of data files")
    importing.add_argument("manifest", type=Path)
    importing.add_argument("--root", type=Path, required=True, help="folder to which the manifest's paths are relative")
    importing.add_argument("--out", type=Path, required=True, metavar="LOG")

    log = commands.add_parser("log", help="look into a log")
    log_commands = log.add_subparsers(dest="log_command", required=True, metavar="ACTION")
    info = log_commands.add_parser("info", help="what a log holds")
    info.add_argument("log", type=Path)
    cat = log_commands.add_parser("cat", help="events as JSON lines")
    cat.add_argument("log", type=Path)
    cat.add_argument(
        "--type", action="append", default=[], dest="types", metavar="TAG", help="only this type (repeatable)"
    )
    cat.add_argument("--from-seq", type=int, default=0)
    cat.add_argument("--limit", type=int, default=None)
    export = log_commands.add_parser("export", help="Parquet, one file per event type (needs the research extra)")
    export.add_argument("log", type=Path)
    export.add_argument("--out", type=Path, default=None, help="folder (default: beside the log)")

    check = commands.add_parser("check", help="check profile, files and database without running")
    check.add_argument("--profile", default=None)
    check.add_argument("--data", type=Path, default=Path("data"))
    check.add_argument("--no-db", action="store_true")

    db = commands.add_parser("db", help="the database's schema")
    db.add_argument("db_command", choices=("status", "migrate"))
    db.add_argument("--profile", default=None)
    db.add_argument("--data", type=Path, default=Path("data"))

    from kernel.compose import kill_arguments, secret_arguments, sweep_arguments, user_arguments

    sweep = commands.add_parser("sweep", help="replay a log once for every combination of settings")
    sweep_arguments.add_arguments(sweep)
    kill_arguments.add_arguments(commands)
    user_arguments.add_arguments(commands.add_parser("users", help="who may open the dashboard"))
    secret_arguments.add_arguments(commands.add_parser("secrets", help="keys and tokens: set, list, check, rotate"))

    doctor = commands.add_parser("doctor", help="what this machine offers and what is missing")
    doctor.add_argument("--data", type=Path, default=Path("data"))
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0 well, 1 a difference or failed check, 2 a wrong use or input."""
    arguments = _parser().parse_args(argv)
    try:
        return _dispatch(arguments)
    except KernelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        return 130


def _dispatch(arguments: argparse.Namespace) -> int:
    command = arguments.command
    if command == "run":
        from kernel.compose.running import run_command

        return run_command(arguments)
    if command == "replay":
        from kernel.compose.commands import replay_command

        return replay_command(arguments)
    if command == "sweep":
        from kernel.compose.sweep_command import command as sweep_command

        return sweep_command(arguments)
    if command == "import":
        from kernel.compose.commands import import_command

        return import_command(arguments)
    if command == "log":
        from kernel.compose.log_commands import log_command

        return log_command(arguments)
    if command in ("kill", "resume"):
        from kernel.compose.kill_command import command as kill_command

        return kill_command(arguments)
    if command == "secrets":
        from kernel.compose.secret_commands import command as secrets_command

        return secrets_command(arguments)
    if command == "users":
        from kernel.compose.user_commands import command as users_command

        return users_command(arguments)
    from kernel.compose.checks import check_command, db_command, doctor_command

    return {"check": check_command, "db": db_command, "doctor": doctor_command}[command](arguments)


if __name__ == "__main__":
    sys.exit(main())

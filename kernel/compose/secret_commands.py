"""`secrets`: set, list, check, rotate and delete secrets; new-key makes a master key. No command shows a value.

They work beside a running kernel: its embedded Postgres is used where there is one, else one is started for the
command.
"""

import argparse
import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from bus.clock import WallClock
from kernel.compose.database import POSTGRES_FOLDER, migrate_database, start_database
from kernel.compose.master_key import make_key_file, read_key_file
from kernel.compose.process_hardening import harden_process
from kernel.compose.secret_check import check_secrets, check_text, list_text
from kernel.compose.secret_environment import SecretEnvironment, take_environment
from kernel.compose.secret_parts import SecretParts
from kernel.errors import ConfigError
from kernel.profile import Profile, default_profile_name, load_profile
from kernel.secrets.access_entry import OPERATOR, AccessEntry
from kernel.secrets.secret import Secret
from kernel.secrets.secret_names import VALUE_CHARS_MAX, is_name, kind_of
from persistence.master_key import MasterKey
from persistence.postgres import Database
from persistence.running_server import running_dsn
from persistence.secret_table import SecretTable

Action = Callable[[SecretParts, SecretTable], Awaitable[int]]


def command(arguments: argparse.Namespace) -> int:
    """Run one action. Returns the exit code; raises KernelError."""
    structlog.configure(logger_factory=_to_stderr)  # what is printed may be read by a program
    for problem in harden_process():
        print(f"note: {problem}", file=sys.stderr)
    environment = take_environment()
    if arguments.secrets_command == "new-key":
        make_key_file(arguments.file)
        print(f"made {arguments.file}; keep a copy where no backup of the database is, and set KERNEL_MASTER_KEY_FILE")
        return 0
    profile = load_profile(arguments.profile or default_profile_name())
    ask = _ask_passphrase if arguments.passphrase else None
    action = _ACTIONS[arguments.secrets_command](arguments, profile)
    return _with_parts(profile, arguments.data, environment, ask, action)


def _with_parts(
    profile: Profile,
    data: Path,
    environment: SecretEnvironment,
    ask: Callable[[], Secret] | None,
    action: Action,
) -> int:
    dsn = profile.database_url or running_dsn(data / POSTGRES_FOLDER)
    if dsn:
        return asyncio.run(_act(profile, data, environment, ask, dsn, action))
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    choice = start_database(profile, data)
    try:
        return asyncio.run(_act(profile, data, environment, ask, choice.dsn, action))
    finally:
        choice.stop()


async def _act(
    profile: Profile,
    data: Path,
    environment: SecretEnvironment,
    ask: Callable[[], Secret] | None,
    dsn: str,
    action: Action,
) -> int:
    database = Database(dsn)
    try:
        await database.connect()
        await migrate_database(database)
        parts = SecretParts(
            profile, data, environment, database, WallClock(), on_first_seen=_ignore, ask_passphrase=ask
        )
        if parts.table is None:
            raise ConfigError(parts.trouble)
        try:
            return await action(parts, parts.table)
        finally:
            await parts.stop()
    finally:
        await database.close()


def _set(arguments: argparse.Namespace, profile: Profile) -> Action:
    name: str = arguments.name
    if not is_name(name):
        raise ConfigError(f"{name!r}: expected a letter, then letters, digits and _ . : -, at most 128 in all")
    secret = _read_value(name, from_stdin=arguments.stdin)

    async def act(parts: SecretParts, table: SecretTable) -> int:
        version = await table.put(name, secret)
        _record(parts, name, "set")
        print(f"stored {name}, version {version}")
        if kind_of(name) is None:
            print(f"note: {name} is not a name that the kernel knows, so its form was not checked", file=sys.stderr)
        source = await parts.service.source_of(name)
        if source != "database":
            print(f"note: {name} also is in a {source}, which comes first", file=sys.stderr)
        return 0

    return act


def _list(arguments: argparse.Namespace, profile: Profile) -> Action:
    async def act(parts: SecretParts, table: SecretTable) -> int:
        print(await list_text(parts, table, WallClock().now_ns()))
        return 0

    return act


def _check(arguments: argparse.Namespace, profile: Profile) -> Action:
    async def act(parts: SecretParts, table: SecretTable) -> int:
        checks = await check_secrets(parts, table, profile)
        print(check_text(checks, table.master, as_json=arguments.json))
        return 0 if all(each.is_ok for each in checks) else 1

    return act


def _rotate(arguments: argparse.Namespace, profile: Profile) -> Action:
    path: Path | None = arguments.new_key_file
    if arguments.values and path is not None:
        raise ConfigError("--new-key-file goes with --master")

    async def act(parts: SecretParts, table: SecretTable) -> int:
        if path is None:
            count = await table.rotate_values()
            _record(parts, "all", "rotate values")
            print(f"encrypted {count} value(s) under a fresh data key")
            return 0
        await table.check_master()
        count = await table.rotate_master(_next_master(profile, path))
        _record(parts, "all", "rotate master key")
        print(f"wrapped {count} data key(s) with the master key in {path}")
        print(f"from now on set KERNEL_MASTER_KEY_FILE={path} (as an absolute path) and restart a running kernel;")
        print("keep the old key as long as you keep backups that need it")
        return 0

    if arguments.master and path is None:
        raise ConfigError("--master needs --new-key-file FILE, where the next master key is or will be")
    return act


def _next_master(profile: Profile, path: Path) -> MasterKey:
    if not path.exists():
        make_key_file(path)
    return read_key_file(profile, path)


def _delete(arguments: argparse.Namespace, profile: Profile) -> Action:
    name: str = arguments.name
    if not arguments.yes:
        if not sys.stdin.isatty():
            raise ConfigError("not a terminal to ask at: add --yes to delete without asking")
        if input(f"delete {name}? Type its name: ").strip() != name:
            raise ConfigError("not deleted")

    async def act(parts: SecretParts, table: SecretTable) -> int:
        if not await table.delete(name):
            raise ConfigError(f"the database has no secret {name}; `kernel secrets list` shows what there is")
        _record(parts, name, "delete")
        print(f"deleted {name}")
        return 0

    return act


_ACTIONS: dict[str, Callable[[argparse.Namespace, Profile], Action]] = {
    "set": _set,
    "list": _list,
    "check": _check,
    "rotate": _rotate,
    "delete": _delete,
}


def _read_value(name: str, *, from_stdin: bool) -> Secret:
    """What was typed or piped. It never stands in an argument, where every process of the machine could read it."""
    if from_stdin:
        secret = Secret(sys.stdin.read(VALUE_CHARS_MAX + 1).strip())
    elif sys.stdin.isatty():
        secret = Secret(getpass.getpass(f"{name} (not shown): ").strip())
    else:
        raise ConfigError("standard input is no terminal to ask at: add --stdin to read the value from it")
    if not secret:
        raise ConfigError(f"{name}: nothing was given")
    return secret


def _ask_passphrase() -> Secret:
    if not sys.stdin.isatty():
        raise ConfigError("no terminal to ask for the passphrase at: use KERNEL_MASTER_PASSPHRASE_FILE")
    return Secret(getpass.getpass("master passphrase (not shown): "))


def _to_stderr(*name: object) -> structlog.PrintLogger:
    return structlog.PrintLogger(sys.stderr)


def _record(parts: SecretParts, name: str, purpose: str) -> None:
    parts.access_log.record(
        AccessEntry(
            ts_ns=WallClock().now_ns(), module=OPERATOR, name=name, purpose=purpose, source="operator", result="changed"
        )
    )


def _ignore(module: str, name: str) -> None:
    """The operator's own look is no news to the operator."""

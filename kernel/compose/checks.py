"""`check`, `db` and `doctor`: what is configured, what the schema is, what this machine offers."""

import argparse
import asyncio
import functools
import os
import platform
import shutil
from collections.abc import Callable, Coroutine
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from kernel.compose.database import migrate_database, schema_status, start_database
from kernel.compose.live import BUNDLED, BUNDLED_LOG, InstanceLock
from kernel.compose.recovery import Recovery
from kernel.compose.registry import STRATEGIES, spec_of_profile, strategy_kind
from kernel.core import Core
from kernel.errors import ConfigError, KernelError
from kernel.profile import Profile, default_profile_name, load_profile
from persistence.event_log import EventLogReader
from persistence.postgres import Database
from persistence.postgres_binaries import find_binaries

FREE_BYTES_MIN = 1 << 30
PACKAGES = ("uvloop", "msgspec", "zstandard", "asyncpg", "starlette", "uvicorn", "jinja2", "structlog")


class _Report:
    """Prints one line a check and remembers whether any failed."""

    def __init__(self) -> None:
        self.failed = 0

    def ok(self, name: str, text: str) -> None:
        print(f"ok      {name}: {text}")

    def note(self, name: str, text: str) -> None:
        print(f"note    {name}: {text}")

    def fail(self, name: str, text: str) -> None:
        self.failed += 1
        print(f"FAILED  {name}: {text}")

    def run(self, name: str, check: Callable[[], str]) -> None:
        """Run one check; a named error fails it."""
        try:
            self.ok(name, check())
        except (KernelError, OSError, msgspec.ValidationError) as error:
            self.fail(name, str(error))


def check_command(arguments: argparse.Namespace) -> int:
    """`check`: profile and settings, feed, data folder, log, database. Nothing is started but the database."""
    report = _Report()
    profile = load_profile(arguments.profile or default_profile_name())
    report.ok("profile", f"{profile.name} ({profile.mode}), feed {profile.feed.kind}")
    for text in profile.warnings:
        report.note("environment", text)
    report.run("settings", lambda: _check_settings(profile))
    report.run("feed", lambda: _check_feed(profile))
    data: Path = arguments.data
    report.run("data folder", lambda: _check_data(data))
    report.run("event log", lambda: _check_log(data / "log"))
    if arguments.no_db:
        report.note("database", "not asked for (--no-db)")
    else:
        report.run("database", lambda: _with_database(profile, data, _schema_text))
    return 1 if report.failed else 0


def _check_settings(profile: Profile) -> str:
    for name in profile.strategies:
        strategy_kind(name)
    core = Core(spec_of_profile(profile, "check"))
    enabled = ", ".join(core.runner.slots) or "no strategy"
    return f"{enabled} enabled; known: {', '.join(sorted(STRATEGIES))}"


def _check_feed(profile: Profile) -> str:
    if profile.feed.kind == "none":
        return "none; the dashboard shows what was recorded"
    path = BUNDLED_LOG if profile.feed.log == BUNDLED else Path(profile.feed.log)
    reader = EventLogReader(path)
    return f"{path.name}: {reader.count():,} events; {reader.header.note}"


def _check_data(data: Path) -> str:
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    InstanceLock(data).release()
    free = shutil.disk_usage(data).free
    if free < FREE_BYTES_MIN:
        raise ConfigError(f"{data} has {free >> 20} MB free, expected at least {FREE_BYTES_MIN >> 20} MB")
    return f"{data.resolve()}, {free >> 30} GB free"


def _check_log(folder: Path) -> str:
    recovery = Recovery(folder)
    torn = f"; torn tail, which the next run cuts: {recovery.torn_note}" if recovery.is_tail_torn else ""
    if not recovery.is_continued:
        return f"none yet{torn}"
    return f"{len(recovery.segments)} segment(s), last seq {recovery.last_seq}{torn}"


async def _schema_text(database: Database) -> str:
    states = await schema_status(database)
    wrong = [
        f"{each.version:04d} {each.name} is {each.state}" for each in states if each.state in ("edited", "unknown")
    ]
    if wrong:
        raise ConfigError("; ".join(wrong))
    pending = sum(each.state == "pending" for each in states)
    return f"schema {len(states) - pending} of {len(states)} applied" + (
        ", the next run applies the rest" if pending else ""
    )


async def _status_text(database: Database) -> str:
    return "\n".join(f"{each.version:04d} {each.name}: {each.state}" for each in await schema_status(database))


async def _migrate_text(database: Database) -> str:
    applied = await migrate_database(database)
    return "\n".join(f"applied {name}" for name in applied) or "nothing to do"


Action = Callable[[Database], Coroutine[Any, Any, str]]


def _with_database(profile: Profile, data: Path, action: Action) -> str:
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    choice = start_database(profile, data)
    try:
        return asyncio.run(_ask(choice.dsn, action))
    finally:
        choice.stop()


async def _ask(dsn: str, action: Action) -> str:
    database = Database(dsn)
    try:
        await database.connect()
        return await action(database)
    finally:
        await database.close()


def db_command(arguments: argparse.Namespace) -> int:
    """`db status` and `db migrate`."""
    profile = load_profile(arguments.profile or default_profile_name())
    action = _status_text if arguments.db_command == "status" else _migrate_text
    print(_with_database(profile, arguments.data, action))
    return 0


def doctor_command(arguments: argparse.Namespace) -> int:
    """`doctor`: what is here, what is missing, what to do about it."""
    report = _Report()
    report.ok("python", f"{platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores")
    for name in PACKAGES:
        report.run(name, functools.partial(_version, name))
    report.run("postgres", lambda: str(find_binaries().bin_dir))
    report.run("data folder", lambda: _check_data(arguments.data))
    for name, purpose in (("chromium", "browser tests"), ("node", "chain tests of later versions")):
        found = shutil.which(name)
        if found:
            report.ok(name, found)
        else:
            report.note(name, f"not found; only {purpose} need it")
    return 1 if report.failed else 0


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError as error:
        raise ConfigError(f"{name} is not installed; run `make setup`") from error

"""`run`: the database before the loop, the kernel in it, everything down again in order."""

import argparse
import asyncio
import contextlib
import sys
from pathlib import Path

import msgspec
import uvloop
from persistence.projector import Projector

from kernel import __version__
from kernel.compose.dashboard import Dashboard
from kernel.compose.database import DatabaseChoice, migrate_database, start_database
from kernel.compose.live import KernelProcess
from kernel.errors import ConfigError, StoreError
from kernel.profile import Profile, default_profile_name, load_profile
from persistence.postgres import Database
from webui.access_token import load_or_make_token
from webui.server import WebServer

TOKEN_FILE = "dashboard.token"
PROJECTOR_STOP_S = 3.0


def run_command(arguments: argparse.Namespace) -> int:
    """`run`."""
    profile = _profile(arguments)
    data: Path = arguments.data
    process = KernelProcess(profile, data, is_with_db=not arguments.no_db)
    choice: DatabaseChoice | None = None
    trouble = ""
    try:
        if process.is_with_db:
            try:
                choice = start_database(profile, data)
            except StoreError as error:
                trouble = str(error)
                print(f"warning: no database: {error}\n         trading state is safe in the log", file=sys.stderr)
        return uvloop.run(_run(process, profile, choice, trouble))
    finally:
        if choice is not None:
            choice.stop()
        process.release()


def _profile(arguments: argparse.Namespace) -> Profile:
    profile = load_profile(arguments.profile or default_profile_name())
    feed, web = profile.feed, profile.web
    if arguments.feed is not None:
        feed = msgspec.structs.replace(feed, kind="log", log=str(arguments.feed))
    if arguments.speed is not None:
        if not 0.01 <= arguments.speed <= 10_000:
            raise ConfigError(f"--speed: expected 0.01 to 10000, found {arguments.speed}")
        feed = msgspec.structs.replace(feed, speed=arguments.speed)
    if arguments.port is not None:
        if not 0 <= arguments.port <= 65_535:
            raise ConfigError(f"--port: expected 0 to 65535, found {arguments.port}")
        web = msgspec.structs.replace(web, port=arguments.port)
    return msgspec.structs.replace(profile, feed=feed, web=web)


async def _run(process: KernelProcess, profile: Profile, choice: DatabaseChoice | None, trouble: str) -> int:
    database = Database(choice.dsn) if choice is not None else None
    projector = None
    if database is not None:
        trouble = await _migrated(database)
        if not trouble:
            projector = Projector(database, process.data / "log")
    await process.start()
    dashboard = Dashboard(process, database if not trouble else None, projector, trouble)
    web = None
    if profile.web.enabled:
        token_path = process.data / TOKEN_FILE
        web = WebServer(
            dashboard,
            token=load_or_make_token(token_path),
            host=profile.web.host,
            port=profile.web.port,
            token_hint=str(token_path),
        )
        await web.start()
    projecting = asyncio.create_task(projector.run(), name="projector") if projector is not None else None
    _greet(process, profile, choice, web)
    try:
        await process.wait()
        print("stopping: intents, orders, log, page, database", flush=True)
    finally:
        await process.stop()
        if web is not None:
            await web.stop()
        await _stop_projecting(projector, projecting)
        if database is not None:
            await database.close()
    print(f"stopped; log {process.log.path} ends at seq {process.core.bus.seq}", flush=True)
    return 0


async def _migrated(database: Database) -> str:
    """Migrate; the trouble as text when that fails, so that the kernel runs without pages from the database."""
    try:
        await migrate_database(database)
    except StoreError as error:
        print(f"warning: the database is not used: {error}", file=sys.stderr)
        return str(error)
    return ""


async def _stop_projecting(projector: Projector | None, task: asyncio.Task[None] | None) -> None:
    if projector is None or task is None:
        return
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    with contextlib.suppress(StoreError, TimeoutError):
        async with asyncio.timeout(PROJECTOR_STOP_S):
            await projector.catch_up()


def _greet(process: KernelProcess, profile: Profile, choice: DatabaseChoice | None, web: WebServer | None) -> None:
    recovery = process.recovery
    lines = [
        f"trading kernel {__version__} · profile {profile.name} · {profile.mode} · execution is simulated",
        f"data       {process.data.resolve()}",
        f"feed       {profile.data_note or profile.feed.kind}, {process.clock.speed:g}x",
        f"database   {choice.label if choice is not None else 'none'}",
        f"strategies {', '.join(process.core.runner.slots) or 'none enabled'}",
    ]
    if recovery.segments:
        torn = f"; {recovery.torn_note}" if recovery.torn_note else ""
        lines.append(f"recovered  {recovery.last_seq:,} events, {len(process.core.router.open)} open order(s){torn}")
    if web is not None:
        lines.append(f"dashboard  {web.login_url}")
    lines.append("Ctrl-C stops")
    print("\n".join(lines), flush=True)

"""`run`: the kernel in its loop, the page and the database beside it, everything down again in order."""

import argparse
import socket
import sys
from pathlib import Path

import msgspec
import structlog
import uvloop

from bus.clock import WallClock
from kernel import __version__
from kernel.compose.database import DatabaseChoice, choose_database
from kernel.compose.database_keeper import DatabaseKeeper
from kernel.compose.live import KernelProcess
from kernel.compose.observability import Observability, log_settings_of
from kernel.compose.process_hardening import harden_process
from kernel.compose.recovery import state_digest
from kernel.compose.secret_environment import take_environment
from kernel.compose.secret_parts import SecretParts
from kernel.compose.services import Services
from kernel.errors import ConfigError, StoreError
from kernel.profile import Profile, default_profile_name, load_profile
from webui.server import WebServer

log = structlog.get_logger("kernel")


def run_command(arguments: argparse.Namespace) -> int:
    """`run`. What can be refused is refused before the log is touched and before a server is started."""
    notes = harden_process()
    environment = take_environment()
    profile = _profile(arguments)
    data: Path = arguments.data
    process = KernelProcess(profile, data, is_with_db=not arguments.no_db)
    choice: DatabaseChoice | None = None
    keeper: DatabaseKeeper | None = None
    watch = Observability(log_settings_of(profile.platform.get("logs", {})), data)
    watch.start_logs()
    for note in notes:
        log.warning("process_not_hardened", note=note)
    try:
        _refuse_taken_port(profile)
        if process.is_with_db:
            choice = choose_database(profile, data)
            keeper = DatabaseKeeper(
                choice, process.log_folder, lambda: process.core.bus.seq, lambda *said: _tell(process, *said)
            )
            try:
                choice.start()
            except StoreError as error:  # the keeper tries again, and says so
                print(f"warning: no database yet: {error}", file=sys.stderr)
        secrets = SecretParts(
            profile,
            data,
            environment,
            keeper.database if keeper is not None else None,
            WallClock(),
            on_first_seen=lambda module, name: process.alert(
                "warning", "secret_first_used", f"{module} used the secret {name} for the first time"
            ),
        )
        return uvloop.run(_run(process, choice, Services(process, choice, keeper, watch, secrets)))
    finally:
        watch.stop()
        if choice is not None and keeper is not None and not keeper.is_starting:
            choice.stop()
        process.release()


def _tell(process: KernelProcess, severity: str, code: str, text: str) -> None:
    print(f"{severity}: {text}", file=sys.stderr, flush=True)
    process.alert(severity, code, text)


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


def _refuse_taken_port(profile: Profile) -> None:
    """The page binds last; a port that is taken is better told first."""
    web = profile.web
    if not web.enabled or not web.port:
        return
    family = socket.AF_INET6 if ":" in web.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((web.host, web.port))
        except OSError as error:
            raise ConfigError(
                f"dashboard port: cannot listen on {web.host}:{web.port} ({error.strerror}); stop what uses it or"
                " choose another with --port"
            ) from error


async def _run(process: KernelProcess, choice: DatabaseChoice | None, services: Services) -> int:
    recovered = _recovered(process)
    await services.prepare()
    await process.start()
    try:
        await services.start()
        _greet(process, process.profile, choice, services.web, recovered)
        await process.wait()
        print("stopping: intents, orders, log, page, database", flush=True)
    finally:
        failure = await _stop(process, services)
    if failure:
        print(f"error: {failure}", file=sys.stderr)
    if process.is_failed:
        print("error: the kernel ended itself; see the fault above. The log is good up to its end", file=sys.stderr)
    print(f"stopped; log {process.log.path} ends at seq {process.core.bus.seq}", flush=True)
    return 1 if failure or process.is_failed else 0


async def _stop(process: KernelProcess, services: Services) -> str:
    """Every part is stopped, whatever another one says; the text of what could not be written."""
    failure = ""
    await services.stop_working()
    try:
        await process.stop()
    except StoreError as error:
        failure = f"{error}; {process.log.unwritten:,} events of this run's end are lost"
    await services.stop()
    return failure


def _recovered(process: KernelProcess) -> str:
    """What the fold of the old log gave, told before anything new is handled."""
    recovery = process.recovery
    if not recovery.is_continued:
        return ""
    core = process.core
    torn = f"; torn tail cut: {recovery.torn_note}" if recovery.torn_note else ""
    return f"{recovery.last_seq:,} events, {len(core.router.open)} open order(s), state {state_digest(core)}{torn}"


def _greet(
    process: KernelProcess, profile: Profile, choice: DatabaseChoice | None, web: WebServer | None, recovered: str
) -> None:
    lines = [
        f"trading kernel {__version__} · profile {profile.name} · {profile.mode} · execution is simulated",
        f"data       {process.data.resolve()}",
        f"feed       {profile.data_note or profile.feed.kind}, {process.clock.speed:g}x",
        f"database   {choice.label if choice is not None else 'none'}",
        f"strategies {', '.join(process.core.runner.slots) or 'none enabled'}",
    ]
    if recovered:
        lines.append(f"recovered  {recovered}")
    if web is not None:
        lines.append(f"dashboard  {web.login_url}")
    lines.append("Ctrl-C stops")
    print("\n".join(lines), flush=True)

"""The system page's source: samples of the process every few seconds, and slow facts kept for some seconds."""

import asyncio
import os
import platform
import resource
import shutil
from collections import deque
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import asyncpg

from bus.clock import NS_PER_S, stopwatch_ns
from kernel.compose.code_version import code_version
from kernel.compose.database import DatabaseChoice
from kernel.compose.database_keeper import DatabaseKeeper
from kernel.compose.live import KernelProcess
from kernel.compose.observability import Observability
from kernel.compose.registry import strategy_kind
from kernel.compose.secret_parts import SecretParts
from kernel.compose.settings_service import SettingsService
from kernel.errors import KernelError
from kernel.rpc.rpc_providers import VARIABLES
from kernel.secrets.redaction import redact
from persistence.migrate import status
from webui.ops_system_source import (
    DiskRow,
    Library,
    MigrationRow,
    ModuleRow,
    SystemFacts,
    SystemNow,
)

SAMPLE_S = 5.0
SAMPLES_MAX = 180  #: fifteen minutes
FACTS_S = 10.0  #: a page asked for twice within it costs one query
FILES_MAX = 20_000  #: of a folder whose size is added up
DATABASE_S = 3.0
LIBRARIES = ("uvloop", "msgspec", "starlette", "uvicorn", "asyncpg", "aiohttp", "cryptography", "jinja2")
PLATFORM_VARIABLES = (
    "MODE", "DRY_RUN", "DATABASE_URL", "KERNEL_PG_BIN", "DASHBOARD_MODULE_ENABLED", "KERNEL_MASTER_KEY",
    "KERNEL_MASTER_KEY_FILE", "KERNEL_MASTER_PASSPHRASE_FILE", "CREDENTIALS_DIRECTORY",
)  # fmt: skip
_FAILURES = (KernelError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


class SystemDesk:
    """Implements `webui.ops_system_source.SystemSource`. `start` it, `stop` it: one task that samples."""

    def __init__(
        self,
        process: KernelProcess,
        keeper: DatabaseKeeper | None,
        choice: DatabaseChoice | None,
        watch: Observability,
        settings: SettingsService,
        secrets: SecretParts | None,
        environment_names: frozenset[str],
    ) -> None:
        """`environment_names`: names of all variables that are set, without their values."""
        self._process = process
        self._keeper = keeper
        self._choice = choice
        self._watch = watch
        self._settings = settings
        self._secrets = secrets
        self._names = environment_names
        self._began_ns = stopwatch_ns()
        self._lag_ms: deque[float | None] = deque(maxlen=SAMPLES_MAX)
        self._last: tuple[int, int, float] | None = None  # (when, seq, CPU seconds) of the latest sample
        self._events_per_s: float | None = None
        self._cpu_pct: float | None = None
        self._memory_bytes: int | None = None
        self._facts: tuple[int, SystemFacts] | None = None
        self._asking = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to sample."""
        self._task = asyncio.create_task(self._run(), name="system-samples")

    async def stop(self) -> None:
        """Idempotent."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        while True:
            self.sample()
            await asyncio.sleep(SAMPLE_S)

    def sample(self) -> None:
        """Take one sample. The first has no rates."""
        now_ns, seq = stopwatch_ns(), self._process.core.bus.seq
        used = resource.getrusage(resource.RUSAGE_SELF)
        cpu_s = used.ru_utime + used.ru_stime
        if self._last is not None:
            before_ns, before_seq, before_cpu_s = self._last
            span_s = max(1e-3, (now_ns - before_ns) / NS_PER_S)
            self._events_per_s = (seq - before_seq) / span_s
            self._cpu_pct = 100 * (cpu_s - before_cpu_s) / span_s
        self._last = (now_ns, seq, cpu_s)
        self._memory_bytes = _memory_bytes()
        self._lag_ms.append(self._process.live.lag.p99_ms())

    def now(self) -> SystemNow:
        process, logs, web = self._process, self._watch.logs.reading(), self._watch.readings.web()
        keeper = self._keeper
        return SystemNow(
            uptime_s=(stopwatch_ns() - self._began_ns) / NS_PER_S,
            loop_p50_ms=process.live.lag.p50_ms(),
            loop_p99_ms=process.live.lag.p99_ms(),
            lag_points=tuple(self._lag_ms),
            bus_waiting=process.core.bus.waiting,
            seq=process.core.bus.seq,
            events_per_s=self._events_per_s,
            database_state=keeper.state if keeper is not None else "off",
            database_error=redact(keeper.error) if keeper is not None else "this run was started without a database",
            projector_lag=keeper.lag_events if keeper is not None else 0,
            streams=web.streams if web is not None else None,
            resyncs=web.resyncs if web is not None else None,
            log_queued=logs.queued,
            log_dropped=sum(logs.dropped.values()),
            log_trouble=logs.trouble if logs.is_alive else "the writer ended: nothing is logged any more",
            event_log_trouble=redact(process.live.log_failure or ""),
            memory_bytes=self._memory_bytes,
            cpu_pct=self._cpu_pct,
        )

    async def facts(self) -> SystemFacts:
        async with self._asking:  # however many pages ask, one query
            now_ns = stopwatch_ns()
            if self._facts is None or now_ns - self._facts[0] > FACTS_S * NS_PER_S:
                self._facts = (now_ns, await self._gather())
            return self._facts[1]

    async def _gather(self) -> SystemFacts:
        process = self._process
        profile, readiness = process.profile, self._watch.readiness()
        postgres, size, migrations, note = await self._database()
        libraries = [Library(name="Python", version=platform.python_version())]
        libraries += [Library(name=each, version=_version(each)) for each in LIBRARIES]
        return SystemFacts(
            libraries=tuple(libraries),
            code=await asyncio.to_thread(code_version),
            run=process.header.run,
            profile=profile.name,
            mode=profile.mode,
            database_from=self._choice.label if self._choice is not None else "no database",
            postgres=postgres,
            database_bytes=size,
            database_note=note,
            migrations=migrations,
            modules=tuple([await self._module(name) for name in sorted(profile.strategies)]),
            disks=tuple(await asyncio.to_thread(self._disks)),
            environment=self._environment(),
            warnings=profile.warnings,
            settings_problems=tuple((module, redact(text)) for module, text in sorted(self._settings.problems.items())),
            readiness=readiness.reasons,
            cautions=readiness.warnings,
        )

    async def _database(self) -> tuple[str, int | None, tuple[MigrationRow, ...], str]:
        if self._keeper is None:
            return "", None, (), "This run was started without a database."
        try:
            async with asyncio.timeout(DATABASE_S), self._keeper.database.acquire() as connection:
                postgres = await connection.fetchval("SHOW server_version")
                size = await connection.fetchval("SELECT pg_database_size(current_database())")
                rows = await status(connection)
        except _FAILURES as error:
            return "", None, (), redact(str(error)) or f"no answer within {DATABASE_S:g} s"
        migrations = tuple(MigrationRow(version=each.version, name=each.name, state=each.state) for each in rows)
        return postgres, size, migrations, ""

    async def _module(self, name: str) -> ModuleRow:
        process = self._process
        missing = []
        if self._secrets is not None:
            for each in strategy_kind(name).required_secrets:
                if not await self._secrets.service.available(each):
                    missing.append(each)
        slot = process.core.runner.slots.get(name)
        return ModuleRow(
            name=name,
            flag=f"{name.upper()}_MODULE_ENABLED",
            is_enabled=process.profile.strategies[name].enabled,
            state=slot.state if slot is not None else "",
            missing=tuple(missing),
        )

    def _environment(self) -> tuple[str, ...]:
        known = {*PLATFORM_VARIABLES, *VARIABLES}
        return tuple(sorted(each for each in self._names if each in known or each.endswith("_MODULE_ENABLED")))

    def _disks(self) -> list[DiskRow]:
        rows = [
            _disk("Event log", self._process.log_folder),
            _disk("Log files", self._watch.logs.folder),
            _disk("Data folder", self._process.data),
        ]
        return rows


def _disk(what: str, folder: Path) -> DiskRow:
    where = next((each for each in (folder, *folder.parents) if each.exists()), folder)
    try:
        disk = shutil.disk_usage(where)
    except OSError:
        return DiskRow(what=what, folder=str(folder), used_bytes=None, free_bytes=None, total_bytes=None)
    return DiskRow(
        what=what,
        folder=str(folder),
        used_bytes=_size_bytes(folder) if where == folder else 0,  # nothing was written yet
        free_bytes=disk.free,
        total_bytes=disk.total,
    )


def _size_bytes(folder: Path) -> int | None:
    """Of all files below it; None when there are too many, or some may not be looked at."""
    total = count = 0
    waiting = [folder]
    try:
        while waiting:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    count += 1
                    if count > FILES_MAX:
                        return None
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
                    else:
                        total += _file_bytes(entry)
    except OSError:
        return None
    return total


def _file_bytes(entry: "os.DirEntry[str]") -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:  # rotated away meanwhile
        return 0


def _memory_bytes() -> int | None:
    """What of the process is in memory; None where the system has no /proc."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * resource.getpagesize()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"

"""What the system page reads: the process, its parts, its machine."""

from typing import Protocol

from msgspec import Struct


class SystemNow(Struct, frozen=True, kw_only=True):
    """A cheap look at memory. None = not known. `*_points`: oldest first, one every few seconds, None = gap."""

    uptime_s: float
    loop_p50_ms: float | None
    loop_p99_ms: float | None
    lag_points: tuple[float | None, ...]
    bus_waiting: int
    seq: int
    events_per_s: float | None
    database_state: str
    database_error: str
    projector_lag: int
    streams: int | None
    resyncs: int | None
    log_queued: int
    log_dropped: int
    log_trouble: str
    event_log_trouble: str
    memory_bytes: int | None
    cpu_pct: float | None


class Library(Struct, frozen=True, kw_only=True):
    """A name and its version."""

    name: str
    version: str


class MigrationRow(Struct, frozen=True, kw_only=True):
    """state: applied, pending, edited or unknown."""

    version: int
    name: str
    state: str


class ModuleRow(Struct, frozen=True, kw_only=True):
    """A strategy of the profile. `state` "" = it is not loaded. `missing`: secrets that live trading would need."""

    name: str
    flag: str
    is_enabled: bool
    state: str
    missing: tuple[str, ...] = ()


class DiskRow(Struct, frozen=True, kw_only=True):
    """A folder and the disk that it is on."""

    what: str
    folder: str
    used_bytes: int | None
    free_bytes: int | None
    total_bytes: int | None


class SystemFacts(Struct, frozen=True, kw_only=True):
    """What changes rarely or costs a query. `database_note`: why its fields are not known."""

    libraries: tuple[Library, ...] = ()
    code: str = ""
    run: str = ""
    profile: str = ""
    mode: str = ""
    database_from: str = ""
    postgres: str = ""
    database_bytes: int | None = None
    database_note: str = ""
    migrations: tuple[MigrationRow, ...] = ()
    modules: tuple[ModuleRow, ...] = ()
    disks: tuple[DiskRow, ...] = ()
    environment: tuple[str, ...] = ()  #: names alone
    warnings: tuple[str, ...] = ()
    settings_problems: tuple[tuple[str, str], ...] = ()
    readiness: tuple[str, ...] = ()  #: why not ready
    cautions: tuple[str, ...] = ()


class SystemSource(Protocol):
    """The process and its machine."""

    def now(self) -> SystemNow:
        """Now."""

    async def facts(self) -> SystemFacts:
        """At most some seconds old. A database that is away is said in it."""

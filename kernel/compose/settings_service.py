"""Settings while a kernel runs: what is stored, what is in use, and how one becomes the other.

A save goes to the database and nowhere else. The database's notice makes this service read the module again, and what
differs from what is in use enters the kernel as a recorded `SettingsChanged`, between two events. So a change made
here, by another process or by hand in SQL all take one road, and a replay changes at the same instant.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import Struct

from kernel.errors import StoreError
from kernel.settings import SettingsRefused, fields_of, plain_of
from kernel.settings_layers import SettingsGroup
from kernel.strategy import Settings
from persistence.postgres import Database
from persistence.settings_listener import SettingsListener
from persistence.settings_table import Save, SettingsTable, StoredModule

FIRST_READ_S = 5.0  #: how long a start waits for the stored settings before it goes on with the last ones known
Publish = Callable[[str, str, int, str], None]  #: (module, settings as JSON, version, by)
Tell = Callable[[str, str, str], None]  #: (severity, code, text)
OnChange = Callable[[Any], None]


class InUse(Struct, frozen=True, kw_only=True):
    """What a module runs with. `pending` are restart-only fields whose new value waits for the next start."""

    settings: Settings
    sources: dict[str, str]
    version: int = 0
    by: str = ""
    pending: dict[str, Any] = {}
    problem: str = ""  #: why the stored values are not in use


class SettingsService:
    """`current` tells what the kernel has of a module now (None: nothing of its own, a platform part)."""

    def __init__(
        self,
        groups: dict[str, SettingsGroup],
        database: Database | None,
        *,
        current: Callable[[str], Settings | None],
        publish: Publish,
        tell: Tell,
    ) -> None:
        """Raises `SettingsRefused` when the layers below the database are not valid."""
        self.groups = groups
        self.table = SettingsTable(database) if database is not None else None
        self.stored: dict[str, StoredModule] = {}
        self.in_use: dict[str, InUse] = {}
        self.is_read = False  #: the stored settings were read at least once
        self.read_error = ""
        self._current = current
        self._publish = publish
        self._tell = tell
        self._listeners: dict[str, list[OnChange]] = {}
        self._unknown: set[str] = set()
        for module, group in groups.items():
            layered = group.layered({})
            running = current(module)
            self.in_use[module] = InUse(settings=running or layered.settings, sources=layered.sources)
        self._listener = SettingsListener(database, self.read_all, self._read_one) if database is not None else None

    @property
    def problems(self) -> dict[str, str]:
        """Modules whose stored values are invalid, with what is wrong. Live trading must not start with any."""
        return {module: each.problem for module, each in self.in_use.items() if each.problem}

    @property
    def is_listening(self) -> bool:
        """Whether a change would be heard at once."""
        return self._listener is not None and self._listener.is_listening

    def on_change(self, module: str, take: OnChange) -> None:
        """Give a platform part its settings now and after each change."""
        self._listeners.setdefault(module, []).append(take)
        take(self.in_use[module].settings)

    # reading ----------------------------------------------------------------------------------------------------

    async def read_first(self) -> None:
        """Before strategies speak: read what is stored; if that fails, say so and go on with what is known."""
        if self.table is None:
            self._settle_without_database()
            return
        try:
            async with asyncio.timeout(FIRST_READ_S):
                await self.read_all()
        except (StoreError, TimeoutError) as error:
            self.read_error = str(error) or f"no answer within {FIRST_READ_S:g} s"
            self._tell(
                "warning", "settings_unread",
                f"the stored settings could not be read ({self.read_error}); the last ones known are in use",
            )  # fmt: skip

    async def run(self) -> None:
        """Follow the database until cancelled."""
        if self._listener is not None:
            await self._listener.run()

    async def read_all(self) -> None:
        """Read everything; what differs is published."""
        assert self.table is not None
        found = await self.table.read()
        self.is_read, self.read_error = True, ""
        for module in found.keys() - self.groups.keys() - self._unknown:
            self._unknown.add(module)
            self._tell("info", "settings_unknown", f"settings of {module[:80]!r} are stored, but nothing has that name")
        for module in self.groups:
            self._take(module, found.get(module, StoredModule(module=module)))

    async def _read_one(self, module: str) -> None:
        if module not in self.groups:
            return
        assert self.table is not None
        found = await self.table.read(module)
        self._take(module, found.get(module, StoredModule(module=module)))

    def _settle_without_database(self) -> None:
        """A run without a database is what its profile says, whatever an older run had stored."""
        for module in self.groups:
            self._take(module, StoredModule(module=module, updated_by="profile"))

    def _take(self, module: str, stored: StoredModule) -> None:
        group, before = self.groups[module], self.in_use[module]
        is_first = module not in self.stored
        self.stored[module] = stored
        try:
            layered = group.layered(stored.values)
        except SettingsRefused as error:
            if before.problem != str(error):
                self._tell("warning", "settings_invalid", f"kept the last good settings: {error}")
            self.in_use[module] = msgspec.structs.replace(before, problem=str(error))
            return
        settings = layered.settings
        pending: dict[str, Any] = {}
        if not is_first:
            settings, pending = _held_back(group, before.settings, settings)
        self.in_use[module] = InUse(
            settings=settings,
            sources=layered.sources,
            version=stored.version,
            by=stored.updated_by,
            pending=pending,
        )
        running = self._current(module)
        if settings != (before.settings if running is None else running):
            self._publish(module, msgspec.json.encode(settings).decode(), stored.version, stored.updated_by)
        if settings != before.settings:
            for take in self._listeners.get(module, ()):
                take(settings)

    # writing ----------------------------------------------------------------------------------------------------

    def check(self, module: str, values: dict[str, Any]) -> None:
        """Whether these stored values make a valid struct. Raises `SettingsRefused`."""
        self.groups[module].layered(values)

    def writable(self) -> SettingsTable:
        """The table. Raises `StoreError` in a run without a database."""
        if self.table is None:
            raise StoreError("settings are kept in the database, and this run has none (--no-db)")
        return self.table

    async def settled(self, module: str, version: int, timeout_s: float) -> bool:
        """Wait until a saved version is in use; False when it was not in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self.stored.get(module, StoredModule(module=module)).version < version:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
                return True
        return False

    async def history(self, module: str | None, before_id: int | None, limit: int) -> list[Save]:
        """Saves, newest first."""
        return await self.writable().history(module, before_id, limit)


def _held_back(group: SettingsGroup, old: Settings, new: Settings) -> tuple[Settings, dict[str, Any]]:
    """New settings without their restart-only changes, and those by name."""
    pending = {
        field.name: plain_of(new)[field.name]
        for field in fields_of(group.kind)
        if field.is_restart_only and getattr(old, field.name) != getattr(new, field.name)
    }
    if not pending:
        return new, {}
    return msgspec.structs.replace(new, **{name: getattr(old, name) for name in pending}), pending

"""The secrets page's source. A value passes through `put` into the table, and is read for a wallet's address alone."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime

import structlog

from adapters.signing.address import derive_address
from bus.clock import NS_PER_S, NS_PER_US, Clock
from kernel.compose.registry import strategy_kind
from kernel.compose.secret_parts import SecretParts
from kernel.errors import ConfigError, KernelError, StoreError
from kernel.profile import Profile
from kernel.secrets.access_entry import OPERATOR, AccessEntry
from kernel.secrets.redaction import redact
from kernel.secrets.secret import Secret
from kernel.secrets.secret_names import KNOWN, kind_of
from persistence.access_reading import last_modules, latest_accesses
from persistence.postgres import Database
from persistence.secret_table import SecretRow, SecretTable
from webui.ops_secret_source import AccessLine, SecretLine, SecretsView

ACCESSES_SHOWN = 100
ACCESSES_OF_ONE = 20
ADDRESSES_MAX = 100  #: derived ones that are kept, by name, source and version
NO_TABLE = "this run has no database; set secrets as files or in the environment"

log = structlog.get_logger("secrets")


class SecretDesk:
    """Implements `webui.ops_secret_source.SecretsSource`."""

    def __init__(
        self,
        parts: SecretParts,
        profile: Profile,
        database: Database | None,
        clock: Clock,
        on_change: Callable[[], None] | None = None,
    ) -> None:
        """`clock`: wall time. `on_change`: told after a secret was set or deleted, for those who keep one."""
        self._on_change = on_change
        self._parts = parts
        self._profile = profile
        self._database = database
        self._clock = clock
        self._addresses: dict[tuple[str, str, int], str] = {}

    async def secrets(self) -> SecretsView:
        stored, why_not = await self._stored()
        required = self._required()
        outside = await asyncio.to_thread(self._parts.service.names_outside_database)
        names = sorted({*(each.name for each in KNOWN), *required, *stored, *outside})
        accesses: tuple[AccessLine, ...] = ()
        modules: dict[str, str] = {}
        if self._database is not None and not why_not:
            try:
                modules = await last_modules(self._database, names)
                accesses = await self._accesses([*names, "all"])
            except StoreError as error:
                why_not = str(error)
        lines = [await self._line(name, stored.get(name), outside, required, modules) for name in names]
        master = self._parts.table.master if self._parts.table is not None else None
        return SecretsView(
            lines=tuple(lines),
            accesses=accesses,
            master_id=master.master_id if master is not None else "",
            master_origin=master.origin if master is not None else "",
            is_master_generated=master is not None and master.is_generated,
            why_not=redact(why_not),
            log_waiting=self._parts.access_log.kept,
            log_dropped=self._parts.access_log.dropped,
        )

    async def put(self, name: str, secret: Secret, *, version: int, by: str) -> int:
        made = await self._table().put(name, secret, expected_version=version)
        self._record(name, f"set by {by}")
        self._tell_change()
        return made

    async def delete(self, name: str, *, version: int, by: str) -> None:
        if not await self._table().delete(name, expected_version=version):
            raise ConfigError(f"the database has no secret {name}; load the page again")
        self._record(name, f"deleted by {by}")
        self._tell_change()

    async def rotate_values(self, by: str) -> int:
        count = await self._table().rotate_values()
        self._record("all", f"values rotated by {by}")
        return count

    def _tell_change(self) -> None:
        if self._on_change is not None:
            self._on_change()

    async def _stored(self) -> tuple[dict[str, SecretRow], str]:
        table = self._parts.table
        if table is None:
            return {}, self._parts.trouble or NO_TABLE
        try:
            return {row.name: row for row in await table.rows()}, ""
        except StoreError as error:
            return {}, str(error)

    def _required(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for module in sorted(self._profile.strategies):
            for name in strategy_kind(module).required_secrets:
                found.setdefault(name, []).append(module)
        return found

    async def _accesses(self, names: list[str]) -> tuple[AccessLine, ...]:
        assert self._database is not None
        rows = await latest_accesses(self._database, names, limit=ACCESSES_SHOWN, each=ACCESSES_OF_ONE)
        return tuple(
            AccessLine(
                ts_ns=row.ts_ns, module=row.module, name=row.secret_name, purpose=row.purpose, source=row.source,
                result=row.result, is_first=row.is_first,
            )
            for row in rows
        )  # fmt: skip

    async def _line(
        self,
        name: str,
        row: SecretRow | None,
        outside: Mapping[str, str],
        required: dict[str, list[str]],
        modules: dict[str, str],
    ) -> SecretLine:
        source = "file" if outside.get(name) == "file" else "database" if row is not None else outside.get(name, "")
        kind = kind_of(name)
        address, problem = "", ""
        if kind is not None and kind.wallet and source:
            address, problem = await self._address(name, source, row.version if row is not None else 0)
        return SecretLine(
            name=name,
            title=kind.title if kind is not None else "",
            shape=kind.shape if kind is not None else "",
            required_by=tuple(required.get(name, ())),
            source=source,
            is_hidden=row is not None and source != "database",
            version=row.version if row is not None else 0,
            updated_ns=_ns(row.updated_at) if row is not None else 0,
            used_ns=_ns(row.last_used_at) if row is not None else 0,
            last_module=modules.get(name, ""),
            address=address,
            problem=problem,
        )

    async def _address(self, name: str, source: str, version: int) -> tuple[str, str]:
        """Derived once for each version, so that a look at the page is no access each time. A fault is tried again."""
        key = (name, source, version)
        if key not in self._addresses:
            try:
                secret = await self._parts.service.get(name, module=OPERATOR, purpose="address for the page")
                address = await asyncio.to_thread(derive_address, name, secret)
            except KernelError as error:
                return "", redact(str(error))
            if len(self._addresses) >= ADDRESSES_MAX:
                self._addresses.clear()
            self._addresses[key] = address
        return self._addresses[key], ""

    def _table(self) -> SecretTable:
        if self._parts.table is None:
            raise StoreError(self._parts.trouble or NO_TABLE)
        return self._parts.table

    def _record(self, name: str, purpose: str) -> None:
        log.info("secret_changed", secret=name, what=purpose)
        self._parts.access_log.record(
            AccessEntry(
                ts_ns=self._clock.now_ns(), module=OPERATOR, name=name, purpose=purpose[:200], source="operator",
                result="changed",
            )
        )  # fmt: skip


def _ns(moment: datetime | None) -> int:
    if moment is None:
        return 0
    return int(moment.timestamp()) * NS_PER_S + moment.microsecond * NS_PER_US

"""Wires the RPC pool: endpoints from the database or the environment, checks, and usage and health to the database.

`RpcService` runs beside the kernel; with the database away it keeps the endpoints it has and counts on.
"""

import asyncio
import contextlib
from collections.abc import Mapping

import aiohttp
import asyncpg

from adapters.rpc.endpoint import ResolveSecret
from adapters.rpc.environment import endpoints_of, with_defaults
from adapters.rpc.pool import RpcPool, no_secrets
from adapters.rpc.session import guarded_session
from adapters.rpc.settings import RpcSettings
from bus.clock import NS_PER_S, Clock
from kernel.errors import ConfigError, KernelError
from kernel.rpc.caller import RpcCaller, Tell
from kernel.rpc.rpc_endpoint import RpcEndpoint
from kernel.rpc.rpc_health import RpcHealth
from kernel.rpc.rpc_providers import PROVIDER_TYPES
from persistence.postgres import Database
from persistence.rpc_tables import RpcTables

FLUSH_S = 60.0  #: usage and health; a crash loses at most this much of the counts
RELOAD_S = 30.0  #: rows that somebody changed behind our back; the page calls `reload` itself
_FAILURES = (KernelError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


class RpcService:
    """The pool and what keeps it fed. `database` None: a run without one.

    `environ`: at least the variables of `kernel.rpc.rpc_providers.VARIABLES`; the caller reads the environment.
    """

    def __init__(
        self,
        settings: RpcSettings,
        *,
        clock: Clock,
        tell: Tell,
        environ: Mapping[str, str],
        database: Database | None = None,
        resolve_secret: ResolveSecret = no_secrets,
        are_private_allowed: bool = False,
    ) -> None:
        self.pool = RpcPool(
            settings, clock=clock, tell=tell, resolve_secret=resolve_secret, are_private_allowed=are_private_allowed
        )
        self.caller: RpcCaller = self.pool  #: what adapters are given
        self.tables = RpcTables(database) if database is not None else None
        self._clock = clock
        self._tell = tell
        self._environ = environ
        self._is_seeded = False
        self._stored: list[RpcEndpoint] | None = None  # None = the database was never read
        self._told: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []

    def http_session(self) -> aiohttp.ClientSession:
        """A guarded session for an adapter that speaks to another kind of service; whoever takes it closes it."""
        return guarded_session(self.pool.guard)

    async def start(self) -> None:
        """Endpoints of the environment at once, those of the database when it answers; then checks and flushes.

        Raises `ConfigError` for a variable that is wrong.
        """
        self.pool.replace(endpoints_of(self._environ))
        await self.pool.start()
        if self.tables is not None:
            with contextlib.suppress(*_FAILURES):
                await self.reload()
            self._tasks = [
                asyncio.create_task(self._reload_for_ever(), name="rpc-reload"),
                asyncio.create_task(self._flush_for_ever(), name="rpc-usage"),
            ]

    async def stop(self) -> None:
        """End everything; the last counts are written if the database takes them. Idempotent."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if tasks:
            with contextlib.suppress(*_FAILURES):
                await self.flush()
        await self.pool.stop()

    async def reload(self) -> None:
        """Read the table and give the pool what it says. Raises `StoreError` while the database is away."""
        if self.tables is None:
            return
        if not self._is_seeded:
            await self.tables.seed_provider_types(PROVIDER_TYPES.values())
            self._is_seeded = True
        rows, troubles = await self.tables.load()
        for text in troubles:
            if text not in self._told:
                self._tell("warning", "rpc_bad_row", text)
        self._told = set(troubles)
        stored = [each.endpoint for each in rows]
        if stored != self._stored:
            self.pool.replace(with_defaults(stored, self._environ))
            self._stored = stored

    async def flush(self) -> None:
        """Write usage and health. Raises `StoreError` while the database is away; the counts are kept then."""
        if self.tables is None:
            return
        rows = self.pool.take_usage()
        try:
            await self.tables.add_usage(rows)
        except (asyncio.CancelledError, *_FAILURES):
            self.pool.put_back_usage(rows)
            raise
        await self.tables.save_health(self._health())

    def _health(self) -> list[RpcHealth]:
        now_ns = self._clock.now_ns()
        return [
            RpcHealth(
                provider_type=each.provider_type,
                label=each.label,
                health=each.state,
                latency_us=None if each.latency_ms is None else round(each.latency_ms * 1000),
                head_lag=each.head_lag,
                cool_down_until_ns=now_ns + round(each.cool_down_s * NS_PER_S) if each.cool_down_s else 0,
                last_error=each.last_error,
            )
            for each in self.pool.snapshot().endpoints
            if each.source == "database"
        ]

    async def _reload_for_ever(self) -> None:
        while True:
            await asyncio.sleep(RELOAD_S)
            try:
                await self.reload()
            except ConfigError as error:
                self._tell("warning", "rpc_bad_row", f"the endpoints stay as they are: {error}")
            except _FAILURES:
                continue  # the database's keeper tells

    async def _flush_for_ever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            with contextlib.suppress(*_FAILURES):
                await self.flush()

"""The kernel's connections to Postgres: a small lazy pool that comes back by itself after the server was away."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeAlias

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy

from persistence.errors import DatabaseDown, DatabaseRefused

POOL_SIZE = 4
STATEMENT_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 5.0
ACQUIRE_TIMEOUT_S = 5.0
CLOSE_TIMEOUT_S = 5.0
BACKOFF_S_MIN = 0.1
BACKOFF_S_MAX = 5.0

_JSONB_VERSION = b"\x01"  # first byte of jsonb in Postgres' binary format
_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up
    asyncpg.InsufficientResourcesError,  # disk full, too many connections
)
_REFUSED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ClientConfigurationError,
    ValueError,  # a DSN that is none
)

_Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
_Proxy: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
_Raw: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class Database:
    """Lazy pool of at most `size` connections to `dsn`. While the server is away, `acquire` fails at once.

    Between attempts to reach a server that is away, the wait doubles from 0.1 s to 5 s; no task runs for it.
    jsonb and json columns take and give plain Python values; integers in them stay exact at any size.
    """

    def __init__(
        self,
        dsn: str | Callable[[], str],
        *,
        size: int = POOL_SIZE,
        statement_timeout_s: float = STATEMENT_TIMEOUT_S,
    ) -> None:
        """`dsn`: where; or what tells it when a pool is made, and raises StoreError while nobody knows."""
        self._dsn = dsn
        self._size = size
        self._statement_timeout_s = statement_timeout_s
        self._pool: _Pool | None = None
        self._is_up = False
        self._backoff_s = 0.0
        self._retry_at_s = 0.0

    @property
    def is_up(self) -> bool:
        """Whether the latest exchange with the server succeeded."""
        return self._is_up

    async def connect(self) -> None:
        """Try once, now, whatever the backoff says. Raises DatabaseDown or DatabaseRefused."""
        self._retry_at_s = 0.0
        async with self.acquire() as connection:
            await connection.execute("SELECT 1")

    async def close(self) -> None:
        """Close every connection, by force after 5 s. Idempotent; a later `acquire` would open a new pool."""
        pool, self._pool = self._pool, None
        self._is_up = False
        if pool is None:
            return
        try:
            await asyncio.wait_for(pool.close(), CLOSE_TIMEOUT_S)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            pool.terminate()

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[_Proxy]:
        """Borrow a connection. What says "server away" inside the block becomes DatabaseDown; SQL errors pass."""
        loop = asyncio.get_running_loop()
        wait_s = self._retry_at_s - loop.time()
        if wait_s > 0:
            raise DatabaseDown(f"database away; next attempt in {wait_s:.1f} s")
        if self._pool is None:
            self._pool = self._make_pool()
        pool = self._pool
        connection = await self._borrow(pool)
        try:
            yield connection
        except asyncpg.QueryCanceledError as error:
            raise DatabaseDown(
                f"statement ended by the server (limit {self._statement_timeout_s:g} s): {error}"
            ) from error
        except (TimeoutError, *_AWAY) as error:
            raise self._went_down(error) from error
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            if _is_lost(connection):
                raise self._went_down(error) from error
            raise  # the caller's own: bad SQL, a broken constraint, a file of his
        else:
            self._went_up()
        finally:
            await _give_back(pool, connection)

    async def dedicated(self) -> _Raw:
        """A connection outside the pool, for LISTEN; who asked closes it. Raises DatabaseDown or DatabaseRefused."""
        try:
            return await asyncpg.connect(
                self._dsn if isinstance(self._dsn, str) else self._dsn(),
                timeout=CONNECT_TIMEOUT_S,
                server_settings={"application_name": "kernel", "timezone": "UTC"},
            )
        except _REFUSED as error:
            raise DatabaseRefused(f"database refused the connection: {error}; check DATABASE_URL") from error
        except (OSError, TimeoutError, *_AWAY, asyncpg.InterfaceError) as error:
            raise DatabaseDown(f"database away ({type(error).__name__}: {error})") from error

    async def _borrow(self, pool: _Pool) -> _Proxy:
        try:
            await pool  # prepares it once; opens no connection, as min_size is 0
            return await pool.acquire(timeout=ACQUIRE_TIMEOUT_S)
        except TimeoutError as error:
            if pool.get_size() - pool.get_idle_size() >= self._size:
                raise DatabaseDown(f"all {self._size} connections busy for {ACQUIRE_TIMEOUT_S:g} s") from error
            raise self._went_down(error) from error
        except _REFUSED as error:
            self._is_up = False
            raise DatabaseRefused(f"database refused the connection: {error}; check DATABASE_URL") from error
        except (OSError, *_AWAY, asyncpg.InterfaceError) as error:
            raise self._went_down(error) from error

    def _make_pool(self) -> _Pool:
        timeout_ms = str(int(self._statement_timeout_s * 1000))
        return asyncpg.create_pool(
            self._dsn if isinstance(self._dsn, str) else self._dsn(),
            min_size=0,
            max_size=self._size,
            timeout=CONNECT_TIMEOUT_S,
            # The server ends a slow statement first; ours catches a server that fell silent.
            command_timeout=self._statement_timeout_s + CONNECT_TIMEOUT_S,
            init=_use_json,
            server_settings={
                "application_name": "kernel",
                "timezone": "UTC",
                "jit": "off",
                "statement_timeout": timeout_ms,
                "idle_in_transaction_session_timeout": timeout_ms,
            },
        )

    def _went_up(self) -> None:
        self._is_up = True
        self._backoff_s = 0.0
        self._retry_at_s = 0.0

    def _went_down(self, error: BaseException) -> DatabaseDown:
        self._is_up = False
        self._backoff_s = min(BACKOFF_S_MAX, max(BACKOFF_S_MIN, self._backoff_s * 2))
        self._retry_at_s = asyncio.get_running_loop().time() + self._backoff_s
        return DatabaseDown(f"database away ({type(error).__name__}: {error}); next attempt in {self._backoff_s:g} s")


def _is_lost(connection: _Proxy) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:  # taken away by a forced close of the pool
        return True


async def _give_back(pool: _Pool, connection: _Proxy) -> None:
    """Return it; a connection that cannot be reset is closed by the pool itself, and then there is nothing to tell."""
    with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        await pool.release(connection, timeout=ACQUIRE_TIMEOUT_S)


async def _use_json(connection: _Raw) -> None:
    """Binary codecs, because COPY takes no text ones."""

    def encode_jsonb(value: Any) -> bytes:
        return _JSONB_VERSION + msgspec.json.encode(value)

    def decode_jsonb(data: bytes) -> Any:
        return msgspec.json.decode(data[1:])

    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=encode_jsonb, decoder=decode_jsonb, format="binary"
    )
    await connection.set_type_codec(
        "json",
        schema="pg_catalog",
        encoder=msgspec.json.encode,
        decoder=msgspec.json.decode,
        format="binary",
    )

"""Tables `rpc_api_pool`, `rpc_api_provider_types` and `rpc_api_usage_history`.

A URL that carries a key is refused: the table holds `{KEY}`, the key itself is the secret `RPC_KEY_<LABEL>`.
All methods raise `StoreError` while the database is away and `ConfigError` for values that may not be stored.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import asyncpg
from msgspec import Struct

from bus.clock import NS_PER_HOUR, NS_PER_US
from bus.ids import stable_uuid
from kernel.errors import ConfigError
from kernel.rpc.rpc_endpoint import RpcEndpoint, check_endpoint
from kernel.rpc.rpc_health import RpcHealth
from kernel.rpc.rpc_providers import ProviderType
from kernel.rpc.rpc_url import PLACEHOLDER, carries_key, secret_name
from kernel.rpc.rpc_usage import RpcUsage
from kernel.secrets.secret import Secret
from persistence.postgres import Database

ROWS_MAX = 500  #: the pool takes no more
USAGE_ROWS_MAX = 20_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class StoredEndpoint(Struct, frozen=True, kw_only=True):
    """A row. `version` grows with each change; give it back to change exactly what was seen."""

    endpoint: RpcEndpoint
    version: int
    updated_by: str


class RpcTables:
    """The three tables over one `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def seed_provider_types(self, types: Iterable[ProviderType]) -> None:
        """Write the program's table of types; rows of types that it does not know stay, marked."""
        listed = list(types)
        async with self._database.acquire() as connection, connection.transaction():
            await connection.executemany(
                "INSERT INTO rpc_api_provider_types (name, title, family, transport, chain, identity) "
                "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO UPDATE SET title = $2, family = $3, "
                "transport = $4, chain = $5, identity = $6, is_known = true, updated_at = now()",
                [(each.name, each.title, each.family, each.transport, each.chain, each.identity) for each in listed],
            )
            await connection.execute(
                "UPDATE rpc_api_provider_types SET is_known = false, updated_at = now() WHERE name <> ALL ($1::text[])",
                [each.name for each in listed],
            )

    async def load(self) -> tuple[list[StoredEndpoint], list[str]]:
        """The endpoints, and one sentence for each row that cannot be used (the table can be edited by hand)."""
        async with self._database.acquire() as connection:
            rows = await connection.fetch(
                "SELECT * FROM rpc_api_pool ORDER BY provider_type, priority, label LIMIT $1", ROWS_MAX
            )
        usable: list[StoredEndpoint] = []
        troubles: list[str] = []
        for row in rows:
            try:
                usable.append(_stored(row))
            except ConfigError as error:
                troubles.append(f"rpc_api_pool: row {row['id']} is left out: {error}")
        return usable, troubles

    async def add(self, endpoint: RpcEndpoint, by: str) -> None:
        """Raises `ConfigError` for a URL with a key in it, a value out of bounds, or a label that exists."""
        _refuse(endpoint)
        values = _values(endpoint)
        try:
            async with self._database.acquire() as connection, connection.transaction():
                await connection.execute("LOCK TABLE rpc_api_pool IN SHARE ROW EXCLUSIVE MODE")
                if await connection.fetchval("SELECT count(*) FROM rpc_api_pool") >= ROWS_MAX:
                    raise ConfigError(f"expected at most {ROWS_MAX} endpoints; delete some first")
                await connection.execute(
                    "INSERT INTO rpc_api_pool (id, provider_type, label, url, priority, weight, rate_per_s, burst, "
                    "is_enabled, chain, updated_by) "
                    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, coalesce((SELECT chain FROM rpc_api_provider_types "
                    "WHERE name = $2), ''), $10)",
                    stable_uuid("rpc_api_pool", *endpoint.key), *values, by,
                )  # fmt: skip
        except asyncpg.UniqueViolationError:
            raise ConfigError(
                f"label: {endpoint.provider_type} has an endpoint called {endpoint.label!r}; choose another label"
            ) from None
        except asyncpg.ForeignKeyViolationError:
            raise ConfigError(
                f"provider_type: {endpoint.provider_type} is not in rpc_api_provider_types; start the kernel once"
            ) from None

    async def update(self, endpoint: RpcEndpoint, *, version: int, by: str) -> None:
        """Replace the row of this type and label. Raises `ConfigError` when it changed since `version`, or is gone."""
        _refuse(endpoint)
        async with self._database.acquire() as connection:
            done = await connection.execute(
                "UPDATE rpc_api_pool SET url = $3, priority = $4, weight = $5, rate_per_s = $6, burst = $7, "
                "is_enabled = $8, updated_by = $9, version = version + 1, updated_at = now() "
                "WHERE provider_type = $1 AND label = $2 AND version = $10",
                *_values(endpoint), by, version,
            )  # fmt: skip
        _expect_one(done, endpoint.provider_type, endpoint.label)

    async def set_enabled(self, provider_type: str, label: str, *, is_enabled: bool, by: str) -> None:
        """Switch one off or on. Raises `ConfigError` when there is none."""
        async with self._database.acquire() as connection:
            done = await connection.execute(
                "UPDATE rpc_api_pool SET is_enabled = $3, updated_by = $4, version = version + 1, updated_at = now() "
                "WHERE provider_type = $1 AND label = $2",
                provider_type, label, is_enabled, by,
            )  # fmt: skip
        _expect_one(done, provider_type, label)

    async def delete(self, provider_type: str, label: str) -> None:
        """Take one out; its usage history stays. Raises `ConfigError` when there is none."""
        async with self._database.acquire() as connection:
            done = await connection.execute(
                "DELETE FROM rpc_api_pool WHERE provider_type = $1 AND label = $2", provider_type, label
            )
        _expect_one(done, provider_type, label)

    async def save_health(self, rows: Sequence[RpcHealth]) -> None:
        """Last known health of the rows that exist; no new version, as nobody edited anything."""
        async with self._database.acquire() as connection:
            await connection.executemany(
                "UPDATE rpc_api_pool SET health = $3, health_at = now(), latency_us = $4, head_lag = $5, "
                "cool_down_until = $6, last_error = $7 WHERE provider_type = $1 AND label = $2",
                [
                    (
                        each.provider_type, each.label, each.health, each.latency_us, each.head_lag,
                        _moment(each.cool_down_until_ns) if each.cool_down_until_ns else None, each.last_error,
                    )
                    for each in rows
                ],
            )  # fmt: skip

    async def add_usage(self, rows: Sequence[RpcUsage]) -> None:
        """Add counts to their hours, all or none."""
        async with self._database.acquire() as connection, connection.transaction():
            await connection.executemany(
                "INSERT INTO rpc_api_usage_history AS kept (provider_type, label, hour_at, method_class, calls, "
                "errors, rate_limited, latency_sum_us, latency_max_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
                "ON CONFLICT (provider_type, label, hour_at, method_class) DO UPDATE SET calls = kept.calls + $5, "
                "errors = kept.errors + $6, rate_limited = kept.rate_limited + $7, "
                "latency_sum_us = kept.latency_sum_us + $8, latency_max_us = greatest(kept.latency_max_us, $9), "
                "updated_at = now()",
                [
                    (
                        each.provider_type, each.label, _moment(each.hour_ns), each.method_class, each.calls,
                        each.errors, each.rate_limited, each.latency_sum_us, each.latency_max_us,
                    )
                    for each in rows
                ],
            )  # fmt: skip

    async def usage(self, *, from_ns: int, to_ns: int, provider_type: str = "") -> list[RpcUsage]:
        """Hours that begin within [from, to), oldest first, at most 20,000 rows; "" = every type."""
        async with self._database.acquire() as connection:
            rows = await connection.fetch(
                "SELECT * FROM rpc_api_usage_history WHERE hour_at >= $1 AND hour_at < $2 "
                "AND ($3 = '' OR provider_type = $3) ORDER BY hour_at, provider_type, label, method_class LIMIT $4",
                _moment(from_ns), _moment(to_ns), provider_type, USAGE_ROWS_MAX,
            )  # fmt: skip
        return [
            RpcUsage(
                provider_type=row["provider_type"], label=row["label"], hour_ns=_hour_ns(row["hour_at"]),
                method_class=row["method_class"], calls=row["calls"], errors=row["errors"],
                rate_limited=row["rate_limited"], latency_sum_us=row["latency_sum_us"],
                latency_max_us=row["latency_max_us"],
            )
            for row in rows
        ]  # fmt: skip


def _refuse(endpoint: RpcEndpoint) -> None:
    check_endpoint(endpoint)
    if carries_key(endpoint.url.reveal()):
        raise ConfigError(
            f"url: something in it may be a key, and keys are not stored here in plain: write {PLACEHOLDER} in its "
            f"place and set the key as secret {secret_name(endpoint.label)}"
        )


def _stored(row: "asyncpg.Record") -> StoredEndpoint:
    endpoint = RpcEndpoint(
        provider_type=row["provider_type"], label=row["label"], url=Secret(row["url"]), priority=row["priority"],
        weight=float(row["weight"]), rate_per_s=float(row["rate_per_s"]), burst=row["burst"],
        is_enabled=row["is_enabled"],
    )  # fmt: skip
    _refuse(endpoint)
    return StoredEndpoint(endpoint=endpoint, version=row["version"], updated_by=row["updated_by"])


def _values(endpoint: RpcEndpoint) -> tuple[object, ...]:
    return (
        endpoint.provider_type, endpoint.label, endpoint.url.reveal(), endpoint.priority,
        Decimal(repr(endpoint.weight)), Decimal(repr(endpoint.rate_per_s)), endpoint.burst, endpoint.is_enabled,
    )  # fmt: skip


def _expect_one(done: str, provider_type: str, label: str) -> None:
    if done.rpartition(" ")[2] != "1":
        raise ConfigError(
            f"{provider_type} {label}: expected the endpoint as it was shown, found it changed or deleted meanwhile; "
            "load the page again"
        )


def _moment(ns: int) -> datetime:
    return EPOCH + timedelta(microseconds=ns // NS_PER_US)


def _hour_ns(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(hours=1) * NS_PER_HOUR

"""The RPC page's source: the pool in memory, its tables for what an admin changes."""

import msgspec

from bus.clock import NS_PER_HOUR
from kernel.compose.rpc import RpcService
from kernel.errors import ConfigError, StoreError
from kernel.rpc.rpc_endpoint import RpcEndpoint
from kernel.rpc.rpc_providers import PROVIDER_TYPES
from kernel.rpc.rpc_url import secret_name, shown_secret_url, wants_key
from kernel.secrets.secret import Secret
from persistence.rpc_tables import RpcTables, StoredEndpoint
from webui.ops_rpc_source import EndpointInput, EndpointRow, PoolView, StoredRow, TypeRow, UsageHour

US_PER_MS = 1_000.0
NO_TABLE = "this run has no database: endpoints come from the environment alone"


class RpcDesk:
    """Implements `webui.ops_rpc_source.RpcSource`."""

    def __init__(self, service: RpcService) -> None:
        self._service = service

    def pool(self) -> PoolView:
        found = self._service.pool.snapshot()
        return PoolView(
            taken_ns=found.taken_ns,
            endpoints=tuple(msgspec.convert(each, EndpointRow, from_attributes=True) for each in found.endpoints),
            exhausted=found.exhausted,
            subscriptions=found.subscriptions,
            usage_dropped=found.usage_dropped,
        )

    def types(self) -> tuple[TypeRow, ...]:
        return tuple(
            TypeRow(
                name=each.name, title=each.title, chain=each.chain, transport=each.transport,
                variables=each.environment,
            )
            for each in PROVIDER_TYPES.values()
        )  # fmt: skip

    @property
    def is_editable(self) -> bool:
        return self._service.tables is not None

    async def stored(self) -> tuple[tuple[StoredRow, ...], tuple[str, ...]]:
        if self._service.tables is None:
            return (), ()
        rows, troubles = await self._service.tables.load()
        return tuple(_stored(each) for each in rows), tuple(troubles)

    async def save(self, given: EndpointInput, by: str) -> None:
        tables, url = self._tables(), Secret(given.url)
        before = await _row(tables, given) if given.version else None
        if before is not None and not url:
            url = before.endpoint.url
        wanted = RpcEndpoint(
            provider_type=given.provider_type, label=given.label, url=url, priority=given.priority,
            weight=given.weight, rate_per_s=given.rate_per_s, burst=given.burst,
            is_enabled=before.endpoint.is_enabled if before is not None else True,
        )  # fmt: skip
        if before is None:
            await tables.add(wanted, by)
        else:
            await tables.update(wanted, version=given.version, by=by)
        await self._service.reload()

    async def switch(self, provider_type: str, label: str, *, is_enabled: bool, by: str) -> None:
        await self._tables().set_enabled(provider_type, label, is_enabled=is_enabled, by=by)
        await self._service.reload()

    async def delete(self, provider_type: str, label: str) -> None:
        await self._tables().delete(provider_type, label)
        await self._service.reload()

    async def check(self, provider_type: str, label: str) -> str:
        return await self._service.pool.check(provider_type, label)

    async def usage(self, *, since_ns: int, provider_type: str = "") -> tuple[UsageHour, ...]:
        if self._service.tables is None:
            raise StoreError(NO_TABLE)
        to_ns = self._service.pool.snapshot().taken_ns + NS_PER_HOUR
        hours: dict[int, list[int]] = {}
        for row in await self._service.tables.usage(from_ns=since_ns, to_ns=to_ns, provider_type=provider_type):
            sums = hours.setdefault(row.hour_ns, [0, 0, 0, 0, 0])
            for index, value in enumerate((row.calls, row.errors, row.rate_limited, row.latency_sum_us)):
                sums[index] += value
            sums[4] = max(sums[4], row.latency_max_us)
        return tuple(_hour(hour_ns, *sums) for hour_ns, sums in sorted(hours.items()))

    def _tables(self) -> RpcTables:
        if self._service.tables is None:
            raise ConfigError(NO_TABLE)
        return self._service.tables


def _hour(hour_ns: int, calls: int, errors: int, limited: int, sum_us: int, max_us: int) -> UsageHour:
    answered = calls - errors - limited
    return UsageHour(
        hour_ns=hour_ns,
        calls=calls,
        errors=errors,
        rate_limited=limited,
        latency_mean_ms=sum_us / answered / US_PER_MS if answered > 0 else None,
        latency_max_ms=max_us / US_PER_MS if answered > 0 else None,
    )


def _stored(row: StoredEndpoint) -> StoredRow:
    return StoredRow(
        provider_type=row.endpoint.provider_type, label=row.endpoint.label, url=shown_secret_url(row.endpoint.url),
        priority=row.endpoint.priority, weight=row.endpoint.weight, rate_per_s=row.endpoint.rate_per_s,
        burst=row.endpoint.burst, is_enabled=row.endpoint.is_enabled, version=row.version,
        updated_by=row.updated_by, secret=secret_name(row.endpoint.label) if wants_key(row.endpoint.url) else "",
    )  # fmt: skip


async def _row(tables: RpcTables, given: EndpointInput) -> StoredEndpoint:
    for each in (await tables.load())[0]:
        if each.endpoint.key == (given.provider_type, given.label):
            return each
    raise ConfigError(f"{given.provider_type} has no endpoint called {given.label[:40]!r}; load the page again")

"""The tables of the RPC pool: no key in plain, hand-edited rows, two editors, exact counts."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from bus.clock import NS_PER_HOUR
from kernel.errors import ConfigError, StoreError
from kernel.rpc.rpc_endpoint import RpcEndpoint
from kernel.rpc.rpc_health import RpcHealth
from kernel.rpc.rpc_providers import PROVIDER_TYPES
from kernel.rpc.rpc_usage import RpcUsage
from kernel.secrets.secret import Secret
from persistence.postgres import Database
from persistence.rpc_tables import RpcTables

pytestmark = pytest.mark.postgres
KEY = "AbCdEf0123456789ghij"
HOUR = 400_000 * NS_PER_HOUR


@pytest.fixture
async def database(pg_db: str) -> AsyncIterator[Database]:
    database = Database(pg_db)
    yield database
    await database.close()


@pytest.fixture
async def tables(database: Database) -> RpcTables:
    tables = RpcTables(database)
    await tables.seed_provider_types(PROVIDER_TYPES.values())
    return tables


def endpoint(label: str = "mine", url: str = "https://rpc.example.com/v2/{KEY}", **changes: object) -> RpcEndpoint:
    return RpcEndpoint(provider_type="ETHEREUM_RPC", label=label, url=Secret(url), **changes)  # type: ignore[arg-type]


async def test_what_was_added_comes_back(tables: RpcTables) -> None:
    added = endpoint(weight=0.1, rate_per_s=2.5, priority=3, burst=7, is_enabled=False)
    await tables.add(added, by="anna")
    (stored,), troubles = await tables.load()
    assert (stored.endpoint, stored.version, stored.updated_by, troubles) == (added, 1, "anna", [])


async def test_a_key_in_plain_is_refused_with_the_cure_and_without_the_key(tables: RpcTables) -> None:
    with pytest.raises(ConfigError, match="set the key as secret RPC_KEY_MINE") as found:
        await tables.add(endpoint(url=f"https://rpc.example.com/v2/{KEY}"), by="a")
    assert KEY not in str(found.value)
    assert await tables.load() == ([], [])


async def test_a_label_is_there_once(tables: RpcTables) -> None:
    await tables.add(endpoint(), by="a")
    with pytest.raises(ConfigError, match="choose another label"):
        await tables.add(endpoint(url="https://other.example"), by="b")


async def test_the_second_of_two_editors_is_told(tables: RpcTables) -> None:
    await tables.add(endpoint(), by="a")
    await tables.update(endpoint(priority=1), version=1, by="b")
    with pytest.raises(ConfigError, match="load the page again"):
        await tables.update(endpoint(priority=2), version=1, by="c")
    (stored,), _ = await tables.load()
    assert (stored.endpoint.priority, stored.version, stored.updated_by) == (1, 2, "b")


async def test_switching_off_and_deleting(tables: RpcTables) -> None:
    await tables.add(endpoint(), by="a")
    await tables.set_enabled("ETHEREUM_RPC", "mine", is_enabled=False, by="b")
    (stored,), _ = await tables.load()
    assert not stored.endpoint.is_enabled
    await tables.delete("ETHEREUM_RPC", "mine")
    assert await tables.load() == ([], [])
    for gone in (tables.delete("ETHEREUM_RPC", "mine"), tables.set_enabled("X", "y", is_enabled=True, by="a")):
        with pytest.raises(ConfigError):
            await gone


async def test_a_row_edited_by_hand_is_left_out_and_told_without_its_key(tables: RpcTables, pg_db: str) -> None:
    await tables.add(endpoint(), by="a")
    await tables.add(endpoint("other", "https://o.example"), by="a")
    connection = await asyncpg.connect(pg_db)
    await connection.execute("UPDATE rpc_api_pool SET url = $1 WHERE label = 'mine'", f"https://h.example/{KEY}")
    await connection.close()
    stored, (trouble,) = await tables.load()
    assert [each.endpoint.label for each in stored] == ["other"]
    assert "left out" in trouble and KEY not in trouble


async def test_a_type_that_the_program_no_longer_has_stays_marked(tables: RpcTables, database: Database) -> None:
    await tables.seed_provider_types([PROVIDER_TYPES["ETHEREUM_RPC"]])
    async with database.acquire() as connection:
        rows = await connection.fetch("SELECT name, is_known FROM rpc_api_provider_types")
    assert {row["name"] for row in rows} == set(PROVIDER_TYPES)
    assert [row["name"] for row in rows if row["is_known"]] == ["ETHEREUM_RPC"]


def used(hour_ns: int, calls: int, slowest_us: int) -> RpcUsage:
    return RpcUsage(
        provider_type="ETHEREUM_RPC", label="mine", hour_ns=hour_ns, method_class="read", calls=calls, errors=1,
        rate_limited=2, latency_sum_us=10 * calls, latency_max_us=slowest_us,
    )  # fmt: skip


async def test_counts_of_an_hour_add_up(tables: RpcTables) -> None:
    await tables.add_usage([used(HOUR, 3, 50), used(HOUR + NS_PER_HOUR, 1, 5)])
    await tables.add_usage([used(HOUR, 4, 20)])
    first, second = await tables.usage(from_ns=HOUR, to_ns=HOUR + 2 * NS_PER_HOUR)
    assert first == RpcUsage(
        provider_type="ETHEREUM_RPC", label="mine", hour_ns=HOUR, method_class="read", calls=7, errors=2,
        rate_limited=4, latency_sum_us=70, latency_max_us=50,
    )  # fmt: skip
    assert second.hour_ns == HOUR + NS_PER_HOUR
    assert await tables.usage(from_ns=HOUR, to_ns=HOUR + NS_PER_HOUR, provider_type="BASE_RPC") == []


async def test_health_is_kept_and_changes_no_version(tables: RpcTables, database: Database) -> None:
    await tables.add(endpoint(), by="a")
    health = RpcHealth(
        provider_type="ETHEREUM_RPC", label="mine", health="cooling", latency_us=12, head_lag=None,
        cool_down_until_ns=HOUR, last_error="x",
    )  # fmt: skip
    await tables.save_health([health])
    async with database.acquire() as connection:
        row = await connection.fetchrow("SELECT health, latency_us, head_lag, version FROM rpc_api_pool")
    assert row is not None and tuple(row) == ("cooling", 12, None, 1)


async def test_a_database_that_is_away_says_so() -> None:
    away = Database("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(StoreError):
        await RpcTables(away).load()
    await away.close()

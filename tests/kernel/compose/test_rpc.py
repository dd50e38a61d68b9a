"""The wired RPC pool: endpoints from the database or the environment, counts back to it."""

import pytest

from adapters.rpc.settings import RpcSettings
from bus.clock import WallClock
from kernel.compose.rpc import RpcService
from kernel.errors import ConfigError, StoreError
from kernel.rpc.rpc_endpoint import RpcEndpoint
from kernel.secrets.secret import Secret
from persistence.postgres import Database
from tests.adapters.rpc.fleet import Node, Told
from tests.postgres_fixture import at_database

pytestmark = pytest.mark.postgres


def service(database: Database | None, environ: dict[str, str], told: Told) -> RpcService:
    return RpcService(
        RpcSettings(), clock=WallClock(), tell=told, environ=environ, database=database, are_private_allowed=True
    )


async def balance(made: RpcService) -> str:
    return await made.pool.call("ETHEREUM_RPC", "eth_getBalance", ["0x1", "0x2"], result=str)


async def test_rows_replace_the_environment_and_counts_reach_the_database(pg_db: str) -> None:
    database, told = Database(pg_db), Told()
    nodes = [await Node().start(), await Node().start()]
    made = service(database, {"ETHEREUM_RPC_URLS": nodes[0].url}, told)
    await made.start()
    assert await balance(made) == "0x64"
    assert made.tables is not None
    await made.tables.add(RpcEndpoint(provider_type="ETHEREUM_RPC", label="mine", url=Secret(nodes[1].url)), by="anna")
    await made.reload()
    asked = nodes[0].seen.count("eth_getBalance")
    assert await balance(made) == "0x64"
    assert nodes[0].seen.count("eth_getBalance") == asked
    await made.stop()
    rows = await made.tables.usage(from_ns=0, to_ns=2**62)
    assert sum(each.calls for each in rows if each.method_class == "read" and each.label == "mine") == 1
    async with database.acquire() as connection:
        assert await connection.fetchval("SELECT health FROM rpc_api_pool") == "ready"
        assert await connection.fetchval("SELECT chain FROM rpc_api_pool") == "ethereum"
    for node in nodes:
        await node.stop()
    await database.close()


async def test_with_the_database_away_the_environment_serves_and_counts_wait(pg_server: str) -> None:
    node, told = await Node().start(), Told()
    away = Database(at_database(pg_server, "is_not_there"))
    made = service(away, {"ETHEREUM_RPC_URLS": node.url}, told)
    await made.start()
    assert await balance(made) == "0x64"
    with pytest.raises(StoreError):
        await made.flush()
    assert sum(each.calls for each in made.pool.take_usage() if each.method_class == "read") == 1
    await made.stop()
    await node.stop()
    await away.close()


async def test_without_a_database_it_runs_too_and_a_wrong_variable_refuses() -> None:
    made = service(None, {"ETHEREUM_RPC_URLS": "nonsense"}, Told())
    with pytest.raises(ConfigError, match="ETHEREUM_RPC_URLS, URL 1"):
        await made.start()
    await made.stop()


async def test_a_session_for_other_services_is_guarded() -> None:
    made = RpcService(RpcSettings(), clock=WallClock(), tell=Told(), environ={})
    node = await Node().start()
    async with made.http_session() as session:
        with pytest.raises(ConfigError, match="loopback or private"):
            await session.get(node.url)
    await node.stop()

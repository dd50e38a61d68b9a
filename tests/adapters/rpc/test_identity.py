"""Which chain an endpoint is on, where its head is, and what is kept when the set changes."""

import asyncio

import pytest

from adapters.rpc.endpoint import Endpoint
from adapters.rpc.selection import best_head, head_lag
from kernel.errors import ConfigError
from kernel.rpc.rpc_errors import RpcUnavailable
from tests.adapters.rpc.fleet import HEAD, STALE_BLOCKS, Fleet, Node


async def test_an_endpoint_on_another_chain_never_gets_a_call() -> None:
    async with Fleet(Node(chain="56"), runs_checks=False) as fleet:
        with pytest.raises(RpcUnavailable):
            await fleet.balance(timeout_s=0.3)
        assert fleet.nodes[0].seen == ["eth_chainId"]
        assert fleet.shown(0).state == "wrong_chain"
        assert fleet.told.said[0][:2] == ("critical", "rpc_wrong_chain")
        assert "expected chain 1, found 56" in fleet.told.said[0][2]
        fleet.nodes[0].chain = "1"
        assert await fleet.pool.check(fleet.type, "node0") == ""
        assert await fleet.balance() == "0x64"


async def test_the_chain_is_asked_for_again_when_an_endpoint_comes_back() -> None:
    async with Fleet(Node(), Node(), cool_down_s=0.1, breaker_failures=1) as fleet:
        await fleet.pool.check_all()
        fleet.nodes[0].fault = "http_500"
        fleet.pool.replace([fleet.endpoints(priority=1)[0], fleet.endpoints()[1]])
        await fleet.balance()
        fleet.nodes[0].fault, fleet.nodes[0].chain = "", "137"
        async with asyncio.timeout(5):
            while fleet.shown(0).state != "wrong_chain":
                await asyncio.sleep(0.01)


async def test_a_stale_head_is_asked_last() -> None:
    async with Fleet(Node(fault="stale_head"), Node()) as fleet:
        await fleet.pool.check_all()
        assert fleet.shown(0).head_lag == STALE_BLOCKS and fleet.shown(1).head_lag == 0
        fleet.pool.replace([fleet.endpoints(priority=1)[0], fleet.endpoints()[1]])
        for _ in range(3):
            await fleet.balance()
        assert fleet.nodes[0].seen.count("eth_getBalance") == 0


async def test_one_that_makes_up_a_head_does_not_put_the_others_behind() -> None:
    async with Fleet(Node(), Node(), Node()) as fleet:
        fleet.nodes[0].head = HEAD * 2
        await fleet.pool.check_all()
        assert [fleet.shown(number).head_lag for number in range(3)] == [0, 0, 0]


async def test_endpoints_that_stay_keep_their_health_and_those_that_go_are_not_asked() -> None:
    async with Fleet(Node(), Node(), runs_checks=False) as fleet:
        await fleet.balance()
        await fleet.balance()
        kept = next(number for number in (0, 1) if fleet.shown(number).calls)
        calls = fleet.shown(kept).calls
        fleet.pool.replace([fleet.endpoints(priority=7)[kept]])
        assert fleet.shown(kept).calls == calls and fleet.shown(kept).priority == 7
        assert len(fleet.pool.snapshot().endpoints) == 1


async def test_a_set_with_a_fault_changes_nothing() -> None:
    async with Fleet(Node()) as fleet:
        twice = [*fleet.endpoints(), *fleet.endpoints()]
        with pytest.raises(ConfigError, match="two endpoints of ETHEREUM_RPC are called 'node0'"):
            fleet.pool.replace(twice)
        with pytest.raises(ConfigError, match=r"weight: expected 0\.01 to 100, found 0"):
            fleet.pool.replace(fleet.endpoints(weight=0))
        assert await fleet.balance() == "0x64"


async def test_a_type_without_endpoints_says_what_to_do() -> None:
    async with Fleet(Node()) as fleet:
        with pytest.raises(RpcUnavailable, match="add one on the RPC page or set BASE_RPC_URLS"):
            await fleet.pool.call("BASE_RPC", "eth_chainId", result=str)
        with pytest.raises(ConfigError, match="no provider type 'NOPE'"):
            await fleet.pool.call("NOPE", "eth_chainId", result=str)


async def test_reports_of_others_count_like_our_own() -> None:
    async with Fleet(Node(), runs_checks=False, breaker_failures=2) as fleet:
        endpoint = fleet.pool.get_endpoint(fleet.type)
        fleet.pool.report_success(endpoint, 0.02)
        assert fleet.shown(0).latency_ms == pytest.approx(20)
        fleet.pool.report_failure(endpoint, "it hung up")
        fleet.pool.report_failure(endpoint, "it hung up")
        assert fleet.shown(0).breaker == "open"
        with pytest.raises(RpcUnavailable):
            fleet.pool.get_endpoint(fleet.type)
        fleet.pool.report_success(endpoint, 0.02)
        fleet.pool.report_rate_limit(endpoint, 30)
        assert 29 < fleet.shown(0).cool_down_s <= 30


async def test_plain_http_apis_go_through_the_same_door() -> None:
    async with Fleet(Node(), provider_type="JUPITER_API") as fleet:
        answer = await fleet.pool.fetch(
            "JUPITER_API", "GET", "/swap/v2/build", query={"amount": "5"}, headers={"x-api-key": "k"}, result=dict
        )
        assert answer == {"path": "/swap/v2/build", "query": {"amount": "5"}}
        assert fleet.nodes[0].headers[-1]["x-api-key"] == "k"


async def test_another_protocol_gets_a_guarded_connection_from_the_next_endpoint() -> None:
    async with Fleet(Node(fault="http_500"), Node(), provider_type="BINANCE_WS") as fleet:
        fleet.pool.replace([fleet.endpoints(priority=1)[0], fleet.endpoints()[1]])
        endpoint, socket = await fleet.pool.open_websocket("BINANCE_WS")
        assert endpoint.label == "node1"
        await socket.close()
        fleet.nodes[1].fault = "http_500"
        with pytest.raises(RpcUnavailable, match="node1: answered HTTP 503 instead of a WebSocket"):
            await fleet.pool.open_websocket("BINANCE_WS")


def test_an_old_head_says_nothing() -> None:
    """Nominal block times drift: an hour later, an endpoint that was never asked again would seem far ahead."""
    fleet = Fleet(Node(), Node())
    first, second = (Endpoint(each, 0.0) for each in fleet.endpoints())
    first.see_head(1_000, 0.0)
    second.see_head(1_005, 60.0)
    assert head_lag(second, best_head([first, second], 60.0), 60.0) == 0.0
    second.see_head(1_290, 3_600.0)
    best = best_head([first, second], 3_600.0)
    assert (best, head_lag(second, best, 3_600.0), head_lag(first, best, 3_600.0)) == (1_290, 0.0, None)


async def test_a_corrected_url_and_a_switched_on_endpoint_begin_anew() -> None:
    async with Fleet(Node(fault="http_401"), Node(), runs_checks=False) as fleet:
        wrong, right = fleet.endpoints()
        fleet.pool.replace([wrong])
        with pytest.raises(RpcUnavailable):
            await fleet.balance(timeout_s=0.2)
        assert fleet.shown(0).breaker == "open"
        fleet.pool.replace([type(right)(provider_type=fleet.type, label="node0", url=right.url, is_enabled=False)])
        assert (fleet.shown(0).breaker, fleet.shown(0).state) == ("closed", "disabled")
        with pytest.raises(RpcUnavailable):
            await fleet.balance(timeout_s=0.2)
        assert fleet.nodes[1].seen == []
        fleet.pool.replace([type(right)(provider_type=fleet.type, label="node0", url=right.url)])
        assert await fleet.balance() == "0x64"


async def test_the_test_button_is_honest_about_what_cannot_be_asked() -> None:
    async with Fleet(Node(), provider_type="JUPITER_API") as fleet:
        assert "calls alone show how it is" in await fleet.pool.check("JUPITER_API", "node0")
        assert fleet.nodes[0].seen == []

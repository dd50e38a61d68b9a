"""Subscriptions: they outlive their endpoint and say where messages may be missing."""

import asyncio
from typing import Any

import pytest

from adapters.rpc.inbox import Inbox
from adapters.rpc.subscription import Subscription
from kernel.errors import ConfigError
from kernel.rpc.caller import Notice, SubscriptionGap
from tests.adapters.rpc.fleet import Fleet, Node


def heads(fleet: Fleet, **options: Any) -> Subscription:
    return fleet.pool.subscribe("ETHEREUM_WS", "eth_subscribe", ["newHeads"], **options)


async def subscribed(node: Node, count: int = 1) -> None:
    async with asyncio.timeout(5):
        while node.subscribers < count or not node.sockets:
            await asyncio.sleep(0.002)


async def next_of(subscription: Subscription, **_: Any) -> Notice | SubscriptionGap:
    async with asyncio.timeout(5):
        return await anext(subscription)


def preferred(fleet: Fleet) -> None:
    fleet.pool.replace([fleet.endpoints(priority=1)[0], fleet.endpoints()[1]])


async def test_a_subscription_survives_the_death_of_its_endpoint_and_marks_the_gap() -> None:
    async with Fleet(Node(), Node(), provider_type="ETHEREUM_WS", runs_checks=False) as fleet:
        preferred(fleet)
        first, second = fleet.nodes
        async with heads(fleet) as subscription:
            reading = asyncio.create_task(next_of(subscription))
            await subscribed(first)
            await first.publish({"number": "0x10"})
            notice = await reading
            assert isinstance(notice, Notice) and notice.value == {"number": "0x10"} and notice.label == "node0"
            assert fleet.shown(0).head == 16
            reading = asyncio.create_task(next_of(subscription))
            await first.stop()
            gap = await reading
            assert isinstance(gap, SubscriptionGap)
            assert gap.from_ns == notice.received_ns and gap.to_ns >= gap.from_ns
            assert (gap.label, gap.reason) == ("node1", "node0: the connection was closed")
            await second.publish({"number": "0x11"})
            after = await next_of(subscription)
            assert isinstance(after, Notice) and after.label == "node1"


async def test_a_connection_that_only_looks_alive_is_found_by_the_age_of_its_data() -> None:
    async with Fleet(Node(), Node(), provider_type="ETHEREUM_WS", runs_checks=False) as fleet:
        preferred(fleet)
        fleet.nodes[0].is_mute = True
        async with heads(fleet, silence_max_s=0.1) as subscription:
            gap = await next_of(subscription)
            assert isinstance(gap, SubscriptionGap) and "no data for 0.1 s" in gap.reason


async def test_a_socket_on_the_wrong_chain_is_not_subscribed_on() -> None:
    nodes = (Node(chain="5"), Node())
    async with Fleet(*nodes, provider_type="ETHEREUM_WS", runs_checks=False) as fleet:
        preferred(fleet)
        async with heads(fleet) as subscription:
            reading = asyncio.create_task(next_of(subscription))
            await subscribed(nodes[1])
            assert nodes[0].subscribers == 0
            assert fleet.shown(0).state == "wrong_chain"
            assert isinstance(await reading, SubscriptionGap)


async def test_with_all_endpoints_away_it_waits_and_comes_back() -> None:
    fleet = Fleet(Node(fault="http_500"), provider_type="ETHEREUM_WS", runs_checks=False, cool_down_s=0.1)
    async with fleet, heads(fleet) as subscription:
        reading = asyncio.create_task(next_of(subscription))
        async with asyncio.timeout(5):
            while fleet.shown(0).errors < 2:
                await asyncio.sleep(0.01)
        fleet.nodes[0].fault = ""
        assert isinstance(await reading, SubscriptionGap)


async def test_a_removed_endpoint_is_left_by_its_subscriptions() -> None:
    async with Fleet(Node(), Node(), provider_type="ETHEREUM_WS", runs_checks=False) as fleet:
        preferred(fleet)
        async with heads(fleet) as subscription:
            reading = asyncio.create_task(next_of(subscription))
            await subscribed(fleet.nodes[0])
            fleet.pool.replace(fleet.endpoints()[1:])
            await fleet.nodes[0].publish({"number": "0x1"})
            gap = await reading
            assert isinstance(gap, SubscriptionGap) and "taken out of the pool" in gap.reason


async def test_closing_ends_the_iteration() -> None:
    async with Fleet(Node(), provider_type="ETHEREUM_WS", runs_checks=False) as fleet:
        subscription = heads(fleet)
        reading = asyncio.create_task(next_of(subscription))
        await subscribed(fleet.nodes[0])
        await subscription.close()
        with pytest.raises((StopAsyncIteration, RuntimeError)):
            await reading
        assert [each async for each in subscription] == []
        with pytest.raises(ConfigError, match="expected a WebSocket provider type"):
            fleet.pool.subscribe("ETHEREUM_RPC", "eth_subscribe")


def notice(number: int) -> Notice:
    return Notice(received_ns=number, value=number, label="n")


async def test_a_full_queue_becomes_a_gap_or_keeps_the_latest() -> None:
    gapped, latest = Inbox(3, "gap"), Inbox(3, "latest")
    for number in range(1, 6):
        gapped.put(notice(number))
        latest.put(notice(number))
    first = await gapped.get()
    assert isinstance(first, SubscriptionGap) and (first.from_ns, first.to_ns) == (1, 4)
    assert [(await gapped.get()).value, (await gapped.get()).value] == [4, 5]  # type: ignore[union-attr]
    assert [(await latest.get()).value for _ in range(3)] == [3, 4, 5]  # type: ignore[union-attr]
    assert (gapped.dropped, latest.dropped) == (3, 2)

"""Rate limits, budgets and breakers against real servers."""

import asyncio
from email.utils import formatdate

import pytest

from adapters.rpc.pool import stopwatch_s
from bus.clock import NS_PER_S, WallClock
from kernel.rpc.rpc_errors import RpcUnavailable
from tests.adapters.rpc.fleet import Fleet, Node


@pytest.mark.slow
@pytest.mark.parametrize("form", ["seconds", "date", "none", "json_rpc"])
async def test_a_rate_limited_endpoint_is_left_alone_for_as_long_as_it_wants(form: str) -> None:
    async with Fleet(Node(), runs_checks=True, head_interval_s=1.0) as fleet:
        node = fleet.nodes[0]
        await fleet.pool.check_all()
        node.fault = {"none": "rate_limit_mute", "json_rpc": "rpc_rate_limit"}.get(form, "rate_limit")
        if form == "date":
            node.retry_after = formatdate(WallClock().now_ns() / NS_PER_S + 2, usegmt=True)
        asked = len(node.seen)
        begun_s = stopwatch_s()
        for priority in ("risk_reducing", "normal", "risk_reducing"):
            with pytest.raises(RpcUnavailable) as found:
                await fleet.balance(timeout_s=0.1, priority=priority)
            assert found.value.retry_after_s is not None
        assert len(node.seen) == asked + 1
        assert fleet.shown(0).state == "cooling" and fleet.shown(0).rate_limited == 1
        node.fault = ""
        assert await fleet.balance(timeout_s=4) == "0x64"
        assert stopwatch_s() - begun_s > 0.9
        assert node.stormed == 0


async def test_our_own_budget_is_kept_and_the_reserve_is_for_risk_reducing_calls() -> None:
    async with Fleet(Node(), runs_checks=False, reserve_pct=50) as fleet:
        fleet.pool.replace(fleet.endpoints(rate_per_s=0.01, burst=8))
        await fleet.balance()  # and one to verify the chain
        await fleet.balance()
        await fleet.balance()
        with pytest.raises(RpcUnavailable):
            await fleet.balance(timeout_s=0.3)
        for _ in range(4):
            await fleet.balance(priority="risk_reducing")
        with pytest.raises(RpcUnavailable):
            await fleet.balance(timeout_s=0.3, priority="risk_reducing")
        assert len(fleet.nodes[0].seen) == 8


async def test_both_sides_of_a_hedge_count() -> None:
    async with Fleet(Node(), Node(), hedge_after_ms=20) as fleet:
        await fleet.pool.check_all()
        fleet.nodes[0].fault = "half_open"
        fleet.pool.replace([fleet.endpoints(priority=1)[0], fleet.endpoints()[1]])
        before = (fleet.shown(0).calls, fleet.shown(1).calls)
        assert await fleet.balance() == "0x64"
        assert (fleet.shown(0).calls, fleet.shown(1).calls) == (before[0] + 1, before[1] + 1)
        assert fleet.shown(0).errors == 0


async def test_the_first_answer_of_a_hedge_wins_and_zero_means_never() -> None:
    async with Fleet(Node(), Node(), attempt_timeout_s=0.2) as fleet:
        await fleet.pool.check_all()
        fleet.nodes[0].fault = "half_open"
        fleet.pool.replace([fleet.endpoints(priority=1)[0], fleet.endpoints()[1]])
        begun_s = stopwatch_s()
        assert await fleet.balance(hedge_after_ms=0) == "0x64"
        assert stopwatch_s() - begun_s >= 0.19


async def test_a_breaker_opens_rests_and_closes_by_a_check_of_its_own() -> None:
    async with Fleet(Node(fault="http_500"), Node(), cool_down_s=0.15, breaker_failures=1) as fleet:
        fleet.pool.replace([fleet.endpoints(priority=1)[0], fleet.endpoints()[1]])
        assert await fleet.balance() == "0x64"
        assert (fleet.shown(0).breaker, fleet.shown(0).state) == ("open", "resting")
        asked = len(fleet.nodes[0].seen)
        for _ in range(5):
            assert await fleet.balance() == "0x64"
        assert len(fleet.nodes[0].seen) == asked
        fleet.nodes[0].fault = ""
        async with asyncio.timeout(5):
            while fleet.shown(0).breaker != "closed":
                await asyncio.sleep(0.01)
        assert await fleet.balance() == "0x64" and fleet.shown(0).state == "ready"


async def test_a_refused_key_rests_the_endpoint_at_once() -> None:
    async with Fleet(Node(fault="http_401"), Node()) as fleet:
        await fleet.pool.check_all()
        assert fleet.shown(0).breaker == "open"
        assert "check its URL and key" in fleet.shown(0).last_error


async def test_usage_is_counted_per_class_and_survives_being_put_back() -> None:
    async with Fleet(Node(), runs_checks=False) as fleet:
        await fleet.balance()
        await fleet.pool.call(fleet.type, "eth_sendRawTransaction", ["0x01"], result=str)
        rows = fleet.pool.take_usage()
        assert {each.method_class: each.calls for each in rows} == {"probe": 1, "read": 1, "send": 1}
        assert all(each.latency_max_us > 0 and each.errors == 0 for each in rows)
        assert fleet.pool.take_usage() == []
        fleet.pool.put_back_usage(rows)
        await fleet.balance()
        assert {each.method_class: each.calls for each in fleet.pool.take_usage()} == {"probe": 1, "read": 2, "send": 1}

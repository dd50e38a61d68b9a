"""Notices over WebSocket, through the kernel's subscriptions."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from adapters.rpc.subscription import Subscription
from kernel.rpc.caller import SubscriptionGap
from tests.solana_world.addresses import USDC, WRAPPED_SOL, named
from tests.solana_world.client import BASE64, Client, next_of, pay
from tests.solana_world.faults import Fault
from tests.solana_world.genesis import give_tokens, tokens_of
from tests.solana_world.standin_constant_product import PROGRAM

SOL = 10**9


@asynccontextmanager
async def listening(client: Client, method: str, *params: Any) -> AsyncIterator[Subscription]:
    """Subscribed for sure: the server knows of it."""
    async with client.subscribe(method, *params) as subscription:
        first = asyncio.ensure_future(anext(subscription))
        async with asyncio.timeout(3):
            while not client.server.sockets.subscriptions:
                await asyncio.sleep(0.005)
        yield _Begun(subscription, first)  # type: ignore[misc]


class _Begun:
    """The subscription with its first read under way."""

    def __init__(self, subscription: Subscription, first: "asyncio.Future[Any]") -> None:
        self._subscription = subscription
        self._first: asyncio.Future[Any] | None = first

    async def __anext__(self) -> Any:
        first, self._first = self._first, None
        return await (first if first is not None else anext(self._subscription))


async def test_slots_are_told_as_they_come(client: Client) -> None:
    async with listening(client, "slotSubscribe") as slots:
        client.world.step(2)
        found = [await next_of(slots), await next_of(slots)]
    assert [each["slot"] for each in found] == [client.world.slot - 1, client.world.slot]
    assert found[1]["parent"] == found[0]["slot"]
    assert found[1]["root"] == client.world.slot - 32


@pytest.mark.parametrize(("level", "lag"), [("processed", 0), ("confirmed", 2), ("finalized", 32)])
async def test_an_account_is_told_when_its_level_is_reached(client: Client, level: str, lag: int) -> None:
    give_tokens(client.world, client.wallet, WRAPPED_SOL, SOL)
    client.world.step(40)
    config = {**BASE64, "commitment": level}
    async with listening(client, "accountSubscribe", str(client.account(USDC)), config) as accounts:
        await client.send(client.sign([client.swap("sol/usdc deep", SOL)]), skipPreflight=True)
        landed_in = client.world.slot + 1
        client.world.step(lag + 1)
        notice = await next_of(accounts)
    assert notice["context"]["slot"] == landed_in
    held = int.from_bytes(base64.b64decode(notice["value"]["data"][0])[64:72], "little")
    assert held == tokens_of(client.world, client.wallet, USDC)


async def test_a_program_tells_of_the_pool_that_was_traded(client: Client) -> None:
    give_tokens(client.world, client.wallet, WRAPPED_SOL, SOL)
    by_mint = {"memcmp": {"offset": 40, "bytes": str(USDC)}}
    config = {**BASE64, "commitment": "processed", "filters": [by_mint]}
    async with listening(client, "programSubscribe", str(PROGRAM), config) as program:
        for name in ("sol/usdt", "sol/usdc thin"):
            await client.send(client.sign([client.swap(name, SOL // 2)]), skipPreflight=True)
        client.world.step()
        notice = await next_of(program)
    assert notice["value"]["pubkey"] == str(client.setting.pools["sol/usdc thin"].address)


async def test_logs_mention_whom_they_should(client: Client) -> None:
    config = {"commitment": "processed"}
    async with listening(client, "logsSubscribe", {"mentions": [str(named("heard"))]}, config) as logs:
        other = client.sign([pay(client.wallet, named("unheard"), SOL)])
        heard = client.sign([pay(client.wallet, named("heard"), SOL)])
        for each in (other, heard):
            await client.send(each, skipPreflight=True)
        client.world.step()
        notice = await next_of(logs)
    assert notice["value"]["signature"] == str(heard.signatures[0])
    assert notice["value"]["err"] is None and notice["value"]["logs"]


async def test_a_signature_is_told_once_at_its_level(client: Client) -> None:
    transaction = client.sign([pay(client.wallet, named("told"), SOL)])
    config = {"commitment": "confirmed"}
    async with listening(client, "signatureSubscribe", str(transaction.signatures[0]), config) as signature:
        await client.send(transaction, skipPreflight=True)
        client.world.step(3)
        notice = await next_of(signature)
        assert notice["value"] == {"err": None}
        assert not client.server.sockets.subscriptions


async def test_who_asks_late_is_told_at_once(client: Client) -> None:
    transaction = client.sign([pay(client.wallet, named("late"), SOL)])
    await client.land(transaction, 3)
    async with client.subscribe("signatureSubscribe", str(transaction.signatures[0])) as finalized:
        client.world.step(40)
        assert (await next_of(finalized))["value"] == {"err": None}


async def test_an_abandoned_fork_is_told_to_who_watches_processed(client: Client) -> None:
    payee = named("undone")
    config = {**BASE64, "commitment": "processed"}
    async with listening(client, "accountSubscribe", str(payee), config) as accounts:
        await client.send(client.sign([pay(client.wallet, payee, SOL)]), skipPreflight=True)
        client.world.step()
        assert (await next_of(accounts))["value"]["lamports"] == SOL
        client.world.faults.add(Fault("fork", "slot", params={"depth": 1, "is_again": False}))
        client.world.step()
        assert (await next_of(accounts))["value"]["lamports"] == 0


async def test_a_cut_connection_is_taken_up_again_with_a_gap(client: Client) -> None:
    async with listening(client, "slotSubscribe") as slots:
        client.world.faults.add(Fault("cut", "ws:*"))
        client.world.step()
        async with asyncio.timeout(5):
            gap = await anext(slots)
            while not isinstance(gap, SubscriptionGap):
                gap = await anext(slots)
        assert "closed" in gap.reason
        client.world.step()
        assert (await next_of(slots))["slot"] == client.world.slot


async def test_notices_may_come_twice_or_never(client: Client) -> None:
    async with listening(client, "slotSubscribe") as slots:
        client.world.faults.add(Fault("duplicate", "ws:slotNotification", nth=1))
        client.world.faults.add(Fault("drop", "ws:slotNotification", nth=2))
        client.world.step(3)
        found = [(await next_of(slots))["slot"] for _ in range(3)]
    first = client.world.slot - 2
    assert found == [first, first, first + 2]


async def test_unsubscribing_ends_it(client: Client) -> None:
    async with client.session.ws_connect(client.server.urls["ws"]) as socket:

        async def ask(method: str, *params: Any) -> Any:
            await socket.send_json({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
            return await socket.receive_json()

        number = (await ask("slotSubscribe"))["result"]
        client.world.step()
        assert (await socket.receive_json())["params"]["subscription"] == number
        assert (await ask("slotUnsubscribe", number))["result"] is True
        client.world.step()
        assert (await ask("slotUnsubscribe", number))["error"]["code"] == -32602
        assert (await ask("voteSubscribe"))["error"]["code"] == -32601
        assert (await ask("accountSubscribe", "short"))["error"]["code"] == -32602

"""The block engine: all or nothing, tips, statuses, its rate limit, its faults."""

import asyncio
import hashlib
import json

import pytest
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.transaction import VersionedTransaction

from kernel.rpc.rpc_errors import RpcRefused
from tests.solana_world.addresses import named
from tests.solana_world.client import BASE64, Client, encoded, open_client, pay
from tests.solana_world.faults import Fault
from tests.solana_world.tip_accounts import TIP_ACCOUNTS

SOL = 10**9
TIP = 10_000


def _bundle(client: Client, *names: str, tip: int = TIP) -> list[VersionedTransaction]:
    """A payment to each, the tip in the last."""
    calls = [[pay(client.wallet, named(name), SOL)] for name in names]
    calls[-1].append(pay(client.wallet, TIP_ACCOUNTS[0], tip))
    return [client.sign(each) for each in calls]


async def _send(client: Client, transactions: list[VersionedTransaction]) -> str:
    bundle: str = await client.jito("sendBundle", [encoded(each) for each in transactions], BASE64)
    return bundle


async def _state(client: Client, bundle: str) -> tuple[str, int | None]:
    path = "/api/v1/getInflightBundleStatuses"
    (row,) = (await client.jito("getInflightBundleStatuses", [bundle], path=path))["value"]
    return row["status"], row["landed_slot"]


async def _lamports(client: Client, name: str) -> int:
    lamports: int = await client.value("getBalance", str(named(name)), {"commitment": "processed"})
    return lamports


async def test_there_are_eight_tip_accounts(client: Client) -> None:
    found = await client.jito("getTipAccounts", path="/api/v1/getTipAccounts")
    assert found == [str(each) for each in TIP_ACCOUNTS]
    assert len(set(found)) == 8


async def test_a_bundle_lands_whole_in_one_slot(client: Client) -> None:
    transactions = _bundle(client, "one", "two", "three")
    bundle = await _send(client, transactions)
    names = ",".join(str(each.signatures[0]) for each in transactions)
    assert bundle == hashlib.sha256(names.encode()).hexdigest()
    assert await _state(client, bundle) == ("Pending", None)
    client.world.step()
    assert await _state(client, bundle) == ("Landed", client.world.slot)
    statuses = [await client.status(str(each.signatures[0])) for each in transactions]
    assert {(each["slot"], each["err"]) for each in statuses} == {(client.world.slot, None)}
    path = "/api/v1/getBundleStatuses"
    (row,) = (await client.jito("getBundleStatuses", [bundle], path=path))["value"]
    assert row["err"] == {"Ok": None} and row["confirmation_status"] == "processed"
    assert row["transactions"] == [str(each.signatures[0]) for each in transactions]


async def test_a_failing_part_undoes_the_whole_bundle(client: Client) -> None:
    good, tip = _bundle(client, "good", "tipped")
    bad = client.sign([pay(client.wallet, named("bad"), 10**15)])
    before = await client.value("getBalance", str(client.wallet), {"commitment": "processed"})
    bundle = await _send(client, [good, bad, tip])
    client.world.step(3)
    assert await _state(client, bundle) == ("Failed", None)
    assert await client.status(str(good.signatures[0])) is None
    assert await _lamports(client, "good") == 0
    assert await client.value("getBalance", str(client.wallet), {"commitment": "processed"}) == before
    (row,) = (await client.jito("getBundleStatuses", [bundle]))["value"]
    assert row is None


async def test_a_bundle_must_lock_a_tip_account_that_is_in_its_message(client: Client) -> None:
    with pytest.raises(RpcRefused, match="write lock at least one tip account"):
        await _send(client, [client.sign([pay(client.wallet, named("free"), SOL)])])
    table = AddressLookupTableAccount(named("table"), list(TIP_ACCOUNTS))
    hidden = client.sign([pay(client.wallet, TIP_ACCOUNTS[0], TIP)], tables=[table])
    assert TIP_ACCOUNTS[0] not in hidden.message.account_keys
    with pytest.raises(RpcRefused, match="write lock at least one tip account"):
        await _send(client, [hidden])


async def test_a_tip_below_the_minimum_never_lands(client: Client) -> None:
    bundle = await _send(client, _bundle(client, "mean", tip=999))
    client.world.step(3)
    assert (await _state(client, bundle))[0] == "Failed"
    assert await _lamports(client, "mean") == 0


async def test_what_is_no_bundle_is_refused(client: Client) -> None:
    six = [client.sign([pay(client.wallet, TIP_ACCOUNTS[0], TIP + number)]) for number in range(6)]
    with pytest.raises(RpcRefused, match="between 1 and 5"):
        await _send(client, six)
    with pytest.raises(RpcRefused, match="base58"):
        await client.jito("sendBundle", [encoded(six[0])])
    with pytest.raises(RpcRefused, match="bundle ids"):
        await client.jito("getBundleStatuses", ["a"] * 6)
    assert await _state(client, "unknown") == ("Invalid", None)


async def test_the_higher_tip_per_unit_comes_first(client: Client) -> None:
    low, high = _bundle(client, "low", tip=2_000), _bundle(client, "high", tip=50_000)
    await _send(client, low)
    await _send(client, high)
    client.world.step()
    landed = client.world.history.in_slot(client.world.slot)
    assert [each.signature for each in landed] == [high[0].signatures[0], low[0].signatures[0]]


async def test_a_single_transaction_may_be_its_own_bundle(client: Client) -> None:
    (transaction,) = _bundle(client, "alone")
    call = {"jsonrpc": "2.0", "id": 1, "method": "sendTransaction", "params": [encoded(transaction), BASE64]}
    url = client.server.urls["jito"] + "/api/v1/transactions?bundleOnly=true"
    async with client.session.post(url, json=call) as response:
        assert (await response.json())["result"] == str(transaction.signatures[0])
        bundle = response.headers["x-bundle-id"]
    client.world.step()
    assert (await _state(client, bundle))[0] == "Landed"


async def test_tips_are_told_in_sol(client: Client) -> None:
    await _send(client, _bundle(client, "payer", tip=20_000))
    client.world.step()
    (floor,) = await client.pool.fetch("JITO_BLOCK_ENGINE", "GET", "/api/v1/bundles/tip_floor", result=list)
    assert floor["landed_tips_50th_percentile"] == 20_000 / 1e9
    async with client.session.ws_connect(client.server.urls["jito_ws"] + "/api/v1/bundles/tip_stream") as stream:
        assert (await stream.receive_json())[0].keys() == floor.keys()
        client.world.step(5)
        async with asyncio.timeout(3):
            assert (await stream.receive_json())[0]["landed_tips_95th_percentile"] == 20_000 / 1e9


async def test_the_engine_answers_once_a_second() -> None:
    async with open_client(seed=1) as client:
        url = client.server.urls["jito"] + "/api/v1/getTipAccounts"
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "getTipAccounts", "params": []})

        async def ask(**headers: str) -> int:
            async with client.session.post(url, data=body, headers=headers) as response:
                return response.status

        assert [await ask(), await ask()] == [200, 429]
        client.world.step(2)
        assert await ask() == 429, "0.8 seconds"
        client.world.step()
        assert await ask() == 200
        assert [await ask(**{"x-jito-auth": "key"}), await ask(**{"x-jito-auth": "key"})] == [200, 429]


async def test_a_bundle_may_be_taken_and_never_land(client: Client) -> None:
    client.world.faults.add(Fault("never_landed", "bundle"))
    bundle = await _send(client, _bundle(client, "lost"))
    client.world.step(8)
    assert await _state(client, bundle) == ("Pending", None)
    client.world.step(2)
    assert await _state(client, bundle) == ("Failed", None)
    assert await _lamports(client, "lost") == 0


async def test_a_bundle_may_come_apart(client: Client) -> None:
    client.world.faults.add(Fault("unbundled", "bundle"))
    transactions = _bundle(client, "first", "second")
    bundle = await _send(client, transactions)
    client.world.step(2)
    assert await _state(client, bundle) == ("Failed", None)
    assert [await _lamports(client, each) for each in ("first", "second")] == [SOL, 0]
    assert (await client.status(str(transactions[0].signatures[0])))["err"] is None


async def test_a_bundle_of_an_abandoned_fork_did_not_land(client: Client) -> None:
    bundle = await _send(client, _bundle(client, "forked"))
    client.world.step()
    assert (await _state(client, bundle))[0] == "Landed"
    client.world.faults.add(Fault("fork", "slot", params={"depth": 1, "is_again": False}))
    client.world.step()
    assert await _state(client, bundle) == ("Failed", None)
    assert await _lamports(client, "forked") == 0

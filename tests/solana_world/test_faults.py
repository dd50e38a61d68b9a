"""Each fault does what its name says, by the order of requests."""

import time
from typing import Any

import aiohttp
import pytest

from tests.solana_world.addresses import named
from tests.solana_world.client import Client, pay
from tests.solana_world.faults import KINDS, Fault, FaultScript, random_script

SOL = 10**9
SLOT = b'{"jsonrpc":"2.0","id":1,"method":"getSlot","params":[{"commitment":"processed"}]}'


def _payment(client: Client, name: str) -> Any:
    return client.sign([pay(client.wallet, named(name), SOL)])


async def test_a_status_comes_for_as_many_requests_as_it_says(client: Client) -> None:
    client.world.faults.add(Fault("status", "rpc:getSlot", nth=2, count=2, params={"code": 429}))
    assert [(await client.post(SLOT))[0] for _ in range(4)] == [200, 429, 429, 200]


async def test_the_kernel_survives_an_error_of_the_server(client: Client) -> None:
    client.world.faults.add(Fault("status", "rpc:getBlockHeight", params={"code": 500}))
    assert await client.call("getBlockHeight") == client.world.chain.at("finalized").height
    assert [where for where, _ in client.world.faults.fired] == ["rpc:getBlockHeight"], "asked again by itself"


async def test_a_cut_connection_may_have_done_its_work(client: Client) -> None:
    client.world.faults.add(Fault("cut", "rpc:requestAirdrop", params={"is_done": True}))
    client.world.faults.add(Fault("cut", "rpc:requestAirdrop", nth=2, params={"is_done": False}))
    body = b'{"jsonrpc":"2.0","id":1,"method":"requestAirdrop","params":["%s",1000000000]}'
    for name in ("done", "not done"):
        with pytest.raises(aiohttp.ClientError):
            await client.post(body % str(named(name)).encode())
    client.world.step()
    found = [client.world.store.svm.get_balance(named(each)) for each in ("done", "not done")]
    assert found == [SOL, None]


async def test_a_delay_holds_the_answer(client: Client) -> None:
    client.world.faults.add(Fault("delay", "rpc:*", params={"s": 0.1}))
    begun = time.monotonic()
    await client.post(SLOT)
    assert time.monotonic() - begun >= 0.1


async def test_a_stale_node_shows_the_past(client: Client) -> None:
    await client.land(_payment(client, "seen"))
    client.world.faults.add(Fault("stale", "rpc:*", count=2, params={"blocks": 5}))
    assert (await client.post(SLOT))[1]["result"] == client.world.slot - 5
    balance = b'{"jsonrpc":"2.0","id":1,"method":"getBalance","params":["%s",{"commitment":"processed"}]}'
    body = balance % str(named("seen")).encode()
    assert (await client.post(body))[1]["result"]["value"] == 0
    assert (await client.post(body))[1]["result"]["value"] == SOL


async def test_an_unhealthy_node_says_how_far_behind_it_is(client: Client) -> None:
    client.world.faults.add(Fault("unhealthy", "rpc:getHealth", params={"blocks": 77}))
    _, answer = await client.post(b'{"jsonrpc":"2.0","id":1,"method":"getHealth"}')
    assert (answer["error"]["code"], answer["error"]["data"]) == (-32005, {"numSlotsBehind": 77})


async def test_a_dropped_transaction_lands_when_it_is_sent_again(client: Client) -> None:
    client.world.faults.add(Fault("drop", "send"))
    transaction = _payment(client, "dropped")
    assert await client.land(transaction, 5) is None
    assert (await client.land(transaction))["err"] is None


async def test_a_late_transaction_lands_after_its_slots(client: Client) -> None:
    client.world.faults.add(Fault("late", "send", params={"slots": 4}))
    transaction = _payment(client, "late")
    assert await client.land(transaction, 3) is None
    client.world.step()
    assert (await client.status(str(transaction.signatures[0])))["slot"] == client.world.slot


async def test_a_duplicate_lands_once(client: Client) -> None:
    client.world.faults.add(Fault("duplicate", "send"))
    assert (await client.land(_payment(client, "twice"), 3))["err"] is None
    assert client.world.store.svm.get_balance(named("twice")) == SOL


async def test_a_lost_signature_is_found_later(client: Client) -> None:
    client.world.faults.add(Fault("lose", "send", params={"slots": 6}))
    transaction = _payment(client, "lost")
    signature = str(transaction.signatures[0])
    assert await client.land(transaction, 6) is None
    assert client.world.store.svm.get_balance(named("lost")) == SOL
    config = {"commitment": "confirmed", "maxSupportedTransactionVersion": 0}
    assert await client.call("getTransaction", signature, config) is None
    client.world.step()
    assert (await client.status(signature))["slot"] == client.world.slot - 6
    assert (await client.call("getTransaction", signature, config))["slot"] == client.world.slot - 6


@pytest.mark.parametrize("is_again", [True, False])
async def test_a_fork_takes_processed_transactions_back(client: Client, is_again: bool) -> None:
    transaction = client.sign(
        [pay(client.wallet, named("forked"), SOL)], blockhash=client.world.chain.at("finalized").blockhash
    )
    first = await client.land(transaction)
    signature = str(transaction.signatures[0])
    balance = client.world.read(client.wallet)
    client.world.faults.add(Fault("fork", "slot", params={"depth": 1, "is_again": is_again}))
    client.world.step()
    second = await client.status(signature)
    if is_again:
        assert second["slot"] == first["slot"] + 1
        assert client.world.store.svm.get_balance(named("forked")) == SOL
    else:
        assert second is None
        assert client.world.store.svm.get_balance(named("forked")) is None
        assert client.world.read(client.wallet).lamports == balance.lamports + SOL + 5_000  # type: ignore[union-attr]
    assert await client.call("getBlockHeight", {"commitment": "processed"}) == client.world.chain.tip.height


async def test_a_confirmed_transaction_is_never_taken_back(client: Client) -> None:
    transaction = _payment(client, "safe")
    await client.land(transaction, 3)
    client.world.faults.add(Fault("fork", "slot", params={"depth": 40}))
    client.world.step()
    assert (await client.status(str(transaction.signatures[0])))["err"] is None


def test_a_script_counts_from_when_a_fault_was_added() -> None:
    script = FaultScript([Fault("drop", "send", nth=3)])
    assert [bool(script.take("send")) for _ in range(4)] == [False, False, True, False]
    script.add(Fault("stale", "rpc:*", nth=2))
    hits = [bool(script.take(each)) for each in ("rpc:a", "jito:a", "rpc:b", "rpc:c")]
    assert hits == [False, False, True, False]
    assert [where for where, _ in script.fired] == ["send", "rpc:b"]


@pytest.mark.parametrize(
    ("what", "where", "params"),
    [("explode", "rpc:*", {}), ("fork", "rpc:*", {}), ("late", "send", {"seconds": 1}), ("stale", "ws:*", {})],
)
def test_a_fault_that_makes_no_sense_is_refused(what: str, where: str, params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"expected|unknown"):
        Fault(what, where, params=params)


def test_a_seed_gives_the_same_faults() -> None:
    assert random_script(5, 50) == random_script(5, 50)
    assert random_script(5, 50) != random_script(6, 50)
    assert {each.what for each in random_script(1, 400)} == set(KINDS)

"""Slots, heights, blockhashes, and the protocol itself: batches and errors."""

import json

import pytest
from solders.hash import Hash

from kernel.rpc.rpc_errors import RpcRefused
from kernel.rpc.rpc_providers import SOLANA_GENESIS
from tests.solana_world.addresses import named
from tests.solana_world.chain import Chain
from tests.solana_world.client import Client, pay
from tests.solana_world.faults import Fault


async def test_the_kernel_takes_it_for_the_chain_it_wants(client: Client) -> None:
    assert await client.call("getGenesisHash") == SOLANA_GENESIS
    assert await client.call("getHealth") == "ok"
    assert "solana-core" in await client.call("getVersion")
    assert await client.pool.check("SOLANA_RPC", "world") == ""


async def test_levels_are_apart_by_blocks(client: Client) -> None:
    slots = [await client.call("getSlot", {"commitment": each}) for each in ("processed", "confirmed", "finalized")]
    assert [slots[0] - each for each in slots] == [0, 2, 32]
    info = await client.call("getEpochInfo", {"commitment": "processed"})
    assert (info["absoluteSlot"], info["epoch"]) == (slots[0], slots[0] // 432_000)


async def test_heights_grow_by_blocks_and_not_by_slots(client: Client) -> None:
    before = (client.world.slot, await client.call("getBlockHeight", {"commitment": "processed"}))
    client.world.faults.add(Fault("skip", "slot", params={"slots": 3}))
    client.world.step(2)
    after = (client.world.slot, await client.call("getBlockHeight", {"commitment": "processed"}))
    assert (after[0] - before[0], after[1] - before[1]) == (5, 2)


async def test_a_blockhash_lives_150_blocks(client: Client) -> None:
    latest = await client.value("getLatestBlockhash", {"commitment": "confirmed"})
    last = latest["lastValidBlockHeight"]
    transaction = client.sign(
        [pay(client.wallet, named("late"), 10**9)], blockhash=Hash.from_string(latest["blockhash"])
    )
    client.world.step(last - client.world.chain.tip.height)
    assert await client.call("getBlockHeight", {"commitment": "processed"}) == last
    assert (await client.value("isBlockhashValid", latest["blockhash"], {"commitment": "processed"})) is True
    client.world.step()
    assert (await client.value("isBlockhashValid", latest["blockhash"], {"commitment": "processed"})) is False
    with pytest.raises(RpcRefused, match="Blockhash not found"):
        await client.send(transaction)
    assert await client.land(transaction, 3) is None


async def test_a_transaction_lands_in_the_last_block_that_takes_it(client: Client) -> None:
    block = client.world.chain.at("confirmed")
    transaction = client.sign([pay(client.wallet, named("just"), 10**9)])
    client.world.step(block.height + 150 - client.world.chain.tip.height - 1)
    assert (await client.land(transaction))["err"] is None


async def test_a_batch_is_answered_in_order(client: Client) -> None:
    calls = [
        {"jsonrpc": "2.0", "id": "a", "method": "getSlot", "params": [{"commitment": "processed"}]},
        {"jsonrpc": "2.0", "id": "b", "method": "getNothing"},
        {"jsonrpc": "2.0", "id": "c", "method": "getHealth"},
    ]
    status, answers = await client.post(json.dumps(calls).encode())
    assert status == 200
    assert [each["id"] for each in answers] == ["a", "b", "c"]
    assert answers[0]["result"] == client.world.slot
    assert answers[1]["error"] == {"code": -32601, "message": "Method not found"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        (b"[]", -32600),
        (b'{"id":1,"method":"getSlot"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"getSlot","params":{"commitment":"processed"}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"getSlot","params":[{"commitment":"soon"}]}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"getBalance","params":["short"]}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"getBalance"}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"sendTransaction","params":["AAAA",{"encoding":"base64"}]}', -32602),
    ],
)
async def test_mistakes_are_answered_by_their_code(client: Client, body: bytes, code: int) -> None:
    _, answer = await client.post(body)
    assert answer["error"]["code"] == code


async def test_priority_fees_are_those_that_landed(client: Client) -> None:
    from solders.compute_budget import set_compute_unit_price

    await client.land(client.sign([set_compute_unit_price(7_000), pay(client.wallet, named("fees"), 10**9)]))
    rows = await client.call("getRecentPrioritizationFees", [str(client.wallet)])
    assert rows[-1] == {"slot": client.world.slot, "prioritizationFee": 7_000}
    assert {each["prioritizationFee"] for each in rows[:-1]} == {0}
    other = await client.call("getRecentPrioritizationFees", [str(named("idle"))])
    assert {each["prioritizationFee"] for each in other} == {0}


def test_a_fork_takes_its_blockhashes_with_it() -> None:
    chain = Chain(1, 100, 50, 0, (2, 32))
    for slot in range(101, 110):
        chain.extend(slot, 0)
    lost = chain.tip.blockhash
    dead = chain.roll_back(5)
    assert [each.slot for each in dead] == [108, 109], "a confirmed block never goes"
    assert not chain.is_usable(lost, chain.tip.height)
    block = chain.extend(110, 0)
    assert (block.height, block.parent) == (58, 107)

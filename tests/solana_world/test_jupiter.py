"""The aggregator: builds, orders and executes swaps over the world's own pools."""

import asyncio
import base64
from typing import Any

import pytest
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.message import to_bytes_versioned
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from kernel.rpc.rpc_errors import RpcRefused, RpcUnavailable
from tests.solana_world.addresses import JUPITER, USDC, USDT, WRAPPED_SOL, named
from tests.solana_world.client import Client
from tests.solana_world.faults import Fault
from tests.solana_world.genesis import give_tokens, tokens_of

SOL = 10**9
BUILD, ORDER = "/swap/v2/build", "/swap/v2/order"


def _query(client: Client, mint_in: Pubkey, mint_out: Pubkey, amount: int, **more: str) -> dict[str, str]:
    base = {"inputMint": str(mint_in), "outputMint": str(mint_out), "amount": str(amount), "taker": str(client.wallet)}
    return {**base, **more}


def _instruction(row: dict[str, Any]) -> Instruction:
    metas = [AccountMeta(Pubkey.from_string(e["pubkey"]), e["isSigner"], e["isWritable"]) for e in row["accounts"]]
    return Instruction(Pubkey.from_string(row["programId"]), base64.b64decode(row["data"]), metas)


def _signed(client: Client, built: dict[str, Any]) -> VersionedTransaction:
    rows = [*built["computeBudgetInstructions"], *built["setupInstructions"], built["swapInstruction"]]
    rows += [built["cleanupInstruction"]] if built["cleanupInstruction"] else []
    blockhash = Hash.from_bytes(bytes(built["blockhashWithMetadata"]["blockhash"]))
    return client.sign([_instruction(each) for each in rows], blockhash=blockhash)


async def test_a_built_swap_gives_what_was_quoted(client: Client) -> None:
    built = await client.jupiter(BUILD, _query(client, WRAPPED_SOL, USDC, SOL))
    assert built["swapInstruction"]["programId"] == str(JUPITER)
    assert int(built["otherAmountThreshold"]) == int(built["outAmount"]) * 9_950 // 10_000
    limits = [each for each in built["computeBudgetInstructions"] if base64.b64decode(each["data"])[0] == 2]
    assert not limits, "the unit limit is the caller's"
    held = tokens_of(client.world, client.wallet, USDC)
    status = await client.land(_signed(client, built))
    assert status["err"] is None
    assert tokens_of(client.world, client.wallet, USDC) == held + int(built["outAmount"])
    assert client.world.read(client.account(WRAPPED_SOL)) is None, "wrapped SOL was closed again"


async def test_the_best_pool_is_taken_and_named_pools_are_left_out(client: Client) -> None:
    built = await client.jupiter(BUILD, _query(client, WRAPPED_SOL, USDC, 100 * SOL))
    (step,) = built["routePlan"]
    assert step["swapInfo"]["ammKey"] == str(client.setting.pools["sol/usdc deep"].address)
    assert step["bps"] == 10_000
    with pytest.raises(RpcRefused):
        await client.jupiter(BUILD, _query(client, WRAPPED_SOL, USDC, SOL, excludeDexes="Constant Product"))


async def test_a_way_by_a_third_mint_lands(client: Client) -> None:
    built = await client.jupiter(BUILD, _query(client, USDT, USDC, 500_000_000))
    assert [each["swapInfo"]["outputMint"] for each in built["routePlan"]] == [str(WRAPPED_SOL), str(USDC)]
    held = tokens_of(client.world, client.wallet, USDC)
    assert (await client.land(_signed(client, built)))["err"] is None
    assert tokens_of(client.world, client.wallet, USDC) == held + int(built["outAmount"])


async def test_a_taxed_token_is_quoted_as_it_arrives(client: Client) -> None:
    built = await client.jupiter(BUILD, _query(client, USDC, client.setting.taxed, 50_000_000))
    assert (await client.land(_signed(client, built)))["err"] is None
    assert tokens_of(client.world, client.wallet, client.setting.taxed) == int(built["outAmount"])


async def test_a_price_that_ran_away_fails_by_slippage(client: Client) -> None:
    built = await client.jupiter(BUILD, _query(client, WRAPPED_SOL, USDC, SOL, slippageBps="10"))
    taken = built["routePlan"][0]["swapInfo"]["ammKey"]
    name = next(name for name, each in client.setting.pools.items() if str(each.address) == taken)
    give_tokens(client.world, client.wallet, WRAPPED_SOL, 90 * SOL)
    assert (await client.land(client.sign([client.swap(name, 90 * SOL)])))["err"] is None
    status = await client.land(_signed(client, built))
    place = len(built["computeBudgetInstructions"]) + len(built["setupInstructions"])
    assert status["err"] == {"InstructionError": [place, {"Custom": 6001}]}


async def test_without_the_key_there_is_no_answer(client: Client) -> None:
    for key in ("", "wrong"):
        with pytest.raises((RpcRefused, RpcUnavailable)):
            await client.jupiter(BUILD, _query(client, WRAPPED_SOL, USDC, SOL), key=key)
    url = client.server.urls["jupiter"] + BUILD
    async with client.session.get(url, params=_query(client, WRAPPED_SOL, USDC, SOL)) as response:
        assert response.status == 401


@pytest.mark.parametrize(
    "change",
    [
        {"amount": "0"}, {"amount": "-1"}, {"amount": "1e9"}, {"amount": str(2**64)}, {"inputMint": "x"},
        {"taker": ""}, {"outputMint": str(WRAPPED_SOL)}, {"swapMode": "ExactOut"}, {"slippageBps": "10001"},
        {"outputMint": str(named("no such mint"))},
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused(client: Client, change: dict[str, str]) -> None:
    with pytest.raises(RpcRefused):
        await client.jupiter(BUILD, {**_query(client, WRAPPED_SOL, USDC, SOL), **change})


async def test_an_order_is_executed_for_its_taker(client: Client) -> None:
    order = await client.jupiter(ORDER, _query(client, WRAPPED_SOL, USDC, SOL))
    unsigned = VersionedTransaction.from_bytes(base64.b64decode(order["transaction"]))
    signature = client.keys.sign_message(to_bytes_versioned(unsigned.message))
    signed = VersionedTransaction.populate(unsigned.message, [signature])
    text = base64.b64encode(bytes(signed)).decode()
    held = tokens_of(client.world, client.wallet, USDC)

    async def execute(request: str) -> Any:
        return await client.pool.fetch(
            "JUPITER_API", "POST", "/swap/v2/execute", result=Any, headers={"x-api-key": "world-key"},
            body={"signedTransaction": text, "requestId": request},
        )  # fmt: skip

    with pytest.raises(RpcRefused):
        await execute("unknown")
    asked = asyncio.create_task(execute(order["requestId"]))
    async with asyncio.timeout(3):
        while not client.world.mempool.transactions:
            await asyncio.sleep(0.005)
    client.world.step()
    answer = await asked
    assert (answer["status"], answer["signature"]) == ("Success", str(signature))
    assert answer["outputAmountResult"] == order["outAmount"]
    assert tokens_of(client.world, client.wallet, USDC) == held + int(order["outAmount"])


async def test_an_order_beyond_the_wallet_has_no_transaction(client: Client) -> None:
    order = await client.jupiter(ORDER, _query(client, WRAPPED_SOL, USDC, 1_000 * SOL))
    assert (order["transaction"], order["errorMessage"]) == ("", "Insufficient funds")
    quote = _query(client, WRAPPED_SOL, USDC, SOL)
    del quote["taker"]
    assert (await client.jupiter(ORDER, quote))["transaction"] is None


async def test_its_faults_are_scripted_too(client: Client) -> None:
    client.world.faults.add(Fault("status", "jupiter:build", params={"code": 503, "retry_after_s": 0}))
    url = client.server.urls["jupiter"] + BUILD
    headers = {"x-api-key": "world-key"}
    async with client.session.get(url, params=_query(client, WRAPPED_SOL, USDC, SOL), headers=headers) as response:
        assert response.status == 503
    assert await client.jupiter(BUILD, _query(client, WRAPPED_SOL, USDC, SOL))

"""Simulate, send, land, fail, look up: over HTTP, through the kernel's RPC pool."""

import base64

import pytest
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.message import MessageV0
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from kernel.rpc.rpc_errors import RpcRefused
from tests.solana_world.addresses import TOKEN, USDC, WRAPPED_SOL, named
from tests.solana_world.chain import epoch_of
from tests.solana_world.client import BASE64, NEWEST, Client, encoded, pay
from tests.solana_world.genesis import give_tokens, tokens_of
from tests.solana_world.standin_constant_product import PROGRAM

SOL = 10**9
PARSED = {"encoding": "jsonParsed", "maxSupportedTransactionVersion": 0, "commitment": "confirmed"}


def _quote(client: Client, name: str, amount: int) -> int:
    market = client.setting.pools[name]
    return market.quote(client.world.read, market.mints[0], amount, client.world.now_s, epoch_of(client.world.slot))


async def test_a_swap_gives_to_the_unit_what_was_quoted(client: Client) -> None:
    give_tokens(client.world, client.wallet, WRAPPED_SOL, 2 * SOL)
    quote = _quote(client, "sol/usdc deep", SOL)
    held = tokens_of(client.world, client.wallet, USDC)
    status = await client.land(client.sign([client.swap("sol/usdc deep", SOL, quote)]))
    assert (status["err"], status["confirmationStatus"], status["confirmations"]) == (None, "processed", 0)
    assert tokens_of(client.world, client.wallet, USDC) == held + quote


async def test_a_taxed_token_arrives_less_its_fee(client: Client) -> None:
    give_tokens(client.world, client.wallet, client.setting.taxed, 1_000_000_000)
    quote = _quote(client, "taxed/usdc", 300_000_000)
    held = tokens_of(client.world, client.wallet, USDC)
    assert (await client.land(client.sign([client.swap("taxed/usdc", 300_000_000, quote)])))["err"] is None
    assert tokens_of(client.world, client.wallet, USDC) == held + quote
    give_tokens(client.world, client.wallet, WRAPPED_SOL, SOL)
    back = client.swap("taxed/usdc", 90_000_000, 1, USDC)
    before = tokens_of(client.world, client.wallet, client.setting.taxed)
    market = client.setting.pools["taxed/usdc"]
    expected = market.quote(client.world.read, USDC, 90_000_000, client.world.now_s, epoch_of(client.world.slot))
    assert (await client.land(client.sign([back])))["err"] is None
    assert tokens_of(client.world, client.wallet, client.setting.taxed) == before + expected


async def test_a_failed_transaction_lands_pays_and_changes_nothing_else(client: Client) -> None:
    give_tokens(client.world, client.wallet, WRAPPED_SOL, 2 * SOL)
    quote = _quote(client, "sol/usdc deep", SOL)
    lamports = await client.value("getBalance", str(client.wallet), {"commitment": "processed"})
    held = tokens_of(client.world, client.wallet, USDC)
    budget = [set_compute_unit_limit(100_000), set_compute_unit_price(50_000)]
    calls = [*budget, client.swap("sol/usdc deep", SOL, quote), client.swap("sol/usdc deep", SOL, quote)]
    transaction = client.sign(calls)
    with pytest.raises(RpcRefused, match="Instruction 3: custom program error: 0x1771"):
        await client.send(transaction)
    status = await client.land(transaction)
    assert status["err"] == {"InstructionError": [3, {"Custom": 6001}]}
    assert status["status"] == {"Err": status["err"]}
    paid = lamports - await client.value("getBalance", str(client.wallet), {"commitment": "processed"})
    assert paid == 5_000 + 5_000
    assert tokens_of(client.world, client.wallet, USDC) == held


async def test_an_error_of_a_real_program_is_told_as_it_is(client: Client) -> None:
    calls = [set_compute_unit_limit(1_000), pay(client.wallet, named("rich"), 10**15)]
    value = await client.value("simulateTransaction", encoded(client.sign(calls)), NEWEST)
    assert value["err"] == {"InstructionError": [1, {"Custom": 1}]}
    assert value["logs"][-1] == "Program 11111111111111111111111111111111 failed: custom program error: 0x1"
    poor = await client.value(
        "simulateTransaction", encoded(client.sign([pay(client.wallet, named("dust"), 5)])), NEWEST
    )
    assert poor["err"] == {"InsufficientFundsForRent": {"account_index": 1}}


async def test_a_simulation_says_what_landing_does_and_leaves_no_trace(client: Client) -> None:
    give_tokens(client.world, client.wallet, WRAPPED_SOL, 2 * SOL)
    quote = _quote(client, "sol/usdc deep", SOL)
    transaction = client.sign([client.swap("sol/usdc deep", SOL, quote)])
    account = str(client.account(USDC))
    config = {**NEWEST, "sigVerify": True, "accounts": {"encoding": "base64", "addresses": [account]}}
    held = tokens_of(client.world, client.wallet, USDC)
    value = await client.value("simulateTransaction", encoded(transaction), config)
    after = int.from_bytes(base64.b64decode(value["accounts"][0]["data"][0])[64:72], "little")
    assert (value["err"], after) == (None, held + quote)
    assert tokens_of(client.world, client.wallet, USDC) == held
    assert (await client.land(transaction))["err"] is None
    client.world.step(2)
    landed = await client.call("getTransaction", str(transaction.signatures[0]), PARSED)
    assert landed["meta"]["computeUnitsConsumed"] == value["unitsConsumed"]
    assert landed["meta"]["logMessages"] == value["logs"]


async def test_a_simulation_may_take_another_blockhash_and_no_signatures(client: Client) -> None:
    call = pay(client.wallet, named("draft"), SOL)
    message = MessageV0.try_compile(client.wallet, [call], [], client.world.chain.tip.blockhash.default())
    draft = encoded(VersionedTransaction.populate(message, [Signature.default()]))
    plain = await client.value("simulateTransaction", draft, NEWEST)
    assert plain["err"] == "BlockhashNotFound"
    value = await client.value("simulateTransaction", draft, {**NEWEST, "replaceRecentBlockhash": True})
    assert value["err"] is None
    assert value["replacementBlockhash"]["lastValidBlockHeight"] > 0
    with pytest.raises(RpcRefused, match="signature verification"):
        await client.value("simulateTransaction", draft, {**BASE64, "sigVerify": True})
    with pytest.raises(RpcRefused, match="signature verification"):
        await client.call("sendTransaction", draft, BASE64)


async def test_a_level_simulates_on_its_own_state(client: Client) -> None:
    old = client.world.chain.at("finalized").blockhash
    payee = str(named("levelled"))
    await client.land(client.sign([pay(client.wallet, named("levelled"), SOL)], blockhash=old))
    again = client.sign([pay(client.wallet, named("levelled"), 2 * SOL)], blockhash=old)

    async def after(level: str) -> int:
        config = {**BASE64, "commitment": level, "accounts": {"addresses": [payee]}}
        value = await client.value("simulateTransaction", encoded(again), config)
        lamports: int = value["accounts"][0]["lamports"]
        return lamports

    assert [await after("processed"), await after("finalized"), await after("processed")] == [3 * SOL, 2 * SOL, 3 * SOL]
    assert await client.value("getBalance", payee, {"commitment": "processed"}) == SOL


async def test_a_preflight_at_finalized_does_not_know_a_fresh_blockhash(client: Client) -> None:
    transaction = client.sign([pay(client.wallet, named("fresh"), SOL)])
    with pytest.raises(RpcRefused, match="Blockhash not found"):
        await client.send(transaction, preflightCommitment="finalized")
    await client.send(transaction, preflightCommitment="confirmed")
    client.world.step()
    assert (await client.status(str(transaction.signatures[0])))["err"] is None
    await client.send(transaction, preflightCommitment="confirmed")  # it is not in a confirmed block yet


async def test_the_unit_limit_is_enforced_for_the_whole_transaction(client: Client) -> None:
    give_tokens(client.world, client.wallet, WRAPPED_SOL, 2 * SOL)
    swaps = [client.swap("sol/usdc deep", SOL // 2), client.swap("sol/usdc deep", SOL // 2)]
    enough = await client.value("simulateTransaction", encoded(client.sign(swaps)), NEWEST)
    units = enough["unitsConsumed"] + 150
    exact = client.sign([set_compute_unit_limit(units), *swaps])
    assert (await client.value("simulateTransaction", encoded(exact), NEWEST))["err"] is None
    short = client.sign([set_compute_unit_limit(units - 1_000), *swaps])
    value = await client.value("simulateTransaction", encoded(short), NEWEST)
    assert value["err"] is not None
    assert value["err"]["InstructionError"][0] == 2
    assert value["unitsConsumed"] <= units - 1_000


async def test_the_same_bytes_land_once(client: Client) -> None:
    transaction = client.sign([pay(client.wallet, named("once"), SOL)])
    for _ in range(3):
        await client.send(transaction, skipPreflight=True)
    client.world.step(2)
    assert await client.value("getBalance", str(named("once")), {"commitment": "processed"}) == SOL
    with pytest.raises(RpcRefused, match="already been processed"):
        await client.send(transaction)


async def test_a_payer_without_money_is_refused(client: Client) -> None:
    from solders.keypair import Keypair

    nobody = Keypair.from_seed(bytes([9]) * 32)
    transaction = client.sign([pay(nobody.pubkey(), named("x"), SOL)], keys=nobody)
    with pytest.raises(RpcRefused, match="no record of a prior credit"):
        await client.send(transaction)
    assert await client.land(transaction) is None


async def test_a_transaction_that_is_too_long_is_refused(client: Client) -> None:
    calls = [pay(client.wallet, named(f"{number}"), SOL) for number in range(25)]
    with pytest.raises(RpcRefused, match="too large"):
        await client.send(client.sign(calls))


async def test_what_was_paid_and_moved_can_be_read_back(client: Client) -> None:
    give_tokens(client.world, client.wallet, WRAPPED_SOL, SOL)
    quote = _quote(client, "sol/usdc deep", SOL)
    held = tokens_of(client.world, client.wallet, USDC)
    transaction = client.sign([set_compute_unit_price(1_000), client.swap("sol/usdc deep", SOL, quote)])
    signature = str(transaction.signatures[0])
    await client.land(transaction)
    assert await client.call("getTransaction", signature, PARSED) is None, "not confirmed yet"
    client.world.step(2)
    found = await client.call("getTransaction", signature, PARSED)
    meta, message = found["meta"], found["transaction"]["message"]
    keys = [each["pubkey"] for each in message["accountKeys"]]
    assert (found["version"], meta["err"], meta["fee"]) == (0, None, 5_000 + 203)
    assert meta["preBalances"][0] - meta["postBalances"][0] == meta["fee"]
    ours = {
        name: {each["mint"]: int(each["uiTokenAmount"]["amount"]) for each in meta[name]
               if each["owner"] == str(client.wallet)}
        for name in ("preTokenBalances", "postTokenBalances")
    }  # fmt: skip
    assert ours["postTokenBalances"] == {str(USDC): held + quote, str(WRAPPED_SOL): 0}
    assert ours["preTokenBalances"] == {str(USDC): held, str(WRAPPED_SOL): SOL}
    (inner,) = meta["innerInstructions"]
    assert inner["index"] == 1
    kinds = [(each["program"], each["parsed"]["type"]) for each in inner["instructions"]]
    assert kinds == [("spl-token", "transferChecked")] * 2
    paid = inner["instructions"][1]["parsed"]["info"]
    assert (paid["destination"], paid["tokenAmount"]["amount"]) == (str(client.account(USDC)), str(quote))
    assert message["instructions"][1]["programId"] == str(PROGRAM)
    assert f"Program {PROGRAM} invoke [1]" in meta["logMessages"]
    assert f"Program {TOKEN} invoke [2]" in meta["logMessages"]
    assert keys[0] == str(client.wallet) and message["accountKeys"][0]["signer"]


async def test_a_v0_transaction_wants_a_reader_that_knows_versions(client: Client) -> None:
    transaction = client.sign([pay(client.wallet, named("v0"), SOL)])
    await client.land(transaction, 3)
    with pytest.raises(RpcRefused, match="maxSupportedTransactionVersion"):
        await client.call("getTransaction", str(transaction.signatures[0]), {"commitment": "confirmed"})
    raw = await client.call("getTransaction", str(transaction.signatures[0]),
                            {**BASE64, "maxSupportedTransactionVersion": 0, "commitment": "confirmed"})  # fmt: skip
    assert VersionedTransaction.from_bytes(base64.b64decode(raw["transaction"][0])) == transaction
    with pytest.raises(RpcRefused, match="below `confirmed`"):
        await client.call("getTransaction", str(transaction.signatures[0]), {"commitment": "processed"})


async def test_levels_of_a_signature_rise_with_blocks(client: Client) -> None:
    transaction = client.sign([pay(client.wallet, named("levels"), SOL)])
    first = await client.land(transaction)
    signature = str(transaction.signatures[0])
    client.world.step(2)
    second = await client.status(signature)
    client.world.step(30)
    third = await client.status(signature)
    found = [(each["confirmationStatus"], each["confirmations"]) for each in (first, second, third)]
    assert found == [("processed", 0), ("confirmed", 2), ("finalized", None)]


async def test_an_old_signature_is_found_by_searching_the_history(client: Client) -> None:
    transaction = client.sign([pay(client.wallet, named("old"), SOL)])
    await client.land(transaction)
    signature = str(transaction.signatures[0])
    client.world.step(340)
    assert await client.status(signature) is None
    assert (await client.status(signature, searchTransactionHistory=True))["confirmationStatus"] == "finalized"


async def test_signatures_of_an_address_come_newest_first(client: Client) -> None:
    payee = named("often")
    sent = []
    for number in range(3):
        transaction = client.sign([pay(client.wallet, payee, SOL + number)])
        await client.land(transaction)
        sent.append(str(transaction.signatures[0]))
    client.world.step(2)
    config = {"commitment": "confirmed"}
    found = await client.call("getSignaturesForAddress", str(payee), config)
    assert [each["signature"] for each in found] == sent[::-1]
    before = await client.call("getSignaturesForAddress", str(payee), {**config, "before": sent[2], "until": sent[0]})
    assert [each["signature"] for each in before] == [sent[1]]
    assert len(await client.call("getSignaturesForAddress", str(payee), {**config, "limit": 1})) == 1


async def test_a_higher_price_comes_first_in_the_block(client: Client) -> None:
    payee = named("race")
    slow = client.sign([set_compute_unit_price(1), pay(client.wallet, payee, SOL)])
    fast = client.sign([set_compute_unit_price(2), pay(client.wallet, payee, SOL)])
    for each in (slow, fast):
        await client.send(each, skipPreflight=True)
    client.world.step(3)
    found = await client.call("getSignaturesForAddress", str(payee), {"commitment": "confirmed"})
    assert [each["signature"] for each in found] == [str(slow.signatures[0]), str(fast.signatures[0])]

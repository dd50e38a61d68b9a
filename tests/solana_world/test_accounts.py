"""What the node says about accounts, over HTTP, through the kernel's RPC pool."""

import base64

import pytest

from kernel.rpc.rpc_errors import RpcRefused
from tests.solana_world import base58
from tests.solana_world.addresses import TOKEN, TOKEN_2022, USDC, WRAPPED_SOL, named
from tests.solana_world.client import BASE64, Client, pay
from tests.solana_world.genesis import give_lamports, open_tokens, open_vault
from tests.solana_world.standin_constant_product import POOL_TAG, PROGRAM, PoolState
from tests.solana_world.token_layouts import transfer_fee_of


async def test_an_account_is_what_the_chain_holds(client: Client) -> None:
    pool = client.setting.pools["sol/usdc deep"]
    value = await client.value("getAccountInfo", str(pool.address), BASE64)
    assert value["owner"] == str(PROGRAM)
    assert PoolState.decode(base64.b64decode(value["data"][0])).fee_bps == 5
    assert await client.value("getAccountInfo", str(named("nobody")), BASE64) is None


async def test_many_accounts_come_in_order_with_one_context(client: Client) -> None:
    keys = [str(client.wallet), str(named("nobody")), str(WRAPPED_SOL)]
    answer = await client.call("getMultipleAccounts", keys, {"commitment": "processed"})
    assert [each and each["lamports"] for each in answer["value"]] == [100 * 10**9, None, 1_461_600]
    assert answer["context"]["slot"] == client.world.slot
    with pytest.raises(RpcRefused, match="max 100"):
        await client.call("getMultipleAccounts", keys * 40)


async def test_a_slot_that_is_not_there_yet_is_refused(client: Client) -> None:
    ahead = client.world.slot + 1
    _, answer = await client.post(
        b'{"jsonrpc":"2.0","id":1,"method":"getAccountInfo","params":["%s",{"encoding":"base64","commitment":"processed",'
        b'"minContextSlot":%d}]}' % (str(client.wallet).encode(), ahead)
    )
    assert answer["error"]["code"] == -32016
    assert answer["error"]["data"] == {"contextSlot": client.world.slot}
    client.world.step()
    config = {**BASE64, "commitment": "processed", "minContextSlot": ahead}
    assert (await client.call("getAccountInfo", str(client.wallet), config))["context"]["slot"] == ahead


async def test_each_level_shows_its_own_state(client: Client) -> None:
    other = named("payee")
    before = await client.value("getBalance", str(other), {"commitment": "processed"})
    await client.land(client.sign([pay(client.wallet, other, 10**9)]))
    assert before == 0

    async def seen() -> list[int]:
        levels = ("processed", "confirmed", "finalized")
        return [await client.value("getBalance", str(other), {"commitment": each}) for each in levels]

    assert await seen() == [10**9, 0, 0]
    client.world.step(2)
    assert await seen() == [10**9, 10**9, 0]
    client.world.step(30)
    assert await seen() == [10**9, 10**9, 10**9]


async def test_program_accounts_pass_filters(client: Client) -> None:
    size = len(client.world.read(client.setting.pools["sol/usdt"].address).data)  # type: ignore[union-attr]
    by_mint = {"memcmp": {"offset": 40, "bytes": str(USDC)}}
    by_tag = {"memcmp": {"offset": 0, "bytes": base64.b64encode(POOL_TAG).decode(), "encoding": "base64"}}
    config = {**BASE64, "filters": [by_mint, by_tag, {"dataSize": size}]}
    found = await client.call("getProgramAccounts", str(PROGRAM), config)
    usdc_second = {name for name, each in client.setting.pools.items() if each.mints[1] == USDC}
    assert {each["pubkey"] for each in found} == {str(client.setting.pools[name].address) for name in usdc_second}
    assert await client.call("getProgramAccounts", str(PROGRAM), {**BASE64, "filters": [{"dataSize": size + 1}]}) == []
    with pytest.raises(RpcRefused, match="filters"):
        await client.call("getProgramAccounts", str(PROGRAM), {"filters": [{"newest": 1}]})


async def test_token_accounts_are_found_by_owner_and_told_in_units(client: Client) -> None:
    found = await client.value("getTokenAccountsByOwner", str(client.wallet), {"programId": str(TOKEN)},
                               {"encoding": "jsonParsed"})  # fmt: skip
    amounts = {
        each["account"]["data"]["parsed"]["info"]["mint"]: each["account"]["data"]["parsed"]["info"]["tokenAmount"]
        for each in found
    }
    assert amounts[str(USDC)] == {
        "amount": "10000000000", "decimals": 6, "uiAmount": 10_000.0, "uiAmountString": "10000",
    }  # fmt: skip
    only = await client.value("getTokenAccountsByOwner", str(client.wallet), {"mint": str(USDC)}, BASE64)
    assert [each["pubkey"] for each in only] == [str(client.account(USDC))]
    balance = await client.value("getTokenAccountBalance", str(client.account(USDC)))
    assert balance["amount"] == "10000000000"
    with pytest.raises(RpcRefused, match="could not find account"):
        await client.value("getTokenAccountBalance", str(named("nobody")))


async def test_the_largest_holders_come_first(client: Client) -> None:
    found = await client.value("getTokenLargestAccounts", str(USDC))
    amounts = [int(each["amount"]) for each in found]
    assert amounts == sorted(amounts, reverse=True)
    assert found[0]["address"] == str(client.setting.pools["sol/usdc deep"].vaults[1])
    assert (await client.value("getTokenSupply", str(USDC)))["amount"] == str(sum(amounts))


async def test_a_token_2022_mint_shows_its_transfer_fee(client: Client) -> None:
    value = await client.value("getAccountInfo", str(client.setting.taxed), BASE64)
    assert value["owner"] == str(TOKEN_2022)
    fee = transfer_fee_of(client.world.read(client.setting.taxed), 0)
    assert (fee.bps, fee.most) == (100, 5_000_000_000)


async def test_encodings_are_those_that_were_asked_for(client: Client) -> None:
    key = str(client.account(USDC))
    sliced = await client.value("getAccountInfo", key, {**BASE64, "dataSlice": {"offset": 0, "length": 32}})
    assert base64.b64decode(sliced["data"][0]) == bytes(USDC)
    with pytest.raises(RpcRefused, match="Base64"):
        await client.value("getAccountInfo", key, {"encoding": "base58"})
    mint = await client.value("getAccountInfo", str(USDC), {"encoding": "base58"})
    assert base58.decode(mint["data"][0])[44] == 6


async def test_rent_and_airdrops_are_real(client: Client) -> None:
    assert await client.call("getMinimumBalanceForRentExemption", 165) == 2_039_280
    other = named("airdropped")
    signature = await client.call("requestAirdrop", str(other), 5 * 10**9)
    client.world.step()
    assert (await client.status(signature))["err"] is None
    assert await client.value("getBalance", str(other), {"commitment": "processed"}) == 5 * 10**9


async def test_what_is_given_between_slots_is_there_at_once(client: Client) -> None:
    other = named("heir")
    give_lamports(client.world, other, 10**9)
    key = open_tokens(client.world, other, USDC)
    assert await client.value("getBalance", str(other), {"commitment": "processed"}) == 10**9
    assert (await client.value("getTokenAccountBalance", str(key), {"commitment": "processed"}))["amount"] == "0"


async def test_a_vault_has_an_address_of_its_own(client: Client) -> None:
    authority = named("many vaults")
    for mint in (USDC, WRAPPED_SOL, client.setting.taxed):
        for number in range(2):
            key = named(f"vault {mint} {number}")
            open_vault(client.world, key, authority, mint, 7 + number)
            balance = await client.value("getTokenAccountBalance", str(key), {"commitment": "processed"})
            assert balance["amount"] == str(7 + number)
    config = {**BASE64, "commitment": "processed"}
    found = await client.value("getTokenAccountsByOwner", str(authority), {"programId": str(TOKEN)}, config)
    assert len(found) == 4

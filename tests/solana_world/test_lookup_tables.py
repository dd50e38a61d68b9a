"""Lookup tables by their real program: made, extended, used by v0 transactions one slot later."""

import pytest
from solders.address_lookup_table_account import AddressLookupTable, AddressLookupTableAccount
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from kernel.rpc.rpc_errors import RpcRefused
from tests.solana_world.addresses import LOOKUP_TABLES, SYSTEM, USDC, WRAPPED_SOL, named
from tests.solana_world.client import Client, pay
from tests.solana_world.genesis import give_tokens

SOL = 10**9


def _create(client: Client, slot: int) -> tuple[Instruction, Pubkey]:
    key, bump = Pubkey.find_program_address([bytes(client.wallet), slot.to_bytes(8, "little")], LOOKUP_TABLES)
    metas = [
        AccountMeta(key, False, True), AccountMeta(client.wallet, True, False), AccountMeta(client.wallet, True, True),
        AccountMeta(SYSTEM, False, False),
    ]  # fmt: skip
    return Instruction(LOOKUP_TABLES, bytes(4) + slot.to_bytes(8, "little") + bytes([bump]), metas), key


def _extend(client: Client, key: Pubkey, addresses: list[Pubkey]) -> Instruction:
    metas = [
        AccountMeta(key, False, True), AccountMeta(client.wallet, True, False), AccountMeta(client.wallet, True, True),
        AccountMeta(SYSTEM, False, False),
    ]  # fmt: skip
    data = b"\2\0\0\0" + len(addresses).to_bytes(8, "little") + b"".join(bytes(each) for each in addresses)
    return Instruction(LOOKUP_TABLES, data, metas)


async def _table(client: Client, addresses: list[Pubkey]) -> AddressLookupTableAccount:
    create, key = _create(client, client.world.chain.tip.slot)
    assert (await client.land(client.sign([create, _extend(client, key, addresses)])))["err"] is None
    account = client.world.read(key)
    assert account is not None
    return AddressLookupTableAccount(key, list(AddressLookupTable.deserialize(account.data).addresses))


async def test_a_swap_finds_its_accounts_in_a_table(client: Client) -> None:
    give_tokens(client.world, client.wallet, WRAPPED_SOL, SOL)
    swap = client.swap("sol/usdc deep", SOL)
    keys = [each.pubkey for each in swap.accounts if not each.is_signer]
    table = await _table(client, keys)
    client.world.step(3)
    transaction = client.sign([swap], tables=[table])
    assert len(bytes(transaction)) < len(bytes(client.sign([swap])))
    assert (await client.land(transaction, 3))["confirmationStatus"] == "confirmed"
    config = {"encoding": "json", "maxSupportedTransactionVersion": 0, "commitment": "confirmed"}
    found = await client.call("getTransaction", str(transaction.signatures[0]), config)
    loaded = found["meta"]["loadedAddresses"]
    pool = client.setting.pools["sol/usdc deep"]
    assert str(pool.address) in loaded["writable"] and str(USDC) in loaded["readonly"]
    assert found["transaction"]["message"]["addressTableLookups"][0]["accountKey"] == str(table.key)
    assert len(found["meta"]["preBalances"]) == len(transaction.message.account_keys) + len(
        set(keys) - {swap.program_id}
    )


async def test_entries_of_the_same_slot_cannot_be_used_yet(client: Client) -> None:
    table = await _table(client, [named("a"), named("b")])
    transaction = client.sign([pay(client.wallet, named("a"), SOL)], tables=[table])
    with pytest.raises(RpcRefused, match="invalid index"):
        await client.send(transaction)
    client.world.step()
    await client.send(transaction)
    client.world.step()
    assert (await client.status(str(transaction.signatures[0])))["err"] is None


async def test_a_table_that_does_not_exist_is_refused(client: Client) -> None:
    table = AddressLookupTableAccount(named("no table"), [named("a")])
    with pytest.raises(RpcRefused, match="doesn't exist"):
        await client.send(client.sign([pay(client.wallet, named("a"), SOL)], tables=[table]))


async def test_a_table_needs_a_recent_slot(client: Client) -> None:
    create, _ = _create(client, client.world.slot + 5)
    status = await client.land(client.sign([create]))
    assert status["err"] == {"InstructionError": [0, "InvalidInstructionData"]}

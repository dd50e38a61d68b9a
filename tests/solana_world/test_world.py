"""The chain as such: other traders, determinism, the undo history, a process of its own, a clock."""

import asyncio
import json
import signal
import sys
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.account import Account
from solders.compute_budget import set_compute_unit_price
from solders.litesvm import LiteSVM
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from tests.shared_data import PROJECT
from tests.solana_world.account_store import AccountStore
from tests.solana_world.addresses import SYSTEM, WRAPPED_SOL, associated, named
from tests.solana_world.chain import epoch_of
from tests.solana_world.client import open_client, pay
from tests.solana_world.faults import random_script
from tests.solana_world.genesis import give_tokens, keypair, token_program_of
from tests.solana_world.options import WorldOptions
from tests.solana_world.setting import SOL, Setting, add_trader, furnish, give_wallet
from tests.solana_world.world import World

SVM = LiteSVM()


def _conserved() -> tuple[World, Setting]:
    world = World(WorldOptions(seed=11))
    setting = furnish(world)
    wallet = keypair(world, "conserving").pubkey()
    give_wallet(world, setting, wallet)
    for mint in (WRAPPED_SOL, setting.taxed):
        give_tokens(world, wallet, mint, 10**12)
    return world, setting


CONSERVED = _conserved()
CONSERVED_MINTS = (WRAPPED_SOL, CONSERVED[1].usdc, CONSERVED[1].taxed)


def _busy_world(seed: int, slots: int = 60) -> tuple[World, list[str]]:
    slot_faults = tuple(each for each in random_script(seed, 40, within=slots) if each.where == "slot")
    world = World(WorldOptions(seed=seed, faults=slot_faults))
    setting = furnish(world)
    for name in ("one", "two"):
        add_trader(world, setting, name, every_slots=2)
    world.step(slots)
    keys = [key for each in setting.pools.values() for key in (each.address, *each.vaults)]
    return world, [str(world.read(key)) for key in keys]


def test_a_seed_makes_the_same_world() -> None:
    (one, state), (other, again), (_, different) = _busy_world(3), _busy_world(3), _busy_world(4)
    assert state == again
    assert [each.signature for each in one.history.since(0)] == [each.signature for each in other.history.since(0)]
    assert one.faults.fired == other.faults.fired and one.faults.fired
    assert state != different


def test_traders_move_pools_apart_so_that_a_cycle_pays() -> None:
    world = World(WorldOptions(seed=2))
    setting = furnish(world)
    add_trader(world, setting)
    deep, thin = setting.pools["sol/usdc deep"], setting.pools["sol/usdc thin"]
    best = 0
    for _ in range(150):
        world.step()
        for first, second in ((deep, thin), (thin, deep)):
            usd = first.quote(world.read, WRAPPED_SOL, SOL, world.now_s, epoch_of(world.slot))
            back = second.quote(world.read, second.mints[1], usd, world.now_s, epoch_of(world.slot))
            best = max(best, back - SOL)
    assert best > 0
    landed = world.history.since(0)
    assert len(landed) > 20 and all(each.err is None for each in landed)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("pwwwnr"), st.integers(0, 3), st.integers(0, 5)), max_size=40))
def test_every_slot_of_the_fork_reads_as_it_was(steps: list[tuple[str, int, int]]) -> None:
    """Against a model that copies everything: w writes, n begins a slot, r rolls back, p forgets."""
    keys = [Pubkey.from_bytes(bytes([number]) * 32) for number in range(1, 5)]
    store = AccountStore(SVM)
    for key in keys:
        store.set(key, None)
    now: dict[Pubkey, int | None] = dict.fromkeys(keys)
    past: dict[int, dict[Pubkey, int | None]] = {0: dict(now)}
    store.slot = slot = 1
    oldest = 0

    def lamports(account: Account | None) -> int | None:
        return None if account is None else account.lamports

    for what, which, number in steps:
        if what == "w":
            store.put(keys[which], Account(number, b"", SYSTEM, False, 0) if number else None)
            now[keys[which]] = number or None
        elif what == "n":
            past[slot] = dict(now)
            slot += 1 + number % 2
            store.slot = slot
        elif what == "r":
            target = sorted(past)[-1 - number % len(past)]
            if target >= oldest:
                store.roll_back(target)
                now = dict(past[target])
                past = {at: state for at, state in past.items() if at <= target}
                slot += 1
                store.slot = slot
        else:
            oldest = max(oldest, sorted(past)[-1 - min(number, len(past) - 1)])
            store.forget(oldest)
        for at, state in past.items():
            if at >= oldest:
                assert {each: lamports(store.get(each, at)) for each in keys} == state
        assert {each: lamports(store.get(each)) for each in keys} == now


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(("pay", "swap", "back", "taxed")), st.integers(0, 10**12), st.integers(0, 200_000)),
        min_size=1, max_size=4,
    ),
    st.integers(0, 100_000),
)  # fmt: skip
def test_a_transaction_makes_no_value(steps: list[tuple[str, int, int]], price: int) -> None:
    """Lamports of all its accounts change by the fee alone, tokens not at all but for what a mint withholds."""
    world, setting = CONSERVED
    wallet = keypair(world, "conserving")
    accounts = {mint: associated(wallet.pubkey(), mint, token_program_of(world, mint)) for mint in CONSERVED_MINTS}
    calls = [set_compute_unit_price(price)]
    for what, amount, least in steps:
        if what == "pay":
            calls.append(pay(wallet.pubkey(), named("conserved payee"), amount))
            continue
        name = "taxed/usdc" if what == "taxed" else "sol/usdc thin"
        market = setting.pools[name]
        mint_in, mint_out = market.mints[::-1] if what == "back" else market.mints
        around = accounts[mint_in], accounts[mint_out]
        calls.append(market.swap(world.read, wallet.pubkey(), mint_in, amount, least, *around))
    message = MessageV0.try_compile(wallet.pubkey(), calls, [], world.chain.tip.blockhash)
    world.step()
    transaction = VersionedTransaction(message, [wallet])
    landed = world.include(transaction)
    assert sum(new - old for old, new in landed.lamports) == -landed.fee
    totals: dict[Pubkey, int] = {}
    for pair in landed.holdings:
        for holding, sign in zip(pair, (-1, 1), strict=True):
            if holding is not None:
                totals[holding.mint] = totals.get(holding.mint, 0) + sign * holding.amount
    assert all(total == 0 for mint, total in totals.items() if mint != setting.taxed)
    assert totals.get(setting.taxed, 0) <= 0
    if landed.err is not None:
        assert landed.lamports[0][0] - landed.lamports[0][1] == landed.fee
        assert all(old == new for old, new in landed.holdings)


@pytest.mark.slow
async def test_a_clock_makes_slots() -> None:
    async with open_client(slot_ms=20) as client:
        first = client.world.slot
        client.server.tick()
        client.server.tick()
        async with asyncio.timeout(5):
            while client.world.slot < first + 10:
                await asyncio.sleep(0.01)
        begun, slot = asyncio.get_running_loop().time(), client.world.slot
        await asyncio.sleep(0.4)
        made = client.world.slot - slot
        assert made <= (asyncio.get_running_loop().time() - begun) / 0.02 + 6


@pytest.mark.slow
async def test_it_runs_as_a_process_of_its_own() -> None:
    wallet = str(named("guest"))
    arguments = ["-m", "tests.solana_world", "--port", "0", "--seed", "7", "--slot-ms", "20", "--wallet", wallet]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=PROJECT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            ready = json.loads(await process.stdout.readline())

        async def ask(method: str, *params: Any) -> Any:
            body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            async with aiohttp.ClientSession() as session, session.post(ready["urls"]["rpc"], json=body) as response:
                return (await response.json())["result"]

        assert (await ask("getBalance", wallet))["value"] == 100 * SOL
        first = await ask("getSlot")
        async with asyncio.timeout(5):
            while await ask("getSlot") <= first:
                await asyncio.sleep(0.02)
    finally:
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0

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
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey

from tests.shared_data import PROJECT
from tests.solana_world.account_store import AccountStore
from tests.solana_world.addresses import SYSTEM, WRAPPED_SOL, named
from tests.solana_world.chain import epoch_of
from tests.solana_world.client import open_client
from tests.solana_world.faults import random_script
from tests.solana_world.options import WorldOptions
from tests.solana_world.setting import SOL, add_trader, furnish
from tests.solana_world.world import World

SVM = LiteSVM()


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

"""The block engine: base64, one request a second for everything, both spellings, and accounts drawn by seed."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from adapters.jito.block_engine import BlockEngine
from adapters.jito.bundle_answers import (
    Envelope,
    read_bundle_id,
    read_bundle_statuses,
    read_inflight_statuses,
    read_tip_accounts,
)  # fmt: skip
from adapters.jito.request_budget import WAITING_MAX, RequestBudget
from kernel.errors import BadInput, BadWire, FeedError, KernelError
from kernel.secrets.secret import Secret
from tests.adapters.solana.fake_chain import FakeChain

ACCOUNTS = [str(Pubkey.from_bytes(bytes([each] * 32))) for each in range(1, 9)]


@pytest.fixture
async def chain() -> AsyncIterator[FakeChain]:
    async with FakeChain() as made:
        yield made


def engine(chain: FakeChain, seed: int = 1, **changes: Any) -> BlockEngine:
    return BlockEngine(chain.pool, RequestBudget(0.001), lambda: 1, seed=seed, **changes)


async def test_a_bundle_is_base64_with_the_key_in_a_header(chain: FakeChain) -> None:
    chain.answers["sendBundle"] = "c0" * 32
    made = engine(chain, uuid=Secret("11111111-2222-3333-4444-555555555555"))
    assert await made.send_bundle([b"one", b"two"]) == "c0" * 32
    assert chain.seen[-1] == ("sendBundle", [["b25l", "dHdv"], {"encoding": "base64"}])
    assert chain.headers[-1]["x-jito-auth"] == "11111111-2222-3333-4444-555555555555"
    for count in (0, 6):
        with pytest.raises(BadInput):
            await made.send_bundle([b"x"] * count)


async def test_tip_accounts_are_asked_once_and_drawn_by_seed_and_order(chain: FakeChain) -> None:
    chain.answers["getTipAccounts"] = ACCOUNTS
    first, same, other = engine(chain), engine(chain), engine(chain, seed=2)
    drawn = [await first.tip_account(f"o{each}") for each in range(40)]
    assert chain.methods().count("getTipAccounts") == 1
    assert drawn == [await same.tip_account(f"o{each}") for each in range(40)]
    assert drawn != [await other.tip_account(f"o{each}") for each in range(40)]
    assert set(drawn) == set(ACCOUNTS)


@pytest.mark.parametrize("answer", [[], ["x"], ["1" * 44 + "0"], ACCOUNTS * 5])
async def test_accounts_that_are_none_are_refused(answer: list[str], chain: FakeChain) -> None:
    chain.answers["getTipAccounts"] = answer
    with pytest.raises(BadWire):
        await engine(chain).tip_account("o")


@pytest.mark.parametrize("is_snake", [True, False])
async def test_statuses_are_read_in_both_spellings(is_snake: bool, chain: FakeChain) -> None:
    names = ("bundle_id", "confirmation_status", "landed_slot") if is_snake else (
        "bundleId", "confirmationStatus", "landedSlot",
    )  # fmt: skip
    chain.answers["getBundleStatuses"] = {"context": {"slot": 5}, "value": [
        {names[0]: "b1", "transactions": ["s1"], "slot": 7, names[1]: "finalized", "err": {"Ok": None}}, None,
    ]}  # fmt: skip
    chain.answers["getInflightBundleStatuses"] = {"context": {"slot": 5}, "value": [
        {names[0]: "b1", "status": "Landed", names[2]: 7}, {names[0]: "b2", "status": "Pending", names[2]: None},
    ]}  # fmt: skip
    made = engine(chain)
    status, absent = await made.bundle_statuses(["b1", "b2"])
    assert absent is None and status is not None
    assert (status.bundle_id, status.slot, status.confirmation, status.is_ok) == ("b1", 7, "finalized", True)
    assert [(each.state, each.landed_slot) for each in await made.inflight_statuses(["b1", "b2"])] == [
        ("landed", 7), ("pending", None),
    ]  # fmt: skip
    chain.answers["getBundleStatuses"] = None
    assert await made.bundle_statuses(["b1"]) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["bundle_id", "bundleId", "transactions", "slot", "status", "err", "Ok", "landed_slot"]), inner,
        max_size=6,
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.lists(JSON, max_size=5))
def test_any_status_is_read_or_refused_by_name(values: list[Any]) -> None:
    for read in (read_bundle_statuses, read_inflight_statuses):
        with contextlib.suppress(KernelError):
            read(Envelope(values))


@given(st.lists(st.text(max_size=50), max_size=10), st.text(max_size=200))
def test_any_receipt_and_account_is_read_or_refused_by_name(accounts: list[str], receipt: str) -> None:
    for read, value in ((read_tip_accounts, accounts), (read_bundle_id, receipt)):
        with contextlib.suppress(KernelError):
            read(value)  # type: ignore[operator]


async def test_requests_are_spaced_and_sends_go_first() -> None:
    loop = asyncio.get_running_loop()
    budget = RequestBudget(0.03)
    begun_s = loop.time()
    order: list[tuple[str, float]] = []

    async def ask(name: str, is_urgent: bool) -> None:
        await budget.turn(is_urgent=is_urgent)
        order.append((name, loop.time() - begun_s))

    await asyncio.gather(*(ask(f"poll{each}", False) for each in range(3)), ask("send", True))
    assert [name for name, _ in order] == ["poll0", "send", "poll1", "poll2"]
    assert all(late - early >= 0.028 for (_, early), (_, late) in itertools.pairwise(order))


async def test_after_too_many_nothing_leaves_for_a_while_and_who_gave_up_costs_no_turn() -> None:
    loop = asyncio.get_running_loop()
    budget = RequestBudget(0.01)
    await budget.turn()
    budget.pause(0.08)
    begun_s = loop.time()
    quitter = asyncio.create_task(budget.turn())
    patient = asyncio.create_task(budget.turn())
    await asyncio.sleep(0)
    quitter.cancel()
    await patient
    assert 0.075 <= loop.time() - begun_s < 0.5
    waiting = [asyncio.create_task(budget.turn()) for _ in range(WAITING_MAX)]
    budget.pause(5.0)
    await asyncio.sleep(0)
    with pytest.raises(FeedError):
        await budget.turn()
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


@pytest.mark.slow
async def test_a_429_pauses_everything(chain: FakeChain) -> None:
    chain.answers["sendBundle"] = {"__error": {"code": -32097, "message": "Network congested. Rate limited"}}
    budget = RequestBudget(0.001)
    made = BlockEngine(chain.pool, budget, lambda: 1, seed=1)
    with pytest.raises(KernelError):
        await made.send_bundle([b"x"])
    assert budget._next_s > asyncio.get_running_loop().time() + 0.2

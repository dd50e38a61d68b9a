"""Hostile answers of a node: typed errors and nothing else, whatever comes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.solana.account_bytes import account_of
from adapters.solana.blockhash import BlockhashKeeper
from adapters.solana.error_text import error_text
from adapters.solana.lookup_tables import LookupTable, decode_table
from adapters.solana.node import SolanaNode
from adapters.solana.outcome import outcome_of
from adapters.solana.rpc_answers import ConfirmedTransaction, RawAccount
from adapters.solana.slot_clock import SlotClock
from kernel.errors import BadWire, KernelError
from kernel.rpc.rpc_errors import RpcUnavailable
from tests.adapters.solana.fake_chain import FakeChain

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from([
            "context", "slot", "value", "err", "blockhash", "lastValidBlockHeight", "data", "owner", "lamports",
            "confirmationStatus", "meta", "fee", "transaction", "message", "accountKeys", "unitsConsumed", "logs",
            "absoluteSlot", "blockHeight", "epoch", "prioritizationFee", "preBalances", "postBalances",
        ]), inner, max_size=8,
    ),
    max_leaves=15,
)  # fmt: skip


@pytest.fixture
async def chain() -> AsyncIterator[FakeChain]:
    async with FakeChain() as made:
        yield made


@pytest.mark.slow
def test_whatever_a_node_answers_only_typed_errors_come_out() -> None:
    async def ask(values: list[Any]) -> None:
        async with FakeChain() as chain:
            chain.pool.apply(msgspec.structs.replace(chain.pool.settings, call_timeout_s=0.1, breaker_failures=100))
            node = SolanaNode(chain.pool)
            calls = [
                ("getLatestBlockhash", node.latest_blockhash), ("getEpochInfo", node.epoch_info),
                ("getMultipleAccounts", lambda: node.accounts(["a", "b"])),
                ("getSignatureStatuses", lambda: node.statuses(["s"])),
                ("getTransaction", lambda: node.transaction("s")),
                ("simulateTransaction", lambda: node.simulate(b"x", accounts=["a"])),
                ("sendTransaction", lambda: node.send(b"x")),
                ("getRecentPrioritizationFees", lambda: node.priority_fees(["a"])),
            ]  # fmt: skip
            for (method, call), value in zip(calls, values, strict=True):
                chain.answers[method] = lambda _, value=value: value
                with contextlib.suppress(KernelError):
                    await call()

    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(JSON, min_size=8, max_size=8))
    def check(values: list[Any]) -> None:
        asyncio.run(ask(values))

    check()


def _mostly(kind: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(kind, kind, kind, JSON)


BALANCES = st.lists(st.integers(0, 2**40), max_size=4)
TOKENS = st.lists(
    st.fixed_dictionaries({
        "accountIndex": st.integers(0, 5), "mint": st.just("m" * 40), "owner": st.sampled_from(["w" * 40, None]),
        "uiTokenAmount": st.fixed_dictionaries(
            {"amount": st.integers(0, 2**64).map(str), "decimals": st.integers(0, 9)}
        ),
    }), max_size=3,
)  # fmt: skip
TRANSACTIONS = st.fixed_dictionaries({
    "slot": _mostly(st.integers(0, 99)),
    "transaction": st.fixed_dictionaries({
        "signatures": _mostly(st.just(["s"])),
        "message": st.fixed_dictionaries({
            "accountKeys": _mostly(st.lists(st.just({"pubkey": "w" * 40}), max_size=4)),
        }),
    }),
    "meta": st.fixed_dictionaries({
        "fee": _mostly(st.integers(0, 9)), "err": JSON, "preBalances": _mostly(BALANCES),
        "postBalances": _mostly(BALANCES), "preTokenBalances": _mostly(TOKENS), "postTokenBalances": _mostly(TOKENS),
        "logMessages": _mostly(st.lists(st.text(max_size=5), max_size=2)),
    }),
})  # fmt: skip


@given(TRANSACTIONS)
def test_any_transaction_is_an_outcome_or_refused(value: Any) -> None:
    try:
        found = msgspec.convert(value, ConfirmedTransaction)
        outcome = outcome_of(found, "w" * 40, ["w" * 40], "t" * 40, "s")
    except (msgspec.ValidationError, BadWire):
        return
    assert isinstance(error_text(outcome.err, outcome.logs), str)


@given(JSON, st.lists(st.text(max_size=300), max_size=5))
def test_an_error_is_always_short_printable_text(err: Any, logs: list[str]) -> None:
    text = error_text(err, logs)
    assert len(text) <= 600 and text.isprintable()


@given(st.text(max_size=30) | st.just("YWJj"), st.sampled_from(["base64", "base58", ""]), st.integers(0, 9))
def test_any_account_is_bytes_or_refused(text: str, encoding: str, lamports: int) -> None:
    body = msgspec.json.encode({"data": [text, encoding], "owner": "1" * 32, "lamports": lamports})
    try:
        found = account_of(msgspec.json.decode(body, type=RawAccount))
    except (msgspec.ValidationError, BadWire):
        return
    assert (found is None) == (lamports == 0)
    assert found is None or encoding == "base64"


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_a_lookup_table_or_refused(data: bytes, is_headed: bool) -> None:
    from adapters.solana.account_bytes import AccountBytes
    from adapters.solana.lookup_tables import TABLE_PROGRAM

    if is_headed:
        data = b"\x01\x00\x00\x00" + b"\xff" * 8 + data
    try:
        table = decode_table("t", AccountBytes(TABLE_PROGRAM, 1, data))
    except BadWire:
        return
    assert len(table.addresses) == (len(data) - 56) // 32


def test_entries_of_the_current_slot_are_not_used() -> None:
    from solders.pubkey import Pubkey

    keys = tuple(Pubkey.from_bytes(bytes([each] * 32)) for each in range(3))
    table = LookupTable(address=str(keys[0]), last_extended_slot=50, last_extended_start=2, addresses=keys)
    assert len(table.usable(50, ()).addresses) == 2 and len(table.usable(51, ()).addresses) == 3
    assert keys[1] not in table.usable(51, [keys[1]]).addresses
    assert table.usable(51, [keys[1]]).addresses[2] == keys[2]


async def test_a_node_that_is_behind_is_no_answer(chain: FakeChain) -> None:
    node = SolanaNode(chain.pool)
    with pytest.raises(KernelError):
        await node.accounts(["4" * 44], min_slot=chain.slot + 1)
    chain.answers["getMultipleAccounts"] = {"context": {"slot": 1}, "value": [None]}
    with pytest.raises(BadWire, match="slot 5 or later"):
        await node.accounts(["4" * 44], min_slot=5)
    chain.answers["getMultipleAccounts"] = {"context": {"slot": 9}, "value": []}
    with pytest.raises(BadWire, match="expected 1 accounts"):
        await node.accounts(["4" * 44])


async def test_more_than_a_hundred_accounts_come_in_order(chain: FakeChain) -> None:
    names = [f"{each:04d}".replace("0", "a") + "4" * 36 for each in range(250)]
    for number, name in enumerate(names):
        chain.put(name, b"%d" % number)
    found = await SolanaNode(chain.pool).accounts(names)
    assert [each and each.data for _, each in found] == [b"%d" % each for each in range(250)]
    assert chain.methods().count("getMultipleAccounts") == 3


async def test_a_blockhash_is_kept_and_never_goes_back(chain: FakeChain) -> None:
    now = [10**18]
    keeper = BlockhashKeeper(SolanaNode(chain.pool), lambda: now[0])
    first = await keeper.get()
    assert await keeper.get() is first
    chain.height -= 100
    assert await keeper.refresh() is first
    now[0] += 21 * 10**9
    chain.height += 300
    assert (await keeper.get()).last_valid_height == first.last_valid_height + 200
    now[0] += 21 * 10**9
    chain.broken["getLatestBlockhash"] = 1000
    with pytest.raises(RpcUnavailable):
        await keeper.get()


def test_the_slot_clock_measures_and_does_not_believe_everything() -> None:
    import struct

    clock = SlotClock()
    assert clock.time_of(5) == 0 and clock.age_s(1) == float("inf")
    for slot in range(1_000, 1_200):
        clock.see(slot, 10**18 + (slot - 1_000) * 500_000_000)
    clock.see(1_100, 1)
    assert clock.slot == 1_199 and 475_000_000 <= clock.slot_ns <= 500_000_000
    assert clock.time_of(1_201) == 10**18 + 199 * 500_000_000 + 2 * clock.slot_ns
    now_ns = 10**18 + 100 * 10**9
    clock.see_sysvar(struct.pack("<QqQQq", 1_300, 0, 812, 813, now_ns // 10**9 - 3), now_ns)
    assert clock.epoch == 812 and clock.slot == 1_300 and clock.chain_s(now_ns + 10**9) == now_ns // 10**9 - 2
    for data in (b"", struct.pack("<QqQQq", 1, 0, 1, 1, 5)):
        with pytest.raises(BadWire):
            clock.see_sysvar(data, now_ns)
    assert clock.epoch == 812

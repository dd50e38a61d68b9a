"""Whatever is asked, the node answers by the protocol: a result or an error with a code."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.solana_world import base58
from tests.solana_world.addresses import TOKEN, USDC
from tests.solana_world.client import encoded
from tests.solana_world.genesis import airdrop, keypair
from tests.solana_world.json_rpc_server import METHODS, answer_call
from tests.solana_world.rpc_error import RpcError
from tests.solana_world.setting import furnish
from tests.solana_world.standin_constant_product import PROGRAM
from tests.solana_world.subscriptions import KINDS
from tests.solana_world.wire_transaction import decode_transaction
from tests.solana_world.world import World

WORLD = World()
SETTING = furnish(WORLD)
airdrop(WORLD, keypair(WORLD, "fuzz").pubkey(), 10**9)
SENT = WORLD.mempool.transactions[0].transaction
WORLD.step(3)

NAMES = ("encoding", "commitment", "filters", "dataSlice", "minContextSlot", "mint", "programId", "limit", "before",
         "accounts", "addresses", "memcmp", "dataSize", "offset", "length", "bytes", "sigVerify", "mentions",
         "replaceRecentBlockhash", "maxSupportedTransactionVersion", "preflightCommitment",
         "skipPreflight")  # fmt: skip
TEXTS = (str(USDC), str(TOKEN), str(PROGRAM), str(SENT.signatures[0]), encoded(SENT), "base64", "base58", "jsonParsed",
         "json", "processed", "finalized", "all", "", "1", "\0", "é" * 40)  # fmt: skip
simple = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.sampled_from(TEXTS)
    | st.text(max_size=20)
)
values = st.recursive(
    simple,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(METHODS)), st.lists(values, max_size=4) | values)
def test_any_parameters_are_answered(method: str, params: Any) -> None:
    answer = answer_call(WORLD, {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, [])
    assert answer["id"] == 1
    assert ("result" in answer) != ("error" in answer)
    if "error" in answer:
        assert answer["error"]["code"] < -32000 and answer["error"]["message"]


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(values)
def test_anything_at_all_is_answered(call: Any) -> None:
    assert answer_call(WORLD, call, [])["error"]["code"] == -32600


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(KINDS)), st.lists(values, max_size=3))
def test_any_subscription_is_taken_or_refused(kind: str, params: list[Any]) -> None:
    try:
        list(KINDS[kind](WORLD, params).first())
    except RpcError as error:
        assert error.code < -32000


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=300)
    | st.tuples(st.integers(0, len(bytes(SENT)) - 1), st.binary(max_size=2)).map(
        lambda change: bytes(SENT)[: change[0]] + change[1] + bytes(SENT)[change[0] + len(change[1]) :]
    )
)
def test_any_bytes_are_a_transaction_or_an_error(data: bytes) -> None:
    before = [str(WORLD.read(each)) for each in SETTING.pools["sol/usdc deep"].vaults]
    text = base58.encode(data)
    assert base58.decode(text) == data
    try:
        decode_transaction(text, "base58")
    except RpcError as error:
        assert error.code == -32602
        return
    answer_call(WORLD, {"jsonrpc": "2.0", "id": 1, "method": "simulateTransaction", "params": [text]}, [])
    answer_call(WORLD, {"jsonrpc": "2.0", "id": 1, "method": "sendTransaction", "params": [text]}, [])
    assert [str(WORLD.read(each)) for each in SETTING.pools["sol/usdc deep"].vaults] == before


@pytest.mark.parametrize("text", ["0", "O", "l", "1" * 3_000, "é"])
def test_what_is_no_base58_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base58"):
        base58.decode(text)

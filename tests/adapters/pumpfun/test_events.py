"""Events: found wherever a program emitted them, believed only from the program itself, never an exception."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.pumpfun.addresses import PUMP, PUMP_SWAP
from adapters.pumpfun.event_records import CURVE_EVENTS, CompleteEvent, CreateEvent, TradeEvent
from adapters.pumpfun.events import decode_event, events_in_logs, events_in_transaction
from adapters.pumpfun.transaction import SELF_CALL, account_keys, from_base58
from adapters.solana.tracked_pool import UnknownLayout
from tests.shared_data import require_shared

ROUTER = "MAyhSmzXzV1pTf7LsNkrNwkWKTo4ougAJ1PPg47MD4e"
COMPLETE = CompleteEvent(user=str(PUMP), mint=ROUTER, bonding_curve=ROUTER, timestamp=-5, quote_mint=ROUTER)
DATA = next(each for each in CURVE_EVENTS if each.name == "CompleteEvent").encode(COMPLETE)
LINE = "Program data: " + base64.b64encode(DATA).decode()
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58(data: bytes) -> str:
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = BASE58[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\x00"))) + text


def transaction(program: str, data: bytes, **meta: Any) -> dict[str, Any]:
    calls = [{"index": 0, "instructions": [{"programId": program, "accounts": [], "data": base58(data)}]}]
    return {"meta": {"err": None, "innerInstructions": calls} | meta, "transaction": {"message": {"accountKeys": []}}}


@pytest.mark.parametrize("place", ["data/pumpfun", "data/solana/pumpfun"])
def test_a_recorded_buy_within_a_router_is_found(place: str) -> None:
    path = require_shared(f"{place}/raw_buy_tx_from_gettransaction.json")
    recorded = json.loads(path.read_text())["result"]
    (trade,) = events_in_transaction(recorded)
    assert isinstance(trade, TradeEvent)
    assert (trade.is_buy, trade.token_amount, trade.quote_amount) == (True, 445_377_137_871, 3_517_192)
    assert (trade.mint, trade.mayhem_mode) == ("4F4gGVBAWuKi3EpmYdhntXvCVFqZZqmrb1cqNGawpump", True)
    assert trade.real_quote_reserves == 25_148_140
    assert events_in_logs(recorded["meta"]["logMessages"]) == (trade,)


@pytest.mark.parametrize("place", ["data/pumpfun", "data/solana/pumpfun"])
def test_a_recorded_launch_with_its_first_buy_is_found(place: str) -> None:
    recorded = json.loads(require_shared(f"{place}/raw_create_tx_from_blocksubscribe.json").read_text())
    created, trade = events_in_transaction(recorded)
    assert isinstance(created, CreateEvent)
    assert isinstance(trade, TradeEvent)
    assert (created.symbol, created.mint) == ("NYXORA", trade.mint)
    assert (trade.sol_amount, trade.fee, trade.creator_fee) == (98_750_018, 938_126, 296_251)
    assert trade.virtual_quote_reserves == created.virtual_quote_reserves + trade.quote_amount
    assert events_in_logs(recorded["meta"]["logMessages"]) == (created, trade)
    assert str(PUMP) in account_keys(recorded)


def test_a_self_call_is_believed_from_its_own_program_alone() -> None:
    assert events_in_transaction(transaction(str(PUMP), SELF_CALL + DATA)) == (COMPLETE,)
    assert events_in_transaction(transaction(ROUTER, SELF_CALL + DATA)) == ()
    assert events_in_transaction(transaction(str(PUMP_SWAP), SELF_CALL + DATA)) == ()
    assert events_in_transaction(transaction(str(PUMP), DATA)) == ()


def test_a_failed_transaction_says_nothing() -> None:
    assert events_in_transaction(transaction(str(PUMP), SELF_CALL + DATA, err={"InstructionError": [0, 1]})) == ()
    assert events_in_transaction({"meta": {"innerInstructions": []}}) == ()


def test_logs_serve_where_inner_calls_were_not_recorded() -> None:
    logs = [f"Program {PUMP} invoke [1]", LINE, f"Program {PUMP} success"]
    assert events_in_transaction({"meta": {"err": None, "innerInstructions": None, "logMessages": logs}}) == (COMPLETE,)
    assert events_in_transaction({"meta": {"err": None, "innerInstructions": [], "logMessages": logs}}) == ()


@pytest.mark.parametrize(
    "lines",
    [
        [LINE],
        [f"Program {ROUTER} invoke [1]", LINE, f"Program {ROUTER} success"],
        [f"Program {ROUTER} invoke [1]", f"Program log: Program {PUMP} invoke [2]", LINE],
        [f"Program {PUMP} invoke [1]", f"Program {ROUTER} invoke [2]", LINE],
        [f"Program {PUMP} invoke [1]", f"Program {PUMP} success", LINE],
        [f"Program {PUMP} invoke [1]", f"Program {ROUTER} success", LINE],
        [f"Program {PUMP} invoke [1]", f"Program {PUMP} failed: custom program error: 0x1", LINE],
    ],
)
def test_a_log_line_that_another_program_printed_is_not_believed(lines: list[str]) -> None:
    assert events_in_logs(lines) == ()


def test_an_event_of_a_newer_program_is_read_as_far_as_it_is_known() -> None:
    assert decode_event(str(PUMP), DATA + b"\x01\x02\x03") == COMPLETE
    assert decode_event(str(PUMP), DATA[:-32]).quote_mint == "1" * 32


def test_a_followed_event_without_its_fields_is_an_unknown_layout() -> None:
    with pytest.raises(UnknownLayout, match="CompleteEvent"):
        decode_event(str(PUMP), DATA[:40])
    assert decode_event(str(PUMP), b"\x00" * 40) is None
    assert decode_event(ROUTER, DATA) is None


WORDS = st.sampled_from(
    (f"Program {PUMP} invoke [1]", f"Program {PUMP} success", "Program data: ", "Program data: AAAA", LINE, "x", "\x00")
)
LINES = st.one_of(WORDS, st.text(max_size=60), st.binary(max_size=90).map(lambda raw: f"Program data: {raw.hex()}"))


@given(st.lists(st.one_of(LINES, st.none(), st.integers()), max_size=30))
def test_any_log_lines_are_typed_events_or_nothing(lines: list[Any]) -> None:
    assert all(type(each).__name__.endswith("Event") for each in events_in_logs(lines))


NAMES = (
    *("meta", "err", "innerInstructions", "instructions", "data", "programId", "programIdIndex", "transaction"),
    *("message", "accountKeys", "loadedAddresses", "writable", "logMessages", "pubkey"),
)
ANY_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 9), st.text(max_size=8), st.just(base58(SELF_CALL + DATA))),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(NAMES), inner, max_size=5)),
    max_leaves=40,
)


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from(NAMES), ANY_JSON), ANY_JSON, st.integers(-2, 3))
def test_any_answer_is_typed_events_or_nothing(answer: dict[str, Any], body: Any, place: int) -> None:
    call = {"data": base58(SELF_CALL + DATA), "programIdIndex": place}
    meta = {"err": None, "innerInstructions": [answer, {"instructions": [call, answer]}], "loadedAddresses": body}
    for keys in (body, {"message": body}, {"message": {"accountKeys": body}}, [body, "base64"]):
        found = events_in_transaction({"meta": meta, "transaction": keys})
        assert isinstance(found, tuple)
    assert isinstance(events_in_transaction(answer), tuple)


@given(st.binary(max_size=60))
def test_base58_is_read_back(data: bytes) -> None:
    assert from_base58(base58(data)) == data


def test_base58_refuses_other_letters_and_lengths() -> None:
    assert from_base58("0OIl") is None
    assert from_base58("2" * 20_000) is None

"""The parts that need no server: buckets, breakers, windows, wire, wishes to be left alone, methods, settings."""

import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.rpc.breaker import Breaker
from adapters.rpc.heads import quantity
from adapters.rpc.json_rpc import RpcError, canonical, decode_answer, encode_request
from adapters.rpc.latencies import Latencies
from adapters.rpc.methods import kind_of
from adapters.rpc.outcomes import WINDOW_S, Outcomes
from adapters.rpc.rate_limit import RETRY_AFTER_S_MAX, is_rate_limit, retry_after_s
from adapters.rpc.settings import RpcSettings
from adapters.rpc.token_bucket import TokenBucket
from adapters.rpc.usage import UsageCounters
from bus.clock import NS_PER_HOUR
from kernel.errors import BadWire
from kernel.strategy import convert_settings

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**256), 2**256) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(
    rate=st.floats(0.1, 1e4), burst=st.integers(1, 1000), reserve=st.floats(0, 0.9),
    steps=st.lists(st.floats(0, 10), max_size=60),
)  # fmt: skip
def test_a_bucket_never_gives_more_than_its_burst_and_rate(
    rate: float, burst: int, reserve: float, steps: list[float]
) -> None:
    bucket, now_s, taken = TokenBucket(rate, burst, 0.0), 0.0, 0
    for step in steps:
        now_s += step
        wait_s = bucket.wait_s(now_s, reserve)
        is_taken = bucket.take(now_s, reserve)
        assert is_taken == (wait_s == 0.0)
        taken += is_taken
        assert taken <= burst + rate * now_s + 1e-6
        assert 0.0 <= bucket.left(now_s) <= 1.0


def test_a_bucket_keeps_its_reserve_and_says_how_long_to_wait() -> None:
    bucket = TokenBucket(2.0, 10, 0.0)
    assert [bucket.take(0.0, 0.2) for _ in range(9)] == [True] * 8 + [False]
    assert bucket.wait_s(0.0, 0.2) == 0.5
    assert bucket.take(0.0, 0.0)
    assert TokenBucket(1.0, 1, 0.0).take(0.0, 0.9), "a burst of one passes ordinary calls"


def test_a_breaker_opens_rests_longer_each_time_and_lets_one_trial_through() -> None:
    breaker = Breaker()

    def fail(now_s: float) -> bool:
        return breaker.fail(now_s, failures_max=3, cool_down_s=2.0, cool_down_s_max=5.0)

    assert [fail(0.0), fail(0.0), fail(0.0)] == [False, False, True]
    assert breaker.state(1.9) == "open" and not breaker.may_pass(1.9)
    assert not fail(1.0), "an answer to a request of before changes nothing"
    assert breaker.state(2.0) == "half_open" and breaker.may_pass(2.0)
    breaker.begin(2.0, trial_s=1.0)
    assert not breaker.may_pass(2.5)
    assert fail(2.5) and breaker.until_s == 2.5 + 4.0
    assert breaker.may_pass(6.5)
    breaker.begin(6.5, trial_s=1.0)
    assert breaker.may_pass(7.5), "a trial without an end does not block for ever"
    assert fail(7.5) and breaker.until_s == 7.5 + 5.0
    breaker.succeed()
    assert breaker.state(7.6) == "closed"
    assert not fail(8.0), "it counts anew"


def test_an_open_breaker_is_forced_at_most_twice_a_second() -> None:
    breaker = Breaker()
    breaker.fail(10.0, failures_max=1, cool_down_s=100.0, cool_down_s_max=100.0)
    assert breaker.force_wait_s(10.1) == 0.0
    breaker.begin(10.1, trial_s=1.0)
    assert breaker.force_wait_s(10.2) == pytest.approx(0.4)


def test_the_error_rate_forgets() -> None:
    outcomes = Outcomes()
    assert outcomes.error_rate(0.0) == 0.0
    for now_s in range(4):
        outcomes.add(now_s == 0, float(now_s))
    assert outcomes.error_rate(3.0) == 0.75
    assert outcomes.error_rate(1.5 + WINDOW_S) == 1.0
    assert outcomes.error_rate(100.0 + WINDOW_S) == 0.0


def test_the_sparkline_has_one_p99_a_minute_and_gaps_where_nothing_was_answered() -> None:
    latencies = Latencies()
    for number in range(100):
        latencies.add(number / 1000, 5.0)
    assert latencies.p99_ms() == 99.0
    latencies.add(0.5, 5.0 + 180.0)
    assert latencies.minutes(5.0 + 240.0) == (99.0, None, None, 500.0)


def test_a_call_that_was_given_up_never_makes_an_average_better() -> None:
    latencies = Latencies()
    latencies.add(1.0, 0.0)
    latencies.add_at_least(0.1)
    assert latencies.ewma_s == 1.0
    latencies.add_at_least(6.0)
    assert latencies.ewma_s == 2.0


@settings(max_examples=40)
@given(JSON, st.integers(1, 2**53))
def test_a_result_comes_back_exactly(value: object, request_id: int) -> None:
    raw = decode_answer(msgspec.json.encode({"jsonrpc": "2.0", "id": request_id, "result": value}), request_id)
    assert isinstance(raw, msgspec.Raw) and msgspec.json.decode(raw) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_an_answer_or_bad_wire(body: bytes) -> None:
    try:
        answer = decode_answer(body, 1)
    except BadWire:
        return
    assert isinstance(answer, msgspec.Raw | RpcError)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b'{"id":2,"result":1}', b'{"id":"1","result":1}', b'{"result":1}', b'{"id":1}',
        b'{"id":null,"result":1}', b'{"id":2,"error":{"code":1,"message":"x"}}', b"[" * 100_000,
        b'{"id":1,"result":' + b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_answer_to_this_call_is_bad_wire(body: bytes) -> None:
    with pytest.raises(BadWire):
        decode_answer(body, 1)


def test_a_request_has_its_id_and_big_integers_stay_exact() -> None:
    assert msgspec.json.decode(encode_request(7, "m", [2**256 - 1]))["params"] == [2**256 - 1]


@settings(max_examples=40)
@given(JSON)
def test_the_order_of_keys_does_not_matter(value: object) -> None:
    def turned(each: object) -> object:
        if isinstance(each, dict):
            return {key: turned(each[key]) for key in reversed(each)}
        return [turned(one) for one in each] if isinstance(each, list) else each

    assert canonical(msgspec.json.encode(value), "evm") == canonical(msgspec.json.encode(turned(value)), "evm")


def test_hex_is_equal_whatever_its_case_but_other_text_is_not() -> None:
    assert canonical(b'"0xAbC"', "evm") == canonical(b'"0xabc"', "evm")
    assert canonical(b'"AbC"', "solana") != canonical(b'"abc"', "solana")
    assert canonical(b'{"context":{"slot":1},"value":2}', "solana") == b"2"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None), ("3", 3.0), (" 0 ", 0.0), ("1.5", 1.5), ("99999999", RETRY_AFTER_S_MAX), ("soon", None),
        ("-5", None), ("", None), ("Thu, 01 Jan 1970 00:01:40 GMT", 40.0), ("Thu, 01 Jan 1970 00:00:10 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", RETRY_AFTER_S_MAX), ("1e9", None), ("\u0663", None), ("..", None),
    ],
)  # fmt: skip
def test_retry_after_is_a_number_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, 60 * 10**9) == seconds


@given(st.text())
def test_any_retry_after_is_bounded(header: str) -> None:
    found = retry_after_s(header, 0)
    assert found is None or (0.0 <= found <= RETRY_AFTER_S_MAX and math.isfinite(found))


@pytest.mark.parametrize(
    ("family", "code", "message", "is_limit"),
    [
        ("evm", -32005, "limit exceeded", True), ("solana", -32005, "Node is behind by 100 slots", False),
        ("solana", 429, "Too many requests", True), ("evm", -32016, "rate limit", True),
        ("solana", -32016, "Minimum context slot has not been reached", False), ("evm", 3, "execution reverted", False),
        ("evm", 3, "execution reverted: rate limit", False), ("http", -32097, "Rate limited", True),
        ("evm", -32000, "Your app has exceeded its compute units per second capacity", True),
    ],
)  # fmt: skip
def test_rate_limits_are_told_from_other_errors(family: str, code: int, message: str, is_limit: bool) -> None:
    assert is_rate_limit(family, code, message) is is_limit


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("eth_call", "read"), ("getAccountInfo", "read"), ("eth_sendRawTransaction", "repeatable"),
        ("sendTransaction", "repeatable"), ("sendBundle", "once"), ("eth_sendBundle", "once"),
        ("eth_sendTransaction", "once"), ("somethingNew", "once"), ("personal_sign", "once"), ("eth_newFilter", "once"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_never_repeated(method: str, kind: str) -> None:
    assert kind_of(method) == kind


@pytest.mark.parametrize("value", [True, None, [], "0x", "zz", "0x" + "f" * 80, 1.5])
def test_a_quantity_is_a_number(value: object) -> None:
    with pytest.raises(BadWire):
        quantity(value)


def test_counts_of_an_hour_add_up_and_keep_the_slowest() -> None:
    usage = UsageCounters()
    for latency_us in (5, 9, 2):
        usage.add(("T", "l"), "read", NS_PER_HOUR + 7, latency_us=latency_us)
    usage.add(("T", "l"), "read", 3 * NS_PER_HOUR, errors=1)
    rows = usage.take()
    assert [(each.hour_ns, each.calls, each.latency_sum_us, each.latency_max_us, each.errors) for each in rows] == [
        (NS_PER_HOUR, 3, 16, 9, 0), (3 * NS_PER_HOUR, 1, 0, 0, 1),
    ]  # fmt: skip


def test_every_setting_says_what_it_is() -> None:
    assert convert_settings(RpcSettings, {}) == RpcSettings()
    for field in msgspec.inspect.type_info(RpcSettings).fields:  # type: ignore[union-attr]
        kind = field.type
        assert isinstance(kind, msgspec.inspect.Metadata), field.name
        schema, extra = kind.extra_json_schema or {}, kind.extra or {}
        assert schema["title"] and schema["description"] and extra["unit"] and extra["group"], field.name
        assert extra["recommended"] == field.default, field.name

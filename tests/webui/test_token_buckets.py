import pytest

from tests.webui.hands import Hands
from webui.token_buckets import KEYS_MAX, TokenBuckets


def test_a_burst_passes_then_the_rate_applies_for_each_key_alone() -> None:
    hands = Hands()
    buckets = TokenBuckets(60, 3, hands)
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, pytest.approx(1)]
    assert buckets.take("b") == 0
    hands.now_s += 1
    assert [buckets.take("a"), buckets.take("a")] == [0, pytest.approx(1)]


def test_waiting_long_never_gives_more_than_the_burst() -> None:
    hands = Hands()
    buckets = TokenBuckets(60, 2, hands)
    buckets.take("a")
    hands.now_s += 1e6
    assert [buckets.take("a") for _ in range(3)] == [0, 0, pytest.approx(1)]
    buckets.give_back("a")
    buckets.give_back("a")
    buckets.give_back("a")
    assert [buckets.take("a") for _ in range(3)] == [0, 0, pytest.approx(1)]


def test_what_was_asked_too_early_costs_nothing() -> None:
    hands = Hands()
    buckets = TokenBuckets(60, 1, hands)
    buckets.take("a")
    for _ in range(100):
        assert buckets.take("a") > 0
    hands.now_s += 1
    assert buckets.take("a") == 0


def test_new_rates_apply_to_old_buckets() -> None:
    hands = Hands()
    buckets = TokenBuckets(60, 10, hands)
    buckets.take("a")
    buckets.apply(60, 1)
    assert [buckets.take("a"), buckets.take("a")] == [0, pytest.approx(1)]


def test_the_memory_is_bounded() -> None:
    buckets = TokenBuckets(60, 1, Hands())
    for at in range(KEYS_MAX * 2):
        buckets.take(str(at))
    assert buckets.take(str(KEYS_MAX * 2 - 1)) > 0
    assert buckets.take("0") == 0

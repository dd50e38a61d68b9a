"""The window forgets nothing of the last 24 hours and keeps a bounded number of sums."""

from hypothesis import given
from hypothesis import strategies as st

from adapters.signing.spend_window import WINDOW_NS, SpendWindow
from bus.clock import NS_PER_DAY, NS_PER_MINUTE

STEPS = st.lists(st.tuples(st.integers(0, 6 * 60 * NS_PER_MINUTE), st.integers(0, 10**20)), max_size=60)


@given(STEPS)
def test_the_total_is_all_of_a_day_and_at_most_two_minutes_more(steps: list[tuple[int, int]]) -> None:
    window = SpendWindow()
    now_ns = 0
    spent: list[tuple[int, int]] = []
    for wait_ns, amount in steps:
        now_ns += wait_ns
        window.add(now_ns, amount)
        spent.append((now_ns, amount))
        within = sum(each for at_ns, each in spent if at_ns > now_ns - NS_PER_DAY)
        within_longer = sum(each for at_ns, each in spent if at_ns >= now_ns - WINDOW_NS - NS_PER_MINUTE)
        assert within <= window.total(now_ns) <= within_longer
    assert SpendWindow(spent).total(now_ns) == window.total(now_ns)


def test_a_signature_every_second_keeps_one_sum_a_minute() -> None:
    window = SpendWindow((second * 10**9, 1) for second in range(200_000))
    assert len(window._minutes) <= 24 * 60 + 2


def test_a_clock_that_goes_back_loses_nothing() -> None:
    window = SpendWindow([(10 * NS_PER_MINUTE, 5)])
    window.add(2 * NS_PER_MINUTE, 7)
    assert window.total(2 * NS_PER_MINUTE) == 12

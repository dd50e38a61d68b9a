"""The merge is a total order: by time known, then manifest place, then row."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.importing.merge import merge
from bus.events import ClockTick, Event, TimerFired
from kernel.errors import Invariant


def event(ts_ns: int, place: int, row: int) -> TimerFired:
    return TimerFired(ts_ns=ts_ns, strategy=str(place), name=str(row), due_ns=0)


@given(st.lists(st.lists(st.integers(0, 30), max_size=20).map(sorted), max_size=6))
def test_merging_sorted_sources_equals_one_stable_sort(sources: list[list[int]]) -> None:
    events = [[event(ts, place, row) for row, ts in enumerate(times)] for place, times in enumerate(sources)]
    expected = sorted(itertools.chain(*events), key=lambda each: each.ts_ns)
    assert list(merge(events)) == expected


def test_ties_follow_the_manifest_then_the_row() -> None:
    first, second = [event(5, 0, 0), event(5, 0, 1)], [event(4, 1, 0), event(5, 1, 1)]
    assert [(e.strategy, e.name) for e in merge([first, second])] == [("1", "0"), ("0", "0"), ("0", "1"), ("1", "1")]


def test_a_source_that_goes_back_is_our_bug() -> None:
    with pytest.raises(Invariant, match="source 0 goes back from 5 to 4"):
        list(merge([[ClockTick(ts_ns=5), ClockTick(ts_ns=4)]]))


def test_the_merge_holds_one_event_per_source() -> None:
    pulled = 0

    def endless() -> "itertools.chain[Event]":
        def count() -> "itertools.count[int]":
            return itertools.count()

        def one(ts: int) -> Event:
            nonlocal pulled
            pulled += 1
            return ClockTick(ts_ns=ts)

        return itertools.chain(map(one, count()))

    merged = merge([endless(), endless()])
    for _ in range(10):
        next(merged)
    assert pulled <= 12

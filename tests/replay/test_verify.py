"""Verify: a recorded run comes back event by event; what was altered is named by its seq."""

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bus.events import (
    Event,
    Fill,
    Filled,
    FundingPaid,
    OrderApproved,
    OrderDenied,
    OrphanLeg,
    Quote,
    StrategyFaulted,
    StrategySampled,
    StrategyStateChanged,
    TimerFired,
    Unknown,
)
from kernel.errors import BadInput
from kernel.replay import Verification, verify
from persistence.event_log import EventLogReader, cut_torn_tail
from tests.replay.recording import Recording, market, rewrite, scripted, spec, spec_of


def _verified(folder: Path) -> Verification:
    return verify(EventLogReader(folder).segments, spec_of)


def _rows(path: Path) -> list[tuple[int, bool, Event]]:
    return [
        (block.first_seq + index, index in block.derived, event)
        for block in EventLogReader(path).blocks()
        for index, event in enumerate(block.events)
    ]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    Recording(folder, "r1").play(scripted(), flush_every=97).close()
    return folder


@pytest.fixture
def copied(recorded: Path, tmp_path: Path) -> Path:
    path = tmp_path / "000001-r1.evl"
    path.write_bytes(next(iter(recorded.glob("*.evl"))).read_bytes())
    return path


def test_a_recorded_run_comes_back_identical(recorded: Path) -> None:
    result = _verified(recorded)
    assert result.difference is None
    assert result.events == len(_rows(recorded))
    assert result.unrecorded_tail == 0
    assert result.runs == 1 and len(result.digest) == 64


def test_the_recorded_run_holds_what_makes_a_replay_hard(recorded: Path) -> None:
    derived = Counter(type(event) for _, is_derived, event in _rows(recorded) if is_derived)
    for kind in (
        OrderApproved, OrderDenied, Fill, Filled, Unknown, OrphanLeg, TimerFired, StrategyFaulted, FundingPaid,
        StrategySampled, StrategyStateChanged,
    ):  # fmt: skip
        assert derived[kind], f"no {kind.__name__} was derived: the recording tests too little"


@pytest.mark.parametrize("kind", [Fill, OrderApproved, OrderDenied, StrategySampled, TimerFired, OrphanLeg])
def test_an_altered_derived_event_is_named_by_its_seq(kind: type[Any], copied: Path) -> None:
    seqs = [seq for seq, is_derived, event in _rows(copied) if is_derived and type(event) is kind]
    target = seqs[len(seqs) // 2]

    def change(seq: int, _: bool, event: Event) -> Event:
        return msgspec.structs.replace(event, ts_ns=event.ts_ns + 1) if seq == target else event

    rewrite(copied, change)
    difference = _verified(copied).difference
    assert difference is not None and difference.seq == target
    assert difference.recorded != difference.replayed
    assert difference.recorded.startswith(f'derived ["{kind.__struct_config__.tag}"')


def test_a_dropped_derived_event_is_a_difference_where_it_was(copied: Path) -> None:
    target = next(seq for seq, is_derived, event in _rows(copied) if is_derived and type(event) is Filled)
    rewrite(copied, lambda seq, _, event: None if seq == target else event)
    difference = _verified(copied).difference
    assert difference is not None and difference.seq == target
    assert '["filled"' in difference.replayed


def test_an_altered_input_is_noticed_by_what_came_of_it(copied: Path) -> None:
    first_fill = next(seq for seq, is_derived, event in _rows(copied) if is_derived and type(event) is Fill)

    def change(seq: int, _: bool, event: Event) -> Event:
        if seq < first_fill and type(event) is Quote:
            return msgspec.structs.replace(event, bid=event.bid + 7, ask=event.ask + 7)
        return event

    rewrite(copied, change)
    difference = _verified(copied).difference
    assert difference is not None and difference.seq <= first_fill


def test_other_settings_than_the_recorded_ones_are_a_difference(recorded: Path) -> None:
    def other(header: Any) -> Any:
        return msgspec.structs.replace(spec_of(header), seed=8)

    assert verify(EventLogReader(recorded).segments, other).difference is not None


def test_a_run_that_continues_another_comes_back_identical(tmp_path: Path) -> None:
    Recording(tmp_path, "r1").play(scripted(2000)).close()
    second = Recording(tmp_path, "r2")
    assert second.header.first_seq > 1 and second.header.previous_run == "r1"
    later = [msgspec.structs.replace(each, ts_ns=each.ts_ns + 500 * 10**9) for each in market(2000, skip=2000)]
    second.play(later).close()
    third = Recording(tmp_path, "r3")
    third.play(
        [msgspec.structs.replace(each, ts_ns=each.ts_ns + 600 * 10**9) for each in market(500, skip=4000)]
    ).close()
    result = _verified(tmp_path)
    assert (result.difference, result.runs) == (None, 3)


@pytest.mark.parametrize("count", [600, 1111, 1750, 2222])
def test_a_run_cut_anywhere_and_continued_comes_back_identical(count: int, tmp_path: Path) -> None:
    """The first process dies with events unflushed; its last block is then torn as well."""
    first = Recording(tmp_path, "r1")
    first.play(scripted()[:count])
    path = first.crash()
    with path.open("ab") as file:
        file.write(path.read_bytes()[-300:-150])
    tail = cut_torn_tail(path)
    assert tail.torn_bytes == 150
    second = Recording(tmp_path, "r2")
    start_ns = second.created_ns
    events = market(1500, skip=3000)
    shift = start_ns + 1 - events[0].ts_ns
    second.play([msgspec.structs.replace(each, ts_ns=each.ts_ns + shift) for each in events]).close()
    result = _verified(tmp_path)
    assert result.difference is None
    assert result.runs == 2


def test_a_torn_tail_of_the_last_run_is_made_again_and_counted(recorded: Path, tmp_path: Path) -> None:
    raw = next(iter(recorded.glob("*.evl"))).read_bytes()
    path = tmp_path / "000001-r1.evl"
    path.write_bytes(raw[: len(raw) - 5])
    assert _verified(tmp_path).difference is None


def test_derived_events_missing_at_the_very_end_are_the_unrecorded_tail(tmp_path: Path) -> None:
    path = Recording(tmp_path, "r1").play(scripted(1500)).close()
    rows = _rows(path)
    last_input = max(seq for seq, is_derived, _ in rows if not is_derived)
    with_tail = next(seq for seq, is_derived, _ in reversed(rows) if is_derived and seq < last_input)
    rewrite(path, lambda seq, _, event: event if seq < with_tail else None)
    result = _verified(tmp_path)
    assert result.difference is None
    assert result.unrecorded_tail >= 1


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_what_alarms_made_before_an_input_that_was_lost_comes_back(share: float, tmp_path: Path) -> None:
    """At 0.8 the lost input ended a pause of minutes: the samples it caused are there, it is not."""
    events = scripted()
    rows = _rows(Recording(tmp_path / "whole", "r1").play(events).close())
    inputs = [index for index, row in enumerate(rows) if not row[1]]
    number = next(
        number
        for number in range(int(len(events) * share), len(events))
        if rows[inputs[number] - 1][2].ts_ns > rows[inputs[number - 1]][2].ts_ns
    )
    folder = tmp_path / "cut"
    path = Recording(folder, "r1").play(events[: number + 1]).close()
    last_input = rows[inputs[number]][0]
    rewrite(path, lambda seq, _, event: event if seq < last_input else None)
    result = _verified(folder)
    assert result.difference is None
    assert result.events == last_input - 1


def test_segments_of_another_kernel_are_refused(tmp_path: Path) -> None:
    Recording(tmp_path, "r1").play(market(50)).close()
    Recording(tmp_path, "r2").play([]).close()
    Recording(tmp_path / "other", "x9", spec("x9")).play(market(50)).close()
    (tmp_path / "000003-x.evl").write_bytes(next(iter((tmp_path / "other").glob("*.evl"))).read_bytes())
    with pytest.raises(BadInput, match="run x9 says it follows nothing, but the segment before it is of run r2"):
        _verified(tmp_path)

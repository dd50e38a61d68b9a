"""The event log: round trips, torn tails, damage, a disk that refuses."""

import errno
import os
import struct
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bus.events import SCHEMA_VERSION, Event, PoolState
from kernel.errors import BadInput, StoreError
from kernel.log import LogHeader
from persistence import event_log
from persistence.event_log import (
    BLOCK_EVENTS_MAX,
    EventLogReader,
    EventLogWriter,
    SegmentReader,
    cut_torn_tail,
    is_header_torn,
)
from tests.builders import T0, quote
from tests.event_strategy import any_event, kinds, mixed_events

HEADER = LogHeader(run="r1", created_ts_ns=T0, code_version="0", profile="test")


def _write(path: Path, events: list[Event], header: LogHeader = HEADER, derived: Any = lambda _: False) -> Path:
    log = EventLogWriter(path, header)
    for index, event in enumerate(events):
        log.append(header.first_seq + index, derived(index), event)
    log.close()
    return path


def _read(path: Path) -> list[Event]:
    return [event for block in EventLogReader(path).blocks() for event in block.events]


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_every_event_type_comes_back_as_it_was_to_the_byte(kind: type[Event], tmp_path: Path) -> None:
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(any_event(kind), min_size=1, max_size=3), st.integers(0, 1 << 60))
    def check(events: list[Event], number: int) -> None:
        path = tmp_path / f"{number}.evl"
        path.unlink(missing_ok=True)
        back = _read(_write(path, events))
        assert back == events
        assert msgspec.json.encode(back) == msgspec.json.encode(events)

    check()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(mixed_events(), max_size=40), derived=st.sets(st.integers(0, 39)))
def test_order_seq_and_derived_marks_survive(
    events: list[Event], derived: set[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("log") / "x.evl"
    _write(path, events, derived=lambda index: index in derived)
    told = [
        (block.first_seq + index, index in block.derived, event)
        for block in EventLogReader(path).blocks()
        for index, event in enumerate(block.events)
    ]
    assert told == [(1 + index, index in derived, event) for index, event in enumerate(events)]


def test_a_256_bit_amount_survives(tmp_path: Path) -> None:
    huge = (1 << 256) - 1
    event = PoolState(ts_ns=T0, instrument="p", block=1, log_index=0, sqrt_price_x96=huge, tick=0, liquidity=huge)
    assert _read(_write(tmp_path / "x.evl", [event])) == [event]


def test_blocks_before_the_asked_seq_are_skipped(tmp_path: Path) -> None:
    path = _write(tmp_path / "x.evl", [quote(T0 + n) for n in range(3 * BLOCK_EVENTS_MAX)])
    firsts = [block.first_seq for block in EventLogReader(path).blocks(BLOCK_EVENTS_MAX + 1)]
    assert firsts == [BLOCK_EVENTS_MAX + 1, 2 * BLOCK_EVENTS_MAX + 1]
    assert EventLogReader(path).count() == 3 * BLOCK_EVENTS_MAX


def test_a_block_never_ends_between_an_input_and_what_was_derived_from_it(tmp_path: Path) -> None:
    events: list[Event] = [quote(T0 + n) for n in range(3 * BLOCK_EVENTS_MAX)]
    path = _write(tmp_path / "x.evl", events, derived=lambda index: index % 100 != 0)
    firsts = [block.first_seq for block in EventLogReader(path).blocks()]
    assert firsts == [1, 601, 1201]
    assert _read(path) == events


def test_a_tail_torn_anywhere_is_reported_and_cut_at_the_last_good_block(tmp_path: Path) -> None:
    whole = _write(tmp_path / "whole.evl", [quote(T0 + n) for n in range(2 * BLOCK_EVENTS_MAX)]).read_bytes()
    reader = SegmentReader(tmp_path / "whole.evl")
    list(reader.blocks())
    assert reader.tail is not None and reader.tail.torn_bytes == 0
    one = SegmentReader(_write(tmp_path / "one.evl", [quote(T0 + n) for n in range(BLOCK_EVENTS_MAX)]))
    list(one.blocks())
    assert one.tail is not None
    end_of_first = one.tail.good_bytes
    for length in (end_of_first + 1, end_of_first + 19, end_of_first + 20, end_of_first + 500, len(whole) - 1):
        torn = tmp_path / "torn.evl"
        torn.write_bytes(whole[:length])
        assert len(_read(torn)) == BLOCK_EVENTS_MAX
        tail = cut_torn_tail(torn)
        assert (tail.last_seq, tail.torn_bytes) == (BLOCK_EVENTS_MAX, length - end_of_first)
        assert torn.stat().st_size == end_of_first
        assert cut_torn_tail(torn).torn_bytes == 0


def test_damage_before_the_tail_is_refused_with_its_place(tmp_path: Path) -> None:
    path = _write(tmp_path / "x.evl", [quote(T0 + n) for n in range(2 * BLOCK_EVENTS_MAX)])
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 4] ^= 0xFF
    path.write_bytes(raw)
    with pytest.raises(BadInput, match="fails its checksum and is not the last"):
        _read(path)


def test_a_damaged_last_block_counts_as_torn(tmp_path: Path) -> None:
    path = _write(tmp_path / "x.evl", [quote(T0 + n) for n in range(2 * BLOCK_EVENTS_MAX)])
    raw = bytearray(path.read_bytes())
    raw[-3] ^= 0xFF
    path.write_bytes(raw)
    assert len(_read(path)) == BLOCK_EVENTS_MAX


def test_a_damaged_block_head_with_good_blocks_behind_it_is_damage_and_no_tail(tmp_path: Path) -> None:
    path = _write(tmp_path / "x.evl", [quote(T0 + n) for n in range(3 * BLOCK_EVENTS_MAX)])
    raw = bytearray(path.read_bytes())
    second = raw.index(b"\x28\xb5\x2f\xfd", len(raw) // 3) - 20
    for value in (0x7FFFFFFF, len(raw)):
        raw[second : second + 4] = struct.pack("<I", value)
        path.write_bytes(raw)
        with pytest.raises(BadInput, match="good blocks follow it"):
            cut_torn_tail(path)
        assert path.read_bytes() == raw


@pytest.mark.parametrize("junk", [b"\0" * 5_000, b"\0" * 100 + b"x" * 100, b"\xff" * 300, b"\1"], ids=repr)
def test_whatever_a_crash_left_behind_the_last_good_block_is_cut(junk: bytes, tmp_path: Path) -> None:
    path = _write(tmp_path / "x.evl", [quote(T0 + n) for n in range(10)])
    whole = path.read_bytes()
    path.write_bytes(whole + junk)
    tail = cut_torn_tail(path)
    assert (tail.last_seq, tail.torn_bytes) == (10, len(junk))
    assert path.read_bytes() == whole


def test_a_header_is_torn_when_its_end_is_missing_and_not_when_it_is_wrong(tmp_path: Path) -> None:
    path = _write(tmp_path / "x.evl", [])
    whole = path.read_bytes()
    assert not is_header_torn(path)
    for length in (0, 3, 8, 12, 16, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert is_header_torn(path)
    path.write_bytes(b"PK\x03\x04" + whole[4:])
    assert not is_header_torn(path)


def test_a_segment_that_cannot_be_begun_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(fd: int, data: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(StoreError, match="No space left on device"):
        EventLogWriter(tmp_path / "x.evl", HEADER)
    assert not list(tmp_path.iterdir())


def test_while_the_disk_refuses_an_event_costs_no_write_and_beyond_a_limit_it_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.evl"
    log = EventLogWriter(path, HEADER)
    real_write, calls = os.write, 0

    def write(fd: int, data: Any) -> int:
        nonlocal calls
        calls += 1
        raise OSError(errno.ENOSPC, "No space left on device")

    limit = 20 * BLOCK_EVENTS_MAX
    monkeypatch.setattr(event_log, "UNWRITTEN_EVENTS_MAX", limit)
    monkeypatch.setattr(os, "write", write)
    for number in range(1, limit + 1):
        log.append(number, number % 3 == 0, quote(T0 + number))
    assert calls == 1
    assert log.unwritten == limit
    with pytest.raises(StoreError, match="wait in memory, which is the limit"):
        for number in range(limit + 1, limit + 2 * BLOCK_EVENTS_MAX):
            log.append(number, False, quote(T0 + number))
    kept = log.unwritten
    assert limit <= kept < limit + 2 * BLOCK_EVENTS_MAX
    monkeypatch.setattr(os, "write", real_write)
    log.close()
    blocks = list(EventLogReader(path).blocks())
    assert [event.ts_ns for block in blocks for event in block.events] == [T0 + n for n in range(1, kept + 1)]
    assert max(len(block.events) for block in blocks) < BLOCK_EVENTS_MAX + 3
    assert all((block.first_seq + n) % 3 == 0 for block in blocks for n in block.derived)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "not an event log"),
        (b"PK\x03\x04 something else entirely", "not an event log"),
        (b"KEVL0001", "ends inside its header"),
        (b"KEVL0001" + struct.pack("<II", 1 << 31, 0), "header is cut or damaged"),
        (b"KEVL0001" + struct.pack("<II", 4, 0) + b"{}  ", "header is cut or damaged"),
    ],
)
def test_what_is_no_log_is_refused(raw: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.evl"
    path.write_bytes(raw)
    with pytest.raises(BadInput, match=message):
        EventLogReader(path)


def test_another_schema_version_is_refused_by_name(tmp_path: Path) -> None:
    header = msgspec.structs.replace(HEADER, schema_version=SCHEMA_VERSION + 1)
    path = _write(tmp_path / "x.evl", [quote()], header)
    with pytest.raises(BadInput, match=f"schema version {SCHEMA_VERSION + 1}, this code reads {SCHEMA_VERSION}"):
        EventLogReader(path)


def test_missing_files_and_empty_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        EventLogReader(tmp_path / "nothing.evl")
    with pytest.raises(BadInput, match="no event log here"):
        EventLogReader(tmp_path)


def test_a_block_out_of_sequence_is_refused(tmp_path: Path) -> None:
    first = _write(tmp_path / "a.evl", [quote()])
    second = _write(tmp_path / "b.evl", [quote()], msgspec.structs.replace(HEADER, first_seq=7))
    reader = SegmentReader(second)
    block = second.read_bytes()[reader.data_start :]
    first.write_bytes(first.read_bytes() + block)
    with pytest.raises(BadInput, match="starts at seq 7, expected 2"):
        _read(first)


def test_a_disk_that_refuses_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.evl"
    log = EventLogWriter(path, HEADER)
    log.append(1, False, quote(T0))
    log.flush()
    real_write = os.write
    is_full = True

    def write(fd: int, data: Any) -> int:
        if is_full:
            real_write(fd, bytes(data)[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        return real_write(fd, data)

    monkeypatch.setattr(os, "write", write)
    for number in range(2, BLOCK_EVENTS_MAX + 10):
        log.append(number, False, quote(T0 + number))
    with pytest.raises(StoreError, match="No space left on device; free space"):
        log.barrier()
    assert log.failure
    is_full = False
    log.close()
    assert not log.failure
    assert [event.ts_ns for event in _read(path)] == [T0, *(T0 + n for n in range(2, BLOCK_EVENTS_MAX + 10))]


def test_an_existing_segment_is_never_overwritten(tmp_path: Path) -> None:
    path = _write(tmp_path / "x.evl", [quote()])
    with pytest.raises(StoreError, match="cannot create the event log"):
        EventLogWriter(path, HEADER)


def test_a_segment_that_is_large_enough_is_followed_by_the_next(tmp_path: Path) -> None:
    header = msgspec.structs.replace(HEADER, segment=3, first_seq=11)
    log = EventLogWriter(tmp_path / "000003-r1.evl", header, segment_bytes_max=2_000)
    events = [quote(T0 + n) for n in range(12 * BLOCK_EVENTS_MAX)]
    for index, event in enumerate(events):
        log.append(11 + index, False, event)
    log.close()
    reader = EventLogReader(tmp_path)
    names = [segment.path.name for segment in reader.segments]
    assert len(names) > 1 and names[:2] == ["000003-r1.evl", "000004-r1.evl"]
    assert _read(tmp_path) == events
    firsts = [segment.header.first_seq for segment in reader.segments]
    assert firsts[0] == 11 and firsts == sorted(set(firsts))


def test_a_next_segment_that_cannot_begin_loses_nothing(tmp_path: Path) -> None:
    log = EventLogWriter(tmp_path / "000001-r1.evl", HEADER, segment_bytes_max=1)
    (tmp_path / "000002-r1.evl").write_text("in the way")
    log.append(1, False, quote(T0))
    with pytest.raises(StoreError, match="cannot create the event log"):
        log.flush()
    assert log.failure and log.unwritten == 1
    log.flush()  # goes on in the segment that there is
    log.close()
    assert _read(tmp_path / "000001-r1.evl") == [quote(T0)]


def test_a_frozen_reader_sees_a_growing_log_as_it_was(tmp_path: Path) -> None:
    log = EventLogWriter(tmp_path / "a.evl", HEADER)
    for seq in range(1, 11):
        log.append(seq, False, quote(T0 + seq, 1.0, 2.0))
    log.flush()
    reader = EventLogReader(log.path)
    assert reader.freeze() == 10
    for seq in range(11, 16):
        log.append(seq, False, quote(T0 + seq, 1.0, 2.0))
    log.flush()
    with log.path.open("ab") as file:
        file.write(b"half a block that is being written")
    assert sum(len(block.events) for block in reader.blocks()) == reader.count() == 10
    assert reader.tails[0].torn_bytes == 0
    assert EventLogReader(log.path).freeze() == 15
    log.close()


def test_a_frozen_reader_does_not_hide_damage(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.evl", [quote(T0 + at, 1.0, 2.0) for at in range(3 * BLOCK_EVENTS_MAX)])
    raw = bytearray(path.read_bytes())
    first = raw.find(b"\x28\xb5\x2f\xfd")
    second = raw.find(b"\x28\xb5\x2f\xfd", first + 4)
    raw[second - 20 : second - 16] = struct.pack("<I", 1 << 31)
    path.write_bytes(raw)
    with pytest.raises(BadInput, match="damaged head"):
        EventLogReader(path).freeze()

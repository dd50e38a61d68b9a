"""Any page of a log is found by number, forgets nothing, and stays small in memory."""

from pathlib import Path

import msgspec
import pytest

from bus.events import ClockTick, Quote
from kernel.errors import StoreError
from kernel.log import LogHeader
from persistence.event_log import EventLogWriter, segment_name
from persistence.log_index import LogIndex

FAR = 2**62
HEADER = LogHeader(run="r1", created_ts_ns=1, code_version="t", profile="demo")


def quote(number: int, instrument: str = "binance:ETHUSDT") -> Quote:
    return Quote(ts_ns=number, instrument=instrument, venue_ts_ns=0, bid=1.0, ask=2.0, bid_qty=1.0, ask_qty=1.0)


def write(folder: Path, count: int, *, per_flush: int = 7, segment_bytes_max: int | None = None) -> EventLogWriter:
    log = EventLogWriter(folder / segment_name(HEADER), HEADER, segment_bytes_max=segment_bytes_max)
    for number in range(1, count + 1):
        is_tick = number % 10 == 0
        log.append(number, is_tick, ClockTick(ts_ns=number) if is_tick else quote(number))
        if number % per_flush == 0:
            log.flush()
    log.flush()
    return log


def test_every_page_holds_exactly_the_events_below_its_number(tmp_path: Path) -> None:
    write(tmp_path, 500, segment_bytes_max=2_000)
    index = LogIndex(tmp_path)
    index.refresh()
    assert (index.first_seq, index.last_seq) == (1, 500)
    for before in (FAR, 501, 500, 333, 8, 7, 2):
        found = index.newest_before(before, 20)
        top = min(before - 1, 500)
        assert [each.seq for each in found.events] == list(range(top, max(0, top - 20), -1))
        assert [each.is_derived for each in found.events] == [each.seq % 10 == 0 for each in found.events]
        assert found.searched_to == max(1, top - 19)
    assert index.newest_before(1, 20).events == ()


def test_the_raw_text_is_the_events_own_array(tmp_path: Path) -> None:
    write(tmp_path, 30)
    index = LogIndex(tmp_path)
    index.refresh()
    assert msgspec.json.decode(index.newest_before(12, 1).events[0].raw)[:2] == ["quote", 11]


def test_it_follows_a_log_that_grows_and_ignores_a_torn_tail(tmp_path: Path) -> None:
    log = write(tmp_path, 20)
    index = LogIndex(tmp_path)
    index.refresh()
    log.append(21, False, quote(21))
    log.flush()
    with log.path.open("ab") as file:
        file.write(b"\x40\x00\x00\x00torn")
    index.refresh()
    index.refresh()
    assert index.last_seq == 21
    assert index.newest_before(FAR, 1).events[0].seq == 21


def test_segments_that_began_between_two_looks_are_all_taken_in(tmp_path: Path) -> None:
    log = write(tmp_path, 20, segment_bytes_max=400)
    index = LogIndex(tmp_path)
    index.refresh()
    for number in range(21, 201):
        log.append(number, False, quote(number))
        log.flush()
    assert len(list(tmp_path.glob("*.evl"))) > 5
    index.refresh()
    assert [each.seq for each in index.newest_before(FAR, 200).events] == list(range(200, 0, -1))


def test_needles_find_what_holds_them_all_and_say_how_far_was_looked(tmp_path: Path) -> None:
    write(tmp_path, 700)
    index = LogIndex(tmp_path)
    index.refresh()
    found = index.newest_before(FAR, 5, needles=(b'["tick",',))
    assert [each.seq for each in found.events] == [700, 690, 680, 670, 660]
    nothing = index.newest_before(FAR, 5, needles=(b"nowhere",), blocks_max=10)
    assert nothing.events == () and 600 < nothing.searched_to < 700
    assert index.newest_before(FAR, 5, needles=(b"nowhere",), blocks_max=1_000).searched_to == 1


def test_memory_is_bounded_and_pages_stay_right(tmp_path: Path) -> None:
    write(tmp_path, 4_000, per_flush=1)
    index = LogIndex(tmp_path, heads_max=500)
    index.refresh()
    assert index.heads <= 1_100
    for before in (FAR, 3_001, 1_777, 40):
        top = min(before - 1, 4_000)
        assert [each.seq for each in index.newest_before(before, 30).events] == list(range(top, top - 30, -1))


def test_damage_is_told(tmp_path: Path) -> None:
    log = write(tmp_path, 100)
    raw = bytearray(log.path.read_bytes())
    raw[-5] ^= 0xFF
    log.path.write_bytes(raw)
    index = LogIndex(tmp_path)
    index.refresh()
    with pytest.raises(StoreError, match="damaged at seq 99"):
        index.newest_before(FAR, 10)


def test_a_folder_without_a_log_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        LogIndex(tmp_path / "none").refresh()

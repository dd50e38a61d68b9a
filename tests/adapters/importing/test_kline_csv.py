"""Kline files of every shape give the same bars, known at their close; rows that cannot be right are named."""

import gzip
import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bus.clock import NS_PER_MINUTE
from bus.events import Bar, FeedGap
from kernel.errors import BadInput, KernelError
from tests.adapters.importing.scratch import Scratch, ScratchFactory

FIRST_OPEN_NS = 1_700_000_040 * 10**9
HEADER = "open_time,open,high,low,close,volume\n"


def source(path: str, extra: str = "") -> str:
    return f'type = "kline_csv"\npath = "{path}"\ninstrument = "binance:ABCUSDT"\ninterval = "1m"\n{extra}'


def rows(count: int, start: int = 0) -> list[str]:
    return [f"{1_700_000_040_000 + 60_000 * (start + i)},50,51,49,50.{i % 7},1" for i in range(count)]


def test_header_no_header_ms_us_and_iso_give_the_same_bars(scratch: Scratch) -> None:
    first, _ = scratch.run(source(scratch.sample("klines_header.csv")))
    second, _ = scratch.run(source(scratch.sample("klines_plain_us.csv")))
    third, _ = scratch.run(source(scratch.sample("klines_iso.csv")))
    assert first == second == third
    assert len(first) == 3


def test_a_bar_is_known_at_its_close_and_never_before(scratch: Scratch) -> None:
    events, _ = scratch.run(source(scratch.sample("klines_header.csv")))
    assert events[0] == Bar(
        ts_ns=FIRST_OPEN_NS + NS_PER_MINUTE,
        instrument="binance:ABCUSDT",
        open_ts_ns=FIRST_OPEN_NS,
        close_ts_ns=FIRST_OPEN_NS + NS_PER_MINUTE,
        open=50.1,
        high=50.9,
        low=50.0,
        close=50.5,
        volume=12.25,
    )
    assert all(isinstance(event, Bar) and event.ts_ns >= event.close_ts_ns for event in events)


def test_gzip_and_a_byte_order_mark_change_nothing(scratch: Scratch) -> None:
    plain, _ = scratch.run(source(scratch.sample("klines_header.csv")))
    content = (scratch.root / "klines_header.csv").read_bytes()
    scratch.write("packed.csv.gz", gzip.compress(b"\xef\xbb\xbf" + content))
    scratch.write("crlf.csv", content.replace(b"\n", b"\r\n"))
    assert scratch.run(source("packed.csv.gz"))[0] == plain
    assert scratch.run(source("crlf.csv"))[0] == plain


def test_a_missing_minute_is_a_gap_and_no_bar(scratch: Scratch) -> None:
    lines = rows(5)
    del lines[2:4]
    events, report = scratch.run(source(scratch.write("a.csv", HEADER + "\n".join(lines))))
    assert events[2] == FeedGap(
        ts_ns=FIRST_OPEN_NS + 5 * NS_PER_MINUTE,
        source="kline_csv:binance:ABCUSDT",
        instrument="binance:ABCUSDT",
        from_ts_ns=FIRST_OPEN_NS + 2 * NS_PER_MINUTE,
        to_ts_ns=FIRST_OPEN_NS + 4 * NS_PER_MINUTE,
        reason="2 bars of 1m missing",
    )
    assert (report.sources[0].gaps, report.sources[0].steps_missing, len(events)) == (1, 2, 4)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{t},50,49,51,50,1", "low <= open"),
        ("{t},-50,51,49,50,1", "above 0"),
        ("{t},50,51,49,0,1", "above 0"),
        ("{t},50,nan,49,50,1", "decimal number"),
        ("{t},50,inf,49,50,1", "decimal number"),
        ("{t},50,5_1,49,50,1", "decimal number"),
        ("{t},50,1e999,49,50,1", "finite"),
        ("{t},50,51,49,5o,1", "decimal number"),
        ("{t},50,51,49,５０,1", "decimal number"),
        ("{t},50," + "9" * 5000 + ",49,50,1", "decimal number"),
        ("{t},50,51,49,50,-1", "0 or more"),
        ("{t},500,510,490,500,1", "jumps"),
        ("{t},50,5000,49,50,1", "spans"),
        ("{t},50,51,49,50", "6 cells"),
        ("{t},50,51,49,50,1,2", "6 cells"),
        ("{t},50,51,49,50,\0", "NUL"),
        ("1700000040000,50,51,49,50,1", "unsorted"),
        ("{before},50,51,49,50,1", "duplicate"),
        ("{odd},50,51,49,50,1", "start of a 1m bar"),
        ("1,50,51,49,50,1", "between 2009 and 2100"),
        ("9" * 30 + ",50,51,49,50,1", "expected a time"),
        ("-5,50,51,49,50,1", "expected a time"),
        (",50,51,49,50,1", "expected a time"),
    ],
)
def test_an_implausible_row_is_refused_with_file_and_line(scratch: Scratch, bad: str, reason: str) -> None:
    lines = rows(150)
    time = 1_700_000_040_000 + 60_000 * 150
    lines.append(bad.format(t=time, before=time - 60_000, odd=time + 1))
    lines += rows(20, start=151)
    events, report = scratch.run(source(scratch.write("a.csv", HEADER + "\n".join(lines) + "\n")))
    account = report.sources[0]
    assert (account.rows_read, account.rows_kept, account.rows_refused) == (171, 170, 1)
    assert account.refusals[0].file.endswith("root/a.csv")
    assert account.refusals[0].line == 152
    assert reason in account.refusals[0].reason
    assert sum(isinstance(event, Bar) for event in events) == 170


def test_close_times_that_contradict_the_interval_are_refused(scratch: Scratch) -> None:
    name = scratch.sample("klines_header.csv")
    with pytest.raises(BadInput, match=r"close_time: expected open \+ 5m|start of a 5m bar"):
        scratch.run(source(name).replace('"1m"', '"5m"'))


def test_too_many_refused_rows_fail_the_import_and_name_the_first(scratch: Scratch) -> None:
    lines = rows(50)
    lines[10] = lines[10].replace("51", "0")
    scratch.write("a.csv", HEADER + "\n".join(lines))
    with pytest.raises(BadInput, match=r"a\.csv: 1 of 50 rows refused, more than the allowed 1 %; first line 12: high"):
        scratch.run(source("a.csv"))
    _, report = scratch.run(source("a.csv", "refused_pct_max = 5.0"))
    assert report.sources[0].rows_refused == 1


def test_the_refusal_list_is_capped_and_the_count_is_not(scratch: Scratch) -> None:
    lines = rows(60)
    for i in range(5, 55):
        lines[i] = lines[i].replace("51", "x")
    _, report = scratch.run(source(scratch.write("a.csv", HEADER + "\n".join(lines)), "refused_pct_max = 99.0"))
    assert (report.sources[0].rows_refused, len(report.sources[0].refusals)) == (50, 20)


def test_a_real_level_shift_passes_with_a_wider_bound(scratch: Scratch) -> None:
    lines = [rows(2)[0], rows(2)[1].replace(",50,51,49,50.1", ",90,91,89,90")]
    name = scratch.write("a.csv", HEADER + "\n".join(lines))
    with pytest.raises(BadInput, match="raise jump_pct_max"):
        scratch.run(source(name))
    assert len(scratch.run(source(name, "jump_pct_max = 90.0"))[0]) == 2


def test_rows_of_others_are_passed_over(scratch: Scratch) -> None:
    text = "exchange,date,open,high,low,close\nx,2023-11-14 22:14:00,5,6,4,5\ny,2023-11-14 22:14:00,7,8,6,7\n"
    events, report = scratch.run(source(scratch.write("a.csv", text), 'where = { exchange = "y" }'))
    assert [event.close for event in events if isinstance(event, Bar)] == [7.0]
    assert report.sources[0].rows_passed_over == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected rows, found none"),
        (HEADER.encode(), "expected rows, found none"),
        (b"a,b,c\n1,2,3\n", "expected columns open_time, open"),
        (b"open_time,open,open\n1,2,3\n", "distinct column names"),
        (b'open_time,open,high,low,close\n"1700', "expected CSV"),
        (gzip.compress(HEADER.encode() + b"\n".join(r.encode() for r in rows(500)))[:-30], "whole gzip file"),
        (b"\x1f\x8b\x08\x00garbage", "gzip"),
        (b"x" * (5 << 20), "lines of at most"),
    ],
)
def test_a_broken_file_is_one_clear_error(scratch: Scratch, content: bytes, message: str) -> None:
    scratch.write("a.csv", content)
    with pytest.raises(BadInput, match=message) as raised:
        scratch.run(source("a.csv"))
    assert "a.csv" in str(raised.value)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from([row.encode() for row in rows(6)]),
            st.sampled_from([b"1700000040000,50,51,49,50,1\0", b'"', b",,,,,", b"\xff\xfe", b"1e400,1,1,1,1,1"]),
        ),
        max_size=12,
    )
)
def test_no_bytes_end_in_anything_but_bars_or_a_kernel_error(new_scratch: ScratchFactory, lines: list[bytes]) -> None:
    scratch = new_scratch()
    scratch.write("a.csv", HEADER.encode() + b"\n".join(lines))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            events, _ = scratch.run(source("a.csv", "refused_pct_max = 100.0"))
        except KernelError:
            return
    times = [event.ts_ns for event in events]
    assert times == sorted(times)

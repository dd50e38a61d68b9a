"""A capture becomes quotes, trades and a synced book in the order of its local clock."""

import pytest

from bus.events import BookLevels, FeedGap, Quote, Trade
from kernel.errors import BadInput
from tests.adapters.importing.scratch import SAMPLES, Scratch

T0 = 1_700_000_000_000_000_000


def source(*paths: str, extra: str = "refused_pct_max = 0.0") -> str:
    names = ", ".join(f'"{path}"' for path in paths)
    return (
        f'type = "ws_capture"\npaths = [{names}]\ninstrument = "binance:ABCUSDT"\nmarket = "spot"\n'
        f'symbol = "ABCUSDT"\n{extra}'
    )


def ticker(update_id: int, symbol: str, price: str) -> str:
    data = f'{{"u":{update_id},"s":"{symbol}","b":"{price}","B":"1","a":"{price}","A":"1"}}'
    return f'{T0 + 10**9} {{"stream":"x@bookTicker","data":{data}}}'


def test_the_capture_gives_quote_book_and_trade_as_received(scratch: Scratch) -> None:
    events, report = scratch.run(source(scratch.sample("capture_spot.txt")))
    name = "binance:ABCUSDT"
    assert events == [
        Quote(ts_ns=T0 + 10**8, instrument=name, venue_ts_ns=0, bid=10.0, ask=10.1, bid_qty=2.0, ask_qty=3.0),
        BookLevels(
            ts_ns=T0 + 2 * 10**8,
            instrument=name,
            venue_ts_ns=0,
            is_snapshot=True,
            first_id=106,
            last_id=106,
            bids=((10.0, 2.0), (9.9, 5.0)),
            asks=((10.1, 3.0), (10.3, 1.0)),
        ),
        BookLevels(
            ts_ns=T0 + 2 * 10**8,
            instrument=name,
            venue_ts_ns=1_700_000_000_600_000_000,
            is_snapshot=False,
            first_id=105,
            last_id=108,
            bids=((10.0, 4.0), (9.9, 0.0)),
            asks=((10.3, 0.0),),
        ),
        Trade(
            ts_ns=T0 + 25 * 10**7,
            instrument=name,
            venue_ts_ns=1_700_000_000_699_000_000,
            price=10.1,
            qty=0.5,
            is_buy=True,
        ),
        BookLevels(
            ts_ns=T0 + 3 * 10**8,
            instrument=name,
            venue_ts_ns=1_700_000_000_800_000_000,
            is_snapshot=False,
            first_id=109,
            last_id=111,
            bids=(),
            asks=((10.1, 2.5),),
        ),
    ]
    account = report.sources[0]
    assert (account.rows_read, account.rows_kept, account.rows_passed_over, account.rows_refused) == (7, 6, 1, 0)


def test_the_venue_clock_orders_nothing_and_the_offset_moves_receipt_only(scratch: Scratch) -> None:
    plain, _ = scratch.run(source(scratch.sample("capture_spot.txt")))
    moved, _ = scratch.run(source("capture_spot.txt", extra="clock_offset_ms = 1277"))
    assert [event.ts_ns - 1_277_000_000 for event in moved] == [event.ts_ns for event in plain]
    assert [event.venue_ts_ns for event in moved if isinstance(event, Trade)] == [1_700_000_000_699_000_000]


def test_a_lost_diff_is_one_gap_and_the_book_stays_silent(scratch: Scratch) -> None:
    text = (SAMPLES / "capture_spot.txt").read_text().replace('"U":109,"u":111', '"U":110,"u":111')
    for ids in ((112, 113), (114, 119)):
        text += (
            f"{T0 + ids[0] * 10**9} "
            '{"stream":"abcusdt@depth@100ms","data":{"E":1700000000900,"s":"ABCUSDT",'
            f'"U":{ids[0]},"u":{ids[1]},"b":[],"a":[]}}}}\n'
        )
    events, report = scratch.run(source(scratch.write("a.txt", text)))
    assert [event for event in events if isinstance(event, FeedGap)] == [
        FeedGap(
            ts_ns=T0 + 3 * 10**8,
            source="ws_capture:binance:ABCUSDT",
            instrument="binance:ABCUSDT",
            from_ts_ns=T0 + 2 * 10**8,
            to_ts_ns=T0 + 3 * 10**8,
            reason="book diff does not follow id 108 (found 110); book void until a snapshot",
        )
    ]
    assert isinstance(events[-1], FeedGap)
    assert report.sources[0].gaps == 1


def test_a_second_file_continues_the_first_without_a_snapshot(scratch: Scratch) -> None:
    lines = (SAMPLES / "capture_spot.txt").read_bytes().splitlines(keepends=True)
    whole, _ = scratch.run(source(scratch.sample("capture_spot.txt")))
    scratch.write("day1.txt", b"".join(lines[:5]))
    scratch.write("day2.txt", b"".join(lines[5:]))
    assert scratch.run(source("day1.txt", "day2.txt"))[0] == whole


def test_inverse_contracts_become_base_units(scratch: Scratch) -> None:
    events, _ = scratch.run(source(scratch.sample("capture_spot.txt"), extra="contract_usd = 100.0"))
    quote = events[0]
    assert isinstance(quote, Quote)
    assert (quote.bid_qty, quote.ask_qty) == (2 * 100 / 10.0, 3 * 100 / 10.1)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("170000000 {}", "19 digits"),
        (" {}", "19 digits"),
        ("\0", "19 digits"),
        ("-700000000000000000 {}", "19 digits"),
        ("9999999999999999999 {}", "19 digits"),
        ("1600000000000000000 {}", "unsorted"),
        (f"{T0 + 10**9}", "market frame"),
        (f'{T0 + 10**9} {{"stream":"abcusdt@trade"', "market frame"),
        (
            f'{T0 + 10**9} {{"stream":"a","data":{{}},"lastUpdateId":1}}',
            "",
        ),
        (
            ticker(900, "OTHER", "1"),
            "expected symbol ABCUSDT, found OTHER",
        ),
        (
            ticker(105, "ABCUSDT", "1"),
            "old or repeated",
        ),
        (
            ticker(900, "ABCUSDT", "99"),
            "jumps from 10.1 to 99",
        ),
        (
            f'{T0 + 10**9} {{"stream":"x@trade","data":{{"E":1,"T":1,"s":"ABCUSDT","t":8,"p":"10","q":"1","m":true,'
            '"X":"INSURANCE_FUND"}}',
            "public book",
        ),
    ],
)
def test_a_poison_line_is_refused_by_line_and_survived(scratch: Scratch, line: str, reason: str) -> None:
    text = (SAMPLES / "capture_spot.txt").read_text() + line + "\n"
    expected, _ = scratch.run(source(scratch.sample("capture_spot.txt")))
    events, report = scratch.run(source(scratch.write("a.txt", text), extra="refused_pct_max = 50.0"))
    assert events == expected
    account = report.sources[0]
    if not reason:
        assert account.rows_passed_over == 2
        return
    assert [(refusal.line, reason in refusal.reason) for refusal in account.refusals] == [(8, True)]


def test_a_file_that_is_no_capture_fails(scratch: Scratch) -> None:
    with pytest.raises(BadInput, match=r"a\.txt: 2 of 2 rows refused"):
        scratch.run(source(scratch.write("a.txt", "hello\nworld\n")))

"""Each market's own sync rule: which diffs continue the book, and that a hole is noticed exactly once."""

import pytest

from adapters.binance.book import Binance, BookSync
from adapters.binance.wire import DepthDiff, DepthSnapshot


def diff(first: int, last: int, previous: int = -1) -> DepthDiff:
    return DepthDiff(0, "X", first, last, [], [], 0, previous)


def snapshot(last: int) -> DepthSnapshot:
    return DepthSnapshot(last, [], [])


def test_spot_drops_old_diffs_and_joins_inside_one() -> None:
    book = BookSync("spot")
    for each in (diff(1, 4), diff(5, 8), diff(9, 9)):
        assert not book.on_diff(each)
    assert book.on_snapshot(snapshot(6)) == [diff(5, 8), diff(9, 9)]
    assert book.is_synced and book.last_id == 9
    assert book.on_diff(diff(10, 12))
    assert not book.on_diff(diff(11, 12)) and book.is_synced  # overlap of two sockets


def test_spot_ids_that_skip_are_a_hole_once() -> None:
    book = BookSync("spot")
    book.on_snapshot(snapshot(6))
    assert book.on_diff(diff(7, 8))
    assert not book.on_diff(diff(10, 11))
    assert not book.is_synced
    assert not book.on_diff(diff(12, 13)) and not book.on_diff(diff(20, 21))
    assert book.resyncs == 1
    assert book.on_snapshot(snapshot(20)) == [diff(20, 21)]
    assert book.on_diff(diff(22, 22))


@pytest.mark.parametrize("market", ["usdm", "coinm"])
def test_futures_follow_previous_ids_though_ids_skip(market: Binance) -> None:
    book = BookSync(market)
    book.on_diff(diff(90, 99, 88))
    book.on_diff(diff(103, 110, 99))
    assert book.on_snapshot(snapshot(110)) == [diff(103, 110, 99)]  # u == lastUpdateId is the first to apply
    assert book.on_diff(diff(151, 160, 110))
    assert not book.on_diff(diff(161, 170, 155))
    assert (book.is_synced, book.resyncs) == (False, 1)


def test_a_snapshot_older_than_the_buffer_is_asked_for_again() -> None:
    book = BookSync("spot")
    book.on_diff(diff(10, 12))
    assert book.on_snapshot(snapshot(5)) is None
    assert not book.is_synced
    assert book.on_snapshot(snapshot(9)) == [diff(10, 12)]
    futures = BookSync("usdm")
    futures.on_diff(diff(10, 12, 8))
    assert futures.on_snapshot(snapshot(9)) is None


def test_a_late_snapshot_never_moves_the_book_back() -> None:
    book = BookSync("spot")
    book.on_snapshot(snapshot(6))
    book.on_diff(diff(7, 9))
    assert book.on_snapshot(snapshot(8)) is None
    assert book.last_id == 9

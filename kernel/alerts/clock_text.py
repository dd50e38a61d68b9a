"""A moment as people read it: UTC, to the minute."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def clock_text(ts_ns: int) -> str:
    """`12:03`, UTC."""
    return f"{_moment(ts_ns):%H:%M}"


def day_text(ts_ns: int) -> str:
    """`2026-11-25`, UTC."""
    return f"{_moment(ts_ns):%Y-%m-%d}"


def _moment(ts_ns: int) -> datetime:
    return _EPOCH + timedelta(microseconds=ts_ns // 1000)

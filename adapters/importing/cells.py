"""Reads single cells of hostile text files: times, prices, integers. What cannot be right raises `BadRow`."""

import math
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

from bus.clock import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_MS, NS_PER_S, NS_PER_US
from kernel.errors import ConfigError

TimeUnit = Literal["auto", "s", "ms", "us", "ns", "iso"]

FIRST_TIME_NS = 1_230_940_800 * NS_PER_S  #: 2009-01-03: nothing was traded on a chain before it
LAST_TIME_NS = 4_102_444_800 * NS_PER_S  #: 2100-01-01
CELL_CHARS_MAX = 80  #: a signed 256-bit integer has 78 digits

_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]*)?")
_INTEGER = re.compile(r"([+-]?[0-9]+)(?:\.0*)?")
_STAMP = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,9})?")
_INTERVAL = re.compile(r"([1-9][0-9]{0,3})(s|m|h|d)")
_NS_PER_UNIT = {"s": NS_PER_S, "ms": NS_PER_MS, "us": NS_PER_US, "ns": 1}
_NS_PER_LETTER = {"s": NS_PER_S, "m": NS_PER_MINUTE, "h": NS_PER_HOUR, "d": NS_PER_DAY}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BadRow(ValueError):
    """One row cannot be used; the reader refuses it and goes on."""


def float_of(text: str, column: str) -> float:
    """A finite float in plain decimal notation (no NaN, infinity, underscores or non-ASCII digits)."""
    if len(text) > CELL_CHARS_MAX or not _DECIMAL.fullmatch(text):
        raise BadRow(f"{column}: expected a decimal number, found {text[:CELL_CHARS_MAX]!r}")
    value = float(text)
    if not math.isfinite(value):
        raise BadRow(f"{column}: expected a finite number, found {text!r}")
    return value


def price_of(text: str, column: str) -> float:
    """A float above zero."""
    value = float_of(text, column)
    if value <= 0:
        raise BadRow(f"{column}: expected a price above 0, found {text!r}")
    return value


def qty_of(text: str, column: str) -> float:
    """A float of zero or more."""
    value = float_of(text, column)
    if value < 0:
        raise BadRow(f"{column}: expected 0 or more, found {text!r}")
    return value


def decimal_of(text: str, column: str) -> Decimal:
    """An exact decimal."""
    if len(text) > CELL_CHARS_MAX or not _DECIMAL.fullmatch(text):
        raise BadRow(f"{column}: expected a decimal number, found {text[:CELL_CHARS_MAX]!r}")
    return Decimal(text)


def scaled_int_of(text: str, decimals: int, column: str) -> int:
    """The exact integer `text * 10**decimals`; refuses digits that would be lost."""
    if len(text) > CELL_CHARS_MAX or not _PLAIN.fullmatch(text):
        raise BadRow(f"{column}: expected a plain decimal number, found {text[:CELL_CHARS_MAX]!r}")
    whole, _, fraction = text.partition(".")
    if len(fraction.rstrip("0")) > decimals:
        raise BadRow(f"{column}: expected at most {decimals} decimals, found {text!r}")
    return int(whole + fraction[:decimals].ljust(decimals, "0"))


def int_of(text: str, column: str) -> int:
    """An exact integer of up to 78 digits; "201101.0", as spreadsheets write it, is one too."""
    match = _INTEGER.fullmatch(text) if len(text) <= CELL_CHARS_MAX else None
    if match is None:
        raise BadRow(f"{column}: expected an integer, found {text[:CELL_CHARS_MAX]!r}")
    return int(match[1])


def interval_ns_of(text: str, field: str) -> int:
    """Nanoseconds of "1m", "5m", "8h", "1d", "30s". Raises `ConfigError`: intervals stand in manifests."""
    match = _INTERVAL.fullmatch(text)
    if match is None:
        raise ConfigError(f"{field}: expected an interval such as 1m, 8h or 1d, found {text!r}")
    return int(match[1]) * _NS_PER_LETTER[match[2]]


def datetime_ns(moment: datetime) -> int:
    """Nanoseconds since the epoch; a moment without a zone is UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1) * NS_PER_US


class TimeColumn:
    """Times of one file. "auto" settles on the unit of the first plausible cell and holds the rest to it."""

    __slots__ = ("_unit",)

    def __init__(self, unit: TimeUnit = "auto") -> None:
        self._unit: TimeUnit = unit

    def ns_of(self, text: str, column: str) -> int:
        """UTC nanoseconds between 2009 and 2100; a text without a zone is UTC."""
        unit = self._unit if self._unit != "auto" else _unit_of(text)
        time_ns = _ns_of(text, unit, column)
        if not FIRST_TIME_NS <= time_ns < LAST_TIME_NS:
            raise BadRow(f"{column}: expected a time between 2009 and 2100 in {unit}, found {text[:40]!r}")
        self._unit = unit
        return time_ns

    def is_time(self, text: str) -> bool:
        """Whether the text reads as a time (used to tell a header from a first row)."""
        try:
            _ns_of(text, self._unit if self._unit != "auto" else _unit_of(text), "")
        except BadRow:
            return False
        return True


def _unit_of(text: str) -> TimeUnit:
    if not _STAMP.fullmatch(text):
        return "iso"
    whole = len(text.partition(".")[0].lstrip("0"))
    return "s" if whole <= 10 else "ms" if whole <= 13 else "us" if whole <= 16 else "ns"


def _ns_of(text: str, unit: str, column: str) -> int:
    if unit == "iso":
        try:
            return datetime_ns(datetime.fromisoformat(text))
        except (ValueError, OverflowError) as error:
            raise BadRow(f"{column}: expected an ISO time, found {text[:40]!r}") from error
    if not _STAMP.fullmatch(text):
        raise BadRow(f"{column}: expected a time in {unit}, found {text[:40]!r}")
    return int(Decimal(text) * _NS_PER_UNIT[unit])

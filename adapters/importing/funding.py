"""Funding histories of any venue, CSV or JSON, with the price bar that some files carry beside the rate."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from adapters.importing.cells import BadRow, TimeColumn, TimeUnit, float_of, interval_ns_of, price_of
from adapters.importing.kline_csv import require_candle
from adapters.importing.series import Series
from adapters.importing.source import Source
from adapters.importing.table import Row, read_csv, read_json, require_columns
from adapters.importing.tally import Tally
from bus.clock import NS_PER_HOUR
from bus.events import Bar, Event, FundingRate
from kernel.errors import ConfigError

Candle = tuple[float, float, float, float]  #: open, high, low, close


class FundingColumns(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Column names; "" = absent. The candle columns are read only when `bar_interval` is set."""

    time: str = "timestamp"
    rate: str = "funding_rate"
    mark: str = ""
    open: str = "open"
    high: str = "high"
    low: str = "low"
    close: str = "close"


class FundingSource(Source, frozen=True, kw_only=True):
    """Settlements of one perpetual. The file's rate is a fraction per interval, in the venue's own sign.

    `ts_ns` keeps the real time of a late settlement, `settle_ts_ns` is its nearest full hour. A missing settlement is
    a `FeedGap`, never a zero rate.
    """

    instrument: str
    time_unit: TimeUnit = "auto"
    columns: FundingColumns = FundingColumns()
    where: dict[str, str] = {}
    interval_hours: Annotated[float, Meta(gt=0, le=168)]  #: the venue's period; the first row's when it is inferred
    interval_infer: bool = False  #: take the step since the row before, where `intervals_allowed` has it
    intervals_allowed: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0)
    positive_means: Literal["longs_pay", "shorts_pay"] = "longs_pay"
    rate_pct_per_hour_max: Annotated[float, Meta(gt=0)] = 5.0  #: beyond it the row is refused as implausible
    bar_interval: str = ""  #: the candle of a row covers settle hour .. settle hour + this; "" = no bars

    @property
    def subject(self) -> str:
        return self.instrument

    @property
    def instruments(self) -> tuple[str, ...]:
        return (self.instrument,)

    def check(self) -> None:
        if self.bar_interval:
            interval_ns_of(self.bar_interval, f"{self.source_name}.bar_interval")
        if self.interval_infer and self.interval_hours not in self.intervals_allowed:
            raise ConfigError(
                f"{self.source_name}.interval_hours: expected one of intervals_allowed {self.intervals_allowed}, "
                f"found {self.interval_hours}"
            )

    def rows(self, path: Path, tally: Tally) -> Iterator[Row]:
        """Rows of one file."""
        raise NotImplementedError

    def read(self, files: tuple[Path, ...], tally: Tally) -> Iterator[Event]:
        names = self.columns
        bar_ns = interval_ns_of(self.bar_interval, f"{self.source_name}.bar_interval") if self.bar_interval else 0
        needed = [names.time, names.rate, names.mark, *self.where]
        if bar_ns:
            needed += [names.open, names.high, names.low, names.close]
        closing: deque[Bar] = deque()  # bars whose end is not reached; one or two
        interval_h, last_ns, last_settle_ns = self.interval_hours, -1, -1
        prices = Series(NS_PER_HOUR, self.jump_pct_max)
        last_candle: Candle | None = None
        for path in files:
            times = TimeColumn(self.time_unit)
            is_first = True
            for row in self.rows(path, tally):
                if is_first:
                    require_columns(row, needed, path)
                    is_first = False
                try:
                    if any(row[column] != value for column, value in self.where.items()):
                        tally.rows_passed_over += 1
                        continue
                    paid_ns = times.ns_of(row[names.time], names.time)
                    settle_ns = (paid_ns + NS_PER_HOUR // 2) // NS_PER_HOUR * NS_PER_HOUR
                    _require_later(paid_ns, last_ns, settle_ns, last_settle_ns)
                    row_interval_h, missing = self._interval(paid_ns, last_ns, interval_h)
                    rate_per_hour = self._rate_per_hour(row, row_interval_h)
                    mark = price_of(row[names.mark], names.mark) if names.mark else 0.0
                    candle = self._candle(row, settle_ns, prices, tally) if bar_ns else None
                except KeyError as error:
                    tally.refuse(f"expected a field {error}, found {', '.join(row)[:80]}")
                    continue
                except BadRow as bad:
                    tally.refuse(bad)
                    continue
                ts_ns = paid_ns + self.offset_ns
                while closing and closing[0].ts_ns <= ts_ns:
                    yield closing.popleft()
                if missing:
                    reason = f"{missing} settlements missing: {(paid_ns - last_ns) / NS_PER_HOUR:.2f} h since the last"
                    yield self.gap(tally, ts_ns, last_ns, paid_ns, reason, missing)
                interval_h, last_ns, last_settle_ns = row_interval_h, paid_ns, settle_ns
                tally.rows_kept += 1
                yield FundingRate(
                    ts_ns=ts_ns,
                    instrument=self.instrument,
                    settle_ts_ns=settle_ns,
                    interval_h=row_interval_h,
                    rate_per_hour=rate_per_hour,
                    mark_price=mark,
                )
                if candle is None:
                    continue
                prices.keep(settle_ns, candle[3])
                if candle == last_candle:
                    tally.withhold("candle repeated from the row before: stale")
                    continue
                last_candle = candle
                closing.append(self._bar(settle_ns, bar_ns, candle))
        yield from closing

    def _interval(self, paid_ns: int, last_ns: int, interval_h: float) -> tuple[float, int]:
        """The row's interval in hours, and how many settlements are missing before it."""
        if last_ns < 0:
            return interval_h, 0
        step_h = (paid_ns - last_ns) / NS_PER_HOUR
        if self.interval_infer:
            whole_h = float(round(step_h))
            if whole_h in self.intervals_allowed:
                return whole_h, 0
        elif round(step_h / interval_h) == 0:
            raise BadRow(f"settles {step_h:.2f} h after the row before, expected {interval_h:g} h; set interval_infer")
        return interval_h, max(0, round(step_h / interval_h) - 1)

    def _rate_per_hour(self, row: Row, interval_h: float) -> float:
        rate = float_of(row[self.columns.rate], self.columns.rate) / interval_h
        if abs(rate) * 100 > self.rate_pct_per_hour_max:
            raise BadRow(
                f"{self.columns.rate}: expected {self.rate_pct_per_hour_max:g} % an hour at most, found {rate:.2%}"
            )
        return (-rate if self.positive_means == "longs_pay" else rate) + 0.0  # -0.0 would be another text in the log

    def _candle(self, row: Row, settle_ns: int, prices: Series, tally: Tally) -> Candle | None:
        """The row's candle; an implausible one is withheld and named, and the rate beside it stands."""
        names = self.columns
        try:
            opened, high = price_of(row[names.open], names.open), price_of(row[names.high], names.high)
            low, close = price_of(row[names.low], names.low), price_of(row[names.close], names.close)
            require_candle(opened, high, low, close, self.jump_pct_max)
            prices.judge(settle_ns, close)
        except BadRow as bad:
            tally.withhold("implausible candle", str(bad))
            return None
        return opened, high, low, close

    def _bar(self, settle_ns: int, bar_ns: int, candle: Candle) -> Bar:
        return Bar(
            ts_ns=settle_ns + bar_ns + self.offset_ns,
            instrument=self.instrument,
            open_ts_ns=settle_ns,
            close_ts_ns=settle_ns + bar_ns,
            open=candle[0],
            high=candle[1],
            low=candle[2],
            close=candle[3],
            volume=0.0,
        )


class FundingCsv(FundingSource, frozen=True, kw_only=True, tag="funding_csv"):
    """A history as CSV."""

    def rows(self, path: Path, tally: Tally) -> Iterator[Row]:
        return read_csv(path, tally)


class FundingJson(FundingSource, frozen=True, kw_only=True, tag="funding_json"):
    """A history as a JSON array or as JSON lines."""

    def rows(self, path: Path, tally: Tally) -> Iterator[Row]:
        return read_json(path, tally)


def _require_later(paid_ns: int, last_ns: int, settle_ns: int, last_settle_ns: int) -> None:
    if paid_ns < last_ns:
        raise BadRow(f"goes back {(last_ns - paid_ns) / 1e9:g} s: unsorted")
    if settle_ns == last_settle_ns:
        raise BadRow("settles the same hour as the row before it: duplicate")

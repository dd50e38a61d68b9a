"""Price bars from exchange kline files: Binance Vision's column order with or without header, or any named columns."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from msgspec import Struct

from adapters.importing.cells import BadRow, TimeColumn, TimeUnit, interval_ns_of, price_of, qty_of
from adapters.importing.series import Series
from adapters.importing.source import Source
from adapters.importing.table import Row, read_csv, require_columns
from adapters.importing.tally import Tally
from bus.clock import NS_PER_DAY, NS_PER_MS
from bus.events import Bar, Event

#: data.binance.vision "klines": twelve columns without header before 2023, with header in the USD-M files since
VISION_COLUMNS = (
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "close_time",
    "quote_volume",
    "count",
    "taker_buy_volume",
    "taker_buy_quote_volume",
    "ignore",
)
TIME_NAMES = ("open_time", "date", "datetime", "timestamp", "time")


class KlineColumns(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Column names; "" = absent. `time` "" = the first of open_time, date, datetime, timestamp, time."""

    time: str = ""
    open: str = "open"
    high: str = "high"
    low: str = "low"
    close: str = "close"
    volume: str = "volume"
    close_time: str = "close_time"  #: checked against the interval where the file has it


class KlineCsv(Source, frozen=True, kw_only=True, tag="kline_csv"):
    """Bars of one instrument. A bar is known at its close (open + interval), never before."""

    has_files: ClassVar[bool] = True

    instrument: str
    interval: str  #: length of a bar: 1m, 5m, 8h
    time_unit: TimeUnit = "auto"
    columns: KlineColumns = KlineColumns()
    where: dict[str, str] = {}  #: rows whose columns have these values; the others belong to somebody else

    @property
    def subject(self) -> str:
        return self.instrument

    @property
    def instruments(self) -> tuple[str, ...]:
        return (self.instrument,)

    def check(self) -> None:
        interval_ns_of(self.interval, f"{self.source_name}.interval")

    def read(self, files: tuple[Path, ...], tally: Tally) -> Iterator[Event]:
        interval_ns = interval_ns_of(self.interval, f"{self.source_name}.interval")
        series = Series(interval_ns, self.jump_pct_max)
        for path in files:
            times = TimeColumn(self.time_unit)
            time_column = ""
            for row in read_csv(path, tally, VISION_COLUMNS):
                if not time_column:
                    time_column = self._time_column(row, path)
                if any(row[column] != value for column, value in self.where.items()):
                    tally.rows_passed_over += 1
                    continue
                try:
                    bar = self._bar(row, times, time_column, interval_ns)
                    series.judge(bar.open_ts_ns, bar.close)
                except BadRow as bad:
                    tally.refuse(bad)
                    continue
                from_ns = series.kept_ns + interval_ns
                if missing := series.keep(bar.open_ts_ns, bar.close):
                    yield self.gap(
                        tally, bar.ts_ns, from_ns, bar.open_ts_ns, f"{missing} bars of {self.interval} missing", missing
                    )
                tally.rows_kept += 1
                yield bar

    def _time_column(self, row: Row, path: Path) -> str:
        names = self.columns
        found = names.time or next((name for name in TIME_NAMES if name in row), TIME_NAMES[0])
        require_columns(row, (found, names.open, names.high, names.low, names.close, *self.where), path)
        return found

    def _bar(self, row: Row, times: TimeColumn, time_column: str, interval_ns: int) -> Bar:
        names = self.columns
        open_ns = times.ns_of(row[time_column], time_column)
        if interval_ns <= NS_PER_DAY and open_ns % interval_ns:
            raise BadRow(f"{time_column}: expected the start of a {self.interval} bar, found {row[time_column]!r}")
        if names.close_time in row:
            closes_ns = times.ns_of(row[names.close_time], names.close_time)
            if not 0 <= open_ns + interval_ns - closes_ns <= NS_PER_MS:
                raise BadRow(f"{names.close_time}: expected open + {self.interval}, found {row[names.close_time]!r}")
        opened, high = price_of(row[names.open], names.open), price_of(row[names.high], names.high)
        low, close = price_of(row[names.low], names.low), price_of(row[names.close], names.close)
        require_candle(opened, high, low, close, self.jump_pct_max)
        volume = row.get(names.volume, "")
        return Bar(
            ts_ns=open_ns + interval_ns + self.offset_ns,
            instrument=self.instrument,
            open_ts_ns=open_ns,
            close_ts_ns=open_ns + interval_ns,
            open=opened,
            high=high,
            low=low,
            close=close,
            volume=qty_of(volume, names.volume) if volume else 0.0,
        )


def require_candle(opened: float, high: float, low: float, close: float, jump_pct_max: float) -> None:
    """Raise `BadRow` unless low <= open, close <= high and the span is believable."""
    if not low <= min(opened, close) <= max(opened, close) <= high:
        raise BadRow(
            f"expected low <= open, close <= high, found open {opened:g} high {high:g} low {low:g} close {close:g}"
        )
    if high / low - 1 > jump_pct_max / 100:
        raise BadRow(
            f"spans from {low:g} to {high:g}, more than {jump_pct_max:g} %; raise jump_pct_max if this is real"
        )

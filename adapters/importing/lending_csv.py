"""Aave rates: by the minute with exact indexes, or one rate a day."""

from collections.abc import Iterator
from pathlib import Path

from adapters.importing.cells import BadRow, TimeColumn, TimeUnit, float_of, interval_ns_of, scaled_int_of
from adapters.importing.series import Series
from adapters.importing.source import Source
from adapters.importing.table import Row, read_csv, require_columns
from adapters.importing.tally import Tally
from bus.events import Event, LendingRate

RAY_DECIMALS = 27
INDEX_COLUMNS = (
    "block_timestamp",
    "liquidity_rate",
    "variable_borrow_rate",
    "liquidity_index",
    "variable_borrow_index",
)
DAILY_COLUMNS = ("date", "rate", "rate_type")
RATE_MAX = 10.0  #: 1000 % a year; Aave's steepest slopes stay below 400 %


class LendingCsv(Source, frozen=True, kw_only=True, tag="lending_csv"):
    """Rates of one asset. A row is known at the end of its interval.

    The daily shape has one side only (`rate_type` borrow or supply): the other rate and the indexes are 0 = absent.
    """

    venue: str = "aave_v3"
    chain: str
    asset: str
    interval: str
    time_unit: TimeUnit = "auto"

    @property
    def subject(self) -> str:
        return f"{self.venue}.{self.chain}:{self.asset}"

    def check(self) -> None:
        interval_ns_of(self.interval, f"{self.source_name}.interval")

    def read(self, files: tuple[Path, ...], tally: Tally) -> Iterator[Event]:
        interval_ns = interval_ns_of(self.interval, f"{self.source_name}.interval")
        series = Series(interval_ns, self.jump_pct_max)
        last_indexes = (0, 0)
        for path in files:
            times = TimeColumn(self.time_unit)
            time_column = ""
            for row in read_csv(path, tally):
                if not time_column:
                    is_daily = "rate_type" in row
                    require_columns(row, DAILY_COLUMNS if is_daily else INDEX_COLUMNS, path)
                    time_column = "date" if is_daily else "block_timestamp"
                try:
                    start_ns = times.ns_of(row[time_column], time_column)
                    rates = _daily(row) if time_column == "date" else _indexed(row)
                    indexes = rates[2:]
                    if indexes[0] < last_indexes[0] or indexes[1] < last_indexes[1]:
                        raise BadRow(f"an index shrinks from {last_indexes} to {indexes}: interest never does")
                    series.judge(start_ns)
                except BadRow as bad:
                    tally.refuse(bad)
                    continue
                last_indexes = indexes
                known_ns = start_ns + interval_ns + self.offset_ns
                from_ns = series.kept_ns + interval_ns
                if missing := series.keep(start_ns):
                    yield self.gap(tally, known_ns, from_ns, start_ns, f"{missing} rates missing", missing)
                tally.rows_kept += 1
                yield LendingRate(
                    ts_ns=known_ns,
                    venue=self.venue,
                    chain=self.chain,
                    asset=self.asset,
                    supply_apr=rates[0],
                    borrow_apr=rates[1],
                    supply_index_ray=indexes[0],
                    borrow_index_ray=indexes[1],
                )


def _indexed(row: Row) -> tuple[float, float, int, int]:
    indexes = tuple(scaled_int_of(row[name], RAY_DECIMALS, name) for name in INDEX_COLUMNS[3:])
    if min(indexes) < 10**RAY_DECIMALS:
        raise BadRow(f"expected indexes of at least 1 ray, found {indexes}")
    return _rate(row, "liquidity_rate"), _rate(row, "variable_borrow_rate"), indexes[0], indexes[1]


def _daily(row: Row) -> tuple[float, float, int, int]:
    side = row["rate_type"]
    if side not in {"borrow", "supply"}:
        raise BadRow(f"rate_type: expected borrow or supply, found {side[:40]!r}")
    rate = _rate(row, "rate")
    return (rate, 0.0, 0, 0) if side == "supply" else (0.0, rate, 0, 0)


def _rate(row: Row, column: str) -> float:
    rate = float_of(row[column], column)
    if not 0 <= rate <= RATE_MAX:
        raise BadRow(f"{column}: expected a yearly rate in 0..{RATE_MAX:g}, found {row[column]!r}")
    return rate

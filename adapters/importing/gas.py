"""Gas prices of a chain: measured ones from a CSV in gwei, or an assumed constant that says where it comes from."""

from collections.abc import Iterator
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Annotated, ClassVar

from msgspec import Meta

from adapters.importing.cells import (
    BadRow,
    TimeColumn,
    TimeUnit,
    datetime_ns,
    decimal_of,
    interval_ns_of,
)
from adapters.importing.series import Series
from adapters.importing.source import Source
from adapters.importing.table import read_csv, require_columns
from adapters.importing.tally import Tally
from bus.events import Event, GasPrice
from kernel.errors import ConfigError

GWEI_MAX = 1_000_000_000  #: one native unit per unit of gas
STEPS_MAX = 10_000_000  #: of an assumed constant: twenty years by the minute


class GasSource(Source, frozen=True, kw_only=True):
    """Gas of one chain. `native_usd_from` names the instrument whose last known price becomes `native_usd`.

    Without it (and without an `[[assumption]]` for the chain) `native_usd` stays 0.0 = unknown.
    """

    chain: str
    interval: str = "1m"
    native_usd_from: str = ""

    @property
    def subject(self) -> str:
        return self.chain

    def check(self) -> None:
        interval_ns_of(self.interval, f"{self.source_name}.interval")


class GasCsv(GasSource, frozen=True, kw_only=True, tag="gas_csv"):
    """Measured gas price per interval in gwei, known at the interval's end; rounded to whole wei."""

    time_column: str = "block_timestamp"
    price_column: str = "gas_price"
    time_unit: TimeUnit = "auto"
    gwei_max: Annotated[float, Meta(gt=0, le=GWEI_MAX)] = 100_000.0

    def read(self, files: tuple[Path, ...], tally: Tally) -> Iterator[Event]:
        interval_ns = interval_ns_of(self.interval, f"{self.source_name}.interval")
        series = Series(interval_ns, self.jump_pct_max)
        for path in files:
            times = TimeColumn(self.time_unit)
            is_first = True
            for row in read_csv(path, tally):
                if is_first:
                    require_columns(row, (self.time_column, self.price_column), path)
                    is_first = False
                try:
                    start_ns = times.ns_of(row[self.time_column], self.time_column)
                    gwei = decimal_of(row[self.price_column], self.price_column)
                    if not 0 < gwei <= Decimal(repr(self.gwei_max)):
                        raise BadRow(f"{self.price_column}: expected gwei in 0..{self.gwei_max:g}, found {gwei}")
                    series.judge(start_ns)
                except BadRow as bad:
                    tally.refuse(bad)
                    continue
                known_ns = start_ns + interval_ns + self.offset_ns
                from_ns = series.kept_ns + interval_ns
                if missing := series.keep(start_ns):
                    yield self.gap(tally, known_ns, from_ns, start_ns, f"{missing} gas prices missing", missing)
                tally.rows_kept += 1
                yield GasPrice(ts_ns=known_ns, chain=self.chain, gas_price_wei=wei_of(gwei))


class GasAssumed(GasSource, frozen=True, kw_only=True, tag="gas_assumed", rename={"start": "from", "end": "to"}):
    """A constant gas price where none was recorded, repeated each interval so that it never looks stale.

    An assumption, not data: `origin` says where the number comes from and goes into the report.
    """

    has_files: ClassVar[bool] = False

    gwei: str  #: decimal text
    origin: Annotated[str, Meta(min_length=10)]
    start: datetime
    end: datetime

    @property
    def assumed(self) -> str:
        return f"gas price of {self.chain} = {self.gwei} gwei: {self.origin}"

    def check(self) -> None:
        steps = (datetime_ns(self.end) - datetime_ns(self.start)) // interval_ns_of(
            self.interval, f"{self.source_name}.interval"
        )
        if not 0 < steps <= STEPS_MAX:
            raise ConfigError(f"{self.source_name}: expected 1..{STEPS_MAX} steps between from and to, found {steps}")
        try:
            gwei = decimal_of(self.gwei, "gwei")
        except BadRow as bad:
            raise ConfigError(f"{self.source_name}.{bad}") from bad
        if not 0 < gwei <= GWEI_MAX:
            raise ConfigError(f"{self.source_name}.gwei: expected more than 0, at most {GWEI_MAX}, found {self.gwei}")

    def read(self, files: tuple[Path, ...], tally: Tally) -> Iterator[Event]:
        wei = wei_of(decimal_of(self.gwei, "gwei"))
        interval_ns = interval_ns_of(self.interval, f"{self.source_name}.interval")
        for ts_ns in range(datetime_ns(self.start), datetime_ns(self.end), interval_ns):
            tally.rows_read += 1
            tally.rows_kept += 1
            yield GasPrice(ts_ns=ts_ns + self.offset_ns, chain=self.chain, gas_price_wei=wei)


def wei_of(gwei: Decimal) -> int:
    """Whole wei, half to even."""
    return int(gwei.scaleb(9).to_integral_value(ROUND_HALF_EVEN))

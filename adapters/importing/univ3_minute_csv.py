"""Uniswap V3 pools sampled by the minute (the demeter format): tick and liquidity at the end of each minute."""

from collections.abc import Iterator
from pathlib import Path

from adapters.importing.cells import BadRow, TimeColumn, int_of, interval_ns_of
from adapters.importing.series import Series
from adapters.importing.source import Source
from adapters.importing.table import read_csv, require_columns
from adapters.importing.tally import Tally
from adapters.uniswap.wire import require_liquidity, require_tick
from bus.events import Event, PoolState
from kernel.amm.v3_ticks import sqrt_ratio_at_tick
from kernel.errors import BadWire

COLUMNS = ("timestamp", "closeTick", "currentLiquidity")


class Univ3MinuteCsv(Source, frozen=True, kw_only=True, tag="univ3_minute_csv"):
    """Pool states of one pool. A minute's state is known at its END (timestamp + interval).

    The exact price is not in the file: the square-root price is that of the closing tick's lower edge, at most one
    basis point below the true one, and the event says `is_sampled`.
    """

    instrument: str
    interval: str = "1m"

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
            times = TimeColumn()
            is_first = True
            for row in read_csv(path, tally):
                if is_first:
                    require_columns(row, COLUMNS, path)
                    is_first = False
                try:
                    start_ns = times.ns_of(row["timestamp"], "timestamp")
                    tick = require_tick(int_of(row["closeTick"], "closeTick"))
                    liquidity = require_liquidity(int_of(row["currentLiquidity"], "currentLiquidity"))
                    series.judge(start_ns, 1.0001**tick)
                except (BadRow, BadWire) as bad:
                    tally.refuse(bad)
                    continue
                known_ns = start_ns + interval_ns + self.offset_ns
                from_ns = series.kept_ns + interval_ns
                if missing := series.keep(start_ns, 1.0001**tick):
                    reason = f"{missing} pool states of {self.interval} missing"
                    yield self.gap(tally, known_ns, from_ns, start_ns, reason, missing)
                tally.rows_kept += 1
                yield PoolState(
                    ts_ns=known_ns,
                    instrument=self.instrument,
                    block=0,
                    log_index=0,
                    sqrt_price_x96=sqrt_ratio_at_tick(tick),
                    tick=tick,
                    liquidity=liquidity,
                    is_sampled=True,
                )

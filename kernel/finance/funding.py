"""Funding of perpetuals as numbers: normalised per hour, history with holes, forecast, and break-even time.

Sign, everywhere: a rate is per hour and *as paid to a long* (0.0001 = a long gets 0.01 % an hour). A missing hour is
missing: it lowers the coverage and never enters a mean as zero. Rates are signals, hence floats; payments that are
booked come as `FundingPaid`.
"""

import math

from msgspec import Struct

from bus.clock import NS_PER_HOUR, NS_PER_S

HOURS_PER_YEAR = 8_760
EARLY_NS = 5 * NS_PER_S  #: a stamp this much before the hour still means that hour (clock jitter of the source)
HISTORY_HOURS_MAX = 24 * 90  #: the longest look back anybody may ask for
INTERVALS_H = (1, 2, 4, 8)  #: periods that venues use (Binance USD-M: 8, in stress 4, 2, 1; Drift and Hyperliquid: 1)
BREAK_EVEN_HOURS_MAX = 10 * HOURS_PER_YEAR  #: later than this counts as never


def hour_of(settle_ts_ns: int) -> int:
    """Hours since the epoch of the full hour that a settlement belongs to; a late one still belongs to its hour."""
    return (settle_ts_ns + EARLY_NS) // NS_PER_HOUR


def per_hour_to_long(venue_rate: float, interval_h: float) -> float:
    """A venue's rate for one period (positive = longs pay shorts) as the rate per hour paid to a long.

    >>> per_hour_to_long(0.0008, 8.0)
    -0.0001
    """
    if not (math.isfinite(venue_rate) and math.isfinite(interval_h) and interval_h > 0):
        raise ValueError(f"expected a finite rate and a positive interval, found {venue_rate!r} over {interval_h!r} h")
    return -venue_rate / interval_h


def apr(rate_per_hour: float) -> float:
    """Simple yearly rate (a fraction), not compounded."""
    return rate_per_hour * HOURS_PER_YEAR


def infer_interval_h(gap_h: float, previous_h: int, allowed_h: tuple[int, ...] = INTERVALS_H) -> int:
    """The period of a row from the distance to the row before it; a distance that is no period keeps the last one.

    A hole of 360 h says nothing about the period. Venues with one fixed period pass it alone (`(1,)`).

    >>> infer_interval_h(2.0003, 8), infer_interval_h(360.0, 8)
    (2, 8)
    """
    for hours in allowed_h:
        if abs(gap_h - hours) <= 0.1 * hours:
            return hours
    return previous_h


class FundingWindow(Struct, frozen=True, kw_only=True):
    """What is known of a market over the last hours."""

    hours: int  #: length of the window
    covered_hours: int  #: hours with a settled rate
    mean_per_hour: float | None  #: over covered hours alone, as paid to a long; None without any

    @property
    def coverage_pct(self) -> float:
        """Share of hours that have a rate, in percent."""
        return 100.0 * self.covered_hours / self.hours


class FundingHistory:
    """Settled rates of one market by hour. Each row covers the `interval_h` hours that end at its settlement."""

    def __init__(self) -> None:
        self.latest_hour = 0  #: settlement of the newest row, in hours since the epoch; 0 = no row yet
        self.latest_per_hour = 0.0
        self.latest_interval_h = 1
        self.refused = 0  #: rows that could not be used: duplicates, stamps that go back, absurd numbers
        self._by_hour: dict[int, float] = {}

    def add(self, settle_ts_ns: int, interval_h: float, rate_per_hour: float) -> bool:
        """Take a settled row; False (and counted) when it is a repetition, older than the newest, or absurd.

        Hours which an earlier row already covers keep its rate, so a change of period never counts an hour twice.
        """
        hour = hour_of(settle_ts_ns)
        usable = math.isfinite(rate_per_hour) and math.isfinite(interval_h) and 0.5 <= interval_h <= 24.5
        if not usable or hour <= self.latest_hour:
            self.refused += 1
            return False
        hours = max(1, round(interval_h))
        for each in range(max(hour - hours, self.latest_hour) + 1, hour + 1):
            self._by_hour[each] = rate_per_hour
        self.latest_hour, self.latest_per_hour, self.latest_interval_h = hour, rate_per_hour, hours
        self._forget(hour - HISTORY_HOURS_MAX)
        return True

    def _forget(self, before_hour: int) -> None:
        by_hour = self._by_hour
        while by_hour and (oldest := next(iter(by_hour))) <= before_hour:
            del by_hour[oldest]

    def overdue_intervals(self, now_ns: int) -> float:
        """Periods since the newest settlement: up to 1 is normal, more means silence. Infinite without any row."""
        if self.latest_hour == 0:
            return math.inf
        return (now_ns / NS_PER_HOUR - self.latest_hour) / self.latest_interval_h

    def hours(self, count: int, last_hour: int) -> tuple[float | None, ...]:
        """The rate of each of `count` hours up to `last_hour` (see `hour_of`), oldest first; None = a hole."""
        return tuple(self._by_hour.get(hour) for hour in range(last_hour - count + 1, last_hour + 1))

    def window(self, hours: int, now_ns: int) -> FundingWindow:
        """The last `hours` hours. What is not due yet is not missing; once overdue, every silent hour is."""
        end = self.latest_hour if self.overdue_intervals(now_ns) < 2.0 else max(self.latest_hour, hour_of(now_ns))
        rates = [rate for hour in range(end - hours + 1, end + 1) if (rate := self._by_hour.get(hour)) is not None]
        mean = math.fsum(rates) / len(rates) if rates else None
        return FundingWindow(hours=hours, covered_hours=len(rates), mean_per_hour=mean)


class FundingForecast(Struct, frozen=True, kw_only=True):
    """A rate that returns to the venue's neutral rate with a half-life, seen from the side that receives it.

    expected rate after t hours = neutral + (mean - neutral) * 2^(-t / half_life)
    """

    mean_per_hour: float  #: what we would receive per hour now; negative = we would pay
    neutral_per_hour: float  #: the same for the venue's floor or resting rate
    half_life_hours: float

    def income(self, hours: float) -> float:
        """Sum of expected payments over `hours`, as a fraction of the notional.

        >>> forecast = FundingForecast(mean_per_hour=0.0002, neutral_per_hour=0.0, half_life_hours=60.0)
        >>> round(forecast.income(60.0), 6)  # 0.0002 * 60 * 0.5 / ln 2
        0.008656
        """
        decayed = 1.0 - math.pow(2.0, -hours / self.half_life_hours)
        excess = (self.mean_per_hour - self.neutral_per_hour) * self.half_life_hours / math.log(2.0) * decayed
        return self.neutral_per_hour * hours + excess

    def shrunk_per_hour(self, hours: float) -> float:
        """The mean expected rate over `hours`: the lookback mean shrunk towards the neutral rate."""
        return self.income(hours) / hours

    def break_even_hours(self, cost: float, cost_per_hour: float) -> float:
        """Hours until the income has paid `cost` (once) and `cost_per_hour`, both as fractions; infinite if never.

        >>> flat = FundingForecast(mean_per_hour=0.0001, neutral_per_hour=0.0001, half_life_hours=60.0)
        >>> round(flat.break_even_hours(0.0045, 0.00001), 3)
        50.0
        """
        end = self._best_exit_hours(cost_per_hour)
        if self.income(end) - cost_per_hour * end < cost:
            return math.inf
        start = 0.0
        for _ in range(60):
            middle = (start + end) / 2
            if self.income(middle) - cost_per_hour * middle < cost:
                start = middle
            else:
                end = middle
        return end

    def _best_exit_hours(self, cost_per_hour: float) -> float:
        """When the falling rate no longer pays the running cost: until then the balance only rises."""
        excess = self.mean_per_hour - self.neutral_per_hour
        gap = cost_per_hour - self.neutral_per_hour
        if gap <= 0.0:
            return float(BREAK_EVEN_HOURS_MAX)
        if gap >= excess:
            return 0.0
        return min(float(BREAK_EVEN_HOURS_MAX), self.half_life_hours * math.log2(excess / gap))

"""Funding numbers: sign, holes, changes of period, forecast and break-even."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.clock import NS_PER_HOUR, NS_PER_S
from kernel.finance.funding import (
    HISTORY_HOURS_MAX,
    FundingForecast,
    FundingHistory,
    apr,
    hour_of,
    infer_interval_h,
    per_hour_to_long,
)

H0 = 460_000


def stamp(hour: float) -> int:
    return int((H0 + hour) * NS_PER_HOUR)


def history(*rows: tuple[float, float, float]) -> FundingHistory:
    made = FundingHistory()
    for hour, interval_h, rate in rows:
        made.add(stamp(hour), interval_h, rate)
    return made


def test_a_positive_venue_rate_is_paid_by_longs() -> None:
    assert per_hour_to_long(0.0008, 8.0) == pytest.approx(-0.0001)
    assert apr(0.0001) == pytest.approx(0.876)


@pytest.mark.parametrize("rate, interval", [(math.nan, 1.0), (math.inf, 1.0), (0.1, 0.0), (0.1, math.nan)])
def test_absurd_rates_are_refused_with_what_was_found(rate: float, interval: float) -> None:
    with pytest.raises(ValueError, match="expected a finite rate"):
        per_hour_to_long(rate, interval)


def test_a_late_settlement_belongs_to_its_hour() -> None:
    assert hour_of(stamp(0) + 3_581 * NS_PER_S) == H0
    assert hour_of(stamp(0) - 1 * NS_PER_S) == H0
    assert hour_of(stamp(0) - 60 * NS_PER_S) == H0 - 1


def test_the_period_follows_the_stamps_and_a_hole_keeps_it() -> None:
    assert [infer_interval_h(gap, 8) for gap in (8.0, 2.0001, 4.0, 360.0, 0.0)] == [8, 2, 4, 8, 8]
    assert infer_interval_h(2.0, 1, (1,)) == 1


def test_a_missing_hour_lowers_coverage_and_never_the_mean() -> None:
    full = history(*((hour, 1.0, -0.0002) for hour in range(1, 25)))
    holed = history(*((hour, 1.0, -0.0002) for hour in range(1, 25) if hour not in (7, 8, 20)))
    assert full.window(24, stamp(24)).mean_per_hour == pytest.approx(-0.0002, rel=1e-12)
    assert holed.window(24, stamp(24)).mean_per_hour == pytest.approx(-0.0002, rel=1e-12)
    assert full.window(24, stamp(24)).coverage_pct == 100.0
    assert holed.window(24, stamp(24)).covered_hours == 21


def test_what_is_not_due_yet_is_not_missing_but_silence_is() -> None:
    eight = history(*((hour, 8.0, 0.0001) for hour in range(8, 33, 8)))
    assert eight.window(24, stamp(39.9)).coverage_pct == 100.0
    assert eight.window(24, stamp(48)).covered_hours == 8
    assert eight.overdue_intervals(stamp(36)) == pytest.approx(0.5)
    assert FundingHistory().overdue_intervals(stamp(0)) == math.inf


def test_a_change_from_eight_to_two_hours_counts_every_hour_once() -> None:
    changed = history((8, 8.0, 0.0001), (16, 8.0, 0.0001), (18, 2.0, 0.0005), (20, 2.0, 0.0005))
    window = changed.window(20, stamp(20))
    assert window.covered_hours == 20
    assert window.mean_per_hour == pytest.approx((16 * 0.0001 + 4 * 0.0005) / 20)
    mislabelled = history((8, 8.0, 0.0001), (10, 8.0, 0.0005))
    assert mislabelled.window(10, stamp(10)).mean_per_hour == pytest.approx((8 * 0.0001 + 2 * 0.0005) / 10)


def test_a_hole_of_360_hours_is_a_hole() -> None:
    holed = history((8, 8.0, -0.0002), (368, 8.0, -0.0002))
    window = holed.window(360, stamp(368))
    assert window.covered_hours == 8
    assert window.mean_per_hour == -0.0002


def test_repetitions_older_rows_and_absurd_rows_are_counted_not_used() -> None:
    made = history((5, 1.0, 0.0001))
    for hour, interval_h, rate in ((5, 1.0, 0.9), (4, 1.0, 0.9), (6, 0.0, 0.9), (6, 1.0, math.nan), (6, 1e9, 0.1)):
        assert not made.add(stamp(hour), interval_h, rate)
    assert made.refused == 5
    assert made.window(1, stamp(5)).mean_per_hour == 0.0001


def test_no_row_means_no_mean() -> None:
    assert FundingHistory().window(24, stamp(0)).mean_per_hour is None


def test_history_is_bounded() -> None:
    made = FundingHistory()
    for hour in range(1, HISTORY_HOURS_MAX + 500):
        made.add(stamp(hour), 1.0, 0.0)
    assert len(made._by_hour) == HISTORY_HOURS_MAX


@given(
    st.lists(
        st.tuples(st.integers(1, 200), st.sampled_from((1.0, 2.0, 4.0, 8.0)), st.floats(-0.02, 0.02)), max_size=60
    ),
    st.integers(1, 300),
)
def test_the_mean_stays_within_the_rates_and_coverage_within_100(
    rows: list[tuple[int, float, float]], hours: int
) -> None:
    made = FundingHistory()
    for row in rows:
        made.add(stamp(row[0]), row[1], row[2])
    window = made.window(hours, stamp(220))
    assert 0 <= window.covered_hours <= hours
    if window.mean_per_hour is not None:
        rates = [rate for _, _, rate in rows]
        assert min(rates) - 1e-12 <= window.mean_per_hour <= max(rates) + 1e-12


def test_a_forecast_shrinks_towards_the_neutral_rate() -> None:
    forecast = FundingForecast(mean_per_hour=0.0002, neutral_per_hour=0.0, half_life_hours=60.0)
    assert forecast.income(60.0) == pytest.approx(0.0002 * 60 * 0.5 / math.log(2))
    assert forecast.shrunk_per_hour(72.0) == pytest.approx(0.0002 * 0.679, rel=2e-3)
    assert forecast.shrunk_per_hour(1e6) < 1e-7
    assert forecast.shrunk_per_hour(1e-6) == pytest.approx(0.0002)


def test_a_rate_that_fades_before_it_paid_the_costs_never_breaks_even() -> None:
    forecast = FundingForecast(mean_per_hour=0.0001, neutral_per_hour=0.0, half_life_hours=10.0)
    assert forecast.break_even_hours(0.005, 0.0) == math.inf
    assert forecast.break_even_hours(0.0005, 0.0) < 10.0
    assert FundingForecast(mean_per_hour=-0.1, neutral_per_hour=0.0, half_life_hours=10.0).break_even_hours(
        0.001, 0.0
    ) == math.inf  # fmt: skip


@given(
    st.floats(-0.001, 0.001), st.floats(-0.0001, 0.0001), st.floats(1.0, 500.0), st.floats(1e-5, 0.02),
    st.floats(0.0, 1e-4),
)  # fmt: skip
def test_income_at_break_even_pays_exactly_the_costs(
    mean: float, neutral: float, half_life: float, cost: float, hourly: float
) -> None:
    forecast = FundingForecast(mean_per_hour=mean, neutral_per_hour=neutral, half_life_hours=half_life)
    hours = forecast.break_even_hours(cost, hourly)
    if math.isfinite(hours):
        assert forecast.income(hours) - hourly * hours == pytest.approx(cost, rel=1e-6, abs=1e-9)
    else:
        assert all(forecast.income(t) - hourly * t < cost for t in (1.0, 10.0, 100.0, 1000.0, 10_000.0))


@given(st.floats(0.0, 0.001), st.floats(1e-5, 0.02), st.floats(1e-5, 0.02))
def test_more_cost_never_breaks_even_earlier(mean: float, cost: float, more: float) -> None:
    forecast = FundingForecast(mean_per_hour=mean, neutral_per_hour=0.0, half_life_hours=60.0)
    assert forecast.break_even_hours(cost, 1e-6) <= forecast.break_even_hours(cost + more, 1e-6) + 1e-6

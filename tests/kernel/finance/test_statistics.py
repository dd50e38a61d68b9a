"""Figures of merit: worked numbers, undefined stays None, and properties."""

import math
import statistics as reference
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.clock import NS_PER_DAY, NS_PER_MINUTE
from kernel.finance.statistics import DEFINITIONS, YEAR_NS, Statistics, summarise
from kernel.position import ClosedTrade

D = Decimal


def series(*values: object, step_ns: int = NS_PER_DAY) -> list[tuple[int, Decimal]]:
    return [(index * step_ns, D(str(value))) for index, value in enumerate(values)]


def trade(pnl: str | None, opened: int = 0, closed: int = 1) -> ClosedTrade:
    return ClosedTrade(
        strategy="s", instrument="i", is_long=True, opened_ts_ns=opened, closed_ts_ns=closed,
        pnl_usd=None if pnl is None else D(pnl), turnover_usd=D(0), fills=2, simulated=True,
    )  # fmt: skip


def test_return_sharpe_and_sortino_of_a_worked_series() -> None:
    # Returns on 1,000: +1 %, -0.5 %, +1.5 %. Mean 0.0066667, sd (n-1) 0.0104083, downside sqrt(0.000025/3) = 0.0028868.
    found = summarise(series(0, 10, 5, 20), capital_usd=D(1000))
    assert found.total_return == pytest.approx(0.02)
    assert found.sharpe == pytest.approx(0.0066666667 / 0.0104083300 * math.sqrt(365), rel=1e-7)
    assert found.sortino == pytest.approx(0.0066666667 / 0.0028867513 * math.sqrt(365), rel=1e-7)
    assert (found.max_drawdown_usd, found.max_drawdown) == (D(5), pytest.approx(5 / 1010))


def test_a_series_with_capital_inside_gives_the_same_as_one_of_profit() -> None:
    profit = series(0, 10, 5, 20)
    account = [(ts_ns, value + 1000) for ts_ns, value in profit]
    assert summarise(profit, capital_usd=D(1000)) == summarise(account, capital_usd=D(1000))


def test_minute_samples_are_annualised_by_their_own_step() -> None:
    found = summarise(series(0, 1, 0.5, 2, step_ns=NS_PER_MINUTE), capital_usd=D(100))
    daily = summarise(series(0, 1, 0.5, 2), capital_usd=D(100))
    assert found.sharpe is not None and daily.sharpe is not None
    assert found.sharpe / daily.sharpe == pytest.approx(math.sqrt(1440))


def test_nothing_is_defined_without_samples_and_trades() -> None:
    found = summarise([], capital_usd=D(1000))
    for field, _, _ in DEFINITIONS:
        assert getattr(found, field) is None, field


def test_a_flat_series_has_no_ratio_and_a_drawdown_of_zero() -> None:
    found = summarise(series(5, 5, 5), capital_usd=D(1000), turnover_usd=D(0))
    assert (found.sharpe, found.sortino, found.win_rate, found.profit_factor) == (None, None, None, None)
    assert (found.total_return, found.max_drawdown_usd, found.exposure, found.turnover) == (0.0, D(0), 0.0, 0.0)


def test_without_a_capital_base_nothing_relative_is_shown() -> None:
    found = summarise(series(0, 1, -1, 2), capital_usd=D(0), turnover_usd=D(10))
    assert (found.total_return, found.sharpe, found.max_drawdown, found.turnover) == (None, None, None, None)
    assert found.max_drawdown_usd == 2


def test_only_gains_leave_sortino_and_profit_factor_undefined_not_infinite() -> None:
    found = summarise(series(0, 1, 3, 4), [trade("1"), trade("2")], capital_usd=D(100))
    assert (found.sortino, found.profit_factor, found.win_rate) == (None, None, 1.0)
    assert found.sharpe is not None


def test_win_rate_and_profit_factor_leave_unknown_results_out() -> None:
    found = summarise([], [trade("3"), trade("-1"), trade("-1"), trade("0"), trade(None)], capital_usd=D(100))
    assert (found.trades, found.win_rate, found.profit_factor) == (4, 0.25, 1.5)


def test_time_in_market_counts_overlaps_once_and_clips_to_the_run() -> None:
    equity = series(0, 0, step_ns=100)
    trades = [trade("1", -50, 10), trade("1", 5, 20), trade("1", 15, 18), trade("1", 40, 50)]
    assert summarise(equity, trades, capital_usd=D(1)).exposure == 0.30
    assert summarise(equity, trades, capital_usd=D(1), open_since_ns=[90]).exposure == 0.40


def test_times_that_do_not_rise_and_values_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="sample 1: expected a time after 5, found 5"):
        summarise([(5, D(1)), (5, D(2))], capital_usd=D(1))
    with pytest.raises(ValueError, match="sample 0 at 5: expected a finite amount"):
        summarise([(5, D("NaN"))], capital_usd=D(1))


def test_every_figure_has_a_definition() -> None:
    figures = set(Statistics.__struct_fields__) - {"capital_usd", "samples", "trades"}
    assert {field for field, _, _ in DEFINITIONS} == figures


cents = st.integers(-(10**7), 10**7).map(lambda raw: D(raw).scaleb(-2))


@given(st.lists(cents, min_size=3, max_size=40), st.lists(cents, max_size=20), st.integers(1, 10**9))
def test_figures_agree_with_the_standard_library_and_are_finite_or_none(
    values: list[Decimal], results: list[Decimal], step_ns: int
) -> None:
    equity = [(index * step_ns, value) for index, value in enumerate(values)]
    found = summarise(equity, [trade(str(value)) for value in results], capital_usd=D(500), turnover_usd=D(7))
    returns = [float(b - a) / 500 for a, b in pairwise(values)]
    deviation = reference.stdev(returns)
    if found.sharpe is None:
        assert deviation == 0
    else:
        want = reference.fmean(returns) / deviation * math.sqrt(YEAR_NS / step_ns)
        assert found.sharpe == pytest.approx(want, rel=1e-9, abs=1e-6)
    falls = [max(values[: index + 1]) - value for index, value in enumerate(values)]
    assert found.max_drawdown_usd == max(falls)
    for field, _, _ in DEFINITIONS:
        value = getattr(found, field)
        assert value is None or math.isfinite(value)
    assert (found.win_rate is None) == (not results)

"""Figures of merit of a run, from its equity samples and closed trades. What is undefined is None, never 0 or infinity.

Returns are taken on one stated capital base and not compounded: these strategies trade a fixed budget. Sharpe and
Sortino follow Sharpe (1994) and Sortino & Price (1994) with a risk-free rate and a target of zero.
"""

import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import pairwise

from msgspec import Struct

from bus.clock import NS_PER_DAY
from bus.units import ZERO
from kernel.finance.drawdown import Drawdown
from kernel.finance.money import MONEY
from kernel.position import ClosedTrade

YEAR_NS = 365 * NS_PER_DAY  #: these markets do not close

Samples = Sequence[tuple[int, Decimal]]  #: (ts_ns, equity or net P&L in USD), ts_ns rising

#: field, title, what it is and when it is undefined
DEFINITIONS: tuple[tuple[str, str, str], ...] = (
    ("total_return", "Return", "Change of equity from the first to the last sample, over the capital base."),
    (
        "sharpe",
        "Sharpe",
        "Mean over standard deviation (n-1) of the returns from sample to sample on the capital base, times the square "
        "root of samples per year (365 days over the mean step). Risk-free rate 0. Undefined below 3 samples and when "
        "the returns do not vary. From a short run it says little.",
    ),
    (
        "sortino",
        "Sortino",
        "As Sharpe, over the root mean square of the negative returns (target 0, divided by all n). "
        "Undefined when no return is negative.",
    ),
    ("max_drawdown_usd", "Max drawdown", "Largest fall from an earlier peak of the samples, in USD."),
    (
        "max_drawdown",
        "Max drawdown, relative",
        "Largest fall over the account's value at its peak (capital base plus what was gained since the first sample).",
    ),
    (
        "win_rate",
        "Win rate",
        "Share of positions brought back to flat that earned more than zero after fees, gas and funding. "
        "One leg counts as one, so a hedge is two.",
    ),
    (
        "profit_factor",
        "Profit factor",
        "Gains of the winning positions over losses of the losing ones. Undefined without a loss.",
    ),
    ("exposure", "Time in market", "Share of the time between the first and last sample with a position open."),
    ("turnover", "Turnover", "Value of all fills, both directions, over the capital base."),
)


class Statistics(Struct, frozen=True, kw_only=True):
    """Fractions unless named in USD; meanings in `DEFINITIONS`."""

    capital_usd: Decimal  #: the stated base
    samples: int
    trades: int  #: closed ones with a known result
    total_return: float | None
    sharpe: float | None
    sortino: float | None
    max_drawdown_usd: Decimal | None
    max_drawdown: float | None
    win_rate: float | None
    profit_factor: float | None
    exposure: float | None
    turnover: float | None


def summarise(
    equity: Samples,
    trades: Iterable[ClosedTrade] = (),
    *,
    capital_usd: Decimal,
    turnover_usd: Decimal | None = None,
    open_since_ns: Iterable[int] = (),
) -> Statistics:
    """All figures of one strategy. `open_since_ns`: when the positions still open were opened.

    Raises ValueError when sample times do not rise or a value is not finite.
    """
    _check(equity)
    trades = tuple(trades)
    results = [trade.pnl_usd for trade in trades if trade.pnl_usd is not None]
    base = float(capital_usd) if capital_usd.is_finite() and capital_usd > 0 else None
    returns = [] if base is None else [float(MONEY.subtract(b[1], a[1])) / base for a, b in pairwise(equity)]
    per_year = YEAR_NS * len(returns) / (equity[-1][0] - equity[0][0]) if returns else 0.0
    spans = [(trade.opened_ts_ns, trade.closed_ts_ns) for trade in trades]
    if equity:
        spans += [(opened_ns, equity[-1][0]) for opened_ns in open_since_ns]
    fall_usd, fall = _drawdown(equity, capital_usd if base is not None else None)
    return Statistics(
        capital_usd=capital_usd,
        samples=len(equity),
        trades=len(results),
        total_return=float(MONEY.subtract(equity[-1][1], equity[0][1])) / base if returns and base else None,
        sharpe=_sharpe(returns, per_year),
        sortino=_sortino(returns, per_year),
        max_drawdown_usd=fall_usd,
        max_drawdown=fall,
        win_rate=sum(result > 0 for result in results) / len(results) if results else None,
        profit_factor=_profit_factor(results),
        exposure=_covered(spans, equity[0][0], equity[-1][0]) if len(equity) > 1 else None,
        turnover=float(turnover_usd) / base if turnover_usd is not None and base is not None else None,
    )


def _check(equity: Samples) -> None:
    for index, (ts_ns, value) in enumerate(equity):
        if not value.is_finite():
            raise ValueError(f"equity sample {index} at {ts_ns}: expected a finite amount, found {value}")
        if index and ts_ns <= equity[index - 1][0]:
            raise ValueError(f"equity sample {index}: expected a time after {equity[index - 1][0]}, found {ts_ns}")


def _sharpe(returns: list[float], per_year: float) -> float | None:
    if len(returns) < 2 or min(returns) == max(returns):
        return None
    mean = math.fsum(returns) / len(returns)
    variance = math.fsum((value - mean) ** 2 for value in returns) / (len(returns) - 1)
    return _finite(mean, math.sqrt(variance), per_year)


def _sortino(returns: list[float], per_year: float) -> float | None:
    if len(returns) < 2:
        return None
    mean = math.fsum(returns) / len(returns)
    downside = math.fsum(value * value for value in returns if value < 0) / len(returns)
    return _finite(mean, math.sqrt(downside), per_year)


def _finite(mean: float, deviation: float, per_year: float) -> float | None:
    """The annualised ratio; None where the deviation is zero or so small that the ratio is not a number."""
    ratio = mean / deviation * math.sqrt(per_year) if deviation > 0 else math.inf
    return ratio if math.isfinite(ratio) else None


def _drawdown(equity: Samples, capital_usd: Decimal | None) -> tuple[Decimal | None, float | None]:
    if not equity:
        return None, None
    first = equity[0][1]
    drawdown = Drawdown(first)
    worst = 0.0
    for _, value in equity:
        drawdown.sample(value)
        if capital_usd is not None and drawdown.drawdown_usd:
            worst = max(worst, float(drawdown.drawdown_usd / (capital_usd + drawdown.peak_usd - first)))
    return drawdown.max_drawdown_usd, None if capital_usd is None else worst


def _profit_factor(results: list[Decimal]) -> float | None:
    gains = losses = ZERO
    for result in results:
        if result > 0:
            gains = MONEY.add(gains, result)
        else:
            losses = MONEY.subtract(losses, result)
    return float(gains / losses) if losses else None


def _covered(spans: list[tuple[int, int]], start_ns: int, end_ns: int) -> float:
    """Share of [start, end] that at least one span covers."""
    covered_ns = 0
    reached_ns = start_ns
    for opened_ns, closed_ns in sorted(spans):
        begin_ns, until_ns = max(opened_ns, reached_ns), min(closed_ns, end_ns)
        if until_ns > begin_ns:
            covered_ns += until_ns - begin_ns
            reached_ns = until_ns
    return covered_ns / (end_ns - start_ns)

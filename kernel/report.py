"""The report of a run: one self-contained HTML file with inline style and charts, no script and nothing to fetch."""

import math
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import jinja2
from msgspec import Struct

from kernel import report_text
from kernel.errors import StoreError
from kernel.finance.statistics import DEFINITIONS, Statistics
from kernel.report_chart import Chart, add_series, draw_chart

TEMPLATES = Path(__file__).parent / "templates"
TRADES_SHOWN = 2_000  #: the newest ones; a page with more is slow to open, the log has them all
REASONS_SHOWN = 8
FILTERS = ("figure", "signed", "cost", "exact_figure", "brief", "percent", "tone", "utc", "span", "visible", "words")
CURRENCY_FIGURES = frozenset({"max_drawdown_usd"})
RATIO_FIGURES = frozenset({"sharpe", "sortino", "profit_factor", "turnover"})


class TradeRow(Struct, frozen=True, kw_only=True):
    """One fill. Amounts are decimal text; `seq` is the fill's place in the log (or in the replay)."""

    ts_ns: int
    instrument: str
    side: str
    qty: str
    price: str
    fee_usd: str
    gas_usd: str
    slippage_usd: str
    order_id: str
    seq: int
    simulated: bool = True


class StrategyReport(Struct, frozen=True, kw_only=True):
    """One strategy's part of a report. USD amounts are decimal text, counts are totals of the run.

    `equity`: (ts_ns, net P&L in USD since the start of the run), times rising. `costs`: fees, gas, slippage, funding
    (funding positive = received). `best_rejected`: an Opportunity as plain values.
    """

    name: str
    title: str
    settings: dict[str, str]
    seen: int
    priced: int
    intents: int
    approved: int
    denied: dict[str, int]
    orders: int
    fills: int
    why_not: dict[str, int]
    pnl_usd: str
    costs: dict[str, str]
    max_drawdown_usd: str
    positions: list[dict[str, str]]
    equity: list[tuple[int, str]]
    trades: list[TradeRow]
    best_rejected: dict[str, Any] | None
    warnings: list[str]
    closed: int = 0  #: positions brought back to flat
    profitable: int = 0  #: of those, with a gain after fees, gas and funding
    statistics: Statistics | None = None  #: `kernel.finance.statistics.summarise`
    idea: str = ""


class ReportInput(Struct, frozen=True, kw_only=True):
    """Everything a report shows; it reads nothing else."""

    title: str
    log_path: str
    log_sha256: str
    log_events: int
    run_mode: str  #: simulate, what-if, verify or the profile of a live run
    digest: str
    code_version: str
    started_ts_ns: int  #: event time of the first and last event
    ended_ts_ns: int
    assumptions: tuple[str, ...]
    strategies: tuple[StrategyReport, ...]
    simulated: bool = True  #: at least one number comes from a simulated fill


def write_html(report: ReportInput, path: Path | str) -> None:
    """Write the report; an existing file is replaced whole or not at all. Raises `StoreError` when it cannot."""
    target = Path(path)
    partial = target.with_name(target.name + ".partial")
    try:
        partial.write_text(render_html(report), encoding="utf-8")
        partial.replace(target)
    except OSError as error:
        raise StoreError(f"report {target}: cannot be written ({error}); choose another --report path") from error


def render_html(report: ReportInput) -> str:
    """The report as text. The same input gives the same bytes."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {name: getattr(report_text, name) for name in FILTERS}
    parts = [_part(strategy) for strategy in report.strategies]
    curves = [_curve(strategy) for strategy in report.strategies]
    pnls = [report_text.to_decimal(strategy.pnl_usd) for strategy in report.strategies]
    known = [pnl for pnl in pnls if pnl is not None]
    total: dict[str, Any] = {
        "pnl_usd": sum(known, start=Decimal(0)) if len(known) == len(pnls) and pnls else None,
        "chart": draw_chart(add_series(curves), _fill_times(report)) if sum(map(bool, curves)) > 1 else None,
        "fills": sum(strategy.fills for strategy in report.strategies),
        "denied": sum(sum(strategy.denied.values()) for strategy in report.strategies),
        "closed": sum(strategy.closed for strategy in report.strategies),
        "profitable": sum(strategy.profitable for strategy in report.strategies),
        "costs_usd": _total_costs(report),
    }
    return environment.get_template("report.html").render(report=report, parts=parts, total=total)


def _part(strategy: StrategyReport) -> dict[str, Any]:
    return {
        "strategy": strategy,
        "chart": draw_chart(_curve(strategy), [trade.ts_ns for trade in strategy.trades]),
        "funnel": funnel_rows(strategy),
        "why_not": reason_rows(strategy.why_not),
        "denied": reason_rows(strategy.denied),
        "costs": cost_rows(strategy),
        "figures": figure_rows(strategy.statistics),
        "trades": strategy.trades[-TRADES_SHOWN:],
        "position_fields": sorted({field for position in strategy.positions for field in position}, key=_field_order),
    }


def _curve(strategy: StrategyReport) -> list[tuple[int, Decimal]]:
    points = ((ts_ns, report_text.to_decimal(value)) for ts_ns, value in strategy.equity)
    return [(ts_ns, value) for ts_ns, value in points if value is not None]


def _fill_times(report: ReportInput) -> list[int]:
    return [trade.ts_ns for strategy in report.strategies for trade in strategy.trades]


def _total_costs(report: ReportInput) -> Decimal | None:
    """Fees and gas of all strategies; None when one of them is not a number."""
    total = Decimal(0)
    for strategy in report.strategies:
        for name in ("fees", "gas"):
            value = report_text.to_decimal(strategy.costs.get(name, "0"))
            if value is None:
                return None
            total += value
    return total


def funnel_rows(strategy: StrategyReport) -> list[dict[str, Any]]:
    """Bars on a logarithmic width: the last steps are often thousands of times smaller than the first."""
    rows = [
        ("Seen", strategy.seen, "", "candidates looked at"),
        ("Priced", strategy.priced, _rate(strategy.priced, strategy.seen, "of seen"), "with every cost"),
        ("Asked", strategy.intents, _rate(strategy.intents, strategy.priced, "of priced"), "order intents"),
        ("Approved", strategy.approved, _rate(strategy.approved, strategy.intents, "of asked"), "by the risk gate"),
        ("Sent", strategy.orders, _rate(strategy.orders, strategy.approved, "of approved"), "orders"),
        ("Filled", strategy.fills, _each(strategy.fills, strategy.orders), "fills"),
        (
            "Profitable",
            strategy.profitable,
            _rate(strategy.profitable, strategy.closed, f"of {strategy.closed:,} closed"),
            "positions closed with a gain, after all costs",
        ),
    ]
    most = max(count for _, count, _, _ in rows)
    return [
        {
            "label": label,
            "count": count,
            "rate": rate,
            "note": note,
            "width": round(100 * math.log1p(count) / math.log1p(most), 1) if most else 0,
        }
        for label, count, rate, note in rows
    ]


def _rate(part: int, whole: int, of: str) -> str:
    """Percent of the step before; a ratio above one is said as such (one candidate may ask for two legs)."""
    if not whole:
        return ""
    if part > whole:
        return f"{part / whole:.2f} × {of.removeprefix('of ')}"
    share = 100 * part / whole
    return f"{share:.0f} % {of}" if share >= 10 or not part else f"{share:.2g} % {of}"


def _each(fills: int, orders: int) -> str:
    return f"{fills / orders:.2f} per order" if orders else ""


def reason_rows(counts: Mapping[str, int]) -> dict[str, Any]:
    """The most frequent reasons with their shares, and how many more there are."""
    total = sum(counts.values())
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rows = [
        {"reason": reason, "count": count, "share": count / total if total else 0} for reason, count in ordered if count
    ]
    rest = rows[REASONS_SHOWN:]
    return {
        "total": total,
        "rows": rows[:REASONS_SHOWN],
        "more": len(rest),
        "more_count": sum(row["count"] for row in rest),
    }


def cost_rows(strategy: StrategyReport) -> dict[str, Any]:
    """From gross to net. Slippage is inside the gross already, so it stands beside the sum, not in it."""
    known = {name: report_text.to_decimal(value) for name, value in strategy.costs.items()}
    net = report_text.to_decimal(strategy.pnl_usd)
    fees, gas, funding = (known.get(name) for name in ("fees", "gas", "funding"))
    gross = net + fees + gas - funding if None not in (net, fees, gas, funding) else None  # type: ignore[operator]
    steps = [("Gross: realised and unrealised, at the prices paid", gross)]
    steps += [(label, None if value is None else -value) for label, value in (("Fees", fees), ("Gas", gas))]
    steps += [("Funding received", funding), ("Net P&L", net)]
    largest = max((abs(value) for _, value in steps if value is not None), default=Decimal(0))
    paid = [
        (name, value if name != "funding" else -value)
        for name in ("fees", "gas", "slippage", "funding", *sorted(set(known) - {"fees", "gas", "slippage", "funding"}))
        if (value := known.get(name)) is not None
    ]
    positive = [(name, value) for name, value in paid if value > 0]
    total = sum((value for _, value in positive), start=Decimal(0))
    return {
        "steps": [
            {"label": label, "usd": value, "width": float(100 * abs(value) / largest) if value and largest else 0.0}
            for label, value in steps
        ],
        "slippage": known.get("slippage"),
        "stack": [{"name": name, "usd": value, "share": float(value / total)} for name, value in positive],
        "stack_total": total,
    }


def figure_rows(statistics: Statistics | None) -> list[dict[str, str]]:
    """The statistics as title, text, unit and definition; empty without them."""
    if statistics is None:
        return []
    rows = []
    for field, title, definition in DEFINITIONS:
        value = getattr(statistics, field)
        if field in CURRENCY_FIGURES or field in RATIO_FIGURES:
            text = report_text.figure(value)
        else:
            text = report_text.percent(value, 2)
        unit = "USD" if field in CURRENCY_FIGURES else "×" if field == "turnover" else ""
        rows.append({"title": title, "text": text, "unit": unit if value is not None else "", "definition": definition})
    return rows


def _field_order(field: str) -> tuple[int, str]:
    first = ("instrument", "venue", "qty", "avg_price", "mark", "unrealised_usd", "realised_usd")
    return (first.index(field) if field in first else len(first), field)


__all__ = [
    "Chart", "ReportInput", "StrategyReport", "TradeRow", "cost_rows", "figure_rows", "funnel_rows", "reason_rows",
    "render_html", "write_html",
]  # fmt: skip

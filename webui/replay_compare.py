"""Runs side by side: their figures, and the settings in which they differ."""

from typing import Any

import msgspec
from msgspec import Struct

from kernel.replay_job import Figures, RunResult
from kernel.report import StrategyReport, figure_rows
from webui import typeset
from webui.replay_cells import decimal_of

COMPARED_MAX = 6  #: columns that can still be read
ABSENT = "—"


class FigureRow(Struct, frozen=True, kw_only=True):
    """One figure over all runs. `values`: (text, tone) in the order of the runs."""

    title: str
    unit: str
    definition: str
    values: tuple[tuple[str, str], ...]


class SettingRow(Struct, frozen=True, kw_only=True):
    """One setting over all runs, as given; "default" where it was not."""

    path: str
    values: tuple[str, ...]


def compared(figures: list[Figures | None], results: list[RunResult]) -> list[tuple[str, list[FigureRow]]]:
    """Figures over everything, then of each strategy that any of the runs has."""
    whole = [_whole(each) for each in figures]
    groups = [("All strategies", [_row(whole, at) for at in range(len(whole[0]))])]
    names = sorted({each.name for result in results for each in _strategies(result)})
    for name in names:
        found = [next((each for each in _strategies(result) if each.name == name), None) for result in results]
        tables = [_figures(each) for each in found]
        longest = max(tables, key=len)
        rows = [
            FigureRow(
                title=title,
                unit=unit,
                definition=definition,
                values=tuple(table[at][3:] if table else (ABSENT, "muted") for table in tables),
            )
            for at, (title, unit, definition, *_) in enumerate(longest)
        ]
        groups.append((name, rows))
    return groups


def differences(results: list[RunResult]) -> tuple[list[SettingRow], int]:
    """The settings in which the runs differ, and how many are alike."""
    flat = [_flat(result) for result in results]
    rows = []
    alike = 0
    for path in sorted({path for each in flat for path in each}):
        values = tuple(each.get(path, "default") for each in flat)
        if len(set(values)) > 1:
            rows.append(SettingRow(path=path, values=values))
        else:
            alike += 1
    return rows, alike


def _strategies(result: RunResult) -> tuple[StrategyReport, ...]:
    return result.report.strategies if result.report is not None else ()


def _flat(result: RunResult) -> dict[str, str]:
    """Settings of strategies as they were in force, limits and the rest as given."""
    flat: dict[str, str] = {}
    for owner, given in result.settings.items():
        if owner in ("risk", "paper"):
            flat |= {f"{owner}.{key}": shown(value) for key, value in given.items()}
        else:
            flat |= {f"{owner}.limits.{key}": shown(value) for key, value in given.get("limits", {}).items()}
    for strategy in _strategies(result):
        flat |= {f"{strategy.name}.{key}": _trimmed(text) for key, text in strategy.settings.items()}
        flat[f"{strategy.name} runs"] = "yes"
    return flat


def _trimmed(text: str) -> str:
    return text.removesuffix(".0")


def shown(value: Any) -> str:
    """A setting's value as text; equal numbers look equal."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


_Line = tuple[str, str, str, str, str]  # title, unit, definition, text, tone


def _whole(figures: Figures | None) -> list[_Line]:
    pnl = decimal_of(figures.pnl_usd if figures else None)
    drawdown = decimal_of(figures.max_drawdown_usd if figures else None)
    costs = decimal_of(figures.costs_usd if figures else None)
    return [
        ("Net P&L", "USD", "After fees, gas and funding, open positions at their last price.",
         typeset.usd(pnl, True), typeset.tone(pnl)),
        ("Max drawdown", "USD", "Largest fall of any strategy's P&L from an earlier peak.", typeset.usd(drawdown), ""),
        ("Fees and gas", "USD", "What was paid to trade.", typeset.usd(costs), ""),
        ("Orders", "", "Sent after the risk gate.", typeset.count(figures.orders if figures else None), ""),
        ("Fills", "", "Executions, simulated.", typeset.count(figures.fills if figures else None), ""),
        ("Closed positions", "", "Brought back to flat.", typeset.count(figures.closed if figures else None), ""),
        ("of those with a gain", "", "After all costs.", typeset.count(figures.profitable if figures else None), ""),
    ]  # fmt: skip


def _figures(strategy: StrategyReport | None) -> list[_Line]:
    if strategy is None:
        return []
    pnl = decimal_of(strategy.pnl_usd)
    lines: list[_Line] = [
        ("Net P&L", "USD", "After fees, gas and funding.", typeset.usd(pnl, True), typeset.tone(pnl)),
        ("Seen", "", "Candidates looked at.", typeset.count(strategy.seen), ""),
        ("Priced", "", "With every cost.", typeset.count(strategy.priced), ""),
        ("Approved", "", "By the risk gate.", typeset.count(strategy.approved), ""),
        ("Fills", "", "Executions, simulated.", typeset.count(strategy.fills), ""),
    ]
    return lines + [
        (each["title"], each["unit"], each["definition"], each["text"], "") for each in figure_rows(strategy.statistics)
    ]


def _row(whole: list[list[_Line]], at: int) -> FigureRow:
    title, unit, definition = whole[0][at][:3]
    return FigureRow(title=title, unit=unit, definition=definition, values=tuple((w[at][3], w[at][4]) for w in whole))


__all__ = ["COMPARED_MAX", "FigureRow", "SettingRow", "compared", "differences", "shown"]

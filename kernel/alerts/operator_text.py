"""The operator's answers as messages. The one place of their typesetting: a dash is what is not known, sums never mix
real with simulated, and what is simulated says so.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from bus.units import ZERO
from kernel.alerts.clock_text import clock_text
from kernel.alerts.legible import legible
from kernel.alerts.message import Message
from kernel.alerts.operator import Balance, Daily, Earned, LogLine, OpenLeg, Profit, Score, Status

DASH = "—"
MINUS = "\u2212"
ROWS_MAX = 60
CELL_CHARS_MAX = 40
LINE_CHARS_MAX = 300


def usd_text(value: Decimal | None, *, is_signed: bool = False) -> str:
    """US dollars to cents, thousands separated; a dash for None, NaN and infinity; zero after rounding has no sign."""
    if value is None or not value.is_finite():
        return DASH
    text = f"{value.copy_abs():,.2f}"
    if not text.strip("0.,"):
        return text
    return MINUS + text if value < 0 else f"+{text}" if is_signed else text


def qty_text(value: Decimal) -> str:
    """Base units, at most eight significant figures."""
    if not value.is_finite():
        return DASH
    places = 0 if value == 0 else max(0, min(12, 7 - value.adjusted()))
    text = f"{value.copy_abs():,.{places}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return MINUS + text if value < 0 and text.strip("0.,") else text


def count_text(value: int | None) -> str:
    """A whole number; a dash for None."""
    return DASH if value is None else f"{value:,}"


def status_message(status: Status) -> Message:
    """What runs, what does not, and why."""
    lines = [f"{status.mode} · {legible(status.data_note, LINE_CHARS_MAX)}"]
    if status.is_killed:
        lines.append(f"KILL SWITCH ON by {status.kill_by}: {legible(status.kill_reason, LINE_CHARS_MAX)}")
    age = DASH if status.last_event_age_ms is None else f"{status.last_event_age_ms / 1000:,.1f} s"
    lines.append(f"seq {status.seq:,} · last event {age} ago · database {status.database}")
    for each in status.strategies:
        today, total = usd_text(each.pnl_today_usd, is_signed=True), usd_text(each.pnl_total_usd, is_signed=True)
        lines.append(
            f"\n{each.name}: {each.state}{_because(each.reason)}\ntoday {today} · total {total}"
            f" USD{_mark(each.simulated)} · {each.open_orders} open order(s) · {each.positions} position(s)"
        )
    if not status.strategies:
        lines.append("no strategy is enabled")
    if status.venues_amiss:
        lines.append("\nnot well: " + ", ".join(legible(each, CELL_CHARS_MAX) for each in status.venues_amiss))
    return Message(title="Status", text="\n".join(lines))


def _because(reason: str) -> str:
    return f" ({legible(reason, LINE_CHARS_MAX)})" if reason else ""


def _mark(simulated: bool) -> str:
    return " simulated" if simulated else ""


def profit_message(profit: Profit) -> Message:
    """P&L net of all costs by strategy."""
    text = _earned_table(profit.rows) + (f"\n{profit.note}" if profit.note else "")
    return Message(title=f"Profit · {profit.period} · after fees, gas and funding", text=text, is_table=True)


def daily_message(daily: Daily, *, title: str = "Daily") -> Message:
    """Each day by strategy, and the sums of each kind."""
    blocks = []
    for day in daily.days:
        blocks.append(f"{day.label}{'' if day.is_whole else ' so far'}\n{_earned_table(day.rows)}")
    text = "\n\n".join(blocks) or "nothing is known of any day yet"
    return Message(title=f"{title} · after fees, gas and funding", text=_noted(text, daily.note), is_table=True)


def _noted(text: str, note: str) -> str:
    return f"{text}\n\n{note}" if note else text


def _earned_table(rows: Sequence[Earned]) -> str:
    if not rows:
        return "no strategy is enabled"
    cells = [(each.name, usd_text(each.pnl_usd, is_signed=True), "USD" + _mark(each.simulated)) for each in rows]
    for simulated in (False, True):
        of_kind = [each.pnl_usd for each in rows if each.simulated is simulated]
        if len(of_kind) > 1:
            known = [each for each in of_kind if each is not None]
            total = sum(known, ZERO) if len(known) == len(of_kind) else None
            cells.append(("total", usd_text(total, is_signed=True), "USD" + _mark(simulated)))
    return _table(cells)


def balance_message(balance: Balance) -> Message:
    """Equity, exposure, and what is held where."""
    mark = _mark(balance.simulated)
    lines = [f"equity {usd_text(balance.equity_usd)} USD{mark}", f"exposure {usd_text(balance.exposure_usd)} USD{mark}"]
    if balance.unpriced:
        lines.append(f"{balance.unpriced} position(s) without a price are left out")
    if balance.rows:
        rows = [(each.venue, each.asset, qty_text(each.qty), usd_text(each.value_usd)) for each in balance.rows]
        lines += ["", _table(rows[:ROWS_MAX])]
    return Message(title="Balance", text="\n".join(lines), is_table=True)


def performance_message(scores: Sequence[Score]) -> Message:
    """Each strategy's record since its log began."""
    rows = [
        (
            each.name,
            usd_text(each.pnl_usd, is_signed=True),
            f"seen {count_text(each.seen)}",
            f"approved {count_text(each.approved)}",
            f"landed {count_text(each.landed)}",
            f"gained {count_text(each.profitable)}{_mark(each.simulated)}",
        )
        for each in scores
    ]
    return Message(
        title="Performance · USD after all costs", text=_table(rows) or "no strategy is enabled", is_table=True
    )


def positions_message(legs: Sequence[OpenLeg]) -> Message:
    """Open legs with their value and unrealised result."""
    rows = [
        (
            each.strategy,
            each.instrument,
            qty_text(each.qty),
            f"{usd_text(each.value_usd)} USD",
            f"{usd_text(each.unrealised_usd, is_signed=True)}{_mark(each.simulated)}",
        )
        for each in legs[:ROWS_MAX]
    ]
    more = f"\n{len(legs) - ROWS_MAX} more on the page" if len(legs) > ROWS_MAX else ""
    return Message(title=f"Positions · {len(legs)}", text=(_table(rows) or "no position is open") + more, is_table=True)


def logs_message(lines: Sequence[LogLine], module: str) -> Message:
    """What was told lately, newest first."""
    text = "\n".join(
        f"{clock_text(each.ts_ns)} {each.severity} {legible(each.source, CELL_CHARS_MAX)}: "
        f"{legible(each.text, LINE_CHARS_MAX)}"
        for each in lines
    )
    return Message(title=f"Log{f' · {legible(module, CELL_CHARS_MAX)}' if module else ''}", text=text or "nothing yet")


def _table(rows: Iterable[Sequence[str]]) -> str:
    """Columns by width; the first is flush left, the others flush right."""
    cells = [[legible(each, CELL_CHARS_MAX) for each in row] for row in rows]
    widths = [max(len(row[index]) for row in cells) for index in range(len(cells[0]))] if cells else []
    return "\n".join(
        "  ".join(
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )

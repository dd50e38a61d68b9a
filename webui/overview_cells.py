"""The cells of the shell (bar, rail, kill notice) and of the overview page."""

from webui import typeset
from webui.cells import STALE_MS, Cell, Cells, bar_widths, polyline, state_cell, version_cell
from webui.snapshot import STAGES, FeedRow, Overview, ReasonCount, StrategyRow

UNPRICED = "{} open position(s) have no price and are left out"
LOOP_LAG_WARN_US = 20_000  #: a 20 ms turn of the loop delays every strategy
QUEUE_WARN = 1_000


def age_cell(age_ms: int | None, hint: str = "") -> Cell:
    """How long ago; nothing yet is a dash that says so."""
    if age_ms is None:
        return Cell(typeset.DASH, "muted", hint or "nothing received yet in this run")
    return Cell(typeset.duration(age_ms), "warn" if age_ms > STALE_MS else "", hint, age_ms)


def shell_cells(now: Overview) -> Cells:
    """What is on every page."""
    missing = UNPRICED.format(now.unpriced) if now.unpriced else ""
    cells = {
        "run": Cell(now.run_id),
        "mode": Cell(now.mode, hint=now.data_note),
        "note": Cell(now.data_note),
        "equity": Cell(typeset.usd(now.equity_usd), hint=missing or _why_dash(now.equity_usd)),
        "today": Cell(
            typeset.usd(now.pnl_today_usd, is_signed=True),
            typeset.tone(now.pnl_today_usd),
            missing or _why_dash(now.pnl_today_usd),
        ),
        "last": age_cell(now.last_event_age_ms),
        "kill": Cell("on" if now.kill.is_on else "off"),
        "kill.reason": Cell(now.kill.reason),
        "kill.by": Cell(now.kill.by),
        "kill.since": Cell(str((now.kill.since_ns or 0) // 1_000_000)),
        "db.state": state_cell(now.database.state, now.database.note),
        "db.note": Cell(now.database.note),
        "v.rail": version_cell(*(row.name for row in now.strategies)),
    }
    for row in now.strategies:
        cells[f"rail.{row.name}"] = state_cell(row.state, row.state_reason)
    return cells


def overview_cells(now: Overview) -> Cells:
    """The overview page without its chart."""
    cells = {
        "total": Cell(typeset.usd(now.pnl_total_usd, is_signed=True), typeset.tone(now.pnl_total_usd)),
        "exposure": Cell(typeset.usd(now.exposure_usd)),
        "db.lag": Cell(_database_lag(now)),
        "loop": Cell(
            typeset.micros(now.loop_lag_p99_us), "warn" if (now.loop_lag_p99_us or 0) > LOOP_LAG_WARN_US else ""
        ),
        "queue": Cell(typeset.count(now.queue_depth), "warn" if (now.queue_depth or 0) > QUEUE_WARN else ""),
        "seq": Cell(typeset.count(now.seq)),
        "v.alerts": version_cell(*(alert.seq for alert in now.alerts)),
        "v.recent": version_cell(*(trade.seq for trade in now.recent_trades)),
        "v.exposures": version_cell(*((row.venue, row.asset) for row in now.exposures)),
        "v.strategies": version_cell(*((row.name, row.simulated) for row in now.strategies)),
        "v.feeds": version_cell(*(feed.name for feed in now.feeds)),
    }
    for row in now.strategies:
        cells |= row_cells(f"s.{row.name}", row)
    for index, held in enumerate(now.exposures):
        cells[f"x.{index}.qty"] = Cell(typeset.quantity(held.qty))
        cells[f"x.{index}.value"] = Cell(
            typeset.usd(held.value_usd), hint="" if held.value_usd is not None else "no price for this asset"
        )
    return cells | feed_cells(now.feeds)


def row_cells(prefix: str, row: StrategyRow) -> Cells:
    """One strategy at a glance, for the overview's table and for the head of its own pages."""
    cells = {
        "state": state_cell(row.state, row.state_reason),
        "reason": Cell(row.state_reason),
        "today": Cell(
            typeset.usd(row.pnl_today_usd, is_signed=True),
            typeset.tone(row.pnl_today_usd),
            _why_dash(row.pnl_today_usd),
        ),
        "total": Cell(
            typeset.usd(row.pnl_total_usd, is_signed=True),
            typeset.tone(row.pnl_total_usd),
            _why_dash(row.pnl_total_usd),
        ),
        "exposure": Cell(typeset.usd(row.exposure_usd), hint=_why_dash(row.exposure_usd)),
        "orders": Cell(typeset.count(row.open_orders)),
        "positions": Cell(typeset.count(row.positions)),
        "why": _top_reason(row),
        "last": age_cell(row.last_event_age_ms, "" if row.state == "running" else row.state_reason),
        "p50": Cell(typeset.micros(row.handler_p50_us)),
        "p99": Cell(typeset.micros(row.handler_p99_us), hint=f"p50 {typeset.micros(row.handler_p50_us)}"),
        "spark": Cell(polyline(row.sparkline, 72, 20)),
    }
    widths = bar_widths(row.funnel, STAGES)
    for stage in STAGES:
        value = getattr(row.funnel, stage)
        cells[f"f.{stage}"] = Cell(
            typeset.brief(value), hint=f"{stage}: {typeset.count(value)}" if value is not None else "not counted here"
        )
        cells[f"w.{stage}"] = Cell(str(widths[stage]))
    return {f"{prefix}.{name}": cell for name, cell in cells.items()}


def feed_cells(feeds: tuple[FeedRow, ...]) -> Cells:
    """State and age of each feed, by its place in the list."""
    cells: Cells = {}
    for index, feed in enumerate(feeds):
        cells[f"feed.{index}.status"] = state_cell(feed.status, feed.note)
        cells[f"feed.{index}.age"] = age_cell(feed.age_ms, feed.note)
    return cells


def _top_reason(row: StrategyRow) -> Cell:
    reasons: list[ReasonCount] = sorted((*row.why_not, *row.denied), key=lambda each: (-each.count, each.reason))
    if not reasons:
        return Cell(typeset.DASH, "muted", "nothing was rejected yet")
    total = sum(each.count for each in reasons)
    listed = "\n".join(f"{typeset.words(each.reason)}: {typeset.count(each.count)}" for each in reasons[:8])
    top = reasons[0]
    return Cell(f"{typeset.words(top.reason)} {typeset.percent(top.count, total)}", hint=listed)


def _database_lag(now: Overview) -> str:
    if now.database.state == "off":
        return "not used"
    lag = now.database.lag_events
    return "lag not known" if lag is None else "caught up" if lag == 0 else f"{typeset.count(lag)} events behind"


def _why_dash(value: object) -> str:
    return "" if value is not None else "not known yet: no sample or price so far"

"""The cells of a strategy's pages: head, figures, funnel with reasons, best rejected candidate, feeds, positions."""

from decimal import Decimal

from webui import typeset
from webui.cells import Cell, Cells, version_cell
from webui.overview_cells import age_cell, feed_cells, row_cells
from webui.snapshot import STAGES, Candidate, Positions, StrategyPage

NO_MARK = "no price for this instrument, so it is left out of the sums"
REASONS_SHOWN = 4


def strategy_cells(page: StrategyPage) -> Cells:
    """The head and the live dashboard of one strategy."""
    cells = row_cells("h", page.row)
    for group in page.groups:
        for figure in group.figures:
            cells[f"fig.{figure.key}"] = Cell(figure.text, figure.tone, figure.hint)
    counts = {stage: getattr(page.row.funnel, stage) for stage in STAGES}
    before: int | None = None
    for stage, value in counts.items():
        cells[f"n.{stage}"] = Cell(typeset.count(value), hint="" if value is not None else "not counted here")
        cells[f"rate.{stage}"] = Cell(typeset.percent(value, before) if before is not None else "")
        before = value
    for drop in page.drops:
        total = sum(each.count for each in drop.reasons)
        for index, each in enumerate(drop.reasons[:REASONS_SHOWN]):
            cells[f"drop.{drop.stage}.{index}"] = Cell(
                f"{typeset.words(each.reason)} {typeset.percent(each.count, total)}", hint=typeset.count(each.count)
            )
    cells["v.drops"] = version_cell(*((drop.stage, len(drop.reasons[:REASONS_SHOWN])) for drop in page.drops))
    cells["v.figures"] = version_cell(*(fig.key for group in page.groups for fig in group.figures))
    cells["v.feeds"] = version_cell(*(feed.name for feed in page.feeds))
    cells["v.trades"] = version_cell(page.trades_version)
    signal = page.signal
    cells["v.signal"] = version_cell(signal and (signal.title, signal.unit, signal.threshold_title))
    best = page.best_rejected
    cells["v.best"] = version_cell(None if best is None else tuple(cost.kind for cost in best.costs))
    if best is not None:
        cells |= _candidate_cells(best)
    return cells | feed_cells(page.feeds)


def _candidate_cells(best: Candidate) -> Cells:
    cells = {
        "best.id": Cell(best.opportunity),
        "best.instruments": Cell(" → ".join(best.instruments)),
        "best.size": Cell(typeset.usd(best.size_usd)),
        "best.gross": Cell(typeset.usd(best.gross_usd, is_signed=True)),
        "best.net": Cell(typeset.usd(best.expected_net_usd, is_signed=True), typeset.tone(best.expected_net_usd)),
        "best.why": Cell(typeset.words(best.why_not)),
        "best.note": Cell(best.note),
        "best.ts": Cell(str((best.ts_ns or 0) // 1_000_000)),
    }
    paid = [max(cost.usd, Decimal(0)) for cost in best.costs]
    whole = max(sum(paid, Decimal(0)), best.gross_usd, Decimal("1e-12"))
    cells["best.w.gross"] = Cell(_share(max(best.gross_usd, Decimal(0)), whole))
    edge = Decimal(0)
    for index, cost in enumerate(best.costs):
        cells[f"best.cost.{index}"] = Cell(typeset.usd(-cost.usd, is_signed=True))
        cells[f"best.x.{index}"] = Cell(_share(edge, whole))
        cells[f"best.w.{index}"] = Cell(_share(paid[index], whole))
        edge += paid[index]
    return cells


def _share(part: Decimal, whole: Decimal) -> str:
    return f"{100 * part / whole:.2f}"


def positions_cells(held: Positions) -> Cells:
    """Open legs by their place in the list; the version changes when a leg comes or goes."""
    cells = {
        "v.positions": version_cell(*((row.instrument, row.group) for row in held.rows)),
        "delta": Cell(typeset.usd(held.delta_usd, is_signed=True), hint="" if held.delta_usd is not None else NO_MARK),
        "exit": Cell(held.note),
    }
    for index, row in enumerate(held.rows):
        hint = "" if row.mark is not None else NO_MARK
        values = {
            "qty": Cell(typeset.quantity(row.qty, is_signed=True)),
            "avg": Cell(typeset.price(row.avg_price)),
            "mark": Cell(typeset.price(row.mark), hint=hint),
            "mark_age": age_cell(row.mark_age_ms, hint),
            "value": Cell(typeset.usd(row.value_usd), hint=hint),
            "unrealised": Cell(typeset.usd(row.unrealised_usd, is_signed=True), typeset.tone(row.unrealised_usd), hint),
            "realised": Cell(typeset.usd(row.realised_usd, is_signed=True), typeset.tone(row.realised_usd)),
            "fees": Cell(typeset.usd(row.fees_usd)),
            "funding": Cell(typeset.usd(row.funding_usd, is_signed=True), typeset.tone(row.funding_usd)),
        }
        cells |= {f"p.{index}.{name}": cell for name, cell in values.items()}
    return cells

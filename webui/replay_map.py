"""A sweep as a map: one varied setting down, the other across, each run in its colour and with its number."""

from decimal import Decimal

from msgspec import Struct

from kernel.replay_job import Cell, ReplayJob
from webui import typeset
from webui.replay_cells import decimal_of

SHADES = 5
METRICS: tuple[tuple[str, str, str], ...] = (
    ("pnl_usd", "P&L USD", "Net profit of the run after fees, gas and funding, simulated."),
    ("max_drawdown_usd", "Max drawdown USD", "Largest fall of a strategy's P&L from an earlier peak."),
    ("costs_usd", "Costs USD", "Fees and gas that were paid."),
    ("fills", "Fills", "Executions, simulated."),
    ("closed", "Closed", "Positions brought back to flat."),
)
IS_BAD = frozenset({"max_drawdown_usd", "costs_usd"})  #: more of it is a loss


class Square(Struct, frozen=True, kw_only=True):
    """One run on the map. `shade`: "" or gain1 … gain5, loss1 … loss5, info1 … info5."""

    index: int
    text: str
    shade: str
    hint: str
    is_done: bool
    is_best: bool = False


class SweepMap(Struct, frozen=True, kw_only=True):
    """Rows of squares with their headings; of a sweep over one setting there is one column."""

    down: str
    across: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Square, ...]], ...]


def sweep_map(job: ReplayJob, metric: str) -> SweepMap:
    """The map of a sweep as far as it is done."""
    down = job.spec.vary[0]
    across = job.spec.vary[1] if len(job.spec.vary) > 1 else None
    columns = across.values if across else ("",)
    done = {cell.index: cell for cell in job.cells}
    values = {index: value for index, cell in done.items() if (value := value_of(cell, metric)) is not None}
    largest = max((abs(value) for value in values.values()), default=Decimal(0))
    pnls = {index: value for index, cell in done.items() if (value := value_of(cell, "pnl_usd")) is not None}
    best = max(pnls, key=lambda index: (pnls[index], -index), default=None)
    rows = []
    for at, heading in enumerate(down.values):
        squares = tuple(
            _square(at * len(columns) + column, done, values, largest, metric, best) for column in range(len(columns))
        )
        rows.append((heading, squares))
    return SweepMap(down=down.path, across=across.path if across else "", columns=columns, rows=tuple(rows))


def value_of(cell: Cell, metric: str) -> Decimal | None:
    """A figure of a cell as a number; None where there is none."""
    figure = getattr(cell.figures, metric, None)
    return decimal_of(None if figure is None else str(figure))


def _square(
    index: int, done: dict[int, Cell], values: dict[int, Decimal], largest: Decimal, metric: str, best: int | None
) -> Square:
    cell = done.get(index)
    if cell is None:
        return Square(index=index, text=typeset.DASH, shade="", hint="not run yet", is_done=False)
    value = values.get(index)
    if value is None:
        return Square(index=index, text="refused", shade="", hint=cell.error or "there is no result", is_done=False)
    is_money = metric.endswith("_usd")
    is_signed = metric == "pnl_usd"
    tone = "info"
    if is_money:
        tone = "loss" if metric in IS_BAD or value < 0 else "gain"
    step = min(SHADES, int(SHADES * abs(value) / largest) + 1) if largest and value else 0
    hint = "the same run was done before; its result was taken" if cell.is_reused else ""
    return Square(
        index=index,
        text=typeset.usd(value, is_signed) if is_money else typeset.count(int(value)),
        shade=f"{tone}{step}" if step else "",
        hint=hint,
        is_done=True,
        is_best=index == best,
    )

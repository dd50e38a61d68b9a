"""Geometry of the report's charts: P&L samples become path data and tick positions, text and colour stay with the page.

The plot is a square of 1000 units that the page stretches; ticks are in percent. Gaps in the samples stay gaps.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

from msgspec import Struct

from bus.clock import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S

SIDE = 1000
BUCKETS = 500  #: of each the first, lowest, highest and last sample are drawn: no extreme is lost
MARGIN = 0.06  #: of the range, left free above the highest and below the lowest point
GAP_STEPS = 3  #: samples further apart than this many median steps are not joined
ROWS_SHOWN = 25  #: of the table that stands beside the picture
TIME_STEPS_NS = (
    *(minutes * NS_PER_MINUTE for minutes in (1, 5, 15, 30)),
    *(hours * NS_PER_HOUR for hours in (1, 3, 6, 12)),
    *(days * NS_PER_DAY for days in (1, 2, 7, 14, 30, 90, 365)),
)

Point = tuple[int, float]


class Tick(Struct, frozen=True):
    """A label at a place along an axis, in percent from the left or the top."""

    at: float
    text: str


class Row(Struct, frozen=True):
    """One line of the table beside the picture."""

    ts_ns: int
    value_usd: Decimal
    drawdown_usd: Decimal


class Chart(Struct, frozen=True, kw_only=True):
    """A P&L curve with its drawdown below, as SVG path data in a square of 1000 units."""

    line: str
    area: str  #: between the line and zero
    zero: float  #: of 1000, from the top
    drawdown: str
    marks: str  #: one tick for each fill
    y_ticks: tuple[Tick, ...]
    drawdown_ticks: tuple[Tick, ...]
    x_ticks: tuple[Tick, ...]
    rows: tuple[Row, ...]
    low_usd: Decimal
    high_usd: Decimal
    gaps: int


def draw_chart(samples: Sequence[tuple[int, Decimal]], fills_ts_ns: Sequence[int] = ()) -> Chart | None:
    """The chart of a series with rising times, or None below two samples."""
    if len(samples) < 2:
        return None
    start_ns, end_ns = samples[0][0], samples[-1][0]
    if end_ns <= start_ns:
        return None
    falls: list[Decimal] = []
    peak = samples[0][1]
    for _, value in samples:
        peak = max(peak, value)
        falls.append(peak - value)
    segments = _segments([(ts_ns, float(value)) for ts_ns, value in samples])
    fall_segments = _segments([(ts_ns, float(fall)) for (ts_ns, _), fall in zip(samples, falls, strict=True)])
    low, high = min(value for _, value in samples), max(value for _, value in samples)
    bottom, top, y_values = _scale(min(0.0, float(low)), max(0.0, float(high)), 4)
    _, deepest, fall_values = _scale(0.0, float(max(falls)), 2)

    def x(ts_ns: int) -> float:
        return SIDE * (ts_ns - start_ns) / (end_ns - start_ns)

    def y(value: float) -> float:
        return SIDE * (top - value) / (top - bottom)

    thin = [_thin(segment, start_ns, end_ns) for segment in segments]
    thin_falls = [_thin(segment, start_ns, end_ns) for segment in fall_segments]
    zero = y(0.0)
    marks = sorted({round(x(ts_ns)) for ts_ns in fills_ts_ns if start_ns <= ts_ns <= end_ns})
    step = max(1, -(-len(samples) // ROWS_SHOWN))
    picked = sorted({*range(0, len(samples), step), len(samples) - 1})
    return Chart(
        line=" ".join(_path([(x(t), y(v)) for t, v in segment]) for segment in thin),
        area=" ".join(_filled([(x(t), y(v)) for t, v in segment], zero) for segment in thin),
        zero=round(zero, 1),
        drawdown=" ".join(_filled([(x(t), SIDE * v / deepest) for t, v in segment], 0.0) for segment in thin_falls),
        marks=" ".join(f"M{at} 985V1000" for at in marks),
        y_ticks=tuple(Tick(_percent(y(value)), _amount(value, y_values)) for value in y_values),
        drawdown_ticks=tuple(
            Tick(_percent(SIDE * value / deepest), _amount(-value, fall_values)) for value in fall_values
        ),
        x_ticks=tuple(Tick(_percent(x(ts_ns)), text) for ts_ns, text in _times(start_ns, end_ns)),
        rows=tuple(Row(samples[index][0], samples[index][1], falls[index]) for index in picked),
        low_usd=low,
        high_usd=high,
        gaps=len(segments) - 1,
    )


def add_series(series: Sequence[Sequence[tuple[int, Decimal]]]) -> list[tuple[int, Decimal]]:
    """The sum of P&L series at every time that any has, each carried from its last sample; 0 before its first."""
    last = [Decimal(0)] * len(series)
    total: list[tuple[int, Decimal]] = []
    merged = sorted((ts_ns, index, value) for index, each in enumerate(series) for ts_ns, value in each)
    for ts_ns, index, value in merged:
        last[index] = value
        if total and total[-1][0] == ts_ns:
            total.pop()
        total.append((ts_ns, sum(last, start=Decimal(0))))
    return total


def _segments(points: list[Point]) -> list[list[Point]]:
    steps = sorted(b[0] - a[0] for a, b in pairwise(points))
    longest_ns = GAP_STEPS * steps[len(steps) // 2]
    segments = [[points[0]]]
    for before, point in pairwise(points):
        if point[0] - before[0] > longest_ns:
            segments.append([])
        segments[-1].append(point)
    return segments


def _thin(points: list[Point], start_ns: int, end_ns: int) -> list[Point]:
    width_ns = max(1, (end_ns - start_ns) // BUCKETS)
    kept: list[Point] = []
    bucket: list[Point] = []
    for point in points:
        if bucket and (point[0] - start_ns) // width_ns != (bucket[0][0] - start_ns) // width_ns:
            kept += _extremes(bucket)
            bucket = []
        bucket.append(point)
    return kept + _extremes(bucket)


def _extremes(bucket: list[Point]) -> list[Point]:
    if len(bucket) <= 4:
        return bucket
    low = min(bucket, key=lambda point: (point[1], point[0]))
    high = max(bucket, key=lambda point: (point[1], -point[0]))
    return sorted({bucket[0], low, high, bucket[-1]})


def _path(points: list[tuple[float, float]]) -> str:
    head = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    if len(points) == 1:
        return head + "h0.01"  # A lone sample is a dot, thanks to round line caps.
    return head + "L" + " ".join(f"{x:.1f} {y:.1f}" for x, y in points[1:])


def _filled(points: list[tuple[float, float]], base: float) -> str:
    line = " ".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f"M{points[0][0]:.1f} {base:.1f}L{line} {points[-1][0]:.1f} {base:.1f}Z"


def _scale(low: float, high: float, steps: int) -> tuple[float, float, list[float]]:
    """Range of an axis that holds zero (a little wider than the data) and round ticks in it, about `steps` apart."""
    if high <= low:
        return 0.0, 1.0, [0.0, 1.0]
    margin = (high - low) * MARGIN
    bottom, top = low - margin if low < 0 else 0.0, high + margin
    raw = (top - bottom) / steps
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if factor * power >= raw * 0.999999)
    first, last = math.ceil(bottom / step - 1e-9), math.floor(top / step + 1e-9)
    if last == first:
        step, first, last = step / 2, math.ceil(2 * bottom / step - 1e-9), math.floor(2 * top / step + 1e-9)
    return bottom, top, [index * step for index in range(first, last + 1)]


def _amount(value: float, ticks: list[float]) -> str:
    """As many decimals as the ticks need to differ, at most eight."""
    step = ticks[1] - ticks[0] if len(ticks) > 1 else abs(ticks[0]) or 1.0
    places = next((places for places in range(8) if abs(round(step, places) - step) < step * 1e-6), 8)
    text = f"{abs(value):,.{places}f}"
    return text if value >= 0 or not text.strip("0.,") else "\u2212" + text


def _times(start_ns: int, end_ns: int) -> list[tuple[int, str]]:
    span_ns = end_ns - start_ns
    step_ns = next((step for step in TIME_STEPS_NS if span_ns / step <= 6), TIME_STEPS_NS[-1])
    first_ns = -(-start_ns // step_ns) * step_ns
    form = "%Y-%m-%d" if step_ns >= NS_PER_DAY else "%m-%d %H:%M"
    ticks = range(first_ns, end_ns + 1, step_ns)
    return [(ts_ns, datetime.fromtimestamp(ts_ns // NS_PER_S, UTC).strftime(form)) for ts_ns in ticks]


def _percent(units: float) -> float:
    return round(units * 100 / SIDE, 2)

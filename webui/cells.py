"""A page as named cells: the same typeset text fills the first HTML and every later frame, so they cannot disagree."""

from zlib import crc32

from msgspec import Struct

from webui.snapshot import Funnel

STALE_MS = 30_000  #: an age beyond this is shown in the warning colour; feeds state their own status beside it

STATE_TONES = {
    "running": "gain", "warming": "info", "paused": "warn", "blocked": "warn", "faulted": "loss", "disabled": "muted",
    "ok": "gain", "stale": "warn", "degraded": "warn", "down": "loss",
    "up": "gain", "off": "muted",
    "info": "info", "warning": "warn", "critical": "loss",
}  # fmt: skip


class Cell(Struct, frozen=True, array_like=True):
    """Text with a tone (gain, loss, warn, info, live, muted or none) and what a hover explains.

    `age_ms` set = the text is an age, which the page lets grow between frames.
    """

    text: str
    tone: str = ""
    hint: str = ""
    age_ms: int | None = None


Cells = dict[str, Cell]


def state_cell(state: str, hint: str = "") -> Cell:
    """A state word in its colour."""
    return Cell(state, STATE_TONES.get(state, ""), hint)


def version_cell(*keys: object) -> Cell:
    """Changes when any of the keys does: a region of the page that must be fetched again."""
    return Cell(f"{crc32(repr(keys).encode()):08x}")


def bar_widths(funnel: Funnel, stages: tuple[str, ...]) -> dict[str, int]:
    """Width of each stage's bar, 0 to 100, on a logarithmic scale so that 4 of 18,000 can still be seen."""
    counts = {stage: getattr(funnel, stage) or 0 for stage in stages}
    largest = max(counts.values(), default=0)
    span = largest.bit_length()
    return {
        stage: 0 if not value else max(2, round(100 * _log2(value) / _log2(largest))) if span else 0
        for stage, value in counts.items()
    }


def _log2(value: int) -> float:
    """log2(value + 1), linear between powers of two: enough for a bar, exact at 0."""
    bits = (value + 1).bit_length() - 1
    return bits + (value + 1) / (1 << bits) - 1


def polyline(values: tuple[float, ...], width: int, height: int) -> str:
    """SVG points of a sparkline inside `width` × `height`; a flat line lies in the middle; fewer than two: nothing."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    span = high - low
    step = width / (len(values) - 1)
    return " ".join(
        f"{index * step:.1f},{height - 1 - (value - low) / span * (height - 2) if span else height / 2:.1f}"
        for index, value in enumerate(values)
    )

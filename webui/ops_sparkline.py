"""A small line with gaps: what is not known is not drawn, and nothing is drawn across it."""

from collections.abc import Sequence


def sparkline(values: Sequence[float | None], width: int = 96, height: int = 20) -> tuple[str, ...]:
    """SVG points of each unbroken stretch, on one scale from 0. A lone value becomes a short line."""
    known = [each for each in values if each is not None]
    if not known or len(values) < 2:
        return ()
    top = max(known) or 1.0
    step = width / (len(values) - 1)
    stretches: list[list[str]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            stretches.append([])
        else:
            stretches[-1].append(f"{index * step:.1f},{height - 1 - max(0.0, value) / top * (height - 2):.1f}")
    return tuple(" ".join(each if len(each) > 1 else [each[0], each[0]]) for each in stretches if each)

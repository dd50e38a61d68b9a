"""Searches over exact quotes that know nothing of the pools: the yardsticks for sizing."""

from collections.abc import Callable

_RATIO = (5**0.5 - 1) / 2


def golden_section(gain_of: Callable[[int], int | None], low: int, high: int) -> tuple[int, int, int]:
    """(size, gain, quotes asked) of the best whole size between two; 0 gain where nothing earns.

    The section runs over the logarithm of the size first, so that it sees small optima under a large bound, and over
    the size itself near the best. A refused size counts as worse than any.
    """
    best_size, best, asked = 0, 0, 0

    def ask(size: int) -> float:
        nonlocal best_size, best, asked
        asked += 1
        gain = gain_of(size)
        if gain is None:
            return -float(size)
        if gain > best:
            best_size, best = size, gain
        return float(gain)

    def section(left: float, right: float, scale: Callable[[float], int], rounds: int) -> None:
        inner, outer = right - _RATIO * (right - left), left + _RATIO * (right - left)
        at_inner, at_outer = ask(scale(inner)), ask(scale(outer))
        for _ in range(rounds):
            if at_inner >= at_outer:
                right, outer, at_outer = outer, inner, at_inner
                inner = right - _RATIO * (right - left)
                at_inner = ask(scale(inner))
            else:
                left, inner, at_inner = inner, outer, at_outer
                outer = left + _RATIO * (right - left)
                at_outer = ask(scale(outer))

    bits = float(low.bit_length() - 1), float(high.bit_length())
    section(*bits, lambda bit: min(high, max(low, int(2.0**bit))), 24)
    if best_size:
        section(best_size / 2, min(float(high), best_size * 2.0), lambda size: max(low, int(size)), 60)
    return best_size, best, asked

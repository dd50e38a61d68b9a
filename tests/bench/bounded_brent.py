"""Brent's search for a maximum between two bounds (R. P. Brent, Algorithms for Minimization without Derivatives, 1973).

What libraries size with; here over the same exact quotes as our own answer, as the yardstick of the same run.
"""

from collections.abc import Callable

_GOLDEN = (3 - 5**0.5) / 2


def bounded_brent(gain_of: Callable[[float], float], low: float, high: float, tolerance: float) -> tuple[float, float]:
    """(place, value) of a local maximum, the place to about `tolerance`."""
    best = second = third = low + _GOLDEN * (high - low)
    at_best = at_second = at_third = gain_of(best)
    step = last_step = 0.0
    for _ in range(200):
        middle = (low + high) / 2
        if abs(best - middle) <= 2 * tolerance - (high - low) / 2:
            break
        parabola = None
        if abs(last_step) > tolerance:
            left = (best - second) * (at_best - at_third)
            right = (best - third) * (at_best - at_second)
            top = (best - third) * right - (best - second) * left
            bottom = 2 * (right - left)
            if bottom and abs(top / bottom) < abs(last_step) / 2 and low < best - top / bottom < high:
                parabola = -top / bottom
        if parabola is None:
            last_step = (low if best >= middle else high) - best
            step = _GOLDEN * last_step
        else:
            last_step, step = step, parabola
        if abs(step) < tolerance:
            step = tolerance if step > 0 else -tolerance
        tried = best + step
        at_tried = gain_of(tried)
        if at_tried >= at_best:
            low, high = (best, high) if tried >= best else (low, best)
            third, at_third, second, at_second, best, at_best = second, at_second, best, at_best, tried, at_tried
            continue
        low, high = (tried, high) if tried < best else (low, tried)
        if at_tried >= at_second or second == best:
            third, at_third, second, at_second = second, at_second, tried, at_tried
        elif at_tried >= at_third or third in (best, second):
            third, at_third = tried, at_tried
    return best, at_best

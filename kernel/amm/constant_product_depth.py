"""Depth of a constant-product curve in floats, for search alone."""

import math

from kernel.amm.pool import Segment


def constant_product_segment(reserve_in: int, reserve_out: int, kept_in: float, kept_out: float) -> Segment:
    """The whole curve as one segment. `kept_*`: shares that fees on the input and on the output leave; reserves > 0."""
    rate = reserve_out / reserve_in * kept_in * kept_out
    return Segment(0.0, math.inf, 0.0, rate, kept_in / reserve_in)

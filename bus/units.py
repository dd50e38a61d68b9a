"""Numbers at the boundary: exact decimals, finite floats, basis points, sides."""

import math
from decimal import Decimal
from functools import lru_cache
from typing import Literal

Side = Literal["buy", "sell"]

ZERO = Decimal(0)
ONE = Decimal(1)
BPS_PER_UNIT = 10_000
EXACT_REMEMBERED = 4_096  #: conversions kept


def opposite(side: Side) -> Side:
    """The other side of a trade."""
    return "sell" if side == "buy" else "buy"


def sign(side: Side) -> int:
    """+1 for a buy, -1 for a sell."""
    return 1 if side == "buy" else -1


def exact(value: float) -> Decimal:
    """A float's shortest decimal text as a Decimal: the one way from a signal to money. Refuses NaN, infinity.

    Zero has no sign. Marks repeat, so the latest answers are remembered.
    """
    return _exact(value + 0.0)


@lru_cache(maxsize=EXACT_REMEMBERED)
def _exact(value: float) -> Decimal:
    if not math.isfinite(value):
        raise ValueError(f"expected a finite number, found {value!r}")
    return Decimal(repr(value))


@lru_cache(maxsize=EXACT_REMEMBERED)
def exact_text(text: str) -> Decimal:
    """A decimal text as a Decimal. Lattices repeat, so the latest answers are remembered."""
    return Decimal(text)


def bps_of(amount: Decimal, bps: Decimal) -> Decimal:
    """`bps` basis points of `amount`."""
    return amount * bps / BPS_PER_UNIT


def quantise_down(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of `step` not above `value` (towards zero); `step` 0 means no lattice."""
    if step == 0:
        return value
    return (value / step).to_integral_value(rounding="ROUND_DOWN") * step

"""How much of a pool can really be traded near its price: the filter against thin pools.

Depth is what goes through before the next unit costs more than `range_bps` against the middle between buying and
selling the first unit, fees counted as cost. So nothing that fools a look at reserves or at one price helps a thin
pool: liquidity far away or behind a gap, one side only, a wide spread, a fee above the range all leave little or none.
Floats, good to a few raw units of either token for each stretch of depth passed.
"""

from math import inf, sqrt
from typing import NamedTuple

from kernel.amm.pool import Pool

#: Stretches summed for one side, about 0.5 us each. Depth beyond is not counted, which can only understate it.
SEGMENTS_MAX = 2048
_BPS = 10_000


class Depth(NamedTuple):
    """Amounts in raw units of the quote token, floats for comparison alone."""

    sold: float  #: quote that sellers of base get before the price has moved that far
    bought: float  #: quote that buyers of base pay before the price has moved that far

    @property
    def least(self) -> float:
        """The thinner side: what a filter should look at, since a cycle may need either."""
        return min(self.sold, self.bought)


def depth_in_quote(pool: Pool, *, is_quote_b: bool, range_bps: float, now_s: int) -> Depth:
    """Depth of both sides within `range_bps` of the middle price, in units of the quote token (b, or else a).

    To compare with US dollars multiply by what a raw quote unit is worth, from a source that is not this pool. Raises
    `ValueError` for a range outside 0..10000 bps. Worked: 1000:1000 constant product without fee, 100 bps: the
    marginal rate (1000 / (1000 + in))^2 falls to 0.99 at in = 5.04, so `bought` is 5.04 and `sold` is 5.01.
    """
    if not 0 < range_bps < _BPS:
        raise ValueError(f"expected range_bps between 0 and {_BPS}, found {range_bps}")
    selling, buying = pool.rate(is_quote_b, now_s), pool.rate(not is_quote_b, now_s)
    if not (0.0 < selling < inf and 0.0 < buying < inf):
        return Depth(0.0, 0.0)
    kept = 1.0 - range_bps / _BPS
    middle = sqrt(selling) / sqrt(buying)  # quote per base
    _, sold = _until(pool, is_quote_b, middle * kept, now_s)
    bought, _ = _until(pool, not is_quote_b, kept / middle, now_s)
    return Depth(sold, bought)


def _until(pool: Pool, is_a_to_b: bool, rate_min: float, now_s: int) -> tuple[float, float]:
    """(in, out) until a further unit gives less than `rate_min`."""
    amount_in = amount_out = 0.0
    for count, (start, end, out_start, rate, curve) in enumerate(pool.segments(is_a_to_b, now_s)):
        if count >= SEGMENTS_MAX or not (rate_min <= rate < inf and 0.0 <= curve < inf and end >= start):
            break
        # rate / (1 + curve * d)^2 = rate_min
        reach = (sqrt(rate / rate_min) - 1.0) / curve if curve > 0.0 else inf
        width = min(end - start, reach)
        if not width < inf:
            break  # Endless depth at one price is no depth that anyone holds.
        amount_in = start + width
        amount_out = out_start + rate * width / (1.0 + curve * width)
        if reach <= end - start:
            break
    return amount_in, amount_out

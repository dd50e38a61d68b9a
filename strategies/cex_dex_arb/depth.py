"""How much a pool is known to hold near its price."""

from msgspec import Struct

from kernel.amm.errors import PoolRefused
from kernel.amm.v3 import V3Pool, swap_exact_in
from kernel.amm.v3_ticks import INT256_MAX, MAX_SQRT_RATIO, MIN_SQRT_RATIO, sqrt_ratio_at_tick

WINDOW_BPS = 100  #: depth is counted up to this far from the price


class Depth(Struct, frozen=True):
    """Input that moves the pool to the window's end, or to the end of what is known. Raw units of the input token."""

    amount_in: int
    is_known: bool  #: False = what is known ends before the window does


def depth_in(pool: V3Pool, zero_for_one: bool) -> Depth:
    """Depth in one direction; 0 and unknown where the price sits on the edge of what is known."""
    price = pool.sqrt_price_x96
    # Half the window in the square root is the window in the price, to first order and on the narrow side.
    if zero_for_one:
        window = max(price - price * WINDOW_BPS // 20_000, MIN_SQRT_RATIO + 1)
        edge = None if pool.known_low is None else sqrt_ratio_at_tick(pool.known_low) + 1
        limit = window if edge is None else max(window, edge)
        is_ahead = limit < price
    else:
        window = min(price + price * WINDOW_BPS // 20_000, MAX_SQRT_RATIO - 1)
        edge = None if pool.known_high is None else sqrt_ratio_at_tick(pool.known_high) - 1
        limit = window if edge is None else min(window, edge)
        is_ahead = limit > price
    if not is_ahead or pool.liquidity == 0:
        return Depth(0, False)
    try:
        quote = swap_exact_in(pool, zero_for_one, INT256_MAX, limit)
    except PoolRefused:
        return Depth(0, False)
    return Depth(quote.amount_in, limit == window)

"""The input that earns most when the pool's output is traded outside at a fixed executable price.

One convention for both directions: the outside price is what **one raw unit of the token that the pool pays out**
fetches outside, in **raw units of the token that the pool takes in**, after the outside fee. Buying token1 from the
pool (zero_for_one) to sell it outside, or selling token1 into the pool (not zero_for_one) to rebuy it outside, are
then the same problem. `price_of_sale` and `price_of_purchase` make such prices from venue quotes. Fixed costs such
as gas do not move the optimum; compare them with the gain afterwards.
"""

from decimal import Decimal
from fractions import Fraction
from math import isqrt

from kernel.amm.errors import PoolRefused
from kernel.amm.v3 import SwapQuote, V3Pool, swap_exact_in, swap_exact_out
from kernel.amm.v3_ticks import FEE_UNIT, INT256_MAX, MAX_SQRT_RATIO, MIN_SQRT_RATIO, sqrt_ratio_at_tick

# Integer rounding makes the gain a sawtooth of about one raw unit around a concave curve. Small pools are searched
# through; in large ones more than this many teeth per side are within a raw unit of the best, and only the nearest
# few are compared.
_TEETH_SEARCHED_MAX = 512
_TEETH_NEAREST = 3


def price_of_sale(
    bid: Decimal | Fraction, fee_bps: Decimal | Fraction, base_decimals: int, quote_decimals: int
) -> tuple[int, int]:
    """Raw quote received per raw base sold at `bid` (quote per base, whole tokens), fee taken from the proceeds.

    Use when the pool pays out the base token: (price_num, price_den) of `best_size_to_price`. Example: bid 2000,
    fee 10 bps, WETH(18)/USDC(6): 1998 / 10^12.
    """
    price = Fraction(bid) * (1 - Fraction(fee_bps) / 10_000) * Fraction(10**quote_decimals, 10**base_decimals)
    return _positive_ratio(price)


def price_of_purchase(
    ask: Decimal | Fraction, fee_bps: Decimal | Fraction, base_decimals: int, quote_decimals: int
) -> tuple[int, int]:
    """Raw base bought per raw quote spent at `ask` (quote per base, whole tokens), fee added to the cost.

    Use when the pool takes in the base token and pays out the quote token.
    """
    cost = Fraction(ask) * (1 + Fraction(fee_bps) / 10_000) * Fraction(10**quote_decimals, 10**base_decimals)
    num, den = _positive_ratio(cost)
    return den, num


def price_where_margin_ends(fee_pips: int, zero_for_one: bool, price_num: int, price_den: int) -> int:
    """Sqrt price (Q64.96) at which the next unit, pool fee included, earns nothing more.

    zero_for_one: a raw unit of token0 buys (1 - fee) * P token1, P = (sqrt price)^2, each worth num/den token0, so
    P = den / (num * (1 - fee)); else a unit of token1 buys (1 - fee) / P token0, so P = num * (1 - fee) / den. It
    does not depend on liquidity. Worked: fee 0.3 %, num = den: P = 1/0.997 downward, 0.997 upward (no trade at 1).
    """
    if zero_for_one:
        return isqrt((price_den * FEE_UNIT << 192) // (price_num * (FEE_UNIT - fee_pips)))
    return isqrt((price_num * (FEE_UNIT - fee_pips) << 192) // (price_den * FEE_UNIT))


def best_size_to_price(
    pool: V3Pool, zero_for_one: bool, *, price_num: int, price_den: int, amount_in_max: int | None = None
) -> tuple[int, SwapQuote | None]:
    """(amount_in, its quote) that maximises amount_out * price_num / price_den - amount_in; (0, None) if none gains.

    The size stays within amount_in_max (raw input units, >= 0) and the known range: a price that lies beyond the
    known range is approached as far as it is known. No other size is better by more than the worth of one raw unit
    of each token for each step (tick or word edge) passed; where the pool or the trade is so small that single
    units matter the neighbourhood is searched through.
    """
    if price_num <= 0 or price_den <= 0:
        raise ValueError(f"expected a positive outside price, found {price_num}/{price_den}")
    if amount_in_max is not None and amount_in_max < 0:
        raise ValueError(f"expected amount_in_max >= 0, found {amount_in_max}")
    cap = INT256_MAX if amount_in_max is None else min(amount_in_max, INT256_MAX)
    limit = _reachable(pool, zero_for_one, price_where_margin_ends(pool.fee_pips, zero_for_one, price_num, price_den))
    if limit is None or cap == 0:
        return 0, None
    search = _Search(pool, zero_for_one, price_num, price_den, cap)
    start = swap_exact_in(pool, zero_for_one, cap, limit)
    search.around(start)
    return (0, None) if search.best is None else (search.best.amount_in, search.best)


class _Search:
    """Compares exact quotes and keeps the best; each candidate is the cheapest input for its output."""

    def __init__(self, pool: V3Pool, zero_for_one: bool, price_num: int, price_den: int, cap: int) -> None:
        self.best: SwapQuote | None = None
        self._gain = 0
        self._pool = pool
        self._zero_for_one = zero_for_one
        self._num = price_num
        self._den = price_den
        self._cap = cap

    def around(self, start: SwapQuote) -> None:
        # Where an output unit is worth more than an input unit, walk outputs; else each input has its own output.
        by_output = self._num >= self._den
        middle = start.amount_out if by_output else start.amount_in
        try_size = self._try_output if by_output else self._try_input
        small = min(middle, self._teeth(start, by_output)) <= _TEETH_SEARCHED_MAX
        reach = _TEETH_SEARCHED_MAX if small else _TEETH_NEAREST
        # Concave but for rounding: a unit of each token or two at either end, and again at each tick passed.
        noise = 4 * (self._num + self._den) * (1 + start.ticks_crossed)
        for size in range(middle, max(0, middle - reach), -1):
            gain = try_size(size)
            if gain is not None and gain + noise < self._gain:
                break
        for size in range(middle + 1, middle + reach):
            gain = try_size(size)
            if gain is None or gain + noise < self._gain:
                break

    def _teeth(self, start: SwapQuote, by_output: bool) -> int:
        """Steps from the optimum within which the curve falls by less than the rounding.

        Near the optimum d output units off cost about d^2 / reserve_out output units; inputs likewise.
        """
        price = start.sqrt_price_x96_after
        liquidity = max(self._pool.liquidity, start.liquidity_after)
        in_token1 = self._zero_for_one == by_output
        return 2 * isqrt(liquidity * price >> 96 if in_token1 else (liquidity << 96) // price) + 4

    def _try_input(self, amount_in: int) -> int | None:
        """Gain of a size; None if the cap, the known range or the pool's whole depth does not allow it."""
        if amount_in > self._cap:
            return None
        try:
            quote = swap_exact_in(self._pool, self._zero_for_one, amount_in)
        except PoolRefused:
            return None
        return self._judge(quote) if quote.amount_in == amount_in else None

    def _try_output(self, amount_out: int) -> int | None:
        """Gain of the cheapest size with this output; None as for inputs."""
        try:
            amount_in = swap_exact_out(self._pool, self._zero_for_one, amount_out).amount_in
            quote = swap_exact_in(self._pool, self._zero_for_one, min(amount_in, self._cap))
        except PoolRefused:
            return None
        return self._judge(self._cheapest(quote)) if quote.amount_out >= amount_out else None

    def _cheapest(self, quote: SwapQuote) -> SwapQuote:
        """The smallest input with the same or more output: exact-output rounding may ask a few units too many."""
        saving = 1
        while saving:
            fewer = quote.amount_in - saving
            if fewer > 0:
                cheaper = swap_exact_in(self._pool, self._zero_for_one, fewer)
                if cheaper.amount_out >= quote.amount_out:
                    quote = cheaper
                    saving *= 2
                    continue
            saving //= 2
        return quote

    def _judge(self, quote: SwapQuote) -> int:
        gain = quote.amount_out * self._num - quote.amount_in * self._den
        if gain > self._gain or (gain == self._gain and self.best and quote.amount_in < self.best.amount_in):
            self.best, self._gain = quote, gain
        return gain


def _reachable(pool: V3Pool, zero_for_one: bool, sqrt_price_x96: int) -> int | None:
    """The wanted price as a valid swap limit inside the known range; None if the pool is already past it."""
    if zero_for_one:
        lowest = MIN_SQRT_RATIO if pool.known_low is None else sqrt_ratio_at_tick(pool.known_low)
        limit = max(sqrt_price_x96, lowest + 1)
        return limit if limit < pool.sqrt_price_x96 else None
    highest = MAX_SQRT_RATIO if pool.known_high is None else sqrt_ratio_at_tick(pool.known_high)
    limit = min(sqrt_price_x96, highest - 1)
    return limit if limit > pool.sqrt_price_x96 else None


def _positive_ratio(price: Fraction) -> tuple[int, int]:
    if price <= 0:
        raise ValueError(f"expected a positive price after the fee, found {price}")
    return price.numerator, price.denominator

"""Exact Uniswap V3 pool: quotes, price-limited swaps and event folding in plain integers.

Facts from v3-core 1.0.1 (UniswapV3Pool.swap, _modifyPosition), checked 2026-11. Nothing is estimated: a swap that
needs liquidity outside the known range is refused with `depth_unknown`.
"""

from bisect import bisect_left
from fractions import Fraction
from functools import cached_property
from itertools import compress

from msgspec import Struct
from msgspec.structs import replace

from kernel.amm.errors import PoolRefused
from kernel.amm.v3_ladder import TickLadder
from kernel.amm.v3_ticks import (
    FEE_UNIT,
    INT256_MAX,
    MAX_SQRT_RATIO,
    MAX_TICK,
    MIN_SQRT_RATIO,
    MIN_TICK,
    UINT128_MAX,
    add_liquidity_delta,
    amount0_delta,
    amount1_delta,
    liquidity_per_tick_max,
    next_sqrt_price_from_input,
    next_sqrt_price_from_output,
    sqrt_ratio_at_tick,
    swap_step,
    tick_at_sqrt_ratio,
)

TICK_SPACING_END = 16384


class V3Pool(Struct, frozen=True, kw_only=True, dict=True):
    """State of one pool, sufficient for exact swaps within its known range.

    `ticks` are the initialised ticks as (tick, liquidity_net), ascending; an entry counts as initialised even with
    net 0, and absence within the known range means not initialised. `liquidity_gross` runs parallel to `ticks`
    where known; without it a burn that leaves net 0 cannot tell whether the tick is gone, so the known range
    shrinks to it. Liquidity is known for prices of ticks known_low..known_high (None = to the end of the scale);
    initialisation of the two edge ticks themselves need not be known. Prices are Q64.96 sqrt of raw token1 per
    raw token0, `fee_pips` millionths. Refuses contradictory scalars on construction and a contradictory table on
    its first use (`state_inconsistent`).
    """

    sqrt_price_x96: int
    tick: int
    liquidity: int
    fee_pips: int
    tick_spacing: int
    ticks: tuple[tuple[int, int], ...] = ()
    liquidity_gross: tuple[int, ...] | None = None
    known_low: int | None = None
    known_high: int | None = None

    def __post_init__(self) -> None:
        tick, price = self.tick, self.sqrt_price_x96
        if not 0 <= self.fee_pips < FEE_UNIT:
            raise _inconsistent(f"fee_pips must be in 0..{FEE_UNIT - 1}, found {self.fee_pips}")
        if not 0 < self.tick_spacing < TICK_SPACING_END:
            raise _inconsistent(f"tick_spacing must be in 1..{TICK_SPACING_END - 1}, found {self.tick_spacing}")
        if not 0 <= self.liquidity <= UINT128_MAX:
            raise _inconsistent(f"liquidity must fit uint128, found {self.liquidity}")
        if not MIN_SQRT_RATIO <= price < MAX_SQRT_RATIO:
            raise _inconsistent(f"sqrt_price_x96 must be in {MIN_SQRT_RATIO}..{MAX_SQRT_RATIO - 1}, found {price}")
        # Having crossed a tick downward exactly, the contract keeps the price on it and the tick one below.
        if not MIN_TICK - 1 <= tick < MAX_TICK or price > sqrt_ratio_at_tick(tick + 1):
            raise _inconsistent(f"sqrt_price_x96 {price} is not within tick {tick}")
        if tick >= MIN_TICK and price < sqrt_ratio_at_tick(tick):
            raise _inconsistent(f"sqrt_price_x96 {price} is not within tick {tick}")
        low, high = self.known_low, self.known_high
        if low is not None and not MIN_TICK <= low <= tick:
            raise _inconsistent(f"known_low must be in {MIN_TICK}..{tick} (the current tick), found {low}")
        if high is not None and not tick < high <= MAX_TICK:
            raise _inconsistent(f"known_high must be in {tick + 1}..{MAX_TICK}, found {high}")

    @cached_property
    def ladder(self) -> TickLadder:
        """Index of the tick table; carried over to the states that follow by swaps."""
        return TickLadder(
            ticks=self.ticks,
            liquidity_gross=self.liquidity_gross,
            tick_spacing=self.tick_spacing,
            fee_pips=self.fee_pips,
            known_low=self.known_low,
            known_high=self.known_high,
            tick=self.tick,
            liquidity=self.liquidity,
        )

    @cached_property
    def first_stop_down(self) -> tuple[int, int]:
        """(tick, sqrt price) at which the first step of a zero_for_one swap ends at the latest."""
        stop = self.ladder.stop(self.tick, zero_for_one=True)
        return stop, sqrt_ratio_at_tick(stop)

    @cached_property
    def first_stop_up(self) -> tuple[int, int]:
        """(tick, sqrt price) at which the first step of a one_for_zero swap ends at the latest."""
        stop = self.ladder.stop(self.tick, zero_for_one=False)
        return stop, sqrt_ratio_at_tick(stop)


class SwapQuote(Struct, frozen=True, gc=False):
    """What a swap does to the pool, exact: raw amounts (input includes the fee) and the state after it."""

    amount_in: int
    amount_out: int
    fee_paid: int
    sqrt_price_x96_after: int
    tick_after: int
    liquidity_after: int
    ticks_crossed: int
    """Initialised ticks passed; word edges do not count."""


def pool_within_interval(*, sqrt_price_x96: int, tick: int, liquidity: int, fee_pips: int, tick_spacing: int) -> V3Pool:
    """Pool of which only price and active liquidity are known: exact within the current tick interval, no further."""
    low = tick // tick_spacing * tick_spacing
    return V3Pool(
        sqrt_price_x96=sqrt_price_x96,
        tick=tick,
        liquidity=liquidity,
        fee_pips=fee_pips,
        tick_spacing=tick_spacing,
        known_low=max(low, MIN_TICK),
        known_high=min(low + tick_spacing, MAX_TICK),
    )


def swap_exact_in(
    pool: V3Pool, zero_for_one: bool, amount_in: int, sqrt_price_limit_x96: int | None = None
) -> SwapQuote:
    """Sell `amount_in` raw units of token0 (zero_for_one) or token1 into the pool.

    As in the contract, what the price limit (or the end of the scale, or missing liquidity) leaves unsold is not
    taken: the quote's `amount_in` is then below the amount asked. Refuses `depth_unknown`, bad amounts and limits.
    """
    if not 0 < amount_in <= INT256_MAX:
        raise PoolRefused("amount_out_of_range", f"amount_in must be in 1..2^255-1, found {amount_in}")
    limit = _price_limit(pool, zero_for_one, sqrt_price_limit_x96)
    price, liquidity = pool.sqrt_price_x96, pool.liquidity
    net = amount_in * (FEE_UNIT - pool.fee_pips) // FEE_UNIT
    # The common case, spelled out for speed: the swap ends within its first step.
    if zero_for_one:
        target = max(pool.first_stop_down[1], limit)
        shifted = liquidity << 96
        if net < -(-shifted * (price - target) // price // target):
            after = next_sqrt_price_from_input(price, liquidity, net, zero_for_one=True)
            used = -(-shifted * (price - after) // price // after)
            amount_out = liquidity * (price - after) >> 96
            tick = pool.tick if after == price else tick_at_sqrt_ratio(after)
            return SwapQuote(amount_in, amount_out, amount_in - used, after, tick, liquidity, 0)
    else:
        target = min(pool.first_stop_up[1], limit)
        if net < -(-liquidity * (target - price) >> 96):
            after = price + (net << 96) // liquidity
            used = -(-liquidity * (after - price) >> 96)
            amount_out = (liquidity << 96) * (after - price) // after // price
            tick = pool.tick if after == price else tick_at_sqrt_ratio(after)
            return SwapQuote(amount_in, amount_out, amount_in - used, after, tick, liquidity, 0)
    return _walk(pool, zero_for_one, amount_in, limit, exact_in=True)


def swap_exact_out(
    pool: V3Pool, zero_for_one: bool, amount_out: int, sqrt_price_limit_x96: int | None = None
) -> SwapQuote:
    """Buy `amount_out` raw units of token1 (zero_for_one) or token0 from the pool.

    Without a limit the full amount or `insufficient_liquidity`, as routers and QuoterV2 demand; with a limit the
    part that is had before it, as the pool itself answers. Refuses `depth_unknown`, bad amounts and limits.
    """
    if not 0 < amount_out <= INT256_MAX:
        raise PoolRefused("amount_out_of_range", f"amount_out must be in 1..2^255-1, found {amount_out}")
    limit = _price_limit(pool, zero_for_one, sqrt_price_limit_x96)
    price, liquidity, fee_pips = pool.sqrt_price_x96, pool.liquidity, pool.fee_pips
    stop_price = pool.first_stop_down[1] if zero_for_one else pool.first_stop_up[1]
    target = max(stop_price, limit) if zero_for_one else min(stop_price, limit)
    out_delta, in_delta = (amount1_delta, amount0_delta) if zero_for_one else (amount0_delta, amount1_delta)
    if amount_out < out_delta(price, target, liquidity, round_up=False):
        after = next_sqrt_price_from_output(price, liquidity, amount_out, zero_for_one=zero_for_one)
        if after != target:
            net = in_delta(price, after, liquidity, round_up=True)
            fee = -(-net * fee_pips // (FEE_UNIT - fee_pips))
            tick = tick_at_sqrt_ratio(after)
            return SwapQuote(net + fee, amount_out, fee, after, tick, liquidity, 0)
    quote = _walk(pool, zero_for_one, amount_out, limit, exact_in=False)
    if sqrt_price_limit_x96 is None and quote.amount_out != amount_out:
        raise PoolRefused(
            "insufficient_liquidity",
            f"asked {amount_out} out, the whole pool gives {quote.amount_out}; ask less or set a price limit",
        )
    return quote


def pool_after(pool: V3Pool, quote: SwapQuote) -> V3Pool:
    """The pool as `quote`, which must be a quote of this very state, leaves it."""
    return _moved(pool, quote.sqrt_price_x96_after, quote.tick_after, quote.liquidity_after)


def apply_swap(pool: V3Pool, sqrt_price_x96: int, liquidity: int, tick: int) -> V3Pool:
    """Fold a Swap event's state into the pool.

    Within the known range the event must agree with the tick table; if not, an event was missed and
    `state_diverged` is raised: rebuild the pool from a snapshot or by `pool_within_interval`. A price outside the
    known range leaves knowledge of its own tick interval only.
    """
    low, high = pool.known_low, pool.known_high
    if (low is not None and tick < low) or (high is not None and tick >= high):
        return pool_within_interval(
            sqrt_price_x96=sqrt_price_x96,
            tick=tick,
            liquidity=liquidity,
            fee_pips=pool.fee_pips,
            tick_spacing=pool.tick_spacing,
        )
    expected = pool.liquidity + pool.ladder.liquidity_between(pool.tick, tick)
    if expected != liquidity:
        raise PoolRefused(
            "state_diverged",
            f"the event has liquidity {liquidity} at tick {tick}, the table says {expected}; "
            "a mint or burn was missed, reload the pool",
        )
    return _moved(pool, sqrt_price_x96, tick, liquidity)


def apply_mint_burn(pool: V3Pool, tick_lower: int, tick_upper: int, liquidity_delta: int) -> V3Pool:
    """Fold a Mint (positive delta) or Burn (negative) into ticks and active liquidity.

    A delta of 0 (the burn that only collects fees) changes nothing. Refuses ranges the contract refuses
    (`range_invalid`) and amounts that leave uint128 or the limit per tick (`liquidity_out_of_range`).
    """
    _check_range(pool, tick_lower, tick_upper)
    if liquidity_delta == 0:
        return pool
    liquidity = pool.liquidity
    if tick_lower <= pool.tick < tick_upper:
        liquidity = add_liquidity_delta(liquidity, liquidity_delta)
    table = _Table(pool)
    table.update(tick_lower, liquidity_delta, liquidity_delta)
    table.update(tick_upper, -liquidity_delta, liquidity_delta)
    return replace(
        pool,
        liquidity=liquidity,
        ticks=tuple(table.ticks),
        liquidity_gross=None if table.gross is None else tuple(table.gross),
        known_low=table.low,
        known_high=table.high,
    )


def amounts_for_liquidity(pool: V3Pool, tick_lower: int, tick_upper: int, liquidity_delta: int) -> tuple[int, int]:
    """Raw (token0, token1) that a mint pays in (rounded up) or a burn is owed (rounded down); both as positive."""
    _check_range(pool, tick_lower, tick_upper)
    minting, size = liquidity_delta > 0, abs(liquidity_delta)
    lower, upper = sqrt_ratio_at_tick(tick_lower), sqrt_ratio_at_tick(tick_upper)
    if pool.tick < tick_lower:
        return amount0_delta(lower, upper, size, round_up=minting), 0
    if pool.tick >= tick_upper:
        return 0, amount1_delta(lower, upper, size, round_up=minting)
    price = pool.sqrt_price_x96
    return (
        amount0_delta(price, upper, size, round_up=minting),
        amount1_delta(lower, price, size, round_up=minting),
    )


def price_fraction(sqrt_price_x96: int, decimals0: int, decimals1: int) -> Fraction:
    """Exact price of one whole token0 in whole token1."""
    return Fraction(sqrt_price_x96 * sqrt_price_x96 * 10**decimals0, 10**decimals1 << 192)


def price_x96_to_float(sqrt_price_x96: int, decimals0: int, decimals1: int) -> float:
    """Price of one whole token0 in whole token1 as the nearest float; for signals and charts only."""
    return float(price_fraction(sqrt_price_x96, decimals0, decimals1))


class _Table:
    """A tick table being changed by one mint or burn."""

    def __init__(self, pool: V3Pool) -> None:
        self.low, self.high = pool.known_low, pool.known_high
        self.ticks = list(pool.ticks)
        self.gross = None if pool.liquidity_gross is None else list(pool.liquidity_gross)
        self._current = pool.tick
        self._most = liquidity_per_tick_max(pool.tick_spacing)
        self._keep_interior()
        if not self.ticks:
            # Nothing initialised within the known range: every gross there is known to be 0.
            self.gross = []

    def update(self, index: int, net_delta: int, gross_delta: int) -> None:
        if not self._is_interior(index):
            return
        at = bisect_left(self.ticks, (index,))
        present = at < len(self.ticks) and self.ticks[at][0] == index
        net = net_delta + (self.ticks[at][1] if present else 0)
        gross = gross_delta + (self.gross[at] if present and self.gross is not None else 0)
        if gross > self._most or abs(net) > self._most or ((self.gross is not None or not present) and gross < 0):
            raise PoolRefused(
                "liquidity_out_of_range",
                f"tick {index} would carry gross {gross}, net {net}, expected 0..{self._most}; "
                "if the event is real one was missed, reload the pool",
            )
        if present:
            del self.ticks[at]
            if self.gross is not None:
                del self.gross[at]
        if self.gross is None:
            if present and gross_delta < 0 and net == 0:
                self._forget_from(index)
                return
            self.ticks.insert(at, (index, net))
        elif gross > 0:
            self.ticks.insert(at, (index, net))
            self.gross.insert(at, gross)

    def _is_interior(self, index: int) -> bool:
        return (self.low is None or index > self.low) and (self.high is None or index < self.high)

    def _keep_interior(self) -> None:
        keep = [self._is_interior(index) for index, _ in self.ticks]
        if not all(keep):
            self.ticks = [*compress(self.ticks, keep)]
            self.gross = None if self.gross is None else [*compress(self.gross, keep)]

    def _forget_from(self, index: int) -> None:
        """Whether this tick is still initialised cannot be known: end the known range here."""
        if index <= self._current:
            self.low = index
        else:
            self.high = index
        self._keep_interior()


def _walk(pool: V3Pool, zero_for_one: bool, amount: int, limit: int, *, exact_in: bool) -> SwapQuote:
    ladder, fee_pips = pool.ladder, pool.fee_pips
    rungs, edge = (ladder.down, ladder.low) if zero_for_one else (ladder.up, ladder.high)
    stop, stop_price = pool.first_stop_down if zero_for_one else pool.first_stop_up
    price, tick, liquidity = pool.sqrt_price_x96, pool.tick, pool.liquidity
    remaining, other_side, fee_paid, ticks_crossed = amount, 0, 0, 0
    at_stop = False
    while remaining and price != limit:
        rung = None
        if at_stop:
            rung = rungs.get(stop) or ladder.build_rung(stop, liquidity, zero_for_one=zero_for_one)
            stop, stop_price = rung.stop, rung.sqrt_price_x96
        clipped = stop_price < limit if zero_for_one else stop_price > limit
        if rung and not clipped and remaining >= (rung.gross_in if exact_in else rung.amount_out):
            after, gross_in, amount_out, fee = stop_price, rung.gross_in, rung.amount_out, rung.fee
        else:
            after, net_in, amount_out, fee = swap_step(
                price, limit if clipped else stop_price, liquidity, remaining, fee_pips, exact_in=exact_in
            )
            gross_in = net_in + fee
        if exact_in:
            remaining -= gross_in
            other_side += amount_out
        else:
            remaining -= amount_out
            other_side += gross_in
        fee_paid += fee
        if after == stop_price:
            if stop == edge:
                ladder.refuse_edge(stop)
            change = ladder.net.get(stop)
            if change is not None:
                liquidity = add_liquidity_delta(liquidity, -change if zero_for_one else change)
                ticks_crossed += 1
            tick = stop - 1 if zero_for_one else stop
            at_stop = True
        elif after != price:
            tick = tick_at_sqrt_ratio(after)
        price = after
    taken = amount - remaining
    amount_in, amount_out = (taken, other_side) if exact_in else (other_side, taken)
    return SwapQuote(amount_in, amount_out, fee_paid, price, tick, liquidity, ticks_crossed)


def _moved(pool: V3Pool, sqrt_price_x96: int, tick: int, liquidity: int) -> V3Pool:
    moved = replace(pool, sqrt_price_x96=sqrt_price_x96, tick=tick, liquidity=liquidity)
    ladder = pool.__dict__.get("ladder")
    if ladder is not None:
        moved.__dict__["ladder"] = ladder
    return moved


def _price_limit(pool: V3Pool, zero_for_one: bool, limit: int | None) -> int:
    price = pool.sqrt_price_x96
    if zero_for_one:
        if limit is None:
            limit = MIN_SQRT_RATIO + 1
        if MIN_SQRT_RATIO < limit < price:
            return limit
        raise _limit_refused(limit, MIN_SQRT_RATIO + 1, price - 1)
    if limit is None:
        limit = MAX_SQRT_RATIO - 1
    if price < limit < MAX_SQRT_RATIO:
        return limit
    raise _limit_refused(limit, price + 1, MAX_SQRT_RATIO - 1)


def _check_range(pool: V3Pool, tick_lower: int, tick_upper: int) -> None:
    spacing = pool.tick_spacing
    if not MIN_TICK <= tick_lower < tick_upper <= MAX_TICK or tick_lower % spacing or tick_upper % spacing:
        raise PoolRefused(
            "range_invalid",
            f"expected {MIN_TICK} <= lower < upper <= {MAX_TICK}, multiples of {spacing}; "
            f"found {tick_lower}..{tick_upper}",
        )


def _limit_refused(limit: int, lowest: int, highest: int) -> PoolRefused:
    return PoolRefused("price_limit_out_of_range", f"expected a limit in {lowest}..{highest}, found {limit}")


def _inconsistent(message: str) -> PoolRefused:
    return PoolRefused("state_inconsistent", message)

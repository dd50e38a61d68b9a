"""A Uniswap V3 pool behind the contract of all pools, with tables that make a quote cost the same at any depth.

Whole steps are summed once per state and direction (steps of the `TickLadder`, so rounding is the contract's); a quote
is a bisection and one partial step. What lies beyond the last step that may be entered is left to `kernel.amm.v3`,
which knows what the contract does there. Token0 is the first token, token1 the second; the clock moves nothing.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from kernel.amm.errors import PoolRefused
from kernel.amm.pool import PoolQuote, Segment
from kernel.amm.v3 import V3Pool, pool_after, swap_exact_in, swap_exact_out
from kernel.amm.v3_ticks import (
    FEE_UNIT,
    MAX_SQRT_RATIO,
    MIN_SQRT_RATIO,
    Q96,
    add_liquidity_delta,
    amount0_delta,
    amount1_delta,
    next_sqrt_price_from_input,
    sqrt_ratio_at_tick,
    swap_step,
)


class V3Depth:
    """`Pool` over one `V3Pool` state. Raw units; refuses exactly where `kernel.amm.v3` refuses."""

    __slots__ = ("_down", "_up", "state")

    def __init__(self, state: V3Pool) -> None:
        self.state = state
        self._down: _Steps | None = None
        self._up: _Steps | None = None

    def quote_in(self, is_a_to_b: bool, amount_in: int, now_s: int) -> PoolQuote:
        """Exact input; takes less than offered only where the pool's whole depth is used up. Raises `PoolRefused`."""
        steps = (self._down if is_a_to_b else self._up) or self._steps(is_a_to_b)
        ins = steps.ins
        while ins[-1] <= amount_in:
            if not steps.extend():
                break
        if not 0 < amount_in < ins[-1]:
            quote = swap_exact_in(self.state, is_a_to_b, amount_in)
            return PoolQuote(quote.amount_in, quote.amount_out, quote.fee_paid)
        at = bisect_left(ins, amount_in)
        if ins[at] == amount_in:
            return PoolQuote(amount_in, steps.outs[at], steps.fees[at])
        at -= 1
        price, _, liquidity = steps.starts[at]
        left = amount_in - ins[at]
        # Less than pays the whole step, so it ends before its target: the rest of `swap_step` for this case.
        net = left * (FEE_UNIT - steps.fee_pips) // FEE_UNIT
        if is_a_to_b:
            after = next_sqrt_price_from_input(price, liquidity, net, zero_for_one=True)
            used = -(-(liquidity << 96) * (price - after) // price // after)
            out = liquidity * (price - after) >> 96
        else:
            after = price + (net << 96) // liquidity
            used = -(-liquidity * (after - price) >> 96)
            out = (liquidity << 96) * (after - price) // after // price
        return PoolQuote(amount_in, steps.outs[at] + out, steps.fees[at] + left - used)

    def quote_out(self, is_a_to_b: bool, amount_out: int, now_s: int) -> PoolQuote:
        """Exact output, all of it. Raises `PoolRefused`, with `insufficient_liquidity` beyond the whole depth."""
        steps = (self._down if is_a_to_b else self._up) or self._steps(is_a_to_b)
        outs = steps.outs
        while outs[-1] <= amount_out:
            if not steps.extend():
                break
        if not 0 < amount_out < outs[-1]:
            quote = swap_exact_out(self.state, is_a_to_b, amount_out)
            return PoolQuote(quote.amount_in, quote.amount_out, quote.fee_paid)
        at = bisect_left(outs, amount_out)
        if outs[at] == amount_out:
            return PoolQuote(steps.ins[at], amount_out, steps.fees[at])
        at -= 1
        price, target, liquidity = steps.starts[at]
        left = amount_out - outs[at]
        _, net_in, _, fee = swap_step(price, target, liquidity, left, steps.fee_pips, exact_in=False)
        return PoolQuote(steps.ins[at] + net_in + fee, amount_out, steps.fees[at] + fee)

    def rate(self, is_a_to_b: bool, now_s: int) -> float:
        """Raw out per raw in of the first unit, fee included; 0.0 without liquidity. Never raises."""
        for segment in self.segments(is_a_to_b, now_s):
            return segment.rate
        return 0.0

    def segments(self, is_a_to_b: bool, now_s: int) -> Iterator[Segment]:
        """Depth step by step; ends at the edge of the known range or where no liquidity follows."""
        try:
            steps = (self._down if is_a_to_b else self._up) or self._steps(is_a_to_b)
            known, at = steps.segments, 0
            while True:
                if at < len(known):
                    yield known[at]
                    at += 1
                elif not steps.extend():
                    return
        except PoolRefused:
            return  # A table that contradicts itself has no depth; its quotes say why.

    def after(self, is_a_to_b: bool, amount_in: int, now_s: int) -> "tuple[PoolQuote, V3Depth]":
        """The swap of `quote_in` and the pool behind it. Raises `PoolRefused`."""
        quote = swap_exact_in(self.state, is_a_to_b, amount_in)
        return PoolQuote(quote.amount_in, quote.amount_out, quote.fee_paid), V3Depth(pool_after(self.state, quote))

    def _steps(self, is_a_to_b: bool) -> "_Steps":
        steps = _Steps(self.state, is_a_to_b)
        if is_a_to_b:
            self._down = steps
        else:
            self._up = steps
        return steps


class _Steps:
    """Prefix sums of whole steps from the present price in one direction, extended on demand.

    `starts[i]` is (sqrt price, target sqrt price, liquidity) of step i, which leads from `ins[i]` to `ins[i + 1]`.
    Amounts at or beyond the last sum are not answered from here.
    """

    __slots__ = ("_is_down", "_limit", "_next", "_pool", "fee_pips", "fees", "ins", "outs", "segments", "starts")

    def __init__(self, pool: V3Pool, is_down: bool) -> None:
        self._pool = pool
        self._is_down = is_down
        self.fee_pips = pool.fee_pips
        # The contract's own limits for swaps without one; at them no swap is possible.
        self._limit = MIN_SQRT_RATIO + 1 if is_down else MAX_SQRT_RATIO - 1
        self.ins, self.outs, self.fees = [0], [0], [0]
        self.starts: list[tuple[int, int, int]] = []
        self.segments: list[Segment] = []
        price = pool.sqrt_price_x96
        self._next: tuple[int, int, int, int] | None = None
        if self._is_before_limit(price):
            stop, stop_price = pool.first_stop_down if is_down else pool.first_stop_up
            self._next = (price, stop_price, pool.liquidity, stop)

    def _is_before_limit(self, price: int) -> bool:
        return price > self._limit if self._is_down else price < self._limit

    def extend(self) -> bool:
        """Sum up the next step; False if the known depth ends."""
        if self._next is None:
            return False
        price, target, liquidity, stop = self._next
        if not self._is_before_limit(target):
            target = self._limit
        if liquidity:
            delta0 = amount0_delta(target, price, liquidity, round_up=self._is_down)
            delta1 = amount1_delta(target, price, liquidity, round_up=not self._is_down)
            self._add(price, target, liquidity, *((delta0, delta1) if self._is_down else (delta1, delta0)))
        self._next = self._follow(target, liquidity, stop)
        return True

    def _add(self, price: int, target: int, liquidity: int, net_in: int, amount_out: int) -> None:
        fee_pips = self.fee_pips
        fee = -(-net_in * fee_pips // (FEE_UNIT - fee_pips))
        ins, outs = self.ins, self.outs
        start_in, start_out = ins[-1], outs[-1]
        self.starts.append((price, target, liquidity))
        ins.append(start_in + net_in + fee)
        outs.append(start_out + amount_out)
        self.fees.append(self.fees[-1] + fee)
        if net_in:
            kept = (FEE_UNIT - fee_pips) / FEE_UNIT
            root = price / Q96
            if self._is_down:
                rate, curve = kept * root * root, kept * root / liquidity
            else:
                rate, curve = kept / (root * root), kept / (liquidity * root)
            self.segments.append(Segment(float(start_in), float(ins[-1]), float(start_out), rate, curve))

    def _follow(self, target: int, liquidity: int, stop: int) -> tuple[int, int, int, int] | None:
        """(sqrt price, target, liquidity, stop) of the step behind `stop`; None if it may not be entered."""
        pool, is_down = self._pool, self._is_down
        ladder = pool.ladder
        edge = ladder.low if is_down else ladder.high
        if stop == edge or not self._is_before_limit(target):
            return None
        change = ladder.net.get(stop)
        if change is not None:
            liquidity = add_liquidity_delta(liquidity, -change if is_down else change)
        if liquidity:
            following = ladder.stop(stop - 1 if is_down else stop, zero_for_one=is_down)
            return target, sqrt_ratio_at_tick(following), liquidity, following
        # Steps without liquidity move no amounts: go straight to the next initialised tick.
        ticks = pool.ticks
        at = bisect_left(ticks, (stop,)) - 1 if is_down else bisect_right(ticks, (stop, 1 << 128))
        if not 0 <= at < len(ticks):
            return None
        following = ticks[at][0]
        return target, sqrt_ratio_at_tick(following), 0, following

"""Everything a swap of a Whirlpool can meet in one direction, step by step, with running sums: a quote is a bisection.

A step of the program ends at the next initialised tick, at the edge of the last usable tick array, or, where the fee
adapts, at the next group of ticks (swap manager, Whirlpool program, whirlpools-core 3.1.0, 2026). Whole steps do not
depend on the amount, so they are computed once, when a quote first reaches them, and kept; at most one partial step
is left to each quote. A whole step costs the same whether input or output is given.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from bus.pool_parts.whirlpool import WhirlpoolState
from kernel.amm.errors import PoolRefused
from kernel.amm.token_fee import U64_MAX
from kernel.amm.whirlpool_amounts import FEE_UNIT, U128_MAX
from kernel.amm.whirlpool_fee import FeeCurve
from kernel.amm.whirlpool_ticks import (
    MAX_SQRT_PRICE,
    MAX_TICK,
    MIN_SQRT_PRICE,
    MIN_TICK,
    TICK_ARRAY_SIZE,
    arrays_of_swap,
    sqrt_price_at_tick,
    tick_at_sqrt_price,
)

Ticks = tuple[tuple[int, int], ...]
#: (tick, net liquidity there, why nothing is known behind it); without a tick nothing is known from the start.
_Stop = tuple[int | None, int, PoolRefused | None]
# A step costs the program thousands of compute units of at most 1.4 million, so no transaction takes more than this.
STEPS_MAX = 2_048


class Swapped(NamedTuple):
    """Raw units that the pool takes (its fee included), gives, and keeps as fee."""

    amount_in: int
    amount_out: int
    fee: int


class SwapEnd(NamedTuple):
    """The pool behind a swap."""

    sqrt_price: int
    tick: int
    liquidity: int
    volatility: int | None  #: accumulator of the oracle; None where the fee is fixed


class Step(NamedTuple):
    """A whole step: where it starts, what it costs, where it ends."""

    sqrt_price: int
    liquidity: int
    rate: int  #: fee in millionths
    tick: int
    sqrt_price_end: int
    tick_end: int
    liquidity_end: int
    group: int
    is_over_groups: bool  #: the program took one step over all groups of ticks in between


class SwapTable:
    """Steps in one direction from one state of a pool, under one fee reference. Grows as quotes need it."""

    __slots__ = (
        "_curve", "_end", "_group", "_is_a_to_b", "_liquidity", "_price", "_rate", "_stop", "_stops", "_tick",
        "fees", "ins", "outs", "steps",
    )  # fmt: skip

    def __init__(
        self, state: WhirlpoolState, arrays: Mapping[int, Ticks], is_a_to_b: bool, curve: FeeCurve | None
    ) -> None:
        self._is_a_to_b = is_a_to_b
        self._curve = curve
        self._rate = state.fee_rate
        self._price, self._tick, self._liquidity = state.sqrt_price, state.tick_current, state.liquidity
        self._group = state.tick_current // curve.size if curve else 0
        self._stops = _stops(state, arrays, is_a_to_b)
        self._stop: _Stop | None = None
        #: Why there are no more steps; a "price_limit_out_of_range" is the end of the scale.
        self._end: PoolRefused | None = None
        #: Sums before each step: raw input with fee, output, fee.
        self.ins, self.outs, self.fees = [0], [0], [0]
        self.steps: list[Step] = []

    def swap_in(self, amount: int) -> Swapped:
        """Exact input; takes less only where the price scale ends. Raises `PoolRefused`."""
        ins = self.ins
        at = bisect_left(ins, amount)
        if at == len(ins):
            at = self._reach(ins, amount)
        if at == len(ins) or ins[at] == amount:
            return self._whole_steps(at)
        at -= 1
        price, liquidity, rate, *_ = self.steps[at]
        remaining = amount - ins[at]
        net = remaining * (FEE_UNIT - rate) // FEE_UNIT
        if self._is_a_to_b:
            shifted = liquidity << 64
            after = -(-(shifted * price) // (shifted + price * net))
            moved = price - after
            used = -(-(shifted * moved) // (price * after))
            amount_out = self.outs[at] + (liquidity * moved >> 64)
        else:
            moved = (net << 64) // liquidity
            used = -(-(liquidity * moved) >> 64)
            amount_out = self.outs[at] + (liquidity * moved << 64) // (price * (price + moved))
        if amount_out > U64_MAX:
            raise self._overflow(at, remaining, amount_out - self.outs[at])
        return Swapped(amount, amount_out, self.fees[at] + remaining - used)

    def swap_out(self, amount: int) -> Swapped:
        """Exact output; gives less only where the price scale ends. Raises `PoolRefused`."""
        outs = self.outs
        at = bisect_left(outs, amount)
        if at == len(outs):
            at = self._reach(outs, amount)
        if at == len(outs) or outs[at] == amount:
            return self._whole_steps(at)
        at -= 1
        price, liquidity, rate, *_ = self.steps[at]
        remaining = amount - outs[at]
        after = self._price_after_out(price, liquidity, remaining)
        if self._is_a_to_b:
            net = -(-(liquidity * (price - after) << 64) // (price * after))
        else:
            net = -(-(liquidity * (after - price)) >> 64)
        fee = -(-net * FEE_UNIT // (FEE_UNIT - rate)) - net
        amount_in = self.ins[at] + net + fee
        if amount_in > U64_MAX:
            raise self._overflow(at, net + fee, remaining)
        return Swapped(amount_in, amount, self.fees[at] + fee)

    def end_of(self, amount_in: int) -> SwapEnd:
        """The pool behind `swap_in(amount_in)`, which must not refuse."""
        ins = self.ins
        at = self._reach(ins, amount_in)
        if at == len(ins) or ins[at] == amount_in:
            step = self.steps[min(at, len(ins) - 1) - 1]
            price, tick, liquidity = step.sqrt_price_end, step.tick_end, step.liquidity_end
        else:
            step = self.steps[at - 1]
            net = (amount_in - ins[at - 1]) * (FEE_UNIT - step.rate) // FEE_UNIT
            if self._is_a_to_b:
                shifted = step.liquidity << 64
                price = -(-(shifted * step.sqrt_price) // (shifted + step.sqrt_price * net))
            else:
                price = step.sqrt_price + (net << 64) // step.liquidity
            liquidity = step.liquidity
            # Where all was fee the price stayed, and the program leaves the tick as it was.
            tick = step.tick if price == step.sqrt_price else tick_at_sqrt_price(price)
        return SwapEnd(price, tick, liquidity, self._volatility_after(step, price))

    def rates_of(self, amount: int, *, is_input: bool) -> tuple[int, int]:
        """(least, greatest) fee rate that a swap of `amount` met, in millionths."""
        sums = self.ins if is_input else self.outs
        met = [step.rate for step in self.steps[: min(self._reach(sums, amount), len(self.steps))]]
        return min(met), max(met)

    def all_steps(self) -> Iterator[tuple[int, Step]]:
        """(number, step), computed as they are asked for, until the known state ends."""
        number = 0
        while number < len(self.steps) or self._extend():
            yield number, self.steps[number]
            number += 1

    def _reach(self, sums: list[int], amount: int) -> int:
        """Index of the first sum that is at least `amount`; behind the last one where the price scale ends first."""
        while sums[-1] < amount:
            if not self._extend():
                break
        if sums[-1] < amount and self._end is not None and self._end.reason != "price_limit_out_of_range":
            if max(self.ins[-1], self.outs[-1]) > U64_MAX:
                raise self._overflow(len(self.steps), 0, 0)
            raise self._end
        return bisect_left(sums, amount)

    def _whole_steps(self, count: int) -> Swapped:
        count = min(count, len(self.steps))
        amount_in, amount_out = self.ins[count], self.outs[count]
        if max(amount_in, amount_out) > U64_MAX:
            raise self._overflow(count, 0, 0)
        if count == len(self.steps) and self._end is not None and self._end.reason == "liquidity_out_of_range":
            raise self._end
        return Swapped(amount_in, amount_out, self.fees[count])

    def _extend(self) -> bool:
        """Add one step; False where there is none."""
        if self._end is not None:
            return False
        if len(self.steps) >= STEPS_MAX:
            self._end = PoolRefused("depth_unknown", f"more than {STEPS_MAX} steps, beyond any transaction")
            return False
        if self._stop is None:
            self._stop = next(self._stops)
        tick, net, end = self._stop
        if tick is None:
            self._end = end
            return False
        stop_price = sqrt_price_at_tick(tick)
        if self._is_a_to_b:
            net = -net
        target, group, rate, is_over_groups = stop_price, self._group, self._rate, False
        bound: int | None = None
        if self._curve is not None:
            rate = self._curve.rate(group)
            bound, is_over_groups = self._curve.bound(group, self._liquidity, self._is_a_to_b)
            if bound is not None:
                bound_price = sqrt_price_at_tick(bound)
                target = max(target, bound_price) if self._is_a_to_b else min(target, bound_price)
        liquidity, tick_start = self._liquidity, self._tick
        if target == stop_price:
            liquidity += net
            if not 0 <= liquidity <= U128_MAX:
                message = f"crossing tick {tick} leaves a liquidity of {liquidity}; reload the pool and its tick arrays"
                end = PoolRefused("liquidity_out_of_range", message)
            self._tick = tick - 1 if self._is_a_to_b else tick
        elif target != self._price and bound is not None:
            self._tick = bound
        self._append(target, rate, tick_start, liquidity, group, is_over_groups)
        if self._curve is not None:
            if is_over_groups:
                at_tick = tick if target == stop_price or bound is None else bound
                group = self._curve.group_after(group, at_tick, True, self._is_a_to_b)
            self._group = group - 1 if self._is_a_to_b else group + 1
        if target == stop_price:
            self._stop = None
            self._end = end
            if end is None and target in (MIN_SQRT_PRICE, MAX_SQRT_PRICE):
                self._end = _scale_ends(target)
        return True

    def _append(
        self, target: int, rate: int, tick_start: int, liquidity_end: int, group: int, is_over_groups: bool
    ) -> None:
        price, liquidity = self._price, self._liquidity
        net = amount_out = 0
        if liquidity and price != target:
            if self._is_a_to_b:
                shifted, moved = liquidity << 64, price - target
                net = -(-(shifted * moved) // (price * target))
                amount_out = liquidity * moved >> 64
            else:
                product = liquidity * (target - price)
                net = -(-product >> 64)
                amount_out = (product << 64) // (price * target)
        gross = -(-net * FEE_UNIT // (FEE_UNIT - rate))
        self.ins.append(self.ins[-1] + gross)
        self.outs.append(self.outs[-1] + amount_out)
        self.fees.append(self.fees[-1] + gross - net)
        self.steps.append(
            Step(price, liquidity, rate, tick_start, target, self._tick, liquidity_end, group, is_over_groups)
        )
        self._price, self._liquidity = target, liquidity_end

    def _price_after_out(self, price: int, liquidity: int, amount: int) -> int:
        if self._is_a_to_b:
            return price + (-amount << 64) // liquidity
        shifted = liquidity << 64
        return -(-(shifted * price) // (shifted - price * amount))

    def _volatility_after(self, step: Step, price: int) -> int | None:
        curve = self._curve
        if curve is None:
            return None
        group = step.group
        if step.is_over_groups:
            tick = tick_at_sqrt_price(price)
            group = curve.group_after(group, tick, price == sqrt_price_at_tick(tick), self._is_a_to_b)
        return curve.volatility(group)

    def _overflow(self, steps: int, last_in: int, last_out: int) -> PoolRefused:
        """Which of the program's two checks fails first: one step above a u64, or the sum of several."""
        for number in range(1, steps + 1):
            last = max(self.ins[number] - self.ins[number - 1], self.outs[number] - self.outs[number - 1])
            if last > U64_MAX:
                return PoolRefused("amount_out_of_range", f"a step of {last} is above a u64")
            if max(self.ins[number], self.outs[number]) > U64_MAX:
                return PoolRefused("arithmetic_overflow", "the amounts of all steps together are above a u64")
        if max(last_in, last_out) > U64_MAX:
            return PoolRefused("amount_out_of_range", f"a step of {max(last_in, last_out)} is above a u64")
        return PoolRefused("arithmetic_overflow", "the amounts of all steps together are above a u64")


def _stops(state: WhirlpoolState, arrays: Mapping[int, Ticks], is_a_to_b: bool) -> Iterator[_Stop]:
    """Where steps end at the latest, in the order of a swap; the last one says why it is the last."""
    current, size = state.tick_current, TICK_ARRAY_SIZE * state.tick_spacing
    edge: int | None = None
    for start in arrays_of_swap(current, state.tick_spacing, is_a_to_b):
        ticks = arrays.get(start)
        if ticks is None:
            message = f"the tick array at {start} was never seen; watch it, or ask for less"
            yield edge, 0, PoolRefused("depth_unknown", message)
            return
        if is_a_to_b:
            edge = start
            yield from ((tick, net, None) for tick, net in reversed(ticks) if tick <= current)
        else:
            edge = start + size - 1
            yield from ((tick, net, None) for tick, net in ticks if tick > current)
    if edge is not None and not MIN_TICK < edge < MAX_TICK:
        edge = MIN_TICK if is_a_to_b else MAX_TICK
        yield edge, 0, _scale_ends(sqrt_price_at_tick(edge))
        return
    yield edge, 0, PoolRefused("arrays_exhausted", f"a swap may enter three tick arrays, they end at {edge}; ask less")


def _scale_ends(sqrt_price: int) -> PoolRefused:
    return PoolRefused("price_limit_out_of_range", f"the price scale ends at {sqrt_price}")

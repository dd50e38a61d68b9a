"""Whirlpools for tests, and a swap done step by step from the pool's numbers alone, with no table behind it."""

from typing import NamedTuple

from hypothesis import strategies as st

from bus.pool_parts.token_fee import TokenFee
from bus.pool_parts.whirlpool import WhirlpoolOracle, WhirlpoolState
from kernel.amm.errors import PoolRefused
from kernel.amm.token_fee import U64_MAX
from kernel.amm.whirlpool import WhirlpoolPool
from kernel.amm.whirlpool_amounts import (
    FEE_UNIT,
    amount_a_delta,
    amount_b_delta,
    next_sqrt_price_from_a,
    next_sqrt_price_from_b,
)
from kernel.amm.whirlpool_ticks import (
    MAX_SQRT_PRICE,
    MAX_TICK,
    MIN_SQRT_PRICE,
    MIN_TICK,
    TICK_ARRAY_SIZE,
    array_start,
    arrays_of_swap,
    sqrt_price_at_tick,
    tick_at_sqrt_price,
)

NOW_S = 1_770_000_000


class Walked(NamedTuple):
    """What a swap did, and the pool behind it."""

    amount_in: int
    amount_out: int
    fee: int
    sqrt_price: int
    tick: int
    liquidity: int
    volatility: int | None


class OutOfArrays(Exception):
    """The swap left the arrays it may enter."""


def walk(pool: WhirlpoolPool, is_a_to_b: bool, amount: int, *, is_input: bool, reference: tuple[int, int]) -> Walked:
    """A swap in the program's own loop; `reference` is (group, volatility) of an adaptive fee."""
    state, fee_state = pool.state, _FeeState(pool, is_a_to_b, reference)
    price, tick, liquidity, remaining, other, fees = state.sqrt_price, state.tick_current, state.liquidity, amount, 0, 0
    while remaining and price != (MIN_SQRT_PRICE if is_a_to_b else MAX_SQRT_PRICE):
        stop, net = _next_stop(pool, tick, is_a_to_b)
        stop_price = sqrt_price_at_tick(stop)
        while True:
            rate = fee_state.rate()
            target, is_leap = fee_state.target(stop_price, liquidity)
            after, net_in, out = _step(price, target, liquidity, remaining, rate, is_a_to_b, is_input)
            fee = -(-net_in * FEE_UNIT // (FEE_UNIT - rate)) - net_in
            if is_input and after != target:
                fee = remaining - net_in
            fees += fee
            remaining -= net_in + fee if is_input else out
            other += out if is_input else net_in + fee
            if other > U64_MAX:
                raise PoolRefused("arithmetic_overflow", "the sum is no u64")
            if after == stop_price:
                liquidity += -net if is_a_to_b else net
                tick = stop - 1 if is_a_to_b else stop
            elif after != price:
                tick = tick_at_sqrt_price(after)
            price = after
            fee_state.advance(price, is_leap)
            if not remaining or price == stop_price:
                break
    taken = amount - remaining
    amount_in, amount_out = (taken, other) if is_input else (other, taken)
    return Walked(amount_in, amount_out, fees, price, tick, liquidity, fee_state.volatility)


class _FeeState:
    """Fee and volatility along a swap, the rules of the program one after the other."""

    def __init__(self, pool: WhirlpoolPool, is_a_to_b: bool, reference: tuple[int, int]) -> None:
        self.base, self.oracle, self.is_a_to_b, self.reference = pool.state.fee_rate, pool.oracle, is_a_to_b, reference
        self.group = pool.state.tick_current // pool.oracle.tick_group_size if pool.oracle else 0
        self.volatility: int | None = None

    def rate(self) -> int:
        if self.oracle is None:
            return self.base
        self.update()
        assert self.volatility is not None
        extra = self.oracle.adaptive_fee_control_factor * (self.volatility * self.oracle.tick_group_size) ** 2
        return min(self.base + -(-extra // 10**13), 100_000)

    def update(self) -> None:
        assert self.oracle is not None
        away = self.reference[1] + abs(self.reference[0] - self.group) * 10_000
        self.volatility = min(away, self.oracle.max_volatility_accumulator)

    def target(self, stop_price: int, liquidity: int) -> tuple[int, bool]:
        """(price at which the step ends at the latest, whether it leaps)."""
        if self.oracle is None:
            return stop_price, False
        if self.oracle.adaptive_fee_control_factor == 0 or liquidity == 0:
            return stop_price, True
        size, nearer = self.oracle.tick_group_size, max if self.is_a_to_b else min
        reach = -(-(self.oracle.max_volatility_accumulator - self.reference[1]) // 10_000)
        low_tick = (self.reference[0] - reach) * size
        high_tick = (self.reference[0] + reach) * size + size
        if low_tick > MIN_TICK and self.group < self.reference[0] - reach:
            return (stop_price if self.is_a_to_b else min(stop_price, sqrt_price_at_tick(low_tick))), True
        if high_tick < MAX_TICK and self.group > self.reference[0] + reach:
            return (max(stop_price, sqrt_price_at_tick(high_tick)) if self.is_a_to_b else stop_price), True
        edge = self.group * size if self.is_a_to_b else self.group * size + size
        return nearer(stop_price, sqrt_price_at_tick(min(max(edge, MIN_TICK), MAX_TICK))), False

    def advance(self, price: int, is_leap: bool) -> None:
        if self.oracle is not None and is_leap:
            size, tick = self.oracle.tick_group_size, tick_at_sqrt_price(price)
            last = tick // size
            if tick % size == 0 and sqrt_price_at_tick(tick) == price and not self.is_a_to_b:
                last -= 1
            if last < self.group if self.is_a_to_b else last > self.group:
                self.group = last
                self.update()
        self.group += -1 if self.is_a_to_b else 1


def _step(
    price: int, target: int, liquidity: int, remaining: int, rate: int, is_a_to_b: bool, is_input: bool
) -> tuple[int, int, int]:
    """(price after, input net of fee, output) of one step."""
    in_delta, out_delta = (amount_a_delta, amount_b_delta) if is_a_to_b else (amount_b_delta, amount_a_delta)
    budget = remaining * (FEE_UNIT - rate) // FEE_UNIT if is_input else remaining
    fixed = (in_delta if is_input else out_delta)(price, target, liquidity, round_up=is_input)
    after = target
    if fixed > budget:
        next_price = next_sqrt_price_from_a if is_a_to_b == is_input else next_sqrt_price_from_b
        after = next_price(price, liquidity, budget, is_input=is_input)
    net_in = in_delta(price, after, liquidity, round_up=True)
    out = out_delta(price, after, liquidity, round_up=False)
    return after, net_in, out if is_input else min(out, remaining)


def _next_stop(pool: WhirlpoolPool, tick: int, is_a_to_b: bool) -> tuple[int, int]:
    spacing = pool.state.tick_spacing
    starts = [start for start in arrays_of_swap(pool.state.tick_current, spacing, is_a_to_b) if start in pool.arrays]
    ticks = [each for start in starts for each in pool.arrays[start]]
    low, high = min(starts), max(starts) + TICK_ARRAY_SIZE * spacing - 1
    if is_a_to_b:
        if tick < max(low, MIN_TICK):
            raise OutOfArrays
        return max((each for each in ticks if each[0] <= tick), default=(max(low, MIN_TICK), 0))
    if tick >= min(high, MAX_TICK):
        raise OutOfArrays
    return min((each for each in ticks if each[0] > tick), default=(min(high, MAX_TICK), 0))


@st.composite
def pools(draw: st.DrawFn, *, is_adaptive: bool = False, has_token_fees: bool = False) -> WhirlpoolPool:
    """Pools with a few positions around a price, gaps without liquidity included."""
    spacing = draw(st.sampled_from([1, 2, 8, 64, 128, 256]))
    size = TICK_ARRAY_SIZE * spacing
    here = draw(st.one_of(st.integers(-20_000, 20_000), st.integers(MIN_TICK, MAX_TICK - 1)))
    start = array_start(here, spacing)
    arrays = {each: dict[int, int]() for each in range(start - 2 * size, start + 4 * size, size)}
    arrays = {each: ticks for each, ticks in arrays.items() if each <= MAX_TICK and each + size > MIN_TICK}
    low, high = max(min(arrays), MIN_TICK), min(max(arrays) + size - 1, MAX_TICK)
    places = st.integers(-(-low // spacing), high // spacing).map(lambda number: number * spacing)
    near = st.integers(-6, 6).map(lambda number: min(max((here // spacing + number) * spacing, low), high))
    tick, liquidity = here, 0
    for _ in range(draw(st.integers(1, 8))):
        lower, upper = sorted((draw(near | places), draw(near | places)))
        lower, upper = -(-lower // spacing) * spacing, upper // spacing * spacing
        if lower >= upper:
            continue
        amount = 10 ** draw(st.integers(0, 13)) + draw(st.integers(0, 10**6))
        for at, net in ((lower, amount), (upper, -amount)):
            ticks = arrays[array_start(at, spacing)]
            ticks[at] = ticks.get(at, 0) + net
        if lower <= tick < upper:
            liquidity += amount
    bottom, top = sqrt_price_at_tick(tick), sqrt_price_at_tick(tick + 1)
    price = draw(st.sampled_from([bottom, bottom + 1]) | st.integers(bottom, top - 1))
    tier = 1_024 if is_adaptive else spacing
    state = WhirlpoolState(spacing, tier, draw(st.integers(0, 60_000)), 1_300, liquidity, min(price, top - 1), tick)
    fee = st.builds(TokenFee, st.booleans(), st.sampled_from([0, 1, 30, 900, 10_000]), st.integers(0, 10**9))
    return WhirlpoolPool(
        state,
        {each: tuple(sorted(ticks.items())) for each, ticks in arrays.items()},
        draw(oracles(spacing, tick)) if is_adaptive else None,
        (draw(fee), draw(fee)) if has_token_fees else None,
    )


@st.composite
def oracles(draw: st.DrawFn, spacing: int, tick: int) -> WhirlpoolOracle:
    """Oracles whose reference is near the price, in every regime at `NOW_S`."""
    size = draw(st.sampled_from([each for each in (1, 2, 8, 64, 128, 256) if spacing % each == 0]))
    most = draw(st.integers(0, 400_000))
    updated_s = NOW_S - draw(st.integers(0, 4_000))
    return WhirlpoolOracle(
        0, 30, 600, draw(st.integers(0, 9_999)), draw(st.integers(0, 99_999)), most, size,
        draw(st.integers(1, 300)), updated_s, draw(st.integers(updated_s, NOW_S)), draw(st.integers(0, most)),
        tick // size + draw(st.integers(-60, 60)), draw(st.integers(0, most)),
    )  # fmt: skip

"""A Raydium CLMM swap step by step, as the program runs it: dynamic fee, limit orders, and the state behind it.

Facts from the Raydium CLMM program (swap) and raydium-sdk-v2 0.2.73-alpha (swapInternal), read 2026-11. Between two
initialised ticks there is one step, or one per group of tick spacing while a dynamic fee is below its maximum. At an
initialised tick its limit orders are filled first; its liquidity is crossed only when no orders are left. The walk
stops without an error where the given arrays end (`is_exhausted`), as the SDK does; the program refuses there.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bus.pool_parts.raydium_clmm import RaydiumClmmConfig, RaydiumClmmState, RaydiumClmmTickArray, RaydiumTick
from kernel.amm.errors import PoolRefused
from kernel.amm.raydium_clmm_fee import (
    group_reached,
    rate_at,
    references_moved,
    regime_at,
    volatility_at,
)
from kernel.amm.raydium_clmm_steps import FEE_UNIT, compute_step, match_orders
from kernel.amm.raydium_clmm_ticks import (
    ARRAY_TICKS,
    MAX_SQRT_PRICE,
    MAX_TICK,
    MIN_SQRT_PRICE,
    MIN_TICK,
    sqrt_price_at_tick,
    tick_at_sqrt_price,
)

U128_MAX = (1 << 128) - 1


class OrdersLeft(NamedTuple):
    """A tick whose orders a swap filled, wholly or in part, and what is left of them."""

    tick: int
    orders: int
    orders_part_filled: int


class Walked(NamedTuple):
    """Where a swap ended. Amounts as of the pool: without transfer fees of the tokens."""

    remaining: int  #: of the amount asked for; above 0 where arrays or prices ran out
    calculated: int  #: output for an exact input, input with fee for an exact output
    fee: int  #: shared between providers, protocol and fund; providers get nothing while no liquidity is active
    state: RaydiumClmmState
    filled: tuple[OrdersLeft, ...]
    arrays_used: int
    is_exhausted: bool


def is_fee_on_input(fee_on: int, is_a_to_b: bool) -> bool:
    """Whether the pool's fee is taken from what goes in."""
    return is_a_to_b if fee_on == 1 else not is_a_to_b if fee_on == 2 else True


def price_limit(is_a_to_b: bool) -> int:
    """Where a swap without a limit of its own ends: one inside the range of prices."""
    return MIN_SQRT_PRICE + 1 if is_a_to_b else MAX_SQRT_PRICE - 1


def liquidity_after(liquidity: int, net: int, is_a_to_b: bool) -> int:
    """The active liquidity behind a crossed tick. Refuses what does not fit a u128."""
    crossed = liquidity - net if is_a_to_b else liquidity + net
    if not 0 <= crossed <= U128_MAX:
        raise PoolRefused("liquidity_out_of_range", f"crossing a tick would make the liquidity {crossed}")
    return crossed


class _Walk:
    """The moving state of one swap; named as the program's SwapState."""

    def __init__(
        self,
        state: RaydiumClmmState,
        config: RaydiumClmmConfig,
        is_a_to_b: bool,
        amount: int,
        is_exact_in: bool,
        now_s: int,
    ) -> None:
        self.is_a_to_b, self.is_exact_in = is_a_to_b, is_exact_in
        self.is_fee_on_input = is_fee_on_input(state.fee_on, is_a_to_b)
        self.config, self.spacing = config, state.tick_spacing
        self.limit = price_limit(is_a_to_b)
        self.remaining, self.calculated, self.fee = amount, 0, 0
        self.price, self.tick, self.liquidity = state.sqrt_price_x64, state.tick, state.liquidity
        self.dynamic, self.index, self.volatility = state.dynamic_fee, 0, 0
        if self.dynamic is not None:
            self.index = self.tick // self.spacing
            self.dynamic = references_moved(self.dynamic, regime_at(self.dynamic, now_s), self.index, now_s)
            self.volatility = self.dynamic.volatility
        self.filled: list[OrdersLeft] = []

    def to_tick(self, entry: RaydiumTick) -> None:
        """Swap towards an initialised tick; at it, fill its orders and cross it."""
        tick_next = min(max(entry.tick, MIN_TICK), MAX_TICK)
        next_x64 = sqrt_price_at_tick(tick_next)
        target = max(next_x64, self.limit) if self.is_a_to_b else min(next_x64, self.limit)
        if (
            (self.tick < tick_next or self.price < target)
            if self.is_a_to_b
            else (self.tick >= tick_next or self.price > target)
        ):
            raise PoolRefused("state_inconsistent", f"tick {tick_next} does not lie ahead of {self.tick}")
        liquidity_next = self.liquidity
        while True:
            rate = self.config.trade_fee_rate
            if self.dynamic is not None:
                self.volatility = volatility_at(self.dynamic, self.index)
                rate = rate_at(self.dynamic, self.volatility, self.spacing, rate)
            is_skipping, bounded = self._bounded(target)
            reached = bounded
            if self.price != bounded:
                step = compute_step(
                    self.price,
                    bounded,
                    self.liquidity,
                    self.remaining,
                    rate,
                    self.is_exact_in,
                    self.is_a_to_b,
                    self.is_fee_on_input,
                )
                reached = step.sqrt_price_x64
                self._apply(step.amount_in, step.amount_out, step.fee)
            if reached == next_x64:
                liquidity_next = self._at_tick(entry, tick_next, next_x64, rate)
            elif reached != self.price:
                self.tick = tick_at_sqrt_price(reached)
            self.price = reached
            self._move_index(tick_next if reached == next_x64 else self.tick, is_skipping)
            if not self.remaining or self.price == target:
                break
        self.liquidity = liquidity_next

    def _at_tick(self, entry: RaydiumTick, tick_next: int, next_x64: int, rate: int) -> int:
        """Fill the orders of the tick that is reached; the liquidity behind it."""
        match = match_orders(
            next_x64,
            entry.orders,
            entry.orders_part_filled,
            self.remaining,
            rate,
            self.is_exact_in,
            self.is_a_to_b,
            self.is_fee_on_input,
        )
        if match.amount_in or match.amount_out or match.fee:
            self._apply(match.amount_in, match.amount_out, match.fee)
            self.filled.append(OrdersLeft(entry.tick, match.orders, match.orders_part_filled))
        has_orders = match.orders > 0 or match.orders_part_filled > 0
        # A tick with orders left must stay ahead: the next swap the same way begins with it.
        self.tick = tick_next - 1 if self.is_a_to_b != has_orders else tick_next
        if has_orders or not entry.liquidity_gross:
            return self.liquidity
        return liquidity_after(self.liquidity, entry.liquidity_net, self.is_a_to_b)

    def _bounded(self, target: int) -> tuple[bool, int]:
        """Where the step must end: (whether groups are skipped, price)."""
        fee = self.dynamic
        if fee is None or not self.liquidity or self.volatility == fee.volatility_max:
            return True, target
        edge = (self.index if self.is_a_to_b else self.index + 1) * self.spacing
        edge_x64 = sqrt_price_at_tick(min(max(edge, MIN_TICK), MAX_TICK))
        return False, max(target, edge_x64) if self.is_a_to_b else min(target, edge_x64)

    def _move_index(self, tick: int, is_skipping: bool) -> None:
        fee = self.dynamic
        if fee is None:
            return
        if is_skipping:
            self.index = group_reached(tick, self.spacing, self.is_a_to_b)
            if self.volatility != fee.volatility_max:
                self.volatility = volatility_at(fee, self.index)
        self.index += -1 if self.is_a_to_b else 1

    def _apply(self, amount_in: int, amount_out: int, fee: int) -> None:
        paid = amount_in + fee if self.is_fee_on_input else amount_in
        if self.is_exact_in:
            self.remaining -= paid
            self.calculated += amount_out
        else:
            self.remaining -= amount_out
            self.calculated += paid
        if self.remaining < 0:
            raise PoolRefused("arithmetic_overflow", "a step took more than was there")
        protocol = fee * self.config.protocol_fee_rate // FEE_UNIT
        fund = fee * self.config.fund_fee_rate // FEE_UNIT
        self.fee += fee if self.liquidity else protocol + fund


def walk(
    state: RaydiumClmmState,
    config: RaydiumClmmConfig,
    arrays: Iterable[RaydiumClmmTickArray],
    is_a_to_b: bool,
    amount: int,
    is_exact_in: bool,
    now_s: int,
) -> Walked:
    """Swap through the given arrays, which are the initialised ones ahead, nearest first. Raises `PoolRefused`."""
    swap = _Walk(state, config, is_a_to_b, amount, is_exact_in, now_s)
    ticks = _ticks_ahead(arrays, swap)
    used, is_exhausted = 0, False
    while swap.remaining and swap.price != swap.limit:
        number, entry = next(ticks)
        used = number
        if entry is None:
            is_exhausted = True
            break
        swap.to_tick(entry)
    dynamic = swap.dynamic
    if dynamic is not None:
        dynamic = type(dynamic)(
            dynamic.filter_period_s,
            dynamic.decay_period_s,
            dynamic.reduction_factor,
            dynamic.control,
            dynamic.volatility_max,
            dynamic.index_reference,
            dynamic.volatility_reference,
            swap.volatility,
            dynamic.last_update_s,
        )
    moved = RaydiumClmmState(
        tick_spacing=state.tick_spacing,
        liquidity=swap.liquidity,
        sqrt_price_x64=swap.price,
        tick=swap.tick,
        status=state.status,
        fee_on=state.fee_on,
        open_time_s=state.open_time_s,
        bitmap=state.bitmap,
        dynamic_fee=dynamic,
    )
    return Walked(swap.remaining, swap.calculated, swap.fee, moved, tuple(swap.filled), used, is_exhausted)


def _ticks_ahead(arrays: Iterable[RaydiumClmmTickArray], swap: _Walk) -> Iterator[tuple[int, RaydiumTick | None]]:
    """(how many arrays were touched, tick) for every initialised tick ahead; None once the arrays end."""
    tick, span = swap.tick, ARRAY_TICKS * swap.spacing
    used = 0
    for used, array in enumerate(arrays, start=1):
        is_here = 0 <= tick - array.start < span
        is_empty = True
        for entry in reversed(array.ticks) if swap.is_a_to_b else array.ticks:
            if is_here and ((entry.tick > tick) if swap.is_a_to_b else (entry.tick <= tick)):
                continue
            is_empty = False
            yield used, entry
        if is_empty and not is_here:
            # The program refuses an array without initialised ticks; the SDK stops before it.
            yield used - 1, None
            return
    yield used, None

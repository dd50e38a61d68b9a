"""Exact quotes of a Raydium concentrated-liquidity pool, with dynamic fee, limit orders and Token-2022 transfer fees.

Raydium CLMM program as of 2026, raydium-sdk-v2 0.2.73-alpha. A quote is that of `swap_v2` without a price limit: the
program refuses what it cannot fill whole, a pool that is not open or disabled, and amounts that yield nothing.
"""

from collections.abc import Iterator, Mapping
from typing import NoReturn

from msgspec.structs import replace

from bus.pool_parts.raydium_clmm import RaydiumClmmConfig, RaydiumClmmState, RaydiumClmmTickArray, RaydiumTick
from kernel.amm.errors import PoolRefused
from kernel.amm.pool import PoolQuote, Segment
from kernel.amm.raydium_clmm_bitmap import HALF, array_of, arrays_ahead, needs_extension
from kernel.amm.raydium_clmm_fee import Regime, references_moved, regime_at
from kernel.amm.raydium_clmm_ladder import RaydiumClmmLadder
from kernel.amm.raydium_clmm_path import path
from kernel.amm.raydium_clmm_steps import FEE_UNIT
from kernel.amm.raydium_clmm_ticks import ARRAY_TICKS
from kernel.amm.raydium_clmm_walk import Walked, is_fee_on_input, walk
from kernel.amm.token_fee import BPS, U64_MAX, amount_after, amount_before

SWAP_DISABLED = 1 << 4
# What one swap may pass along: more tick arrays than this leave no room for the second swap of a transaction.
ARRAYS_MAX = 5
_Q64 = float(1 << 64)


class RaydiumClmmPool:
    """One state of one pool; `kernel.amm.pool.Pool`.

    `arrays` by number; `extension` ascending numbers outside -512..511, None while unknown; transfer fees as (bps,
    most raw units) of the first and second token. Build it with `RaydiumClmmBuilder`.
    """

    __slots__ = ("_ladders", "arrays", "config", "extension", "state", "token_fees")

    def __init__(
        self,
        state: RaydiumClmmState,
        config: RaydiumClmmConfig,
        arrays: Mapping[int, RaydiumClmmTickArray],
        extension: tuple[int, ...] | None,
        token_fees: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0)),
    ) -> None:
        self.state, self.config, self.arrays, self.extension = state, config, arrays, extension
        self.token_fees = token_fees
        self._ladders: dict[tuple[bool, bool, Regime | None], RaydiumClmmLadder] = {}

    def quote_in(self, is_a_to_b: bool, amount_in: int, now_s: int) -> PoolQuote:
        """Exact input. Raises `PoolRefused`."""
        fee_in, fee_out = self.token_fees if is_a_to_b else self.token_fees[::-1]
        if not 0 < amount_in <= U64_MAX:
            _refuse_amount(amount_in)
        usable = amount_in - min(-(-amount_in * fee_in[0] // BPS), fee_in[1]) if fee_in[0] else amount_in
        if not usable:
            raise PoolRefused("amount_too_small", f"the transfer fee takes all of {amount_in}")
        out, fee = self._ladder(is_a_to_b, True, now_s).swap(usable)
        if not out:
            raise PoolRefused("amount_too_small", f"{amount_in} in yields nothing")
        return PoolQuote(amount_in, amount_after(out, *fee_out) if fee_out[0] else out, fee)

    def quote_out(self, is_a_to_b: bool, amount_out: int, now_s: int) -> PoolQuote:
        """Exact output: what must be sent so that `amount_out` arrives. Raises `PoolRefused`."""
        fee_in, fee_out = self.token_fees if is_a_to_b else self.token_fees[::-1]
        if not 0 < amount_out <= U64_MAX:
            _refuse_amount(amount_out)
        gross = amount_before(amount_out, *fee_out)
        needed, fee = self._ladder(is_a_to_b, False, now_s).swap(gross)
        if not needed:
            raise PoolRefused("amount_too_small", f"{amount_out} out would cost nothing")
        return PoolQuote(amount_before(needed, *fee_in), amount_after(gross, *fee_out), fee)

    def rate(self, is_a_to_b: bool, now_s: int) -> float:
        """Out per in of the first unit, fees included; 0.0 where nothing can be swapped. Never raises."""
        return next((segment.rate for segment in self.segments(is_a_to_b, now_s)), 0.0)

    def segments(self, is_a_to_b: bool, now_s: int) -> Iterator[Segment]:
        """Depth from the present price on; transfer fees count as proportional, without their maximum."""
        try:
            ladder = self._ladder(is_a_to_b, True, now_s)
        except PoolRefused:
            return
        fee_in, fee_out = self.token_fees if is_a_to_b else self.token_fees[::-1]
        kept_in, kept_out = 1 - fee_in[0] / BPS, 1 - fee_out[0] / BPS
        if not kept_in:
            return
        number = 0
        while number < len(ladder.steps) or ladder.extend():
            start, end = ladder.spent[number], ladder.spent[number + 1]
            step = ladder.steps[number]
            gained = ladder.gained[number]
            is_last = ladder.gates[number] > U64_MAX
            number += 1
            if end > start or (is_last and step.liquidity):
                price = step.price_x64 / _Q64
                kept = 1 - step.fee_rate / FEE_UNIT
                rate = price * price if is_a_to_b else 1 / (price * price)
                curve = 0.0
                if not step.unfilled:
                    curve = (price if is_a_to_b else 1 / price) / step.liquidity
                    if ladder.is_fee_in:
                        curve *= kept
                yield Segment(
                    start / kept_in,
                    (U64_MAX if is_last else end) / kept_in,
                    gained * kept_out,
                    rate * kept * kept_in * kept_out,
                    curve * kept_in,
                )
            if is_last:
                return

    def after(self, is_a_to_b: bool, amount_in: int, now_s: int) -> tuple[PoolQuote, "RaydiumClmmPool"]:
        """The swap of `quote_in` and the pool's state behind it. Raises `PoolRefused`."""
        quote = self.quote_in(is_a_to_b, amount_in, now_s)
        fee_in = self.token_fees[0 if is_a_to_b else 1]
        usable = amount_after(amount_in, *fee_in)
        walked = walk(self.state, self.config, self._ahead(is_a_to_b), is_a_to_b, usable, True, now_s)
        return quote, self._moved(walked)

    def _moved(self, walked: Walked) -> "RaydiumClmmPool":
        spacing, state = self.state.tick_spacing, walked.state
        arrays, extension = self.arrays, self.extension
        if walked.filled:
            arrays = dict(arrays)
            for filled in walked.filled:
                number = array_of(filled.tick, spacing)
                array = arrays[number]
                ticks = tuple(
                    entry
                    for each in array.ticks
                    if _is_initialised(entry := each if each.tick != filled.tick else _left(each, filled[1], filled[2]))
                )
                arrays[number] = replace(array, ticks=ticks)
                if ticks:
                    continue
                if -HALF <= number < HALF:
                    state = replace(state, bitmap=state.bitmap & ~(1 << number + HALF))
                elif extension is not None:
                    extension = tuple(each for each in extension if each != number)
        return RaydiumClmmPool(state, self.config, arrays, extension, self.token_fees)

    def _ladder(self, is_a_to_b: bool, is_exact_in: bool, now_s: int) -> RaydiumClmmLadder:
        state = self.state
        if state.status & SWAP_DISABLED:
            raise PoolRefused("swap_disabled", f"the pool's status {state.status} disables swaps")
        if now_s <= state.open_time_s:
            raise PoolRefused("swap_disabled", f"the pool opens after {state.open_time_s}, now is {now_s}")
        dynamic = state.dynamic_fee
        regime = None if dynamic is None else regime_at(dynamic, now_s)
        key = (is_a_to_b, is_exact_in, regime)
        ladder = self._ladders.get(key)
        if ladder is None:
            if dynamic is not None and regime is not None:
                dynamic = references_moved(dynamic, regime, state.tick // state.tick_spacing, now_s)
            steps = path(state, dynamic, self.config.trade_fee_rate, self._ahead(is_a_to_b), is_a_to_b)
            is_fee_in = is_fee_on_input(state.fee_on, is_a_to_b)
            ladder = self._ladders[key] = RaydiumClmmLadder(steps, is_a_to_b, is_exact_in, is_fee_in)
        return ladder

    def _ahead(self, is_a_to_b: bool) -> Iterator[RaydiumClmmTickArray]:
        """The arrays that a swap meets, nearest first. Refuses where one is not known or there are too many."""
        spacing = self.state.tick_spacing
        extension = self.extension if needs_extension(spacing) else ()
        first = array_of(self.state.tick, spacing)
        for count, number in enumerate(arrays_ahead(self.state.bitmap, extension, first, is_a_to_b)):
            if count == ARRAYS_MAX:
                raise PoolRefused("arrays_exhausted", f"the amount needs more than {ARRAYS_MAX} tick arrays")
            array = self.arrays.get(number)
            if array is None:
                start = number * ARRAY_TICKS * spacing
                raise PoolRefused("depth_unknown", f"the tick array at {start} was not read; wait for its account")
            yield array


def _refuse_amount(amount: int) -> NoReturn:
    if amount <= 0:
        raise PoolRefused("amount_too_small", f"expected an amount above 0, found {amount}")
    raise PoolRefused("amount_out_of_range", f"expected an amount that fits a u64, found {amount}")


def _left(tick: RaydiumTick, orders: int, orders_part_filled: int) -> RaydiumTick:
    return replace(tick, orders=orders, orders_part_filled=orders_part_filled)


def _is_initialised(tick: RaydiumTick) -> bool:
    return tick.liquidity_gross > 0 or tick.orders > 0 or tick.orders_part_filled > 0

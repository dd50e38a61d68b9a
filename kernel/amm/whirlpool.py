"""An Orca Whirlpool as a pool: exact quotes, depth and state after a swap, fees of pool and tokens included.

Whirlpool program `swap_v2`, whirlpools-core 3.1.0, 2026. A swap may enter three tick arrays; one that does not exist
on chain counts as empty, one that was never seen ends what is known. Exact input that meets the end of the price
scale is taken in part, exact output is then refused, both as the program does.
"""

from collections.abc import Iterator, Mapping
from typing import Self

import msgspec

from bus.pool_parts.token_fee import TokenFee
from bus.pool_parts.whirlpool import WhirlpoolOracle, WhirlpoolState
from kernel.amm.errors import PoolRefused
from kernel.amm.pool import PoolQuote, Segment
from kernel.amm.token_fee import U64_MAX, amount_after, amount_before
from kernel.amm.whirlpool_depth import depth
from kernel.amm.whirlpool_fee import FeeCurve, FeeReference, reference, regime
from kernel.amm.whirlpool_table import SwapEnd, SwapTable, Ticks
from kernel.amm.whirlpool_ticks import MAX_SQRT_PRICE, MIN_SQRT_PRICE, sqrt_price_at_tick

NO_FEES = (0, 0, 0, 0)


class WhirlpoolPool:
    """Immutable; `arrays` maps starts of known tick arrays to their initialised ticks. Implements `Pool`.

    `oracle` must be there exactly where the fee adapts (`fee_tier_index != tick_spacing`).
    """

    __slots__ = ("_fees", "_tables", "arrays", "oracle", "state", "token_fees")

    def __init__(
        self,
        state: WhirlpoolState,
        arrays: Mapping[int, Ticks],
        oracle: WhirlpoolOracle | None = None,
        token_fees: tuple[TokenFee, TokenFee] | None = None,
    ) -> None:
        if (oracle is not None) != (state.fee_tier_index != state.tick_spacing):
            raise PoolRefused("state_inconsistent", "an adaptive-fee pool needs its oracle, any other has none")
        self.state, self.arrays, self.oracle, self.token_fees = state, arrays, oracle, token_fees
        first, second = token_fees or (None, None)
        fees = (
            (first.fee_bps, first.fee_max) if first else (0, 0),
            (second.fee_bps, second.fee_max) if second else (0, 0),
        )
        #: By direction: (bps and most of what goes in, bps and most of what comes out), None where neither is taxed.
        has_fee = bool(fees[0][0] or fees[1][0])
        self._fees = {False: fees[1] + fees[0], True: fees[0] + fees[1]} if has_fee else None
        #: By direction, and by fee regime where the fee adapts.
        self._tables: dict[bool | tuple[bool, int], SwapTable] = {}

    def quote_in(self, is_a_to_b: bool, amount_in: int, now_s: int) -> PoolQuote:
        """Exact input. Raises `PoolRefused`."""
        if not 0 < amount_in <= U64_MAX:
            raise _amount_refused(amount_in)
        if self._fees is None:
            return PoolQuote(*self.table(is_a_to_b, now_s).swap_in(amount_in))
        bps_in, max_in, bps_out, max_out = self._fees[is_a_to_b]
        net_in = amount_after(amount_in, bps_in, max_in)
        if not net_in:
            raise PoolRefused("amount_too_small", f"the transfer fee takes all of {amount_in}")
        taken, amount_out, fee = self.table(is_a_to_b, now_s).swap_in(net_in)
        if taken != net_in:
            amount_in = amount_before(taken, bps_in, max_in)
        return PoolQuote(amount_in, amount_after(amount_out, bps_out, max_out), fee)

    def quote_out(self, is_a_to_b: bool, amount_out: int, now_s: int) -> PoolQuote:
        """Exact output; a unit more may arrive where the token's own fee cannot be met exactly."""
        if not 0 < amount_out <= U64_MAX:
            raise _amount_refused(amount_out)
        bps_in, max_in, bps_out, max_out = self._fees[is_a_to_b] if self._fees else NO_FEES
        gross_out = amount_before(amount_out, bps_out, max_out)
        taken, given, fee = self.table(is_a_to_b, now_s).swap_out(gross_out)
        if given != gross_out:
            raise PoolRefused("insufficient_liquidity", f"asked {gross_out}, the whole pool gives {given}")
        return PoolQuote(amount_before(taken, bps_in, max_in), amount_after(given, bps_out, max_out), fee)

    def rate(self, is_a_to_b: bool, now_s: int) -> float:
        """Out per in of the first unit, fees included; 0.0 where nothing can be swapped. Never raises."""
        for segment in self.segments(is_a_to_b, now_s):
            # Where a transfer fee eats the first units depth begins behind them.
            return 0.0 if segment.in_start else segment.rate
        return 0.0

    def segments(self, is_a_to_b: bool, now_s: int) -> Iterator[Segment]:
        """Depth from the present price on; nothing where a swap would be refused."""
        try:
            table = self.table(is_a_to_b, now_s)
        except PoolRefused:
            return iter(())
        return depth(table, is_a_to_b, self._fees[is_a_to_b] if self._fees else NO_FEES)

    def after(self, is_a_to_b: bool, amount_in: int, now_s: int) -> tuple[PoolQuote, Self]:
        """The swap of `quote_in` and the pool behind it. Raises `PoolRefused`."""
        quote = self.quote_in(is_a_to_b, amount_in, now_s)
        bps_in, max_in, *_ = self._fees[is_a_to_b] if self._fees else NO_FEES
        end = self.table(is_a_to_b, now_s).end_of(amount_after(amount_in, bps_in, max_in))
        state = msgspec.structs.replace(
            self.state, sqrt_price=end.sqrt_price, tick_current=end.tick, liquidity=end.liquidity
        )
        return quote, type(self)(state, self.arrays, self._oracle_after(end, now_s), self.token_fees)

    def table(self, is_a_to_b: bool, now_s: int) -> SwapTable:
        """The steps of swaps in this direction at this time, before fees of the tokens. Raises `PoolRefused`."""
        oracle = self.oracle
        if oracle is None:
            table = self._tables.get(is_a_to_b)
            if table is None:
                self._check_price(is_a_to_b)
                table = self._tables[is_a_to_b] = SwapTable(self.state, self.arrays, is_a_to_b, None)
            return table
        which = regime(oracle, now_s)
        table = self._tables.get((is_a_to_b, which))
        if table is None:
            self._check_price(is_a_to_b)
            curve = FeeCurve(oracle, self.state.fee_rate, self._reference(oracle, which, now_s))
            table = self._tables[is_a_to_b, which] = SwapTable(self.state, self.arrays, is_a_to_b, curve)
        return table

    def _check_price(self, is_a_to_b: bool) -> None:
        price = self.state.sqrt_price
        if price == (MIN_SQRT_PRICE if is_a_to_b else MAX_SQRT_PRICE):
            raise PoolRefused("price_limit_out_of_range", f"the price {price} is at the end of the scale already")

    def _reference(self, oracle: WhirlpoolOracle, which: int, now_s: int) -> FeeReference:
        return reference(oracle, self.state.tick_current, which, now_s)

    def _oracle_after(self, end: SwapEnd, now_s: int) -> WhirlpoolOracle | None:
        oracle = self.oracle
        if oracle is None or end.volatility is None:
            return None
        start = self._reference(oracle, regime(oracle, now_s), now_s)
        low, high = sorted((self.state.sqrt_price, end.sqrt_price))
        is_major = high >= low * sqrt_price_at_tick(oracle.major_swap_threshold_ticks) >> 64
        return msgspec.structs.replace(
            oracle,
            last_reference_update_timestamp=start.updated_s,
            last_major_swap_timestamp=now_s if is_major else oracle.last_major_swap_timestamp,
            volatility_reference=start.volatility,
            tick_group_index_reference=start.group,
            volatility_accumulator=end.volatility,
        )


def _amount_refused(amount: int) -> PoolRefused:
    if not amount:
        return PoolRefused("amount_too_small", "expected an amount of 1 or more, found 0")
    return PoolRefused("amount_out_of_range", f"expected an amount in 1..{U64_MAX}, found {amount}")

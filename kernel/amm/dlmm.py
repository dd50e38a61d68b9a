"""Exact Meteora DLMM pool: quotes across bins with moving fees, limit orders and fees in Y.

Facts from Meteora lb_clmm (dlmm package 1.9.14 and the program itself), checked 2026-11. Bins are visited in the order
of the arrays that the bitmaps name; a swap that needs an array which is not known is refused (`depth_unknown`), one
that runs out of arrays too (`insufficient_liquidity`). A quote is for one fee state, and there are three of them after
a swap: within the filter period, within the decay period, later.
"""

from collections.abc import Iterator, Mapping

from bus.pool_parts.dlmm import DlmmBin, DlmmBinArray, DlmmPair
from bus.pool_parts.token_fee import TokenFee
from kernel.amm.dlmm_after import arrays_after, pair_after
from kernel.amm.dlmm_arrays import ARRAYS_PER_SWAP, arrays_ahead
from kernel.amm.dlmm_fee import Age, age_of, base_rate, references, total_rate, variable_rate, volatility_at
from kernel.amm.dlmm_ladder import U64_MAX, Ladder, Reach
from kernel.amm.dlmm_price import price_q64
from kernel.amm.dlmm_step import Step, step_of
from kernel.amm.errors import PoolRefused
from kernel.amm.pool import PoolQuote, Segment
from kernel.amm.token_fee import BPS, amount_after, amount_before

NO_FEE = TokenFee(is_first=True, fee_bps=0, fee_max=0)


class DlmmPool:
    """State of one pair. `far` is None where it is not known which arrays beyond the pair's own bitmap hold liquidity.

    `reserves` are the balances of X and Y where known; a swap that needs more than them is refused, as is one that
    visits more than `arrays_max` bin arrays (`arrays_exhausted`).
    """

    __slots__ = ("_fee_x", "_fee_y", "_ladders", "arrays", "arrays_max", "far", "pair", "reserves", "token_fees")

    def __init__(
        self,
        pair: DlmmPair,
        arrays: Mapping[int, DlmmBinArray],
        *,
        far: tuple[int, ...] | None = None,
        token_fees: tuple[TokenFee, TokenFee] = (NO_FEE, NO_FEE),
        reserves: tuple[int | None, int | None] = (None, None),
        arrays_max: int = ARRAYS_PER_SWAP,
    ) -> None:
        self.arrays_max = arrays_max
        self.pair = pair
        self.arrays = arrays
        self.far = far
        self.token_fees = token_fees
        self.reserves = reserves
        self._fee_x, self._fee_y = ((fee.fee_bps, fee.fee_max) for fee in token_fees)
        self._ladders: list[Ladder | None] = [None] * 6

    def quote_in(self, is_a_to_b: bool, amount_in: int, now_s: int) -> PoolQuote:
        """Exact input. Raises `PoolRefused`."""
        return self._wallet_in(is_a_to_b, amount_in, now_s)[0]

    def quote_out(self, is_a_to_b: bool, amount_out: int, now_s: int) -> PoolQuote:
        """Exact output, as the program's own exact-out swap does it. Raises `PoolRefused`."""
        fee_in, fee_out = (self._fee_x, self._fee_y) if is_a_to_b else (self._fee_y, self._fee_x)
        reach = self.reach_out(is_a_to_b, amount_before(amount_out, *fee_out), now_s)
        return PoolQuote(amount_before(reach.amount_in, *fee_in), amount_out, reach.fee)

    def rate(self, is_a_to_b: bool, now_s: int) -> float:
        """Out per in of the first unit, fees included, limits of transfer fees left out; 0.0 where nothing is sold."""
        first = next(self.segments(is_a_to_b, now_s), None)
        return first.rate if first else 0.0

    def segments(self, is_a_to_b: bool, now_s: int) -> Iterator[Segment]:
        """One a bin, of fixed price. Transfer fees count as their rate, their limits are left out."""
        if not self._is_open(now_s):
            return
        ladder = self.ladder(is_a_to_b, now_s)
        fee_in, fee_out = (self._fee_x, self._fee_y) if is_a_to_b else (self._fee_y, self._fee_x)
        if fee_in[0] >= BPS or fee_out[0] >= BPS:
            return
        scale_in, scale_out = BPS / (BPS - fee_in[0]), (BPS - fee_out[0]) / BPS
        at = 0
        while at < len(ladder.steps) or _extended(ladder):
            in_start, in_end = ladder.gross_in[at] * scale_in, ladder.gross_in[at + 1] * scale_in
            out_start, out_end = ladder.net_out[at] * scale_out, ladder.net_out[at + 1] * scale_out
            yield Segment(in_start, in_end, out_start, (out_end - out_start) / (in_end - in_start), 0.0)
            at += 1

    def after(self, is_a_to_b: bool, amount_in: int, now_s: int) -> tuple[PoolQuote, "DlmmPool"]:
        """The swap of `quote_in` and the pool's state behind it. Raises `PoolRefused`."""
        quote, reach = self._wallet_in(is_a_to_b, amount_in, now_s)
        ladder = self.ladder(is_a_to_b, now_s)
        fills = [(step, step.whole()) for step in ladder.steps[: reach.passed]]
        if reach.last is not None:
            fills.append((ladder.steps[reach.passed], reach.last))
        reserve_x, reserve_y = self.reserves
        change_x, change_y = (reach.amount_in, -reach.amount_out) if is_a_to_b else (-reach.amount_out, reach.amount_in)
        pool = DlmmPool(
            pair_after(self.pair, fills[-1][0].held.bin_id, age_of(self.pair, now_s), now_s),
            arrays_after(self.arrays, fills),
            far=self.far,
            token_fees=self.token_fees,
            reserves=(
                None if reserve_x is None else reserve_x + change_x,
                None if reserve_y is None else reserve_y + change_y,
            ),
            arrays_max=self.arrays_max,
        )
        return quote, pool

    def reach_in(self, is_x_in: bool, amount_in: int, now_s: int) -> Reach:
        """An exact input that has arrived at the pool. Raises `PoolRefused`."""
        self._check(amount_in, now_s)
        reach = self.ladder(is_x_in, now_s).reach_in(amount_in)
        self._check_reserve(is_x_in, reach.amount_out)
        return reach

    def reach_out(self, is_x_in: bool, amount_out: int, now_s: int) -> Reach:
        """An exact output that leaves the pool. Raises `PoolRefused`."""
        self._check(amount_out, now_s)
        reach = self.ladder(is_x_in, now_s).reach_out(amount_out)
        self._check_reserve(is_x_in, amount_out)
        return reach

    def ladder(self, is_x_in: bool, now_s: int) -> Ladder:
        """The bins ahead of a swap, for the fee state at that time; kept."""
        age = age_of(self.pair, now_s)
        key = 3 * is_x_in + age
        ladder = self._ladders[key]
        if ladder is None:
            ladder = Ladder(self._steps(is_x_in, age), lambda: self._exhausted(is_x_in))
            self._ladders[key] = ladder
        return ladder

    def _wallet_in(self, is_x_in: bool, amount_in: int, now_s: int) -> tuple[PoolQuote, Reach]:
        fee_in, fee_out = (self._fee_x, self._fee_y) if is_x_in else (self._fee_y, self._fee_x)
        reach = self.reach_in(is_x_in, amount_after(amount_in, *fee_in) if fee_in[0] else amount_in, now_s)
        amount_out = amount_after(reach.amount_out, *fee_out) if fee_out[0] else reach.amount_out
        return PoolQuote(amount_in, amount_out, reach.fee), reach

    def _is_open(self, now_s: int) -> bool:
        return self.pair.is_enabled and now_s >= self.pair.opens_at_s

    def _check(self, amount: int, now_s: int) -> None:
        if not self._is_open(now_s):
            raise PoolRefused(
                "swap_disabled",
                f"the pair is {'closed until ' + str(self.pair.opens_at_s) if self.pair.is_enabled else 'disabled'}, "
                f"the clock shows {now_s}",
            )
        if not 0 < amount <= U64_MAX:
            raise PoolRefused(
                "amount_out_of_range" if amount else "amount_too_small",
                f"an amount is 1..{U64_MAX} once transfer fees are taken, found {amount}",
            )

    def _check_reserve(self, is_x_in: bool, amount_out: int) -> None:
        reserve = self.reserves[is_x_in]
        if reserve is not None and amount_out > reserve:
            raise PoolRefused(
                "insufficient_liquidity",
                f"the swap pays {amount_out} of {'Y' if is_x_in else 'X'}, its reserve account holds {reserve}",
            )

    def _steps(self, is_x_in: bool, age: Age) -> Iterator[Step]:
        pair = self.pair
        refs = references(pair, age)
        step_bps, control = pair.bin_step_bps, pair.variable_fee_control
        base = base_rate(step_bps, pair.base_factor, pair.base_fee_power)
        for held in self._bins(is_x_in):
            has_orders = (
                pair.has_limit_orders and held.is_ask is not is_x_in and (held.orders_begun or held.orders_open)
            )
            if not (has_orders or (held.amount_y if is_x_in else held.amount_x)):
                continue
            volatility = volatility_at(pair, refs, held.bin_id)
            yield step_of(
                held,
                price_q64(held.bin_id, step_bps),
                total_rate(base, variable_rate(step_bps, control, volatility)),
                is_x_in=is_x_in,
                has_limit_orders=pair.has_limit_orders,
                is_fee_on_input=not (pair.takes_fee_in_y and is_x_in),
                protocol_share_bps=pair.protocol_share_bps,
            )

    def _bins(self, is_x_in: bool) -> Iterator[DlmmBin]:
        """Bins from the active one on that hold anything, as far as arrays are known without a gap."""
        active_id = self.pair.active_id
        for index in self.arrays_ahead(is_x_in)[: self.arrays_max]:
            known = self.arrays.get(index)
            if known is None:
                return
            if is_x_in:
                yield from (held for held in reversed(known.bins) if held.bin_id <= active_id)
            else:
                yield from (held for held in known.bins if held.bin_id >= active_id)

    def arrays_ahead(self, is_x_in: bool) -> tuple[int, ...]:
        """Indexes of the arrays that a swap visits, in its order, as far as the bitmaps are known."""
        return arrays_ahead(self.pair, self.far, is_x_in=is_x_in)

    def _exhausted(self, is_x_in: bool) -> PoolRefused:
        for visited, index in enumerate(self.arrays_ahead(is_x_in)):
            if visited == self.arrays_max:
                return PoolRefused("arrays_exhausted", f"a swap visits {visited} bin arrays at most; ask for less")
            if index not in self.arrays:
                return PoolRefused("depth_unknown", f"the swap reaches bin array {index}, which is not known; load it")
        if self.far is None:
            return PoolRefused("depth_unknown", "the swap reaches the end of the near bitmap; load the extension")
        return PoolRefused("insufficient_liquidity", "the swap asks for more than all bins ahead hold; ask for less")


def _extended(ladder: Ladder) -> bool:
    """Whether the ladder has one more step; a price beyond the program's range ends it."""
    try:
        return ladder.extend()
    except PoolRefused:
        return False

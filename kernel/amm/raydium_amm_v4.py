"""Exact quotes of a Raydium AMM v4 pool, which trades against its two vaults only.

Raydium AMM v4 program (swap_base_in_v2, swap_base_out_v2) as of 2026: the order book is out of use. Reserves are what
the vaults hold less the profit still to be taken (need_take_pnl). Tokens are of the classic token program.
"""

from collections.abc import Iterator

from bus.pool_parts.constant_product import RaydiumAmmV4State
from kernel.amm.constant_product import amm_v4_up
from kernel.amm.constant_product_depth import constant_product_segment
from kernel.amm.errors import PoolRefused
from kernel.amm.pool import PoolQuote, Segment
from kernel.amm.token_fee import U64_MAX

STATUS_INITIALIZED, STATUS_SWAP_ONLY, STATUS_WAITING = 1, 6, 7


class RaydiumAmmV4Pool:
    """One state of one pool; `kernel.amm.pool.Pool`. Build it with `RaydiumAmmV4Builder`."""

    __slots__ = ("_opens_s", "_sides", "reserves", "state")

    def __init__(self, state: RaydiumAmmV4State, reserves: tuple[int, int]) -> None:
        self.state, self.reserves = state, reserves
        numerator, denominator = state.fee_numerator, state.fee_denominator
        #: By is_a_to_b: reserves in and out, fee.
        self._sides = ((*reserves[::-1], numerator, denominator), (*reserves, numerator, denominator))
        self._opens_s: int | None = None  #: None while no swap is allowed or nothing is there
        if min(reserves) > 0:
            if state.status in (STATUS_INITIALIZED, STATUS_SWAP_ONLY):
                self._opens_s = 0
            elif state.status == STATUS_WAITING:
                self._opens_s = state.open_time_s

    def quote_in(self, is_a_to_b: bool, amount_in: int, now_s: int) -> PoolQuote:
        """Exact input. Raises `PoolRefused`."""
        if self._opens_s is None or now_s < self._opens_s:
            self._refuse(now_s)
        if not 0 < amount_in <= U64_MAX:
            raise PoolRefused("amount_out_of_range", f"expected an amount in 1..2^64-1, found {amount_in}")
        reserve_in, reserve_out, numerator, denominator = self._sides[is_a_to_b]
        fee = amm_v4_up(amount_in * numerator, denominator)
        usable = amount_in - fee
        out = reserve_out * usable // (reserve_in + usable)
        if not out:
            raise PoolRefused("amount_too_small", f"{amount_in} in yields nothing")
        return PoolQuote(amount_in, out, fee)

    def quote_out(self, is_a_to_b: bool, amount_out: int, now_s: int) -> PoolQuote:
        """Exact output. Raises `PoolRefused`."""
        if self._opens_s is None or now_s < self._opens_s:
            self._refuse(now_s)
        reserve_in, reserve_out, numerator, denominator = self._sides[is_a_to_b]
        if amount_out <= 0:
            raise PoolRefused("amount_too_small", f"expected an amount above 0, found {amount_out}")
        if amount_out >= reserve_out:
            raise PoolRefused("insufficient_liquidity", f"{amount_out} out of a reserve of {reserve_out}")
        usable = amm_v4_up(reserve_in * amount_out, reserve_out - amount_out)
        amount_in = amm_v4_up(usable * denominator, denominator - numerator)
        if not amount_in:
            raise PoolRefused("amount_too_small", f"{amount_out} out would cost nothing")
        if amount_in > U64_MAX:
            raise PoolRefused("amount_out_of_range", f"{amount_out} out would cost {amount_in}, above a u64")
        return PoolQuote(amount_in, amount_out, amount_in - usable)

    def rate(self, is_a_to_b: bool, now_s: int) -> float:
        """Out per in of the first unit, fees included; 0.0 where nothing can be swapped. Never raises."""
        return next((segment.rate for segment in self.segments(is_a_to_b, now_s)), 0.0)

    def segments(self, is_a_to_b: bool, now_s: int) -> Iterator[Segment]:
        """The curve as one segment."""
        if self._opens_s is None or now_s < self._opens_s:
            return
        reserve_in, reserve_out = self.reserves if is_a_to_b else self.reserves[::-1]
        kept = 1 - self.state.fee_numerator / self.state.fee_denominator
        yield constant_product_segment(reserve_in, reserve_out, kept, 1.0)

    def after(self, is_a_to_b: bool, amount_in: int, now_s: int) -> tuple[PoolQuote, "RaydiumAmmV4Pool"]:
        """The swap of `quote_in` and the pool's state behind it. Raises `PoolRefused`."""
        quote = self.quote_in(is_a_to_b, amount_in, now_s)
        first, second = self.reserves
        if is_a_to_b:
            moved = (first + amount_in, second - quote.amount_out)
        else:
            moved = (first - quote.amount_out, second + amount_in)
        return quote, RaydiumAmmV4Pool(self.state, moved)

    def _refuse(self, now_s: int) -> None:
        if min(self.reserves) <= 0:
            raise PoolRefused("insufficient_liquidity", f"the vaults hold {self.reserves} beyond what is owed")
        state = self.state
        if state.status == STATUS_WAITING:
            raise PoolRefused("swap_disabled", f"the pool opens at {state.open_time_s}, now is {now_s}")
        raise PoolRefused("swap_disabled", f"the pool's status {state.status} allows no swaps")

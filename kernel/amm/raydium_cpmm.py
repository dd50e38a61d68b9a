"""Exact quotes of a Raydium CPMM pool, with its four fees and the transfer fees of Token-2022 mints.

Raydium CPMM program (swap_base_input, swap_base_output) as of 2026. Reserves are what the vaults hold less the fees
owed to protocol, fund and creator.
"""

from collections.abc import Iterator

from bus.pool_parts.constant_product import RaydiumCpmmConfig, RaydiumCpmmState
from kernel.amm.constant_product import FEE_UNIT, CpmmRates, swap_base_input
from kernel.amm.constant_product_depth import constant_product_segment
from kernel.amm.errors import PoolRefused
from kernel.amm.pool import PoolQuote, Segment
from kernel.amm.token_fee import BPS, U64_MAX, amount_after, amount_before, fee_of

SWAP_DISABLED = 1 << 2


class RaydiumCpmmPool:
    """One state of one pool; `kernel.amm.pool.Pool`. The quote's fee is what is taken from the input.

    A creator fee taken from the output shows only in `amount_out`. Transfer fees are (bps, most raw units) of the
    first and second token. Build it with `RaydiumCpmmBuilder`.
    """

    __slots__ = ("_opens_s", "_sides", "config", "reserves", "state", "token_fees")

    def __init__(
        self,
        state: RaydiumCpmmState,
        config: RaydiumCpmmConfig,
        reserves: tuple[int, int],
        token_fees: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0)),
    ) -> None:
        self.state, self.config, self.reserves, self.token_fees = state, config, reserves, token_fees
        is_shut = state.status & SWAP_DISABLED or min(reserves) <= 0
        self._opens_s = None if is_shut else state.open_time_s  #: None while no swap is allowed or nothing is there
        creator = config.creator_fee_rate if state.is_creator_fee_on else 0
        first, second = reserves
        fee_a, fee_b = token_fees
        is_in_up, is_in_down = state.creator_fee_on in (0, 2), state.creator_fee_on in (0, 1)
        trade = config.trade_fee_rate
        #: By is_a_to_b: reserves in and out, rates on the input and on the output, transfer fees in and out.
        self._sides = (
            (second, first, trade + creator * is_in_up, creator * (not is_in_up), fee_b, fee_a),
            (first, second, trade + creator * is_in_down, creator * (not is_in_down), fee_a, fee_b),
        )

    def quote_in(self, is_a_to_b: bool, amount_in: int, now_s: int) -> PoolQuote:
        """Exact input. Raises `PoolRefused`."""
        reserve_in, reserve_out, rate_in, rate_out, fee_in, fee_out = self._sides[is_a_to_b]
        if self._opens_s is None or now_s < self._opens_s:
            self._refuse(now_s)
        if not 0 < amount_in <= U64_MAX:
            raise PoolRefused("amount_out_of_range", f"expected an amount in 1..2^64-1, found {amount_in}")
        received = amount_in - fee_of(amount_in, *fee_in) if fee_in[0] else amount_in
        fee = -(-received * rate_in // FEE_UNIT)
        usable = received - fee
        out = usable * reserve_out // (reserve_in + usable)
        if rate_out:
            out -= -(-out * rate_out // FEE_UNIT)
        if fee_out[0]:
            out = amount_after(out, *fee_out)
        if out <= 0:
            raise PoolRefused("amount_too_small", f"{amount_in} in yields nothing")
        return PoolQuote(amount_in, out, fee)

    def quote_out(self, is_a_to_b: bool, amount_out: int, now_s: int) -> PoolQuote:
        """Exact output: what must be sent so that `amount_out` arrives. Raises `PoolRefused`."""
        reserve_in, reserve_out, rate_in, rate_out, fee_in, fee_out = self._sides[is_a_to_b]
        if self._opens_s is None or now_s < self._opens_s:
            self._refuse(now_s)
        if not 0 < amount_out <= U64_MAX:
            raise PoolRefused("amount_out_of_range", f"expected an amount in 1..2^64-1, found {amount_out}")
        sent = amount_before(amount_out, *fee_out) if fee_out[0] else amount_out
        gross = -(-sent * FEE_UNIT // (FEE_UNIT - rate_out))
        if gross >= reserve_out:
            raise PoolRefused("insufficient_liquidity", f"{gross} out of a reserve of {reserve_out}")
        usable = -(-reserve_in * gross // (reserve_out - gross))
        cost = -(-usable * FEE_UNIT // (FEE_UNIT - rate_in))
        if cost > U64_MAX:
            raise PoolRefused("amount_out_of_range", f"{amount_out} out would cost {cost}, above a u64")
        if fee_in[0] or fee_out[0]:
            return PoolQuote(amount_before(cost, *fee_in), amount_after(sent, *fee_out), cost - usable)
        return PoolQuote(cost, amount_out, cost - usable)

    def rate(self, is_a_to_b: bool, now_s: int) -> float:
        """Out per in of the first unit, fees included; 0.0 where nothing can be swapped. Never raises."""
        return next((segment.rate for segment in self.segments(is_a_to_b, now_s)), 0.0)

    def segments(self, is_a_to_b: bool, now_s: int) -> Iterator[Segment]:
        """The curve as one segment; transfer fees count as proportional, without their maximum."""
        reserve_in, reserve_out, rate_in, rate_out, fee_in, fee_out = self._sides[is_a_to_b]
        if self._opens_s is None or now_s < self._opens_s:
            return
        kept_in = (1 - rate_in / FEE_UNIT) * (1 - fee_in[0] / BPS)
        kept_out = (1 - rate_out / FEE_UNIT) * (1 - fee_out[0] / BPS)
        yield constant_product_segment(reserve_in, reserve_out, kept_in, kept_out)

    def after(self, is_a_to_b: bool, amount_in: int, now_s: int) -> tuple[PoolQuote, "RaydiumCpmmPool"]:
        """The swap of `quote_in` and the pool's state behind it. Raises `PoolRefused`."""
        quote = self.quote_in(is_a_to_b, amount_in, now_s)
        reserve_in, reserve_out, _, _, fee_in, _ = self._sides[is_a_to_b]
        is_creator_fee_in = self._is_creator_fee_in(is_a_to_b)
        received = amount_after(amount_in, *fee_in)
        swap = swap_base_input(received, reserve_in, reserve_out, self._rates(), is_creator_fee_in)
        reserve_in += received - swap.protocol_fee - swap.fund_fee - (swap.creator_fee if is_creator_fee_in else 0)
        moved = (reserve_in, swap.vault_out)
        return quote, RaydiumCpmmPool(self.state, self.config, moved if is_a_to_b else moved[::-1], self.token_fees)

    def _is_creator_fee_in(self, is_a_to_b: bool) -> bool:
        return self.state.creator_fee_on in ((0, 1) if is_a_to_b else (0, 2))

    def _rates(self) -> CpmmRates:
        config = self.config
        creator = config.creator_fee_rate if self.state.is_creator_fee_on else 0
        return CpmmRates(config.trade_fee_rate, creator, config.protocol_fee_rate, config.fund_fee_rate)

    def _refuse(self, now_s: int) -> None:
        state = self.state
        if state.status & SWAP_DISABLED:
            raise PoolRefused("swap_disabled", f"the pool's status {state.status} disables swaps")
        if now_s < state.open_time_s:
            raise PoolRefused("swap_disabled", f"the pool opens at {state.open_time_s}, now is {now_s}")
        raise PoolRefused("insufficient_liquidity", f"the vaults hold {self.reserves} beyond what is owed")

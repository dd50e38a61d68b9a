"""Exact Raydium LaunchLab curves: constant product, fixed price, linear price.

Facts: raydium_launchpad program (IDL 0.2.0 of 2026-07) and raydium-sdk-v2 0.2.73, checked 2026-11. `real_base` counts
coins sold, `real_quote` what was raised. Constant product trades virtual_quote + real_quote against virtual_base -
real_base; a fixed price is virtual_quote / virtual_base; on the linear curve the sum raised for s coins is
virtual_base * s^2 / 2^65. Four fees (protocol, platform, share, creator, in millionths of the quote) are taken as one
sum rounded up, which is then divided; the protocol has what division leaves.
"""

from collections.abc import Iterator
from math import isqrt
from typing import NamedTuple, NoReturn, Self

from msgspec.structs import replace

from bus.pool_parts.launchlab import LaunchLabPlatform, LaunchLabState, LaunchLabTerms
from bus.pool_parts.token_fee import TokenFee
from kernel.amm.errors import PoolRefused
from kernel.amm.pool import PoolQuote, Segment
from kernel.amm.token_fee import U64_MAX, amount_after, amount_before

MILLION = 1_000_000
TWO_Q64 = 1 << 65  #: twice 2^64, the unit of the linear curve's slope
CONSTANT_PRODUCT, FIXED_PRICE, LINEAR_PRICE = 0, 1, 2
SELLING, SOLD, MIGRATED = 0, 1, 2
LINEAR_PIECES = 8  #: stretches that stand for a sale on the linear curve in search
PIECE_GROWTH = 1.25  #: and for a buy, each to so many times the coins sold: off the curve by 0.4 % of a piece at most
FIRST_PIECE = 1_000  #: part of the coins for sale that the first stretch of an untouched curve reaches to


class LaunchFees(NamedTuple):
    """Who gets what of a trade's fee, raw quote units."""

    protocol: int
    platform: int
    share: int
    creator: int


class LaunchLab:
    """One pool at one moment. Coins are a, the quote is b: a buy is b to a. `share_rate` is what a referrer takes."""

    __slots__ = (
        "_base", "_fee_rate", "_kind", "_quote", "base_fee", "platform", "remaining", "share_rate", "state", "terms",
    )  # fmt: skip

    def __init__(
        self,
        state: LaunchLabState,
        terms: LaunchLabTerms,
        platform: LaunchLabPlatform,
        base_fee: TokenFee | None = None,
        share_rate: int = 0,
    ) -> None:
        self.state, self.terms, self.platform = state, terms, platform
        self.base_fee = base_fee if base_fee is not None and base_fee.fee_bps else None
        self.share_rate = share_rate
        self._kind = terms.curve_type
        self._fee_rate = terms.trade_fee_rate + platform.fee_rate + platform.creator_fee_rate + share_rate
        #: Coins still for sale, raw.
        self.remaining = state.total_base_sell - state.real_base if state.status == SELLING else 0
        # The reserves of the constant product.
        self._base = state.virtual_base - state.real_base
        self._quote = state.virtual_quote + state.real_quote

    @property
    def is_complete(self) -> bool:
        """Nothing can be traded any more."""
        return self.remaining <= 0

    @property
    def progress(self) -> float:
        """Share of the coins for sale that are sold, 0..1; 1.0 when complete."""
        state = self.state
        return 1.0 if self.is_complete else min(max(state.real_base / state.total_base_sell, 0.0), 1.0)

    def split(self, fee: int) -> LaunchFees:
        """A trade's fee among its four takers."""
        rate = self._fee_rate
        if not rate:
            return LaunchFees(0, 0, 0, 0)
        platform = fee * self.platform.fee_rate // rate
        share = fee * self.share_rate // rate
        creator = fee * self.platform.creator_fee_rate // rate
        return LaunchFees(fee - platform - share - creator, platform, share, creator)

    def quote_in(self, is_a_to_b: bool, amount_in: int, now_s: int) -> PoolQuote:
        """A sale of coins or a buy for a sum; the last buy takes only what the remaining coins cost."""
        remaining = self.remaining
        if remaining <= 0 or not 0 < amount_in <= U64_MAX:
            self._refuse(amount_in)
        base_fee = self.base_fee
        if is_a_to_b:
            coins = amount_in if base_fee is None else amount_after(amount_in, base_fee.fee_bps, base_fee.fee_max)
            state = self.state
            if coins > state.real_base:
                self._refuse_sale(coins)
            if self._kind == CONSTANT_PRODUCT:
                gross = coins * self._quote // (self._base + coins)
                if gross > state.real_quote:
                    self._refuse_payment(gross)
            else:
                gross = self._sale(coins)
            fee = -(-gross * self._fee_rate // MILLION)
            return PoolQuote(amount_in, gross - fee, fee)
        fee = -(-amount_in * self._fee_rate // MILLION)
        if fee > amount_in:
            raise PoolRefused("amount_too_small", f"the fee on {amount_in} is {fee}; offer more")
        net = amount_in - fee
        if self._kind == CONSTANT_PRODUCT:  # the common case, spelled out for speed
            coins = net * self._base // (self._quote + net)
        else:
            coins = self._bought(net)
        if coins > remaining:
            coins = remaining
            net = self._cost(coins)
            amount_in = self._with_fee(net)
            fee = amount_in - net
        out = coins if base_fee is None else amount_after(coins, base_fee.fee_bps, base_fee.fee_max)
        return PoolQuote(amount_in, out, fee)

    def quote_out(self, is_a_to_b: bool, amount_out: int, now_s: int) -> PoolQuote:
        """The cost of coins, at most those left (see the quote's amount_out), or the coins that bring a sum."""
        remaining = self.remaining
        if remaining <= 0 or not 0 < amount_out <= U64_MAX:
            self._refuse(amount_out)
        base_fee = self.base_fee
        if is_a_to_b:
            gross = self._with_fee(amount_out)
            if gross > self.state.real_quote:
                found = self.state.real_quote
                raise PoolRefused("insufficient_liquidity", f"{gross} with fees asked of {found} raised")
            coins = self._sold_for(gross)
            if coins > self.state.real_base:
                self._refuse_sale(coins)
            sent = coins if base_fee is None else amount_before(coins, base_fee.fee_bps, base_fee.fee_max)
            return PoolQuote(sent, amount_out, gross - amount_out)
        sent = amount_out if base_fee is None else amount_before(amount_out, base_fee.fee_bps, base_fee.fee_max)
        coins = min(sent, remaining)
        net = self._cost(coins)
        cost = self._with_fee(net)
        out = coins if base_fee is None else amount_after(coins, base_fee.fee_bps, base_fee.fee_max)
        return PoolQuote(cost, out, cost - net)

    def quote_to_complete(self) -> PoolQuote:
        """What buying all remaining coins costs, fees included."""
        return self.quote_out(False, max(self.remaining, 1), 0)

    def rate(self, is_a_to_b: bool, now_s: int) -> float:
        """Out per in at the margin, fees included; 0.0 where nothing can be traded."""
        price = self._price()
        share = 1.0 - self._fee_rate / MILLION
        if self.is_complete or share <= 0.0 or price <= 0.0:
            return 0.0
        if is_a_to_b:
            return share * price if self.state.real_base > 0 and self.state.real_quote > 0 else 0.0
        return share / price

    def segments(self, is_a_to_b: bool, now_s: int) -> Iterator[Segment]:
        """One stretch for constant product and fixed price; pieces for the linear price."""
        rate = self.rate(is_a_to_b, now_s)
        if rate <= 0.0:
            return
        state, share = self.state, 1.0 - self._fee_rate / MILLION
        if self._kind == LINEAR_PRICE:
            yield from self._linear_segments(is_a_to_b, share)
            return
        end = float(state.real_base) if is_a_to_b else self._cost(self.remaining) / share
        curve = 0.0
        if self._kind == CONSTANT_PRODUCT:
            curve = 1 / self._base if is_a_to_b else share / self._quote
        yield Segment(0.0, end, 0.0, rate, curve)

    def after(self, is_a_to_b: bool, amount_in: int, now_s: int) -> tuple[PoolQuote, Self]:
        """The trade of `quote_in`, and the pool behind it; sold out once no coin is left."""
        quote = self.quote_in(is_a_to_b, amount_in, now_s)
        state = self.state
        if is_a_to_b:
            fee = self.base_fee
            sold = state.real_base - (amount_in if fee is None else amount_after(amount_in, fee.fee_bps, fee.fee_max))
            raised = state.real_quote - quote.amount_out - quote.fee
        else:
            sold = state.real_base + min(self._bought(quote.amount_in - quote.fee), self.remaining)
            raised = state.real_quote + quote.amount_in - quote.fee
        status = SOLD if sold >= state.total_base_sell else state.status
        changed = replace(state, real_base=sold, real_quote=raised, status=status)
        return quote, type(self)(changed, self.terms, self.platform, self.base_fee, self.share_rate)

    def _bought(self, net: int) -> int:
        """Coins that the curve gives for a sum after fees."""
        state = self.state
        if self._kind == CONSTANT_PRODUCT:
            return net * self._base // (self._quote + net)
        if self._kind == FIXED_PRICE:
            return net * state.virtual_base // state.virtual_quote
        return isqrt(TWO_Q64 * (state.real_quote + net) // state.virtual_base) - state.real_base

    def _cost(self, coins: int) -> int:
        """What the curve asks for coins, before fees."""
        state = self.state
        if self._kind == CONSTANT_PRODUCT:
            left = self._base - coins
            if left <= 0:
                raise PoolRefused("state_inconsistent", "more coins are for sale than the curve has virtual ones")
            return -(-self._quote * coins // left)
        if self._kind == FIXED_PRICE:
            return -(-coins * state.virtual_quote // state.virtual_base)
        return max(-(-state.virtual_base * (state.real_base + coins) ** 2 // TWO_Q64) - state.real_quote, 0)

    def _sale(self, coins: int) -> int:
        """What a curve other than the constant product pays for coins, before fees. Refuses more than was raised."""
        state = self.state
        if self._kind == FIXED_PRICE:
            gross = coins * state.virtual_quote // state.virtual_base
        else:
            gross = state.real_quote + -state.virtual_base * (state.real_base - coins) ** 2 // TWO_Q64
        if not 0 <= gross <= state.real_quote:
            self._refuse_payment(gross)
        return gross

    def _sold_for(self, gross: int) -> int:
        """Coins that the curve takes for a sum before fees, at most what was raised."""
        state = self.state
        if self._kind == CONSTANT_PRODUCT:
            left = self._quote - gross
            if left <= 0:
                raise PoolRefused("insufficient_liquidity", f"{gross} asked of a curve without virtual quote")
            return -(-self._base * gross // left)
        if self._kind == FIXED_PRICE:
            return -(-gross * state.virtual_base // state.virtual_quote)
        return state.real_base - isqrt(TWO_Q64 * (state.real_quote - gross) // state.virtual_base)

    def _with_fee(self, net: int) -> int:
        """The least sum that is `net` or more after fees."""
        if self._fee_rate >= MILLION:
            raise PoolRefused("amount_out_of_range", f"fees of {self._fee_rate} millionths leave nothing")
        whole = -(-net * MILLION // (MILLION - self._fee_rate))
        if whole > U64_MAX:
            raise PoolRefused("amount_out_of_range", f"{whole} with fees is above a u64")
        return whole

    def _price(self) -> float:
        """Quote per coin at the margin, fees left out. On an untouched linear curve that of the first piece."""
        state = self.state
        if self._kind == CONSTANT_PRODUCT:
            return self._quote / self._base if self._base > 0 else 0.0
        if self._kind == FIXED_PRICE:
            return state.virtual_quote / state.virtual_base
        return 2 * state.virtual_base * max(state.real_base, 1) / TWO_Q64

    def _linear_segments(self, is_a_to_b: bool, share: float) -> Iterator[Segment]:
        """Pieces that meet the curve at both ends and start with its slope; the ends are counts of coins sold."""
        slope = self.state.virtual_base / TWO_Q64
        here, end = float(self.state.real_base), 0.0 if is_a_to_b else float(self.state.total_base_sell)
        spent = out = 0.0
        while here != end:
            if is_a_to_b:
                there = here - self.state.real_base / LINEAR_PIECES
                there = there if there > 0.5 else end
            else:
                there = min(max(here * PIECE_GROWTH, end / FIRST_PIECE), end)
            worth = slope * abs(there * there - here * here)
            if is_a_to_b:
                width, gain, rate = here - there, worth * share, share * 2 * slope * here
            else:
                width, gain, rate = worth / share, there - here, share / (2 * slope * here) if here else 0.0
            rate = rate or gain / width
            yield Segment(spent, spent + width, out, rate, max((rate * width / gain - 1) / width, 0.0))
            spent, out, here = spent + width, out + gain, there

    def _refuse(self, amount: int) -> NoReturn:
        if self.remaining <= 0:
            raise PoolRefused("curve_complete", "the curve is sold out or migrated: its liquidity moves to an AMM pool")
        raise PoolRefused("amount_out_of_range", f"expected an amount in 1..2^64-1, found {amount}")

    def _refuse_sale(self, coins: int) -> NoReturn:
        raise PoolRefused("insufficient_liquidity", f"{coins} coins for sale, only {self.state.real_base} were sold")

    def _refuse_payment(self, gross: int) -> NoReturn:
        raise PoolRefused("insufficient_liquidity", f"the sale takes {gross} of {self.state.real_quote} raised")

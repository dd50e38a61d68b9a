"""Exact pump.fun bonding curve: constant product over virtual reserves until the real coins are sold.

Facts: pump program (IDL of 2026-07, docs of buy_exact_sol_in) and pump-sdk 2.0.0, checked 2026-11. A buy of coins costs
floor(coins * quote / (base - coins)) + 1; a buy for a budget takes net = floor(budget * 10000 / (10000 + bps)), less
what the fees, each rounded up, exceed the budget by, and pays floor((net - 1) * base / (quote + net - 1)).
Two things are unverified on chain: that a budget above what is left for sale is charged only what those coins cost, and
mayhem coins, whose agent moved the virtual reserves outside these rules in a trade recorded on 2026-07-29.
With 1073e12 coins against 30e9 lamports virtual and 793.1e12 for sale the curve is complete at 85.005 SOL net.
"""

from collections.abc import Iterator
from typing import NoReturn, Self

from msgspec.structs import replace

from bus.pool_parts.pump_curve import PumpCurve, PumpCurveTerms
from bus.pool_parts.pump_fees import PumpFees
from kernel.amm.errors import PoolRefused
from kernel.amm.pool import PoolQuote, Segment
from kernel.amm.pump_fees import BPS, COIN_SUPPLY, U64_MAX, checked_amount, least_sale, rates_of


class BondingCurve:
    """One curve at one moment. Coins are a, the quote is b: a buy is b to a. Fees are taken in the quote."""

    __slots__ = ("_base", "_buy_bps", "_creator", "_protocol", "_quote", "_real", "curve", "fees", "terms")

    def __init__(self, curve: PumpCurve, terms: PumpCurveTerms, fees: PumpFees) -> None:
        self.curve = curve
        self.terms = terms
        self.fees = fees
        self._base = curve.virtual_base
        self._quote = curve.virtual_quote
        self._real = 0 if self.is_complete else curve.real_base
        self._protocol, rate = (0, 0) if self._base <= 0 else self.rates()
        self._creator = rate if curve.has_creator else 0
        self._buy_bps = BPS + self._protocol + self._creator

    @property
    def is_complete(self) -> bool:
        """Nothing can be traded any more: the coins are sold or the liquidity has moved on."""
        curve = self.curve
        return curve.is_complete or curve.real_base <= 0 or curve.virtual_base <= 0 or curve.virtual_quote <= 0

    @property
    def market_cap(self) -> int:
        """Raw quote units, as the program values the supply to pick the fee tier. Zero where the base is."""
        curve = self.curve
        if curve.virtual_base <= 0:
            return 0
        return curve.virtual_quote * (curve.supply if curve.is_mayhem else COIN_SUPPLY) // curve.virtual_base

    @property
    def progress(self) -> float:
        """Share of the coins for sale that are sold, 0..1; 1.0 when complete."""
        if self.is_complete:
            return 1.0
        start = self.terms.initial_real_base
        return min(max(1.0 - self.curve.real_base / start, 0.0), 1.0) if start > 0 else 0.0

    def rates(self) -> tuple[int, int]:
        """Basis points (protocol, creator) at this market cap; the creator's is charged only where there is one."""
        curve, terms = self.curve, self.terms
        if self.fees.is_present:
            _, protocol, creator = rates_of(self.fees, curve.quote_kind, self.market_cap)
        else:
            protocol, creator = terms.protocol_fee_bps, terms.creator_fee_bps
        if terms.is_creator_fee_configurable and curve.creator_fee_bps > 0:
            creator = curve.creator_fee_bps
        return protocol, creator

    @property
    def charged(self) -> tuple[int, int]:
        """Basis points (protocol, creator) that a trade pays: 0 for a creator that does not exist."""
        return self._protocol, self._creator

    def quote_in(self, is_a_to_b: bool, amount_in: int, now_s: int) -> PoolQuote:
        """A sale of coins, or a buy for a budget; the last buy takes only what the remaining coins cost."""
        real = self._real
        if not real or not 0 < amount_in <= U64_MAX:
            self._refuse(amount_in)
        base, quote = self._base, self._quote
        if is_a_to_b:
            gross = amount_in * quote // (base + amount_in)
            fee = -(-gross * self._protocol // BPS) - (-gross * self._creator // BPS)
            if gross < fee:
                raise PoolRefused("amount_too_small", f"the sale brings {gross}, its fees are {fee}; sell more")
            if gross > self.curve.real_quote:
                self._refuse_sale(gross)
            return PoolQuote(amount_in, gross - fee, fee)
        net = amount_in * BPS // self._buy_bps
        fee = -(-net * self._protocol // BPS) - (-net * self._creator // BPS)
        if net + fee > amount_in:
            net = amount_in - fee
        coins = (net - 1) * base // (quote + net - 1) if net > 1 else 0
        if coins <= 0:
            raise PoolRefused("amount_too_small", f"{amount_in} buys no coin; offer more")
        if coins > real:
            return self.quote_to_complete()
        return PoolQuote(net + fee, coins, fee)

    def quote_out(self, is_a_to_b: bool, amount_out: int, now_s: int) -> PoolQuote:
        """The cost of coins, at most those left (see the quote's amount_out), or the fewest coins that bring a sum."""
        if not self._real:
            self._refuse(1)
        checked_amount(amount_out)
        if is_a_to_b:
            rates = (self._protocol, self._creator)
            return self.quote_in(True, least_sale(amount_out, self._base, self._quote, rates), now_s)
        coins = min(amount_out, self._real)
        if coins >= self._base:
            raise PoolRefused("state_inconsistent", f"{coins} real coins against {self._base} virtual ones")
        net = coins * self._quote // (self._base - coins) + 1
        fee = -(-net * self._protocol // BPS) - (-net * self._creator // BPS)
        if net + fee > U64_MAX:
            raise PoolRefused("amount_out_of_range", f"{coins} coins cost {net + fee}, above a u64")
        return PoolQuote(net + fee, coins, fee)

    def quote_to_complete(self) -> PoolQuote:
        """What buying all remaining coins costs, fees included."""
        return self.quote_out(False, self._real or 1, 0)

    def coins_for(self, budget: int) -> int:
        """What official clients ask of a buy by coins with `budget` as its most: a unit of quote held back first.

        May differ by that unit's worth of coins from `quote_in`, which is the program's own buy for a budget.
        """
        if not self._real:
            self._refuse(1)
        net = (checked_amount(budget) - 1) * BPS // self._buy_bps
        return min(net * self._base // (self._quote + net), self._real)

    def rate(self, is_a_to_b: bool, now_s: int) -> float:
        """Out per in at the margin, fees included; 0.0 where nothing can be traded."""
        if not self._real:
            return 0.0
        if is_a_to_b:
            share = (2 * BPS - self._buy_bps) / BPS
            return share * self._quote / self._base if share > 0.0 and self.curve.real_quote > 0 else 0.0
        return BPS / self._buy_bps * self._base / self._quote

    def segments(self, is_a_to_b: bool, now_s: int) -> Iterator[Segment]:
        """One stretch: to the last coin, or to the last real quote unit."""
        rate = self.rate(is_a_to_b, now_s)
        if rate <= 0.0:
            return
        if is_a_to_b:
            rest = self._quote - self.curve.real_quote
            end = self._base * self.curve.real_quote / rest if rest > 0 else float("inf")
            yield Segment(0.0, end, 0.0, rate, 1 / self._base)
        elif self._real < self._base:
            share = BPS / self._buy_bps
            end = self._real * self._quote / (self._base - self._real) / share
            yield Segment(0.0, end, 0.0, rate, share / self._quote)

    def after(self, is_a_to_b: bool, amount_in: int, now_s: int) -> tuple[PoolQuote, Self]:
        """The trade of `quote_in`, and the curve behind it with the fee tier of its new market cap."""
        quote = self.quote_in(is_a_to_b, amount_in, now_s)
        curve = self.curve
        if is_a_to_b:
            coins, net = quote.amount_in, -(quote.amount_out + quote.fee)
        else:
            coins, net = -quote.amount_out, quote.amount_in - quote.fee
        changed = replace(
            curve,
            virtual_base=curve.virtual_base + coins,
            virtual_quote=curve.virtual_quote + net,
            real_base=curve.real_base + coins,
            real_quote=curve.real_quote + net,
            is_complete=curve.real_base + coins == 0,
        )
        if max(changed.virtual_base, changed.virtual_quote) > U64_MAX:
            raise PoolRefused("arithmetic_overflow", "the reserves behind the trade do not fit a u64")
        return quote, type(self)(changed, self.terms, self.fees)

    def _refuse(self, amount: int) -> NoReturn:
        if not self._real:
            raise PoolRefused("curve_complete", "the curve is complete: its liquidity moves to PumpSwap")
        raise PoolRefused("amount_out_of_range", f"expected an amount in 1..2^64-1, found {amount}")

    def _refuse_sale(self, gross: int) -> NoReturn:
        found = self.curve.real_quote
        raise PoolRefused("insufficient_liquidity", f"the sale takes {gross} from the curve, which holds {found}")

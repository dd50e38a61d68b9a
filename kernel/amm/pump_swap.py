"""Exact PumpSwap pool: constant product over the base vault and the quote vault plus virtual quote reserves.

Facts: pump_amm program as of pump-swap-sdk 1.20.0 and the IDL of 2026-07, checked 2026-11. Fees (providers, protocol,
creator) are in the quote, each rounded up; the providers' stays in the pool. The tier comes from the market cap
(effective quote * supply / base; supply is fixed for mayhem coins). Virtual reserves make prices but pay nothing: what
leaves the vault for a sale must be in it. Untested against the chain: the program's newer `trade_v2` fee buckets.
"""

from collections.abc import Iterator
from typing import NoReturn, Self

from bus.pool_parts.pump_fees import PumpFees
from bus.pool_parts.pump_swap import PumpSwapState, PumpSwapTerms
from kernel.amm.errors import PoolRefused
from kernel.amm.pool import PoolQuote, Segment
from kernel.amm.pump_fees import BPS, COIN_SUPPLY, U64_MAX, Rates, checked_amount, least_sale, rates_of


class PumpSwap:
    """One pool at one moment. Coins are a, the quote is b: a buy is b to a.

    `base` and `quote` are the balances of the vaults, `supply` that of the coin's mint, raw units.
    """

    __slots__ = (
        "_buy_bps", "_creator", "_effective", "_is_buyable", "_is_sellable", "_lp", "_protocol",
        "base", "fees", "quote", "state", "supply", "terms",
    )  # fmt: skip

    def __init__(
        self, state: PumpSwapState, terms: PumpSwapTerms, fees: PumpFees, base: int, quote: int, supply: int
    ) -> None:
        self.state, self.terms, self.fees = state, terms, fees
        self.base, self.quote, self.supply = base, quote, supply
        self._effective = quote + state.virtual_quote
        is_funded = base > 0 and quote > 0 and self._effective > 0
        self._lp, self._protocol, rate = self.rates() if is_funded else (0, 0, 0)
        self._creator = rate if state.has_creator else 0
        self._buy_bps = BPS + self._lp + self._protocol + self._creator
        self._is_buyable = is_funded and not terms.is_buying_disabled
        self._is_sellable = is_funded and not terms.is_selling_disabled

    @property
    def market_cap(self) -> int:
        """Raw quote units, as the program values the supply to pick the fee tier. Zero where the base is."""
        if self.base <= 0:
            return 0
        return self._effective * (COIN_SUPPLY if self.state.is_mayhem else self.supply) // self.base

    def rates(self) -> Rates:
        """Basis points (providers, protocol, creator); the creator's is charged only where there is one."""
        state, terms, fees = self.state, self.terms, self.fees
        if not fees.is_present:
            lp, protocol, creator = terms.lp_fee_bps, terms.protocol_fee_bps, terms.creator_fee_bps
        elif state.is_canonical:
            lp, protocol, creator = rates_of(fees, state.quote_kind, self.market_cap)
        else:
            lp, protocol, creator = fees.flat
        if terms.is_creator_fee_configurable and state.creator_fee_bps > 0:
            creator = state.creator_fee_bps
        return lp, protocol, creator

    def quote_in(self, is_a_to_b: bool, amount_in: int, now_s: int) -> PoolQuote:
        """A sale of coins, or a buy for a budget (buy_exact_quote_in)."""
        base, quote = self.base, self._effective
        if is_a_to_b:
            if not self._is_sellable or not 0 < amount_in <= U64_MAX:
                self._refuse(amount_in)
            gross = quote * amount_in // (base + amount_in)
            lp = -(-gross * self._lp // BPS)
            fee = lp - (-gross * self._protocol // BPS) - (-gross * self._creator // BPS)
            if gross < fee:
                raise PoolRefused("amount_too_small", f"the sale brings {gross}, its fees are {fee}; sell more")
            if gross - lp > self.quote:
                self._refuse_sale(gross - lp)
            return PoolQuote(amount_in, gross - fee, fee)
        if not self._is_buyable or not 0 < amount_in <= U64_MAX:
            self._refuse(amount_in)
        net = amount_in * BPS // self._buy_bps
        fee = -(-net * self._lp // BPS) - (-net * self._protocol // BPS) - (-net * self._creator // BPS)
        if net + fee > amount_in:
            net = amount_in - fee
        coins = base * (net - 1) // (quote + net - 1) if net > 1 else 0
        if coins <= 0:
            raise PoolRefused("amount_too_small", f"{amount_in} buys no coin; offer more")
        return PoolQuote(net + fee, coins, fee)

    def quote_out(self, is_a_to_b: bool, amount_out: int, now_s: int) -> PoolQuote:
        """The cost of exactly these coins (buy), or the fewest coins whose sale brings at least this sum."""
        if not (self._is_sellable if is_a_to_b else self._is_buyable):
            self._refuse(1)
        checked_amount(amount_out)
        if is_a_to_b:
            rates = (self._lp, self._protocol, self._creator)
            return self.quote_in(True, least_sale(amount_out, self.base, self._effective, rates), now_s)
        if amount_out >= self.base:
            raise PoolRefused("insufficient_liquidity", f"{amount_out} coins asked of a vault of {self.base}")
        net = -(-self._effective * amount_out // (self.base - amount_out))
        fee = -(-net * self._lp // BPS) - (-net * self._protocol // BPS) - (-net * self._creator // BPS)
        if net + fee > U64_MAX:
            raise PoolRefused("amount_out_of_range", f"{amount_out} coins cost {net + fee}, above a u64")
        return PoolQuote(net + fee, amount_out, fee)

    def coins_for(self, wanted: int) -> tuple[int, int]:
        """What official clients offer for sale so that `wanted` arrives: (coins, the sale's sum before fees).

        An inverse with one rounding for all fees: it can be off by the units that `quote_out` is exact to.
        """
        if not self._is_sellable:
            self._refuse(1)
        checked_amount(wanted)
        if wanted > self.quote or self._buy_bps >= 2 * BPS:
            raise PoolRefused("insufficient_liquidity", f"{wanted} asked of a vault of {self.quote}")
        gross = -(-wanted * BPS // (2 * BPS - self._buy_bps))
        if gross >= self._effective:
            raise PoolRefused("insufficient_liquidity", f"{gross} with fees asked of a reserve of {self._effective}")
        return -(-self.base * gross // (self._effective - gross)), gross

    def rate(self, is_a_to_b: bool, now_s: int) -> float:
        """Out per in at the margin, fees included; 0.0 where nothing can be traded."""
        if is_a_to_b:
            share = (2 * BPS - self._buy_bps) / BPS
            return share * self._effective / self.base if self._is_sellable and share > 0.0 else 0.0
        return BPS / self._buy_bps * self.base / self._effective if self._is_buyable else 0.0

    def segments(self, is_a_to_b: bool, now_s: int) -> Iterator[Segment]:
        """One stretch; sales end where the vault cannot pay what virtual reserves promise."""
        rate = self.rate(is_a_to_b, now_s)
        if rate <= 0.0:
            return
        if not is_a_to_b:
            yield Segment(0.0, float("inf"), 0.0, rate, BPS / self._buy_bps / self._effective)
            return
        payable = self.quote * BPS / (BPS - self._lp)
        rest = self._effective - payable
        end = self.base * payable / rest if rest > 0.0 else float("inf")
        yield Segment(0.0, end, 0.0, rate, 1 / self.base)

    def after(self, is_a_to_b: bool, amount_in: int, now_s: int) -> tuple[PoolQuote, Self]:
        """The trade of `quote_in`, and the pool behind it: the providers' fee stays in it."""
        done = self.quote_in(is_a_to_b, amount_in, now_s)
        if is_a_to_b:
            gross = done.amount_out + done.fee
            base, quote = self.base + amount_in, self.quote - gross + -(-gross * self._lp // BPS)
        else:
            whole = amount_in * BPS // self._buy_bps  # fees are of the sum before it is cut to the budget
            net = done.amount_in - done.fee
            base, quote = self.base - done.amount_out, self.quote + net + -(-whole * self._lp // BPS)
        if max(base, quote) > U64_MAX:
            raise PoolRefused("arithmetic_overflow", "the reserves behind the trade do not fit a u64")
        return done, type(self)(self.state, self.terms, self.fees, base, quote, self.supply)

    def _refuse(self, amount: int) -> NoReturn:
        if self.base <= 0 or self.quote <= 0 or self._effective <= 0:
            found = f"{self.base} coins and {self.quote} + {self.state.virtual_quote} quote"
            raise PoolRefused("insufficient_liquidity", f"expected reserves on both sides, found {found}")
        checked_amount(amount)
        raise PoolRefused("swap_disabled", "PumpSwap's global config has this side of trading switched off")

    def _refuse_sale(self, paid: int) -> NoReturn:
        raise PoolRefused("insufficient_liquidity", f"the sale takes {paid} from the vault, which holds {self.quote}")

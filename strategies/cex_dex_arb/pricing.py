"""Direct mode: one pool against the CEX, sized and priced exactly.

The CEX leg counts at the worse of its executable price and that price moved by the usual basis: a basis that would help
is never income, one that hurts is a cost line.
"""

from contextlib import suppress
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction

from bus.events import InstrumentListed
from bus.units import BPS_PER_UNIT, ONE, ZERO, Side, exact
from kernel.amm.errors import PoolRefused
from kernel.amm.v3 import SwapQuote, V3Pool, swap_exact_in, swap_exact_out
from kernel.amm.v3_sizing import best_size_to_price, price_of_purchase, price_of_sale
from strategies.cex_dex_arb.candidate import Candidate
from strategies.cex_dex_arb.costs import PERCENT, READING, CostTerms, total_usd
from strategies.cex_dex_arb.depth import depth_in
from strategies.cex_dex_arb.legs import Book
from strategies.cex_dex_arb.settings import CexDexArbSettings

BISECTIONS_MAX = 48  #: halvings of a size, enough for any number of lots that fits the largest trade


class DirectPricer:
    """Prices one direction of one pair at one moment. `basis` is the usual pool/CEX ratio less one."""

    def __init__(
        self,
        *,
        side: Side,
        pool: V3Pool,
        listed: InstrumentListed,
        book: Book,
        basis: float,
        terms: CostTerms,
        quote_usd: Decimal,
        settings: CexDexArbSettings,
    ) -> None:
        self._side: Side = side
        self._is_buy = side == "buy"
        self._pool = pool
        self._listed = listed
        self._cex = book.listed
        self._terms = terms
        self._usd = quote_usd
        self._settings = settings
        self._zero_for_one = listed.base_is_token0 != self._is_buy
        self._base_unit = Decimal(10) ** listed.base_decimals
        self._quote_unit = Decimal(10) ** listed.quote_decimals
        self._price = exact(book.bid if self._is_buy else book.ask)
        usual = self._price * (ONE + exact(basis))
        self._usual = usual
        self._value = min(self._price, usual) if self._is_buy else max(self._price, usual)
        share = settings.coarse_volume_share_pct if book.is_coarse else settings.max_depth_share_pct
        shown = exact(max(book.bid_qty if self._is_buy else book.ask_qty, 0.0))
        self._shown_base = shown * exact(share) / PERCENT
        lot = Decimal(self._cex.lot_size)
        self._lot_raw = max(1, int(lot * self._base_unit))

    def best(self) -> Candidate | str:
        """The best trade, or the reason why there is none to price."""
        depth = depth_in(self._pool, self._zero_for_one)
        if depth.amount_in <= 0 or self._shown_base <= 0:
            return "depth_unknown"
        caps = self._caps(depth.amount_in)
        cap, cap_name = min((amount, name) for name, amount in caps.items())
        bound = "depth_unknown" if cap_name == "pool" and not depth.is_known else "depth" if cap_name != "size" else ""
        if cap <= 0:
            return bound or "lot"
        quote = self._best_swap(cap, self._terms.sized_bps) or self._best_swap(cap, ZERO)
        if quote is None:
            return "below_threshold"
        if quote.amount_in < cap * 99 // 100:
            bound = ""
        lots_best = (quote.amount_out if self._is_buy else quote.amount_in) // self._lot_raw
        # Where no size reaches the threshold the unshrunk one is priced all the same, so that it can be shown.
        lots = self._within_threshold(lots_best) or lots_best
        if lots == 0 or self._base(lots * self._lot_raw) * self._price * self._usd < Decimal(
            self._cex.min_notional_usd
        ):
            return bound or "lot"
        priced = self._quote(lots)
        return bound or "lot" if priced is None else self._candidate(priced, lots, bound)

    # size ---------------------------------------------------------------------------------------------------------

    def _caps(self, depth_raw: int) -> dict[str, int]:
        """Largest input by the size setting, the pool's depth and the CEX's shown size."""
        size_base = exact(self._settings.max_position_size_usd) / (self._price * self._usd)
        caps = {"pool": int(depth_raw * exact(self._settings.max_depth_share_pct) / PERCENT)}
        for name, base in (("size", size_base), ("book", self._shown_base)):
            base_raw = max(int(base * self._base_unit), 1)
            if not self._is_buy:
                caps[name] = base_raw
                continue
            # What is more than the pool is known to give is no cap: the pool's own is the smaller one.
            with suppress(PoolRefused):
                caps[name] = swap_exact_out(self._pool, self._zero_for_one, base_raw).amount_in
        return caps

    def _best_swap(self, cap: int, fee_bps: Decimal) -> SwapQuote | None:
        """The swap that earns most against the CEX after so many basis points there; None when none earns."""
        decimals = (self._listed.base_decimals, self._listed.quote_decimals)
        price_of = price_of_sale if self._is_buy else price_of_purchase
        num, den = price_of(Fraction(self._value), Fraction(fee_bps), *decimals)
        return best_size_to_price(self._pool, self._zero_for_one, price_num=num, price_den=den, amount_in_max=cap)[1]

    def _within_threshold(self, lots: int) -> int:
        """The most lots, up to `lots`, whose spread at size reaches the threshold; 0 when one lot does not."""
        least = exact(self._settings.min_spread_threshold)
        if lots == 0 or self._spread_of(lots) >= least:
            return lots
        enough, too_many = 0, lots
        for _ in range(BISECTIONS_MAX):
            middle = (enough + too_many) // 2
            if middle == enough:
                break
            if self._spread_of(middle) >= least:
                enough = middle
            else:
                too_many = middle
        return enough

    def _spread_of(self, lots: int) -> Decimal:
        quote = self._quote(lots)
        return -PERCENT if quote is None else self._spread_pct(quote, lots)

    def _quote(self, lots: int) -> SwapQuote | None:
        """The exact swap of so many lots of base; None where the pool refuses."""
        base_raw = lots * self._lot_raw
        try:
            if not self._is_buy:
                return swap_exact_in(self._pool, self._zero_for_one, base_raw)
            amount_in = swap_exact_out(self._pool, self._zero_for_one, base_raw).amount_in
            quote = swap_exact_in(self._pool, self._zero_for_one, amount_in)
            if quote.amount_out < base_raw:
                quote = swap_exact_in(self._pool, self._zero_for_one, amount_in + 1)
        except PoolRefused:
            return None
        return quote if quote.amount_out >= base_raw else None

    # value --------------------------------------------------------------------------------------------------------

    def _base(self, raw: int) -> Decimal:
        return Decimal(raw) / self._base_unit

    def _spread_pct(self, quote: SwapQuote, lots: int) -> Decimal:
        """Spread at size against the CEX price with the usual basis (the worse of the two for us), in percent."""
        worth = self._base(lots * self._lot_raw) * self._value
        cash = Decimal(quote.amount_in if self._is_buy else quote.amount_out) / self._quote_unit
        return (worth / cash - 1 if self._is_buy else cash / worth - 1) * PERCENT

    def _candidate(self, quote: SwapQuote, lots: int, bound: str) -> Candidate:
        qty = self._base(lots * self._lot_raw)
        cash = Decimal(quote.amount_in if self._is_buy else quote.amount_out) / self._quote_unit
        notional_usd = qty * self._price * self._usd
        if self._is_buy:
            pool_fee_usd = Decimal(quote.fee_paid) / self._quote_unit * self._usd
            edge_usd = notional_usd - cash * self._usd
        else:
            pool_fee_usd = self._base(quote.fee_paid) * self._price * self._usd
            edge_usd = cash * self._usd - notional_usd
        basis_usd = abs(self._value - self._price) * qty * self._usd
        costs = self._terms.lines(notional_usd, pool_fee_usd, basis_usd)
        gross_usd = (edge_usd + pool_fee_usd).quantize(READING)
        net_usd = gross_usd - total_usd(costs)
        return Candidate(
            side=self._side,
            amount_in=quote.amount_in,
            amount_out=quote.amount_out,
            amount_out_min=self._least_out(quote, net_usd),
            qty=qty,
            cex_price=self._price,
            limit_price=self._limit_price(),
            notional_usd=notional_usd,
            spread_pct=self._spread_pct(quote, lots),
            gross_usd=gross_usd,
            costs=costs,
            net_usd=net_usd,
            bound=bound,
        )

    def _least_out(self, quote: SwapQuote, net_usd: Decimal) -> int:
        """Output below which the swap reverts: what slippage allows, and never less than break-even."""
        slip = exact(self._settings.max_slippage_bps) / BPS_PER_UNIT
        allowed = quote.amount_out * (ONE - slip)
        unit = self._base_unit / self._price if self._is_buy else self._quote_unit
        break_even = quote.amount_out - max(net_usd, ZERO) / self._usd * unit
        least = int(max(allowed, break_even).to_integral_value(ROUND_CEILING))
        return max(1, min(least, quote.amount_out))

    def _limit_price(self) -> Decimal:
        """The CEX leg's limit on the tick lattice, rounded towards the better price for us."""
        slip = exact(self._settings.max_slippage_bps) / BPS_PER_UNIT
        tick = Decimal(self._cex.tick_size)
        raw = self._price * (ONE - slip if self._is_buy else ONE + slip)
        if not tick:
            return raw
        rounding = ROUND_CEILING if self._is_buy else ROUND_FLOOR
        return max((raw / tick).to_integral_value(rounding) * tick, tick)

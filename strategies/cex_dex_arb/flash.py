"""Flash mode: pool against pool of one chain in one transaction, sized by exact quotes of both hops.

Loan in the dollar, base bought in the cheap pool, sold in the dear one, loan and premium repaid, the rest kept; a loss
reverts. The CEX price only says which pool lags.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from msgspec import Struct

from bus.events import InstrumentListed
from bus.units import BPS_PER_UNIT, ZERO, exact
from kernel.amm.errors import PoolRefused
from kernel.amm.v3 import SwapQuote, V3Pool, swap_exact_in
from strategies.cex_dex_arb.candidate import Candidate
from strategies.cex_dex_arb.costs import PERCENT, READING, CostTerms, total_usd
from strategies.cex_dex_arb.depth import depth_in
from strategies.cex_dex_arb.settings import CexDexArbSettings

NARROWINGS_MAX = 128  #: thirds cut from a range of sizes; 128 narrow any size that fits 64 bits to a few units
STEP_OF_RANGE = 4_096  #: the search stops within this share of the largest size: the top of the curve is flat


class FlashPool(Struct, frozen=True):
    """One of the two pools."""

    listed: InstrumentListed
    state: V3Pool


class FlashPricer:
    """Prices buying in `cheap` and selling in `dear`. `reference` is the CEX mid price, for values only."""

    def __init__(
        self,
        *,
        cheap: FlashPool,
        dear: FlashPool,
        reference: Decimal,
        terms: CostTerms,
        quote_usd: Decimal,
        settings: CexDexArbSettings,
    ) -> None:
        self._cheap = cheap
        self._dear = dear
        self._reference = reference
        self._terms = terms
        self._usd = quote_usd
        self._settings = settings
        self._unit = Decimal(10) ** cheap.listed.quote_decimals
        self._premium = exact(settings.flash_premium_bps) / BPS_PER_UNIT
        self._is_zero_for_one = (not cheap.listed.base_is_token0, dear.listed.base_is_token0)

    def best(self) -> Candidate | str:
        """The best trade, or the reason why there is none to price."""
        share = exact(self._settings.max_depth_share_pct) / PERCENT
        depth = depth_in(self._cheap.state, self._is_zero_for_one[0])
        other = depth_in(self._dear.state, self._is_zero_for_one[1])
        if depth.amount_in <= 0 or other.amount_in <= 0:
            return "depth_unknown"
        sized = int(exact(self._settings.max_position_size_usd) / self._usd * self._unit)
        base_max = int(other.amount_in * share)
        top = min(sized, int(depth.amount_in * share))
        is_known = depth.is_known and other.is_known
        amount = self._peak(top, base_max)
        quotes = self._through(amount, base_max)
        if quotes is None:
            return "depth" if is_known else "depth_unknown"
        if quotes[1].amount_out <= amount * (1 + self._premium):
            return "below_threshold"
        is_capped = (top < sized and amount >= top * 99 // 100) or quotes[0].amount_out >= base_max * 99 // 100
        bound = "" if not is_capped else "depth" if is_known else "depth_unknown"
        return self._candidate(quotes, bound)

    def _through(self, amount_in: int, base_max: int) -> tuple[SwapQuote, SwapQuote] | None:
        if amount_in <= 0:
            return None
        try:
            first = swap_exact_in(self._cheap.state, self._is_zero_for_one[0], amount_in)
            if not 0 < first.amount_out <= base_max:
                return None
            return first, swap_exact_in(self._dear.state, self._is_zero_for_one[1], first.amount_out)
        except PoolRefused:
            return None

    def _gain(self, amount_in: int, base_max: int) -> Decimal | None:
        quotes = self._through(amount_in, base_max)
        return None if quotes is None else quotes[1].amount_out - amount_in * (1 + self._premium)

    def _peak(self, top: int, base_max: int) -> int:
        """The input with the highest gain, by thirds: the gain is concave, and too large sizes are refused."""
        low, high = 0, top
        for _ in range(NARROWINGS_MAX):
            if high - low <= max(2, top // STEP_OF_RANGE):
                break
            left, right = low + (high - low) // 3, high - (high - low) // 3
            on_left, on_right = self._gain(left, base_max), self._gain(right, base_max)
            if on_right is None or (on_left is not None and on_left >= on_right):
                high = right
            else:
                low = left
        return (low + high) // 2

    def _candidate(self, quotes: tuple[SwapQuote, SwapQuote], bound: str) -> Candidate:
        first, second = quotes
        amount_in, amount_out = first.amount_in, second.amount_out
        base_unit = Decimal(10) ** self._cheap.listed.base_decimals
        premium_raw = (amount_in * self._premium).to_integral_value(ROUND_CEILING)
        per_raw = self._usd / self._unit
        fee_usd = first.fee_paid * per_raw + second.fee_paid / base_unit * self._reference * self._usd
        costs = self._terms.flash_lines(fee_usd, premium_raw * per_raw)
        gross_usd = ((amount_out - amount_in) * per_raw + fee_usd).quantize(READING)
        net_usd = gross_usd - total_usd(costs)
        spent_raw = (self._terms.gas_usd + self._terms.l1_usd) / per_raw
        least = amount_in + int(premium_raw) + int(spent_raw.to_integral_value(ROUND_CEILING))
        slip = exact(self._settings.max_slippage_bps) / BPS_PER_UNIT
        allowed = int((amount_out * (1 - slip)).to_integral_value(ROUND_FLOOR))
        return Candidate(
            side="buy",
            amount_in=amount_in,
            amount_out=amount_out,
            amount_out_min=max(least, allowed),
            qty=Decimal(first.amount_out) / base_unit,
            cex_price=self._reference,
            limit_price=None,
            notional_usd=max(amount_in * per_raw, ZERO),
            spread_pct=(Decimal(amount_out) / amount_in - 1) * PERCENT,
            gross_usd=gross_usd,
            costs=costs,
            net_usd=net_usd,
            bound=bound,
        )

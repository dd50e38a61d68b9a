"""Closing what trades left behind: reduce-only swaps and orders for a stop."""

from decimal import ROUND_CEILING, Decimal

from bus.events import InstrumentListed
from bus.intents import Hedge, Hop, Intent, PlaceOrder, Swap
from bus.units import BPS_PER_UNIT, ONE, Side, exact
from kernel.amm.errors import PoolRefused
from kernel.amm.v3 import V3Pool, swap_exact_in, swap_exact_out
from kernel.market import Market
from strategies.cex_dex_arb.costs import CostTerms
from strategies.cex_dex_arb.settings import CexDexArbSettings


def value_usd(market: Market, instrument: str, held: Decimal) -> Decimal:
    """USD value of a signed base quantity, without its sign; without a price each base unit counts as a large sum."""
    known = market.price(instrument)
    if known is None:
        return abs(held) * 1_000_000
    return abs(held) * exact(known[0]) * (market.quote_usd(instrument) or ONE)


def closing_order(instrument: str, held: Decimal, notional_usd: Decimal, opportunity: str) -> PlaceOrder:
    """A reduce-only market order (inside the gate's collar) that brings a CEX holding back to 0."""
    return PlaceOrder(
        instrument=instrument,
        side="sell" if held > 0 else "buy",
        qty=abs(held),
        is_reduce_only=True,
        notional_usd=notional_usd,
        opportunity=opportunity,
    )


def closing_swap(
    pool: V3Pool,
    listed: InstrumentListed,
    held: Decimal,
    notional_usd: Decimal,
    terms: CostTerms,
    settings: CexDexArbSettings,
    opportunity: str,
) -> Swap | None:
    """A reduce-only swap that brings what is held (signed base) back to 0; None where the pool refuses the size."""
    side: Side = "sell" if held > 0 else "buy"
    base_raw = int(abs(held).scaleb(listed.base_decimals))
    zero_for_one = listed.base_is_token0 != (side == "buy")
    if base_raw <= 0:
        return None
    try:
        if side == "sell":
            amount_in, amount_out = base_raw, swap_exact_in(pool, zero_for_one, base_raw).amount_out
        else:
            amount_in, amount_out = swap_exact_out(pool, zero_for_one, base_raw).amount_in, base_raw
    except PoolRefused:
        return None
    kept = 1 - exact(settings.max_slippage_bps) / BPS_PER_UNIT
    return Swap(
        route=(Hop(pool=listed.instrument, is_zero_for_one=zero_for_one),),
        amount_in=amount_in,
        amount_out_min=max(1, int((amount_out * kept).to_integral_value(ROUND_CEILING))),
        base_side=side,
        is_reduce_only=True,
        gas_limit=terms.gas_limit,
        gas_price_wei_max=terms.gas_price_wei_max,
        gas_usd_max=terms.gas_usd_max,
        notional_usd=notional_usd,
        opportunity=opportunity,
    )


def joined(legs: list[PlaceOrder | Swap], deadline_ms: int) -> Intent:
    """One leg alone, or a hedge of all of them, so that none is closed without the others."""
    if len(legs) == 1:
        return legs[0]
    return Hedge(legs=tuple(legs), deadline_ms=deadline_ms, on_partial="hedge", opportunity=legs[0].opportunity)

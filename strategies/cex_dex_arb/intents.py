"""From a priced candidate to what is asked of the kernel."""

from bus.events import InstrumentListed
from bus.intents import Hedge, Hop, PlaceOrder, Swap
from bus.units import opposite
from strategies.cex_dex_arb.candidate import Candidate
from strategies.cex_dex_arb.costs import CostTerms
from strategies.cex_dex_arb.legs import Book
from strategies.cex_dex_arb.settings import CexDexArbSettings


def direct_hedge(
    candidate: Candidate,
    *,
    pool: InstrumentListed,
    book: Book,
    terms: CostTerms,
    settings: CexDexArbSettings,
    opportunity: str,
) -> Hedge:
    """Both legs of a direct trade. The swap comes first: it fails more often than an order at a deep book."""
    swap = Swap(
        route=(Hop(pool=pool.instrument, is_zero_for_one=pool.base_is_token0 != (candidate.side == "buy")),),
        amount_in=candidate.amount_in,
        amount_out_min=candidate.amount_out_min,
        base_side=candidate.side,
        gas_limit=terms.gas_limit,
        gas_price_wei_max=terms.gas_price_wei_max,
        gas_usd_max=terms.gas_usd_max,
        notional_usd=candidate.notional_usd,
        expected_net_usd=candidate.net_usd,
        opportunity=opportunity,
    )
    order = PlaceOrder(
        instrument=book.listed.instrument,
        side=opposite(candidate.side),
        qty=candidate.qty,
        limit_price=candidate.limit_price,
        tif="ioc",
        notional_usd=candidate.notional_usd,
        expected_net_usd=candidate.net_usd,
        opportunity=opportunity,
    )
    return Hedge(
        legs=(swap, order),
        deadline_ms=settings.leg_deadline_ms,
        on_partial="hedge" if settings.orphan_policy == "hedge_cex" else "unwind",
        expected_net_usd=candidate.net_usd,
        opportunity=opportunity,
    )


def flash_swap(
    candidate: Candidate, *, cheap: InstrumentListed, dear: InstrumentListed, terms: CostTerms, opportunity: str
) -> Swap:
    """One transaction: borrow, buy in the cheap pool, sell in the dear one, repay; reverts below the least output."""
    return Swap(
        route=(
            Hop(pool=cheap.instrument, is_zero_for_one=not cheap.base_is_token0),
            Hop(pool=dear.instrument, is_zero_for_one=dear.base_is_token0),
        ),
        amount_in=candidate.amount_in,
        amount_out_min=candidate.amount_out_min,
        base_side="buy",
        is_flash_loan=True,
        gas_limit=terms.gas_limit,
        gas_price_wei_max=terms.gas_price_wei_max,
        gas_usd_max=terms.gas_usd_max,
        notional_usd=candidate.notional_usd,
        expected_net_usd=candidate.net_usd,
        opportunity=opportunity,
    )

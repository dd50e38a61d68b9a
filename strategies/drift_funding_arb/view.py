"""What the strategy's page shows live."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from kernel.strategy import Signal, View


def _meta(title: str, unit: str = "", description: str = "") -> Meta:
    return Meta(title=title, description=description or title, extra={"unit": unit})


class LegView(Struct, frozen=True, kw_only=True):
    """One leg as its fills made it."""

    instrument: Annotated[str, _meta("Instrument")]
    qty: Annotated[Decimal, _meta("Quantity", "base", "Negative = short")]
    avg_price: Annotated[Decimal | None, _meta("Average price", "quote per base")]
    price: Annotated[float | None, _meta("Price", "quote per base", "Last known, as old as shown beside it")]
    price_age_h: Annotated[float | None, _meta("Price age", "hours")]


class MarketView(Struct, frozen=True, kw_only=True):
    """One market. A blank is not known; it is never 0."""

    market: Annotated[str, _meta("Market")]
    state: Annotated[str, _meta("State", "", "flat, opening, open, rebalancing, closing or orphan")]
    venues: Annotated[str, _meta("Venues", "", "What stands in for a chosen venue, if anything")]
    rate_pct_per_hour: Annotated[float | None, _meta("Rate", "% per hour", "Newest settled, as paid to a long")]
    rate_apr_pct: Annotated[float | None, _meta("Rate a year", "%", "Simple, as paid to a long")]
    mean_pct_per_hour: Annotated[float | None, _meta("Lookback mean", "% per hour", "Over covered hours alone")]
    coverage_pct: Annotated[float | None, _meta("Coverage", "%", "Share of lookback hours with a settled rate")]
    rate_age_h: Annotated[float | None, _meta("Rate age", "hours", "Since the newest settlement")]
    threshold_pct_per_hour: Annotated[float, _meta("Entry rate", "% per hour")]
    break_even_hours: Annotated[float | None, _meta("Break-even", "hours", "Of the last candidate; blank = never")]
    expected_net_usd: Annotated[Decimal | None, _meta("Expected net", "USD", "Of the last candidate, all costs paid")]
    why_not: Annotated[str, _meta("Why not", "", "Reason code of the last candidate; blank = acted on or none")]
    perp: Annotated[LegView, _meta("Perp leg")]
    spot: Annotated[LegView, _meta("Spot leg")]
    delta_pct: Annotated[float, _meta("Delta", "%", "Of the larger leg")]
    liquidation_distance_pct: Annotated[float | None, _meta("Liquidation distance", "%")]
    funding_usd: Annotated[Decimal, _meta("Funding received", "USD", "Of the open position, payments alone")]
    held_hours: Annotated[float | None, _meta("Held", "hours")]
    exit_reason: Annotated[str, _meta("Exit reason")]
    close_attempts: Annotated[int, _meta("Close attempts")]
    last_event: Annotated[str, _meta("Last event")]


class DriftFundingArbView(View, frozen=True, kw_only=True):
    """The page of `drift_funding_arb`."""

    markets: Annotated[tuple[MarketView, ...], _meta("Markets")]
    signals: Annotated[tuple[Signal, ...], _meta("Signal against threshold")]
    assumptions: Annotated[tuple[str, ...], _meta("Assumptions")]

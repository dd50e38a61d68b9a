"""Makes the view from the strategy's state: blanks where nothing is known."""

import math
from typing import TYPE_CHECKING

from bus.clock import NS_PER_HOUR
from kernel.finance.funding import apr
from kernel.strategy import Signal
from strategies.drift_funding_arb.exits import distance_pct
from strategies.drift_funding_arb.position import CarryPosition, Leg
from strategies.drift_funding_arb.view import DriftFundingArbView, LegView, MarketView

if TYPE_CHECKING:
    from strategies.drift_funding_arb.strategy import DriftFundingArb


def page_of(strategy: "DriftFundingArb") -> DriftFundingArbView:
    """A snapshot of all markets that are enabled or held."""
    markets = tuple(
        _market(strategy, position)
        for name, position in strategy.positions.items()
        if name in strategy.settings.markets_enabled or position.opened_ns or not position.is_idle
    )
    signals: list[Signal] = []
    for each in markets:
        mean = each.mean_pct_per_hour
        signals.append(
            Signal(
                name=f"{each.market} |mean rate|",
                value=None if mean is None else abs(mean),
                threshold=each.threshold_pct_per_hour,
                unit="% per hour",
            )
        )
    return DriftFundingArbView(markets=markets, signals=tuple(signals), assumptions=tuple(strategy.assumptions()))


def _market(strategy: "DriftFundingArb", position: CarryPosition) -> MarketView:
    settings, history, now_ns = strategy.settings, strategy.history(position), strategy.now_ns
    market = position.pair.market
    has_rate = history.latest_hour > 0
    window = history.window(settings.rate_lookback_hours, now_ns) if has_rate else None
    mean = window.mean_per_hour if window is not None else None
    quote = strategy.quotes.get(market)
    is_priced = quote is not None and math.isfinite(quote.break_even_hours)
    return MarketView(
        market=market,
        state=position.state,
        venues=position.pair.stand_in,
        rate_pct_per_hour=100 * history.latest_per_hour if has_rate else None,
        rate_apr_pct=100 * apr(history.latest_per_hour) if has_rate else None,
        mean_pct_per_hour=None if mean is None else 100 * mean,
        coverage_pct=window.coverage_pct if window is not None else None,
        rate_age_h=now_ns / NS_PER_HOUR - history.latest_hour if has_rate else None,
        threshold_pct_per_hour=settings.min_funding_rate_threshold,
        break_even_hours=quote.break_even_hours if quote is not None and is_priced else None,
        expected_net_usd=quote.net_usd if quote is not None else None,
        why_not=strategy.why_not.get(market, ""),
        perp=_leg(strategy, position.perp),
        spot=_leg(strategy, position.spot),
        delta_pct=position.delta_pct,
        liquidation_distance_pct=distance_pct(strategy, position),
        funding_usd=position.funding_usd,
        held_hours=(now_ns - position.opened_ns) / NS_PER_HOUR if position.opened_ns else None,
        exit_reason=position.exit_reason,
        close_attempts=position.attempts,
        last_event=position.last_event,
    )


def _leg(strategy: "DriftFundingArb", leg: Leg) -> LegView:
    price = strategy.market.price(leg.instrument)
    return LegView(
        instrument=leg.instrument,
        qty=leg.qty,
        avg_price=leg.avg_price if leg.qty else None,
        price=price[0] if price is not None else None,
        price_age_h=(strategy.now_ns - price[1]) / NS_PER_HOUR if price is not None else None,
    )

"""What the results rest on and no event proves: printed with every report and on the page."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from strategies.drift_funding_arb.strategy import DriftFundingArb


def assumptions_of(strategy: "DriftFundingArb") -> list[str]:
    """One sentence each: costs, stand-ins, coarse prices, margin."""
    settings, market = strategy.settings, strategy.market
    lines = [
        f"Assumed costs per trade: perp fee {settings.perp_taker_fee_bps:g} bps + half spread "
        f"{settings.perp_half_spread_bps:g} bps, spot fee {settings.spot_taker_fee_bps:g} bps + half spread "
        f"{settings.spot_half_spread_bps:g} bps; the history has no order book.",
        f"The forecast is the {settings.rate_lookback_hours} h mean returning to "
        f"{settings.neutral_rate_pct_per_hour:g} % per hour with a half-life of {settings.rate_half_life_hours:g} h "
        "(fitted in sample on Drift 2022-12 to 2024-03).",
        f"Margin is simulated: collateral of {settings.entry_liquidation_distance_pct:g} % distance, "
        f"{settings.maintenance_margin_pct:g} % maintenance (unverified for each venue); funding paid counts, partial "
        "liquidation and auto-deleveraging do not.",
    ]
    for position in strategy.positions.values():
        pair = position.pair
        if pair.stand_in:
            lines.append(f"{pair.market}: {pair.stand_in}.")
        for leg in (position.perp, position.spot):
            listed, every_h = market.instruments.get(leg.instrument), strategy.bar_every_h.get(leg.instrument)
            if listed is not None and listed.note:
                lines.append(f"{leg.instrument}: {listed.note}")
            if every_h is None or leg.instrument in market.quotes:
                continue
            lines.append(
                f"{leg.instrument} is priced from bars that come every {every_h:g} h, used as they are, never "
                f"interpolated; an entry takes a price up to {settings.max_price_age_hours:g} h old, and an entry or "
                f"soft exit legs' prices {settings.max_leg_price_skew_hours:g} h apart."
            )
    return lines

"""What an operator may set. Names, defaults and bounds of the first three groups are fixed by the product's table."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from kernel.strategy import Settings

PerpVenue = Literal["drift", "velocity", "hyperliquid", "binance", "simulated"]
SpotVenue = Literal["jupiter", "binance", "simulated"]
PerpMarket = Literal["SOL-PERP", "BTC-PERP", "ETH-PERP"]


def _meta(title: str, unit: str, group: str, description: str, recommended: Any = None, **bounds: Any) -> Meta:
    extra = {"unit": unit, "group": group}
    if recommended is not None:
        extra["recommended"] = recommended
    return Meta(title=title, description=description, extra=extra, **bounds)


_SIGNAL, _SIZE, _EXIT, _VENUE, _COST, _DATA = "Signal", "Size", "Exit", "Venues", "Costs", "Data age"


class DriftFundingArbSettings(Settings, frozen=True, kw_only=True):
    """Settings of `drift_funding_arb`. Rates in percent per hour, costs in basis points of one leg's notional."""

    # signal
    min_funding_rate_threshold: Annotated[
        float,
        _meta("Entry rate", "% per hour", _SIGNAL, "Enter when the newest rate and the lookback mean are at least this "
              "far from zero. 0.01 % per hour is about 87 % a year.", 0.01, ge=0.0001, le=1.0),
    ] = 0.01  # fmt: skip
    rate_lookback_hours: Annotated[
        int, _meta("Lookback", "hours", _SIGNAL, "The mean rate is taken over this many hours.", 24, ge=1, le=720)
    ] = 24
    min_rate_coverage_pct: Annotated[
        float,
        _meta("Coverage", "%", _SIGNAL, "Share of the lookback that must have a settled rate. A missing hour is "
              "missing, never zero.", 95.0, ge=1.0, le=100.0),
    ] = 95.0  # fmt: skip
    max_break_even_hours: Annotated[
        float,
        _meta("Break-even", "hours", _SIGNAL, "Longest time in which the expected funding must have paid all four "
              "trades and the running cost.", 48, ge=1.0, le=2000.0),
    ] = 48.0  # fmt: skip
    forecast_horizon_hours: Annotated[
        float,
        _meta("Forecast horizon", "hours", _SIGNAL, "Expected income is counted over this time, never further.", 72,
              ge=1.0, le=2000.0),
    ] = 72.0  # fmt: skip
    rate_half_life_hours: Annotated[
        float,
        _meta("Half-life of the rate", "hours", _SIGNAL, "How fast the forecast returns to the neutral rate. 60 fits "
              "Drift 2022-12 to 2024-03 at a 72 h horizon (in sample).", 60, ge=1.0, le=2000.0),
    ] = 60.0  # fmt: skip
    neutral_rate_pct_per_hour: Annotated[
        float,
        _meta("Neutral rate", "% per hour", _SIGNAL, "The venue's floor or resting rate; positive = longs pay. Drift "
              "has none (0); Binance rests at 0.00125, and so does Velocity by its documents (unverified).", 0.0,
              ge=-1.0, le=1.0),
    ] = 0.0  # fmt: skip

    # size
    max_position_size_usd: Annotated[
        float, _meta("Position size", "USD", _SIZE, "Notional of one leg of one market.", 2000, ge=10.0, le=1e6)
    ] = 2000.0
    delta_tolerance_pct: Annotated[
        float,
        _meta("Delta tolerance", "%", _SIZE, "When the legs differ by more than this share of the larger one, the "
              "larger one is reduced.", 2, ge=0.1, le=20.0),
    ] = 2.0  # fmt: skip
    max_leverage: Annotated[
        float,
        _meta("Leverage", "x", _SIZE, "Notional of the perp leg over its collateral, at most.", 3, ge=1.0, le=5.0),
    ] = 3.0
    perp_collateral_usd: Annotated[
        float,
        _meta("Perp collateral", "USD", _SIZE, "Collateral that may be bound at the perp venue, all markets together.",
              2500, ge=0.0, le=1e7),
    ] = 2500.0  # fmt: skip
    budget_usd: Annotated[
        float,
        _meta("Budget", "USD", _SIZE, "Spot notional plus perp collateral of all markets together.", 6500, ge=0.0,
              le=1e7),
    ] = 6500.0  # fmt: skip
    entry_liquidation_distance_pct: Annotated[
        float,
        _meta("Distance at entry", "%", _SIZE, "Collateral is set aside so that the price may move this far before "
              "liquidation. Keep it well above the exit distance.", 50, ge=5.0, le=90.0),
    ] = 50.0  # fmt: skip
    maintenance_margin_pct: Annotated[
        float,
        _meta("Maintenance margin", "%", _SIZE, "Share of the notional below which the venue liquidates. 5 is the "
              "Drift v2 figure for SOL and BTC as remembered (unverified).", 5, ge=0.1, le=50.0),
    ] = 5.0  # fmt: skip

    # exit
    auto_close_funding_threshold: Annotated[
        float,
        _meta("Exit rate", "% per hour", _EXIT, "Close when the mean over the exit lookback falls below this. Not "
              "above the entry rate.", 0.005, ge=0.0, le=1.0),
    ] = 0.005  # fmt: skip
    exit_lookback_hours: Annotated[
        int, _meta("Exit lookback", "hours", _EXIT, "One odd hour should not cost four trades.", 12, ge=1, le=168)
    ] = 12
    min_liquidation_distance_pct: Annotated[
        float,
        _meta("Liquidation distance", "%", _EXIT, "Close when the price is nearer to liquidation.", 25, ge=1, le=90),
    ] = 25.0
    max_hold_minutes: Annotated[
        int, _meta("Longest hold", "minutes", _EXIT, "Every position has an end.", 20160, ge=1, le=525_600)
    ] = 20160
    leg_deadline_ms: Annotated[
        int,
        _meta("Leg deadline", "ms", _EXIT, "When one leg is missing after this, the filled part of the other is "
              "undone.", 5000, ge=100, le=86_400_000),
    ] = 5000  # fmt: skip
    max_price_divergence_pct: Annotated[
        float,
        _meta("Price divergence", "%", _EXIT, "Perp against spot, priced at about the same time; beyond it no entry, "
              "and an open position closes.", 5, ge=0.1, le=50.0),
    ] = 5.0  # fmt: skip
    max_exit_wait_hours: Annotated[
        float,
        _meta("Patience of a soft exit", "hours", _EXIT, "A close for low or flipped funding waits this long for both "
              "legs to be priced at about the same time. Other exits never wait.", 9, ge=0.0, le=48.0),
    ] = 9.0  # fmt: skip

    # venues
    markets_enabled: Annotated[
        tuple[PerpMarket, ...],
        _meta("Markets", "", _VENUE, "New positions are opened in these only; open ones are managed to their end.",
              min_length=0, max_length=3),
    ] = ("SOL-PERP", "BTC-PERP", "ETH-PERP")  # fmt: skip
    perp_venue: Annotated[
        PerpVenue, _meta("Perp venue", "", _VENUE, "Where the perp leg trades. Drift is history only.", "velocity")
    ] = "velocity"
    spot_venue: Annotated[SpotVenue, _meta("Spot venue", "", _VENUE, "Where the spot leg trades.", "jupiter")] = (
        "jupiter"
    )
    use_stand_in_venues: Annotated[
        bool,
        _meta("Stand-in venues", "", _VENUE, "Where the chosen venue lists no instrument, Drift stands in for "
              "Velocity, Binance spot for Jupiter, and Binance's perpetual for its spot, funding counted. The page "
              "says so. Switch it off to trade.", False),
    ] = True  # fmt: skip
    allow_short_spot: Annotated[
        bool,
        _meta("Short spot", "", _VENUE, "Long perp with short spot when shorts pay. Needs a venue that lends the "
              "asset.", False),
    ] = False  # fmt: skip

    # costs
    perp_taker_fee_bps: Annotated[
        float, _meta("Perp taker fee", "bps", _COST, "Per trade. Drift v2 base tier is about 10.", 10, ge=0.0, le=200.0)
    ] = 10.0
    spot_taker_fee_bps: Annotated[
        float, _meta("Spot taker fee", "bps", _COST, "Per trade. Binance spot base tier is 10.", 10, ge=0.0, le=200.0)
    ] = 10.0
    perp_half_spread_bps: Annotated[
        float, _meta("Perp half spread", "bps", _COST, "Assumed: history has no book.", 3, ge=0.0, le=200.0)
    ] = 3.0
    spot_half_spread_bps: Annotated[
        float, _meta("Spot half spread", "bps", _COST, "Assumed: history has no book.", 1, ge=0.0, le=200.0)
    ] = 1.0
    network_cost_usd: Annotated[
        float, _meta("Network cost", "USD", _COST, "Fee and tip of one on-chain trade.", 0.01, ge=0.0, le=100.0)
    ] = 0.01
    collateral_cost_apr_pct: Annotated[
        float, _meta("Cost of capital", "% a year", _COST, "On spot notional and collateral.", 4, ge=0.0, le=200.0)
    ] = 4.0
    spot_borrow_apr_pct: Annotated[
        float, _meta("Borrow rate", "% a year", _COST, "On the notional of a short spot leg.", 10, ge=0.0, le=500.0)
    ] = 10.0
    settlement_basis_bps: Annotated[
        float,
        _meta("Settlement basis", "bps", _COST, "Reserve for the perp's settlement currency moving against the spot "
              "leg's.", 2, ge=0.0, le=500.0),
    ] = 2.0  # fmt: skip
    rebalance_reserve_bps: Annotated[
        float, _meta("Rebalance reserve", "bps", _COST, "Reserve for delta trades over the hold.", 1, ge=0.0, le=100.0)
    ] = 1.0

    # data age
    max_price_age_hours: Annotated[
        float,
        _meta("Price age", "hours", _DATA, "An older price is no price. 9 admits the 8-hourly prices of the recorded "
              "history; with live quotes set 0.01.", 9, ge=0.001, le=48.0),
    ] = 9.0  # fmt: skip
    max_leg_price_skew_hours: Annotated[
        float,
        _meta("Price skew", "hours", _DATA, "The two legs must have been priced within this time of each other, else "
              "their difference means nothing.", 0.5, ge=0.001, le=48.0),
    ] = 0.5  # fmt: skip
    stale_after_intervals: Annotated[
        float,
        _meta("Silence", "periods", _DATA, "Without a settlement for so many funding periods the venue counts as "
              "stale: no entry.", 3, ge=1.0, le=48.0),
    ] = 3.0  # fmt: skip
    silence_grace_hours: Annotated[
        float,
        _meta("Grace", "hours", _DATA, "A position closes when its venue stays silent or unhealthy this much "
              "longer.", 6, ge=0.0, le=240.0),
    ] = 6.0  # fmt: skip

    def __post_init__(self) -> None:
        if self.auto_close_funding_threshold > self.min_funding_rate_threshold:
            raise ValueError(
                "auto_close_funding_threshold: expected at most min_funding_rate_threshold "
                f"({self.min_funding_rate_threshold:g}), found {self.auto_close_funding_threshold:g}; "
                "a position would close as soon as it opens"
            )
        if self.min_liquidation_distance_pct >= self.entry_liquidation_distance_pct:
            raise ValueError(
                "min_liquidation_distance_pct: expected below entry_liquidation_distance_pct "
                f"({self.entry_liquidation_distance_pct:g}), found {self.min_liquidation_distance_pct:g}"
            )

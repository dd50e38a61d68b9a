"""What an operator may set. Names, defaults and bounds of the product's table are kept; the rest is proposed here."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from kernel.strategy import Settings

Chain = Literal["arbitrum", "base", "polygon", "ethereum", "simulated"]
PairName = Literal["ETH/USDC", "WBTC/USDC", "ARB/USDC", "ETH/USDT", "WBTC/USDT", "POL/USDC"]
ExecutionMode = Literal["direct", "flash_loan"]
OrphanPolicy = Literal["hedge_cex", "unwind_dex"]
CexVenue = Literal["binance", "binance_usdm", "simulated", "simulated_perp"]


def _meta(title: str, unit: str, group: str, description: str, recommended: Any = None, **bounds: Any) -> Meta:
    extra = {"unit": unit, "group": group}
    if recommended is not None:
        extra["recommended"] = recommended
    return Meta(title=title, description=description, extra=extra, **bounds)


_SIGNAL, _SIZE, _VENUE, _EXIT, _COST = "Signal", "Size", "Venues", "Legs and inventory", "Costs"


class CexDexArbSettings(Settings, frozen=True, kw_only=True):
    """Settings of `cex_dex_arb`. `min_spread_threshold` is in percent: 0.3 means 0.3 %, which is 30 basis points."""

    # signal
    min_spread_threshold: Annotated[
        float,
        _meta("Smallest spread", "%", _SIGNAL, "Spread at the traded size, pool fee and price impact paid, "
              "between the pool and the CEX price moved by the usual basis.", 0.3, ge=0.01, le=10.0),
    ] = 0.3  # fmt: skip
    min_profit_usd: Annotated[
        float, _meta("Smallest profit", "USD", _SIGNAL, "Net of every cost, per trade.", 2, ge=0.01, le=1e5)
    ] = 2.0
    price_staleness_threshold_ms: Annotated[
        int,
        _meta("Price age", "ms", _SIGNAL, "Both legs must have been heard of within this time. Minute bars of "
              "both legs close together and pass; five-minute bars beside swaps do not.", 500, ge=50, le=10_000),
    ] = 500  # fmt: skip
    basis_window_minutes: Annotated[
        int,
        _meta("Basis window", "minutes", _SIGNAL, "The usual gap between pool and CEX (perp basis, bridged "
              "dollars) is the median over this time; only what exceeds it is a signal.", 240, ge=5, le=2880),
    ] = 240  # fmt: skip
    basis_min_samples: Annotated[
        int,
        _meta("Basis samples", "samples", _SIGNAL, "No trade before so many samples (one per 15 s at most) are "
              "in the window.", 60, ge=5, le=5000),
    ] = 60  # fmt: skip

    # size
    max_position_size_usd: Annotated[
        float, _meta("Trade size", "USD", _SIZE, "Most that one trade may be worth.", 5000, ge=10.0, le=1e6)
    ] = 5000.0
    max_depth_share_pct: Annotated[
        float,
        _meta("Depth share", "%", _SIZE, "At most this share of what the pool is known to hold within 1 % of its "
              "price, and of the size shown at the CEX's best price.", 25, ge=1.0, le=100.0),
    ] = 25.0  # fmt: skip
    coarse_volume_share_pct: Annotated[
        float,
        _meta("Share of a bar", "%", _SIZE, "Where only bars are known: at most this share of the bar's volume.", 5,
              ge=0.1, le=100.0),
    ] = 5.0  # fmt: skip
    max_slippage_bps: Annotated[
        float,
        _meta("Slippage", "bps", _SIZE, "How much worse than decided each leg may execute: limit price at the "
              "CEX, least output at the pool (there never below break-even).", 20, ge=1.0, le=200.0),
    ] = 20.0  # fmt: skip

    # venues
    chains_enabled: Annotated[
        tuple[Chain, ...],
        _meta("Chains", "", _VENUE, "Pools on other chains are counted as chain_disabled.", max_length=5),
    ] = ("arbitrum", "base", "polygon", "ethereum", "simulated")  # fmt: skip
    pairs_to_monitor: Annotated[
        tuple[PairName, ...],
        _meta("Pairs", "", _VENUE, "By underlying and dollar: ETH/USDC takes WETH pools against native or "
              "bridged USDC.",
              max_length=6),
    ] = ("ETH/USDC", "WBTC/USDC", "ARB/USDC")  # fmt: skip
    cex_venues: Annotated[
        tuple[CexVenue, ...],
        _meta("CEX venues", "", _VENUE, "The first that lists the underlying against a dollar is the other leg.",
              max_length=4),
    ] = ("binance", "binance_usdm", "simulated")  # fmt: skip
    execution_mode: Annotated[
        ExecutionMode,
        _meta("Mode", "", _VENUE, "direct: own inventory on both sides. flash_loan: pool against pool on one "
              "chain in one transaction; the CEX price is the signal only, a loan cannot span a CEX.", "direct"),
    ] = "direct"  # fmt: skip

    # legs and inventory
    leg_deadline_ms: Annotated[
        int,
        _meta("Leg deadline", "ms", _EXIT, "A leg missing after this starts the orphan policy. Where only bars "
              "are known the kernel lets it run two bars longer: nothing can fill before the next one.", 1500,
              ge=100, le=30_000),
    ] = 1500  # fmt: skip
    orphan_policy: Annotated[
        OrphanPolicy,
        _meta("Orphan policy", "", _EXIT, "hedge_cex: complete a missing leg at market on the CEX. unwind_dex: "
              "undo the filled one, on the CEX where the pool cannot be used.", "hedge_cex"),
    ] = "hedge_cex"  # fmt: skip
    cooldown_s: Annotated[
        float, _meta("Pause", "s", _EXIT, "Between two trades of one pair.", 5, ge=0.0, le=3600.0)
    ] = 5.0
    failure_cooldown_s: Annotated[
        float,
        _meta("Pause after failure", "s", _EXIT, "After a denial, a lost race, a refusal or an orphan.", 60, ge=0.0,
              le=86_400.0),
    ] = 60.0  # fmt: skip
    inventory_usd: Annotated[
        float,
        _meta("Working inventory", "USD", _EXIT, "Base held on each side at the start; measures how lopsided it "
              "became.",
              10_000, ge=10.0, le=1e7),
    ] = 10_000.0  # fmt: skip
    rebalance_threshold_pct: Annotated[
        float,
        _meta("Rebalance at", "%", _EXIT, "When trades moved this share of the working inventory from one side "
              "to the other, a transfer is proposed to the operator.", 30, ge=5.0, le=90.0),
    ] = 30.0  # fmt: skip

    # costs
    rebalance_cost_usd: Annotated[
        float,
        _meta("Cost of rebalancing", "USD", _COST, "Withdrawal and bridge fee, and the capital's time, of one "
              "transfer.",
              5, ge=0.0, le=1000.0),
    ] = 5.0  # fmt: skip
    rebalance_cost_amortisation_trades: Annotated[
        int, _meta("Trades per rebalancing", "trades", _COST, "Each trade pays this part of it.", 20, ge=1, le=1000)
    ] = 20
    spot_taker_fee_bps: Annotated[
        float, _meta("Spot taker fee", "bps", _COST, "Binance spot base tier is 10.", 10, ge=0.0, le=200.0)
    ] = 10.0
    perp_taker_fee_bps: Annotated[
        float, _meta("Perp taker fee", "bps", _COST, "Binance USD-M base tier is 5.", 5, ge=0.0, le=200.0)
    ] = 5.0
    coarse_half_spread_bps: Annotated[
        float,
        _meta("Half spread on bars", "bps", _COST, "Assumed where no bid and ask are known.", 1, ge=0.0, le=200.0),
    ] = 1.0  # fmt: skip
    stablecoin_basis_bps: Annotated[
        float,
        _meta("Stablecoin basis", "bps", _COST, "Reserve for the pool's dollar moving against the CEX's, where "
              "they differ.", 1, ge=0.0, le=500.0),
    ] = 1.0  # fmt: skip
    adverse_selection_bps: Annotated[
        float,
        _meta("Adverse selection", "bps", _COST, "Reserve for trades that we win because the price is about to "
              "turn.", 1,
              ge=0.0, le=200.0),
    ] = 1.0  # fmt: skip
    failure_probability_pct: Annotated[
        float,
        _meta("Lost races", "%", _COST, "Share of our transactions that fail: they pay gas, and in direct mode "
              "the CEX leg is undone.", 5, ge=0.0, le=95.0),
    ] = 5.0  # fmt: skip
    flash_premium_bps: Annotated[
        float, _meta("Flash premium", "bps", _COST, "Of the loan; Aave V3 takes 5.", 5, ge=0.0, le=100.0)
    ] = 5.0
    swap_gas_limit: Annotated[
        int, _meta("Gas of a swap", "gas", _COST, "Limit of one guarded swap; priced as if used up.", 220_000,
                   ge=21_000, le=5_000_000)
    ] = 220_000  # fmt: skip
    flash_gas_limit: Annotated[
        int, _meta("Gas of a flash trade", "gas", _COST, "Limit of loan, two swaps and repayment.", 550_000,
                   ge=21_000, le=10_000_000)
    ] = 550_000  # fmt: skip
    gas_headroom_pct: Annotated[
        float,
        _meta("Gas headroom", "%", _COST, "How far above the known gas price a transaction may bid; 100 = twice the "
              "price, so that a rise does not strand it.", 100, ge=0.0, le=400.0),
    ] = 100.0  # fmt: skip
    gas_age_s: Annotated[
        int, _meta("Gas price age", "s", _COST, "An older gas price is unknown.", 120, ge=1, le=3600)
    ] = 120
    l1_data_fee_usd: Annotated[
        float,
        _meta("L1 data fee", "USD", _COST, "Of one transaction on Arbitrum or Base, added to gas.", 0.05,
              ge=0.0, le=100.0),
    ] = 0.05  # fmt: skip

    def __post_init__(self) -> None:
        if not self.cex_venues:
            raise ValueError("cex_venues: expected at least one venue, found none; there would be no other leg")

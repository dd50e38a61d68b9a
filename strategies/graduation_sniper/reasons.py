"""Why a graduating coin was not bought: every code of the funnel with the sentence a person reads."""

from types import MappingProxyType

WHY_NOT = MappingProxyType(
    {
        "disabled": "graduation_snipe_enabled is off: coins are judged, none is bought",
        "holders": "fewer holders than min_holders_before_grad, or nobody counted them",
        "buy_sell_ratio": "fewer purchases per sale than min_buy_sell_ratio",
        "dev_holding": "the creator holds more than max_dev_holding_pct",
        "dev_sold": "the creator sold max_dev_sold_pct or more",
        "price_decline": "the price fell by more than max_price_decline_pct from the window's high, or none is known",
        "vol_liq_ratio": "volume per liquidity is not above min_vol_liq_ratio",
        "volume": "less volume than min_volume_usd",
        "liquidity": "less liquidity than min_liquidity_usd",
        "rug_probability": "the rug score is above max_rug_probability",
        "mayhem_mode": "a mayhem coin: other supply and fees",
        "quote_mint": "not sold for SOL",
        "supply_unknown": "the coin's supply was not heard of",
        "sol_price": "SOL has no USD price",
        "window_missed": "it graduated longer ago than entry_window_s",
        "state_stale": "the pool's state is older than state_refresh_budget_ms",
        "pool_incomplete": "an account of the pool was not seen yet, so it has no exact quote",
        "positions_full": "max_open_positions are open or asked for",
        "creator_full": "max_positions_per_creator of this creator are open or asked for",
        "break_even": "going in and out at once costs more than the first tier's multiple",
        "no_quote": "the pool refuses the purchase",
        "gas_unknown": "no fee level of the chain is known",
        "denied": "the risk gate refused it (its own reason is beside)",
        "coins_full": "more coins than are remembered; the one that was quiet longest was forgotten",
    }
)

"""Why a look at a pool did not become a trade: every code of the funnel with the sentence a person reads."""

from types import MappingProxyType

WHY_NOT = MappingProxyType(
    {
        "chain_disabled": "the pool's chain is not in chains_enabled (counted once a minute per pool)",
        "pair_not_monitored": "the pool's pair is not in pairs_to_monitor (counted once a minute per pool)",
        "no_quote": "one leg has no usable price yet, or no CEX venue lists the underlying",
        "stale": "one leg was last heard of longer ago than price_staleness_threshold_ms",
        "basis_warming": "fewer than basis_min_samples samples of the usual gap are in the window",
        "below_threshold": "the spread, less the pool fee, is below min_spread_threshold or below the costs by size",
        "in_flight": "a trade of this pair is not finished",
        "cooldown": "the pair pauses after a trade, a denial or a failure",
        "same_state": "this pool state was traded already and has not changed since",
        "single_pool": "flash mode needs two known pools of the pair on one chain",
        "wrong_side": "flash mode: the CEX price does not confirm which pool lags",
        "gas_unknown": "no recent gas price, or the price of the chain's own coin is unknown",
        "fee_unknown": "no taker fee is known for this kind of instrument",
        "depth_unknown": "the pool or book is not known far enough for a size that pays",
        "depth": "the share of known depth that may be taken is too small to pay",
        "lot": "the size is below one lot or the venue's smallest order",
        "below_min_profit": "net of all costs it earns less than min_profit_usd",
        "denied": "the risk gate refused it (its own reason is beside)",
        "rebalance_proposed": "not a trade: a transfer between the sides is proposed to the operator",
    }
)

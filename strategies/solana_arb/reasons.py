"""Why a look at a cycle did not become a trade: every code of the funnel with the sentence a person reads."""

from types import MappingProxyType

WHY_NOT = MappingProxyType(
    {
        "below_threshold": "the first unit gives back less than min_spread_bps more than it takes",
        "in_flight": "a trade through one of the pools is not finished",
        "cooldown": "one of the pools rests after a trade or a failure",
        "same_state": "these pool states were traded already and have not changed since",
        "slot_skew": "the pools' states lie further apart than max_slot_skew slots",
        "incomplete": "an account of a pool was not seen yet, so it has no exact quote",
        "depth": "a pool takes or gives less than min_pool_depth_usd within depth_range_bps of its price",
        "size": "the balance, the gate or the share of depth leaves no size",
        "balance_unknown": "the wallet's balance of the start token was not told yet",
        "no_price": "the start token or SOL has no USD price",
        "gas_unknown": "no fee level of the chain is known",
        "priority_fee_unknown": "sent straight to the leader, the priority fee must be known",
        "no_gain": "no size earns anything: the spread is inside rounding and impact",
        "below_min_profit": "net of all costs it earns less than min_profit_lamports",
        "denied": "the risk gate refused it (its own reason is beside)",
        "cycles_full": "more cycles than are looked at; the newest pools were left out",
    }
)

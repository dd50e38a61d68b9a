"""Every reason code of the risk gate, with the unit of its `limit` and `asked`; docs/risk-gate.md says what to do."""

from types import MappingProxyType

REASONS = MappingProxyType(
    {
        "bad_intent": "text",
        "kill_switch": "text",
        "strategy_disabled": "text",
        "duplicate_order": "text",
        "unknown_instrument": "text",
        "blacklist_instrument": "text",
        "blacklist_token": "text",
        "venue_health": "text",
        "reduce_only_exceeds_position": "base units",
        "not_on_lattice": "price, base units or USD",
        "no_price": "text",
        "stale_price": "ms",
        "no_gas_price": "text",
        "stale_gas_price": "ms",
        "price_collar": "bps",
        "max_fee": "bps",
        "max_gas_usd": "USD",
        "max_gas_price_gwei": "gwei",
        "max_tip_usd": "USD",
        "min_expected_net": "USD",
        "notional_per_order": "USD",
        "position": "USD",
        "gross_exposure": "USD",
        "budget": "USD",
        "open_orders": "orders",
        "orders_per_minute": "orders/min",
        "daily_loss": "USD",
        "drawdown": "%",
        "failed_tx_cost": "USD",
        "consecutive_failures": "orders",
        "cooldown_after_loss": "s",
        "balance_unknown": "text",
        "balance": "asset units",
    }
)

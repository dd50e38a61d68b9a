"""Golden cases of raydium_clmm.json as pool parts."""

from typing import Any

from bus.pool_parts.raydium_clmm import (
    RaydiumClmmConfig,
    RaydiumClmmExtension,
    RaydiumClmmState,
    RaydiumClmmTickArray,
    RaydiumDynamicFee,
    RaydiumTick,
)
from kernel.amm.raydium_clmm_bitmap import HALF
from kernel.amm.raydium_clmm_ticks import ARRAY_TICKS

DYNAMIC_FIELDS = (
    "filter_period",
    "decay_period",
    "reduction_factor",
    "dynamic_fee_control",
    "max_volatility_accumulator",
    "tick_spacing_index_reference",
    "volatility_reference",
    "volatility_accumulator",
    "last_update_timestamp",
)


def tick(case: dict[str, Any]) -> RaydiumTick:
    return RaydiumTick(
        case["tick"],
        int(case["liquidity_net"]),
        int(case["liquidity_gross"]),
        int(case.get("orders_amount", 0)),
        int(case.get("part_filled_orders_remaining", 0)),
    )


def arrays(case: dict[str, Any]) -> dict[int, RaydiumClmmTickArray]:
    """By number: every array that has a tick."""
    span = ARRAY_TICKS * case["pool"]["tick_spacing"]
    found: dict[int, list[RaydiumTick]] = {}
    for each in sorted(map(tick, case["ticks"]), key=lambda entry: entry.tick):
        found.setdefault(each.tick // span, []).append(each)
    return {number: RaydiumClmmTickArray(number * span, tuple(ticks)) for number, ticks in found.items()}


def given_arrays(case: dict[str, Any]) -> list[RaydiumClmmTickArray]:
    """The arrays that the oracle was given, in its order."""
    span = ARRAY_TICKS * case["pool"]["tick_spacing"]
    known = arrays(case)
    starts = case["tick_array_starts"]
    return [known.get(start // span, RaydiumClmmTickArray(start, ())) for start in starts]


def state(case: dict[str, Any]) -> RaydiumClmmState:
    pool = case["pool"]
    dynamic = pool.get("dynamic_fee")
    return RaydiumClmmState(
        tick_spacing=pool["tick_spacing"],
        liquidity=int(pool["liquidity"]),
        sqrt_price_x64=int(pool["sqrt_price_x64"]),
        tick=pool["tick_current"],
        status=0,
        fee_on=pool["fee_on"],
        open_time_s=0,
        bitmap=sum(1 << number + HALF for number in arrays(case) if -HALF <= number < HALF),
        dynamic_fee=RaydiumDynamicFee(*(int(dynamic[name]) for name in DYNAMIC_FIELDS)) if dynamic else None,
    )


def config(case: dict[str, Any]) -> RaydiumClmmConfig:
    rates = case["config"]
    return RaydiumClmmConfig(rates["trade_fee_rate"], rates["protocol_fee_rate"], rates["fund_fee_rate"])


def extension(case: dict[str, Any]) -> RaydiumClmmExtension:
    return RaydiumClmmExtension(tuple(sorted(number for number in arrays(case) if not -HALF <= number < HALF)))

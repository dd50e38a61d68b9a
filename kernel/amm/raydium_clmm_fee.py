"""The dynamic fee of Raydium CLMM pools: references move with the clock, the fee with the distance from them.

Facts from the Raydium CLMM program (pool_fee, swap) and raydium-sdk-v2 0.2.73-alpha, read 2026-11. The clock picks one
of three regimes when a swap begins; within a swap the fee changes at every group of tick spacing until the volatility
is at its maximum. The rate is base + ceil(control * (volatility * spacing)^2 / (10^5 * 10^8)), at most 10 %.
"""

from typing import Literal

from msgspec.structs import replace

from bus.pool_parts.raydium_clmm import RaydiumDynamicFee
from kernel.amm.errors import PoolRefused

FEE_RATE_MAX = 100_000
VOLATILITY_PER_GROUP = 10_000
REDUCTION_UNIT = 10_000
U32_MAX = (1 << 32) - 1
_DENOMINATOR = 100_000 * VOLATILITY_PER_GROUP * VOLATILITY_PER_GROUP

Regime = Literal["held", "decayed", "reset"]


def regime_at(fee: RaydiumDynamicFee, now_s: int) -> Regime:
    """What the clock does to the references of a swap that begins now."""
    since_s = max(0, now_s - fee.last_update_s)
    if since_s < fee.filter_period_s:
        return "held"
    return "decayed" if since_s < fee.decay_period_s else "reset"


def references_moved(fee: RaydiumDynamicFee, regime: Regime, index: int, now_s: int) -> RaydiumDynamicFee:
    """The fee state as a swap begins at group `index`."""
    if regime == "held":
        return fee
    reference = fee.volatility * fee.reduction_factor // REDUCTION_UNIT if regime == "decayed" else 0
    if reference > U32_MAX:
        raise PoolRefused("arithmetic_overflow", f"a volatility reference of {reference} is above a u32")
    return replace(fee, index_reference=index, volatility_reference=reference, last_update_s=now_s)


def volatility_at(fee: RaydiumDynamicFee, index: int) -> int:
    """The volatility while the price is in group `index`."""
    distance = abs(fee.index_reference - index)
    return min(fee.volatility_reference + distance * VOLATILITY_PER_GROUP, fee.volatility_max)


def rate_at(fee: RaydiumDynamicFee, volatility: int, tick_spacing: int, base_rate: int) -> int:
    """The whole fee rate, of 1,000,000. Refuses what overflows the program's u32."""
    crossed = volatility * tick_spacing
    if crossed > U32_MAX:
        raise PoolRefused("arithmetic_overflow", f"volatility {volatility} times spacing {tick_spacing} exceeds a u32")
    return min(FEE_RATE_MAX, base_rate + min(FEE_RATE_MAX, -(-fee.control * crossed * crossed // _DENOMINATOR)))


def group_reached(tick: int, tick_spacing: int, is_a_to_b: bool) -> int:
    """The group that a step which skipped groups ends in: the one left behind where it ends on an edge upwards."""
    index = tick // tick_spacing
    return index - 1 if not is_a_to_b and tick % tick_spacing == 0 else index

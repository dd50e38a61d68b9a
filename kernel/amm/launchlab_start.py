"""The parameters that a LaunchLab curve starts with, from what a launch asks for (raydium-sdk-v2 0.2.73, 2026-11).

Worked number: 1e15 coins of which 793.1e12 are sold to raise 85e9 give virtual_base 1073025605596382 and
virtual_quote 30000852951.
"""

from typing import NamedTuple

from kernel.amm.errors import PoolRefused
from kernel.amm.launchlab import CONSTANT_PRODUCT, FIXED_PRICE, TWO_Q64


class LaunchLabStart(NamedTuple):
    """Raw units; on the linear curve `virtual_base` is the slope and `virtual_quote` is 0."""

    virtual_base: int
    virtual_quote: int
    total_base_sell: int


def launchlab_start(
    curve_type: int, *, supply: int, base_sell: int, fund_raising: int, locked: int = 0, migrate_fee: int = 0
) -> LaunchLabStart:
    """The curve whose coins for sale raise `fund_raising`. `base_sell` counts on the constant product alone.

    Raises `PoolRefused` (`range_invalid`) where the program would: no coin left for the pool after migration, a fee
    that eats what is raised, a slope below 1.
    """
    left, kept = supply - locked, fund_raising - migrate_fee
    if min(left, kept, fund_raising) <= 0:
        raise PoolRefused("range_invalid", f"{left} coins and {kept} raised are left after locks and fees")
    if curve_type == CONSTANT_PRODUCT:
        rest = left - base_sell
        if rest <= 0 or base_sell <= 0:
            raise PoolRefused("range_invalid", f"{base_sell} of {left} coins for sale leave {rest} for the pool")
        divisor = kept * base_sell // rest - fund_raising
        if divisor <= 0:
            raise PoolRefused("range_invalid", "the coins for sale would cost less than those kept for the pool")
        return LaunchLabStart(kept * base_sell**2 // rest // divisor, fund_raising**2 // divisor, base_sell)
    if curve_type == FIXED_PRICE:
        sell = fund_raising * left // (fund_raising + kept)
        return LaunchLabStart(sell, fund_raising, sell)
    sell = 2 * fund_raising * left // (2 * fund_raising + kept)
    slope = fund_raising * TWO_Q64 // sell**2 if sell else 0
    if slope <= 0:
        raise PoolRefused("range_invalid", f"raising {fund_raising} for {sell} coins needs a slope below the unit")
    return LaunchLabStart(slope, 0, sell)

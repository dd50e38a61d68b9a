"""The state of a DLMM pair behind a swap, from what the swap did in each bin.

Fees never enter a bin. What buys a filled limit order belongs to who placed it, hence leaves what can be swapped; an
open order that is filled in part has begun. The active bin is the last one touched, even if emptied. Volatility is that
of the last bin, and every swap renews the time. Meteora lb_clmm, 2026-11: bins and volatility follow the SDK's walk.
Not checked on chain: that a partly filled open order counts as begun, and that the time moves within the filter period.
"""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from bus.pool_parts.dlmm import BINS_PER_ARRAY, DlmmBin, DlmmBinArray, DlmmPair
from kernel.amm.dlmm_fee import Age, references, volatility_at
from kernel.amm.dlmm_step import Step, Taken


def pair_after(pair: DlmmPair, last_bin_id: int, age: Age, now_s: int) -> DlmmPair:
    """The pair with the price in the last bin touched and the volatility that got it there."""
    refs = references(pair, age)
    return replace(
        pair,
        active_id=last_bin_id,
        volatility=volatility_at(pair, refs, last_bin_id),
        volatility_reference=refs.volatility,
        index_reference=refs.bin_id,
        updated_s=now_s,
    )


def arrays_after(arrays: Mapping[int, DlmmBinArray], fills: Iterable[tuple[Step, Taken]]) -> dict[int, DlmmBinArray]:
    """All arrays, with the bins that were touched replaced."""
    touched = {step.held.bin_id: _bin_after(step, fill) for step, fill in fills}
    after = dict(arrays)
    for index in {bin_id // BINS_PER_ARRAY for bin_id in touched}:
        after[index] = DlmmBinArray(
            index=index, bins=tuple(touched.get(held.bin_id, held) for held in arrays[index].bins)
        )
    return after


def _bin_after(step: Step, fill: Taken) -> DlmmBin:
    held = step.held
    begun, opened = held.orders_begun - fill.taken_begun, held.orders_open
    if fill.taken_open:
        begun, opened = begun + opened - fill.taken_open, 0
    into_x, into_y = (fill.pool_in, -fill.taken_pool) if step.is_x_in else (-fill.taken_pool, fill.pool_in)
    return DlmmBin(held.bin_id, held.amount_x + into_x, held.amount_y + into_y, begun, opened, held.is_ask)

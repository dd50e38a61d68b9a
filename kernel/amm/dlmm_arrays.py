"""Which bin arrays a DLMM swap visits, and in which order: those that the bitmaps say hold liquidity, no other."""

from bisect import bisect_left, bisect_right

from bus.pool_parts.dlmm import ARRAYS_NEAR, BINS_PER_ARRAY, DlmmPair

ARRAYS_PER_SWAP = 3  #: 210 bins; each is an account, and a transaction of two swaps has no room for more


def arrays_ahead(pair: DlmmPair, far: tuple[int, ...] | None, *, is_x_in: bool) -> tuple[int, ...]:
    """Indexes in the order of the swap, that of the active bin first if it holds any.

    `far` None = the far bitmap is not known: they end where the near one does.
    """
    active = pair.active_id // BINS_PER_ARRAY
    if far is None and not -ARRAYS_NEAR <= active < ARRAYS_NEAR:
        return ()
    indexes = tuple(sorted((*pair.arrays, *far))) if far else pair.arrays
    if is_x_in:
        return indexes[: bisect_right(indexes, active)][::-1]
    return indexes[bisect_left(indexes, active) :]

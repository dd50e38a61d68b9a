"""Which tick arrays of a Raydium CLMM pool have initialised ticks, in the order in which a swap meets them.

Arrays are numbered: array n begins at tick n * 60 * spacing. The pool account marks -512..511, the extension the rest.
Raydium CLMM program (tick_array_bit_map, tickarray_bitmap_extension), read 2026-11.
"""

from collections.abc import Iterator, Sequence

from kernel.amm.errors import PoolRefused
from kernel.amm.raydium_clmm_ticks import ARRAY_TICKS, MAX_TICK

HALF = 512  #: arrays on either side of tick 0 that the pool account itself marks
BITMAP_BITS = 2 * HALF


def array_of(tick: int, tick_spacing: int) -> int:
    """Number of the array that a tick lies in."""
    return tick // (ARRAY_TICKS * tick_spacing)


def needs_extension(tick_spacing: int) -> bool:
    """Whether valid ticks lie outside the arrays that the pool account marks."""
    return HALF * ARRAY_TICKS * tick_spacing <= MAX_TICK


def arrays_ahead(bitmap: int, extension: Sequence[int] | None, first: int, is_a_to_b: bool) -> Iterator[int]:
    """Numbers of initialised arrays from `first` (itself included) on, downwards for a to b.

    `extension` is ascending; None for one that is not known, and then refuses (`depth_unknown`) where it is needed.
    """
    beyond = _extension_ahead(extension, first, is_a_to_b)
    if (first >= HALF) if is_a_to_b else (first < -HALF):
        for number in beyond:
            if (number < -HALF) if is_a_to_b else (number >= HALF):
                yield from _marked_ahead(bitmap, first, is_a_to_b)
                yield number
                yield from beyond
                return
            yield number
        yield from _marked_ahead(bitmap, first, is_a_to_b)
        return
    yield from _marked_ahead(bitmap, first, is_a_to_b)
    yield from beyond


def _marked_ahead(bitmap: int, first: int, is_a_to_b: bool) -> Iterator[int]:
    if is_a_to_b:
        bits = bitmap & ((1 << max(0, first + HALF + 1)) - 1)
        while bits:
            top = bits.bit_length() - 1
            bits ^= 1 << top
            yield top - HALF
    else:
        shift = max(0, first + HALF)
        bits = bitmap >> shift
        while bits:
            low = bits & -bits
            bits ^= low
            yield low.bit_length() - 1 + shift - HALF


def _extension_ahead(extension: Sequence[int] | None, first: int, is_a_to_b: bool) -> Iterator[int]:
    if extension is None:
        raise PoolRefused("depth_unknown", "the tick array bitmap extension was not read; wait for its account")
    if is_a_to_b:
        yield from (number for number in reversed(extension) if number <= first)
    else:
        yield from (number for number in extension if number >= first)

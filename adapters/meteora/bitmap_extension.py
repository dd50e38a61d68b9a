"""The BinArrayBitmapExtension account: which bin arrays beyond -512..511 of one DLMM pair hold liquidity.

Layout of lb_clmm as in the IDL of dlmm package 1.9.14, 2026; 1576 bytes: twelve rows of 512 bits each way. Row r of the
positive side begins at index 512 * (r + 1); bit b of the negative row r is index -512 * (r + 1) - 1 - b.
"""

from msgspec import Struct

from adapters.meteora.layout import AccountLayout, Layout
from bus.pool_parts.dlmm import ARRAYS_NEAR

ROWS = 12
WORDS = 8
_WORD_BITS = 64


class BitmapRow(Struct, frozen=True, gc=False):
    """512 bits, lowest first."""

    words: tuple[int, ...]


class BitmapExtension(Struct, frozen=True, gc=False):
    """The whole account."""

    lb_pair: str
    positive_bin_array_bitmap: tuple[BitmapRow, ...]
    negative_bin_array_bitmap: tuple[BitmapRow, ...]


_ROW = Layout(BitmapRow, "8Q")

BITMAP_EXTENSION = AccountLayout(
    "BinArrayBitmapExtension", "506f7c7137ed1205", Layout(BitmapExtension, "K", (_ROW, ROWS), (_ROW, ROWS))
)


def bits(words: tuple[int, ...]) -> tuple[int, ...]:
    """Positions of the set bits, ascending."""
    found = []
    for at, word in enumerate(words):
        left = word
        while left:
            lowest = left & -left
            found.append(at * _WORD_BITS + lowest.bit_length() - 1)
            left ^= lowest
    return tuple(found)


def far_arrays(extension: BitmapExtension) -> tuple[int, ...]:
    """Indexes of the far arrays with liquidity, ascending."""
    below = [
        -ARRAYS_NEAR * (row + 1) - 1 - bit
        for row, bitmap in enumerate(extension.negative_bin_array_bitmap)
        for bit in bits(bitmap.words)
    ]
    above = [
        ARRAYS_NEAR * (row + 1) + bit
        for row, bitmap in enumerate(extension.positive_bin_array_bitmap)
        for bit in bits(bitmap.words)
    ]
    return tuple(below[::-1] + above)

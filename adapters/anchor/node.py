"""The root of compiled types: how many bytes a type takes, and how it is read and written."""

from typing import Any

from adapters.anchor.bad_idl import BadIdl
from adapters.solana.tracked_pool import UnknownLayout

EMPTY_PARTS_PER_BYTE = 16  #: values decoded per byte of data, at most; real programs need about one


class Node:
    """One type of an IDL, compiled. Little-endian throughout, as borsh and the chain have it.

    `size` is the exact number of bytes where every value takes the same, else None; `min_size` the fewest. `align`
    counts in zero-copy layouts alone. `zero_size`: bytes taken when all are zero (an enum's first variant may be longer
    than its shortest). `weight` bounds the values that reading makes out of `min_size` bytes, so that
    an IDL of empty parts cannot make much out of nothing.
    """

    __slots__ = ("align", "min_size", "size", "weight", "zero_size")

    def __init__(
        self, *, size: int | None, min_size: int, align: int, weight: int, zero_size: int | None = None
    ) -> None:
        if weight > EMPTY_PARTS_PER_BYTE * (min_size + 1):
            raise BadIdl(f"expected at most {EMPTY_PARTS_PER_BYTE} parts per byte, found {weight} in {min_size} bytes")
        self.size = size
        self.min_size = min_size
        self.align = align
        self.weight = weight
        self.zero_size = min_size if zero_size is None else zero_size

    def read(self, data: bytes, at: int) -> tuple[Any, int]:
        """The value that starts at `at`, and where the next one starts. Raises `UnknownLayout`."""
        raise NotImplementedError

    def write(self, value: Any, out: bytearray) -> None:
        """Append a value. Raises `BadIdl` where the value does not fit the type."""
        raise NotImplementedError


def take(data: bytes, at: int, length: int) -> bytes:
    """Exactly `length` bytes from `at`. Raises `UnknownLayout` where the data ends before."""
    part = data[at : at + length]
    if len(part) != length:
        raise UnknownLayout(f"expected {length} bytes at {at}, found {len(part)}: the data ends at {len(data)}")
    return part

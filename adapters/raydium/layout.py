"""Fixed account layouts: little-endian fields one after the other, every byte kept, so that encoding gives them back.

Kinds: u8 u16 u32 u64 u128 i32 i128, `key` (32 bytes), a number (that many raw bytes: padding, bitmaps).
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from solders.pubkey import Pubkey

from adapters.solana.tracked_pool import UnknownLayout

Kind = str | int
_FORMATS = {
    "u8": "B",
    "u16": "H",
    "u32": "I",
    "u64": "Q",
    "i32": "i",
    "u128": "16s",
    "i128": "16s",
    "key": "32s",
}


def _u128(raw: bytes) -> int:
    return int.from_bytes(raw, "little")


def _i128(raw: bytes) -> int:
    return int.from_bytes(raw, "little", signed=True)


_DECODE: dict[Kind, Callable[[bytes], Any]] = {"u128": _u128, "i128": _i128, "key": Pubkey.from_bytes}
_ENCODE: dict[Kind, Callable[[Any], bytes]] = {
    "u128": lambda value: int(value).to_bytes(16, "little"),
    "i128": lambda value: int(value).to_bytes(16, "little", signed=True),
    "key": bytes,
}


class Layout:
    """Values in order of their kinds; `discriminator` is what the account begins with, b"" for none."""

    def __init__(self, account: str, discriminator: bytes, kinds: Sequence[Kind]) -> None:
        self.account, self._discriminator, self._kinds = account, discriminator, tuple(kinds)
        formats = (f"{kind}s" if isinstance(kind, int) else _FORMATS[kind] for kind in kinds)
        self._struct = struct.Struct("<" + "".join(formats))
        self.size = len(discriminator) + self._struct.size

    def decode(self, data: bytes) -> Iterator[Any]:
        """The values. Raises `UnknownLayout` for another length or discriminator."""
        if len(data) != self.size:
            raise UnknownLayout(
                f"{self.account}: expected {self.size} bytes, found {len(data)}; the program's layout may have changed"
            )
        begin = len(self._discriminator)
        if data[:begin] != self._discriminator:
            raise UnknownLayout(
                f"{self.account}: expected discriminator {self._discriminator.hex()}, found {data[:begin].hex()}"
            )
        for kind, value in zip(self._kinds, self._struct.unpack_from(data, begin), strict=True):
            decode = _DECODE.get(kind)
            yield value if decode is None else decode(value)

    def encode(self, values: Sequence[Any]) -> bytes:
        """The bytes that decode to the values. Raises `struct.error` or `OverflowError` for values out of range."""
        raw = (
            value if (encode := _ENCODE.get(kind)) is None else encode(value)
            for kind, value in zip(self._kinds, values, strict=True)
        )
        return self._discriminator + self._struct.pack(*raw)

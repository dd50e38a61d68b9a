"""Compiled types without parts: integers, floats, booleans, keys, text and byte strings."""

import math
import struct
from typing import Any

from solders.pubkey import Pubkey

from adapters.anchor.bad_idl import BadIdl
from adapters.anchor.node import Node, take
from adapters.solana.tracked_pool import UnknownLayout

KEY_BYTES = 32
LENGTH_BYTES = 4  #: borsh counts the items of text, byte strings and lists in a u32
SBF_ALIGN_MAX = 8  #: the chain's virtual machine aligns 128-bit integers to 8, not 16 as the host does
INTEGER_BYTES = {"8": 1, "16": 2, "32": 4, "64": 8, "128": 16, "256": 32}


class Integer(Node):
    """u8 to u256 and i8 to i256, as Python ints."""

    __slots__ = ("_bytes", "_high", "_low", "_signed", "name")

    def __init__(self, name: str) -> None:
        length = INTEGER_BYTES[name[1:]]
        super().__init__(size=length, min_size=length, align=min(length, SBF_ALIGN_MAX), weight=1)
        self.name = name
        self._bytes = length
        self._signed = name[0] == "i"
        self._low = -(1 << (8 * length - 1)) if self._signed else 0
        self._high = (1 << (8 * length - self._signed)) - 1

    def read(self, data: bytes, at: int) -> tuple[int, int]:
        end = at + self._bytes
        part = data[at:end]
        if len(part) != self._bytes:
            take(data, at, self._bytes)
        return int.from_bytes(part, "little", signed=self._signed), end

    def write(self, value: Any, out: bytearray) -> None:
        if type(value) is not int or not self._low <= value <= self._high:
            raise BadIdl(f"expected {self.name}, an integer from {self._low} to {self._high}, found {value!r:.80}")
        out += value.to_bytes(self._bytes, "little", signed=self._signed)


class Float(Node):
    """f32 and f64. Not a number is refused both ways, as borsh does."""

    __slots__ = ("_struct", "name")

    def __init__(self, name: str) -> None:
        self._struct = struct.Struct({"f32": "<f", "f64": "<d"}[name])
        super().__init__(size=self._struct.size, min_size=self._struct.size, align=self._struct.size, weight=1)
        self.name = name

    def read(self, data: bytes, at: int) -> tuple[float, int]:
        value: float = self._struct.unpack(take(data, at, self._struct.size))[0]
        if math.isnan(value):
            raise UnknownLayout(f"expected a number ({self.name}) at {at}, found NaN")
        return value, at + self._struct.size

    def write(self, value: Any, out: bytearray) -> None:
        if not isinstance(value, int | float) or isinstance(value, bool) or math.isnan(value):
            raise BadIdl(f"expected {self.name}, a number, found {value!r:.80}")
        try:
            out += self._struct.pack(value)
        except (OverflowError, struct.error) as error:
            raise BadIdl(f"expected {self.name}, found {value!r:.80}, which it cannot hold") from error


class Bool(Node):
    """One byte, 0 or 1; anything else is refused, as the program refuses it."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(size=1, min_size=1, align=1, weight=1)

    def read(self, data: bytes, at: int) -> tuple[bool, int]:
        byte = take(data, at, 1)[0]
        if byte > 1:
            raise UnknownLayout(f"expected a bool (0 or 1) at {at}, found {byte}")
        return byte == 1, at + 1

    def write(self, value: Any, out: bytearray) -> None:
        if not isinstance(value, bool):
            raise BadIdl(f"expected a bool, found {value!r:.80}")
        out.append(value)


class Key(Node):
    """A public key, as base58 text."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(size=KEY_BYTES, min_size=KEY_BYTES, align=1, weight=1)

    def read(self, data: bytes, at: int) -> tuple[str, int]:
        return str(Pubkey.from_bytes(take(data, at, KEY_BYTES))), at + KEY_BYTES

    def write(self, value: Any, out: bytearray) -> None:
        if not isinstance(value, str):
            raise BadIdl(f"expected a public key as base58 text, found {value!r:.80}")
        try:
            out += bytes(Pubkey.from_string(value))
        except ValueError as error:
            raise BadIdl(f"expected a public key as base58 text, found {value!r:.80}") from error


class Text(Node):
    """UTF-8 after a u32 length. Names come from strangers: this checks the encoding and nothing else."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(size=None, min_size=LENGTH_BYTES, align=1, weight=1)

    def read(self, data: bytes, at: int) -> tuple[str, int]:
        start = at + LENGTH_BYTES
        end = start + int.from_bytes(take(data, at, LENGTH_BYTES), "little")
        try:
            return take(data, start, end - start).decode(), end
        except UnicodeDecodeError as error:
            raise UnknownLayout(f"expected UTF-8 text at {start}, found other bytes: {error.reason}") from error

    def write(self, value: Any, out: bytearray) -> None:
        if not isinstance(value, str):
            raise BadIdl(f"expected text, found {value!r:.80}")
        try:
            encoded = value.encode()
        except UnicodeEncodeError as error:
            raise BadIdl(f"expected text that UTF-8 can hold, found {value!r:.80}") from error
        out += len(encoded).to_bytes(LENGTH_BYTES, "little") + encoded


class ByteString(Node):
    """Bytes: of a fixed number (`[u8; n]`) or after a u32 length (`bytes`, `vec<u8>`)."""

    __slots__ = ("_length",)

    def __init__(self, length: int | None) -> None:
        super().__init__(size=length, min_size=LENGTH_BYTES if length is None else length, align=1, weight=1)
        self._length = length

    def read(self, data: bytes, at: int) -> tuple[bytes, int]:
        if self._length is not None:
            return take(data, at, self._length), at + self._length
        start = at + LENGTH_BYTES
        end = start + int.from_bytes(take(data, at, LENGTH_BYTES), "little")
        return take(data, start, end - start), end

    def write(self, value: Any, out: bytearray) -> None:
        if not isinstance(value, bytes) or (self._length is not None and len(value) != self._length):
            wanted = "bytes" if self._length is None else f"{self._length} bytes"
            raise BadIdl(f"expected {wanted}, found {value!r:.80}")
        if self._length is None:
            out += len(value).to_bytes(LENGTH_BYTES, "little")
        out += value

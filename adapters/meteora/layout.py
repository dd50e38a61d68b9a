"""Fixed little-endian records of the DLMM accounts: bytes to a struct of ours and back to the same bytes.

A field is a code of `struct` ("H", "8s", "16Q" for a tuple of sixteen), K for a key (32 bytes, base58 text), W for an
unsigned 128-bit integer, another layout, or a layout with a count. Every byte is a field, padding too, so that nothing
is lost on the way.
"""

import struct
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from solders.pubkey import Pubkey

from adapters.solana.tracked_pool import UnknownLayout

R = TypeVar("R")
_U128_BYTES = 16


class Layout(Generic[R]):
    """One record type; the fields are in the order of the struct's."""

    def __init__(self, kind: type[R], *fields: "str | Layout[Any] | tuple[Layout[Any], int]") -> None:
        self._kind = kind
        self._fields = tuple(
            part for field in fields for part in (field.split() if isinstance(field, str) else [field])
        )
        self.codes = " ".join(_codes(field) for field in self._fields)
        self._struct = struct.Struct("<" + self.codes)
        self.size = self._struct.size
        self._counts = tuple(_count(field) for field in self._fields)
        self.count = sum(self._counts)
        self._is_flat = all(isinstance(field, str) for field in self._fields) and self.count == len(self._fields)
        self._keys = tuple(at for at, field in enumerate(self._fields) if field == "K")
        self._wide = tuple(at for at, field in enumerate(self._fields) if field == "W")

    def read(self, data: bytes) -> R:
        """The record; the caller has checked the length."""
        return self.made(self._struct.unpack(data))

    def write(self, record: R) -> bytes:
        """The record's bytes."""
        return self._struct.pack(*self.values(record))

    def made(self, values: Sequence[Any]) -> R:
        """The record from its unpacked values, exactly as many as it has."""
        if self._is_flat:
            flat = list(values)
            for at in self._keys:
                flat[at] = str(Pubkey.from_bytes(flat[at]))
            for at in self._wide:
                flat[at] = int.from_bytes(flat[at], "little")
            return self._kind(*flat)
        found: list[Any] = []
        at = 0
        for field, count in zip(self._fields, self._counts, strict=True):
            found.append(_field(field, values[at : at + count]))
            at += count
        return self._kind(*found)

    def values(self, record: R) -> list[Any]:
        """The record's values as they are packed."""
        found: list[Any] = []
        names: tuple[str, ...] = self._kind.__struct_fields__  # type: ignore[attr-defined]
        for name, field, count in zip(names, self._fields, self._counts, strict=True):
            value = getattr(record, name)
            if isinstance(field, Layout):
                found += field.values(value)
            elif isinstance(field, tuple):
                for each in value:
                    found += field[0].values(each)
            elif count > 1:
                found += value
            elif field == "K":
                found.append(bytes(Pubkey.from_string(value)))
            else:
                found.append(value.to_bytes(_U128_BYTES, "little") if field == "W" else value)
        return found


class AccountLayout(Generic[R]):
    """A whole account: a discriminator, then one record."""

    def __init__(self, name: str, discriminator: str, record: Layout[R]) -> None:
        self._name = name
        self.discriminator = bytes.fromhex(discriminator)
        self._record = record
        self.length = len(self.discriminator) + record.size

    def decode(self, data: bytes) -> R:
        """Raises `UnknownLayout` for another discriminator or length."""
        if len(data) != self.length or not data.startswith(self.discriminator):
            raise UnknownLayout(
                f"expected a DLMM {self._name} of {self.length} bytes beginning {self.discriminator.hex()}, "
                f"found {len(data)} bytes beginning {data[:8].hex() or 'with nothing'}"
            )
        return self._record.read(data[len(self.discriminator) :])

    def encode(self, account: R) -> bytes:
        """The account's bytes."""
        return self.discriminator + self._record.write(account)


def _codes(field: Any) -> str:
    if isinstance(field, Layout):
        return field.codes
    if isinstance(field, tuple):
        return " ".join([field[0].codes] * field[1])
    return {"K": "32s", "W": "16s"}.get(field, str(field))


def _count(field: Any) -> int:
    if isinstance(field, Layout):
        return field.count
    if isinstance(field, tuple):
        return int(field[0].count * field[1])
    return int(field[:-1]) if len(field) > 1 and field[-1] != "s" else 1


def _field(field: Any, values: Sequence[Any]) -> Any:
    if isinstance(field, Layout):
        return field.made(values)
    if isinstance(field, tuple):
        layout = field[0]
        return tuple(layout.made(values[at : at + layout.count]) for at in range(0, len(values), layout.count))
    if field == "K":
        return str(Pubkey.from_bytes(values[0]))
    if field == "W":
        return int.from_bytes(values[0], "little")
    return values[0] if len(values) == 1 else tuple(values)

"""Borsh records of Anchor programs, declared once: a Struct whose annotations say how each field lies in the bytes.

Programs extend their accounts and events at the end. So a record knows how many of its fields must be there; what is
cut off after them takes the field's default, and zero bytes behind the last field are padding. Anything else that does
not fit is an `UnknownLayout`: hostile bytes never raise anything but that. Encoding gives back the bytes decoded.
"""

from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar, get_args, get_type_hints

from msgspec import Struct
from msgspec.structs import fields
from solders.pubkey import Pubkey

from adapters.solana.tracked_pool import UnknownLayout

TEXT_BYTES_MAX = 4_096  #: no field of these programs holds longer text (metadata links are capped at 200)
ITEMS_MAX = 256  #: of any list; the programs' own caps are far below
PADDING_BYTES_MAX = 16_384  #: zero bytes behind the last field

S = TypeVar("S", bound=Struct)


class _Cut(ValueError):
    """The bytes end inside a field."""


class _Wrong(ValueError):
    """The bytes cannot be this field."""


class Shape:
    """How one field lies in the bytes."""

    def read(self, data: bytes, at: int) -> tuple[Any, int]:
        """The value and where the next field starts. Raises `_Cut` or `_Wrong`."""
        raise NotImplementedError

    def write(self, value: Any) -> bytes:
        """The bytes of a value."""
        raise NotImplementedError


class _Number(Shape):
    def __init__(self, size: int, is_signed: bool = False) -> None:
        self._size, self._is_signed = size, is_signed

    def read(self, data: bytes, at: int) -> tuple[int, int]:
        end = at + self._size
        if end > len(data):
            raise _Cut(f"a number of {self._size} bytes")
        return int.from_bytes(data[at:end], "little", signed=self._is_signed), end

    def write(self, value: Any) -> bytes:
        return int(value).to_bytes(self._size, "little", signed=self._is_signed)


class _Flag(Shape):
    def read(self, data: bytes, at: int) -> tuple[bool, int]:
        if at >= len(data):
            raise _Cut("a flag")
        if data[at] > 1:
            raise _Wrong(f"expected 0 or 1 for a flag, found {data[at]}")
        return data[at] == 1, at + 1

    def write(self, value: Any) -> bytes:
        return b"\x01" if value else b"\x00"


class _Key(Shape):
    def read(self, data: bytes, at: int) -> tuple[str, int]:
        if at + 32 > len(data):
            raise _Cut("an address")
        return str(Pubkey(data[at : at + 32])), at + 32

    def write(self, value: Any) -> bytes:
        return bytes(Pubkey.from_string(value))


class _Text(Shape):
    def read(self, data: bytes, at: int) -> tuple[str, int]:
        if at + 4 > len(data):
            raise _Cut("the length of a text")
        end = at + 4 + int.from_bytes(data[at : at + 4], "little")
        if end - at - 4 > TEXT_BYTES_MAX:
            raise _Wrong(f"expected a text of at most {TEXT_BYTES_MAX} bytes, found {end - at - 4}")
        if end > len(data):
            raise _Cut("a text")
        return data[at + 4 : end].decode(), end

    def write(self, value: Any) -> bytes:
        raw = str(value).encode()
        return len(raw).to_bytes(4, "little") + raw


class Raw(Shape):
    """Bytes kept as they are: reserved space that may hold something one day."""

    def __init__(self, size: int) -> None:
        self._size = size

    def read(self, data: bytes, at: int) -> tuple[bytes, int]:
        if at + self._size > len(data):
            raise _Cut(f"{self._size} reserved bytes")
        return data[at : at + self._size], at + self._size

    def write(self, value: Any) -> bytes:
        return bytes(value).ljust(self._size, b"\x00")


class Nested(Shape):
    """A record within a record."""

    def __init__(self, kind: type[Struct]) -> None:
        self._kind, self._shapes = kind, shapes_of(kind)

    def read(self, data: bytes, at: int) -> tuple[Struct, int]:
        values = []
        for _, shape in self._shapes:
            value, at = shape.read(data, at)
            values.append(value)
        return self._kind(*values), at

    def write(self, value: Any) -> bytes:
        return b"".join(shape.write(getattr(value, name)) for name, shape in self._shapes)


class Many(Shape):
    """A fixed number of the same, or with `count` None a list with its length in front."""

    def __init__(self, item: Shape, count: int | None = None) -> None:
        self._item, self._count = item, count

    def read(self, data: bytes, at: int) -> tuple[tuple[Any, ...], int]:
        count = self._count
        if count is None:
            if at + 4 > len(data):
                raise _Cut("the length of a list")
            count, at = int.from_bytes(data[at : at + 4], "little"), at + 4
            if count > ITEMS_MAX:
                raise _Wrong(f"expected at most {ITEMS_MAX} items, found {count}")
        values = []
        for _ in range(count):
            value, at = self._item.read(data, at)
            values.append(value)
        return tuple(values), at

    def write(self, value: Any) -> bytes:
        head = len(value).to_bytes(4, "little") if self._count is None else b""
        return head + b"".join(self._item.write(each) for each in value)


KEY = _Key()
U8 = Annotated[int, _Number(1)]
U16 = Annotated[int, _Number(2)]
U64 = Annotated[int, _Number(8)]
U128 = Annotated[int, _Number(16)]
I64 = Annotated[int, _Number(8, is_signed=True)]
I128 = Annotated[int, _Number(16, is_signed=True)]
Flag = Annotated[bool, _Flag()]
Key = Annotated[str, KEY]  #: base58
Text = Annotated[str, _Text()]


def shapes_of(kind: type[Struct]) -> tuple[tuple[str, Shape], ...]:
    """Name and shape of each field, in order."""
    hints = get_type_hints(kind, include_extras=True)
    return tuple((name, get_args(hints[name])[1]) for name in kind.__struct_fields__)


class Record(Generic[S]):
    """One kind of account or event: its name, its first eight bytes, its fields."""

    def __init__(self, kind: type[S], name: str, discriminator: str, is_extensible: bool = False) -> None:
        """`is_extensible`: bytes behind the known fields are passed over, as for events, which grow often."""
        self.name = name
        self.discriminator = bytes.fromhex(discriminator)
        self._kind = kind
        self._shapes = shapes_of(kind)
        self._required = sum(field.required for field in fields(kind))
        self._is_extensible = is_extensible

    def decode(self, data: bytes) -> S:
        """The value in the bytes, discriminator included. Raises `UnknownLayout`."""
        if data[:8] != self.discriminator:
            expected = self.discriminator.hex()
            raise UnknownLayout(f"{self.name}: expected discriminator {expected}, found {data[:8].hex()}")
        values: list[Any] = []
        at = 8
        for name, shape in self._shapes:
            try:
                value, at = shape.read(data, at)
            except _Cut as cut:
                if len(values) < self._required or any(data[at:]):
                    raise UnknownLayout(f"{self.name}.{name}: {len(data)} bytes end within {cut}") from cut
                at = len(data)
                break
            except ValueError as wrong:
                raise UnknownLayout(f"{self.name}.{name} at byte {at}: {wrong}") from wrong
            values.append(value)
        rest = data[at:]
        if rest and not self._is_extensible and (len(rest) > PADDING_BYTES_MAX or any(rest)):
            raise UnknownLayout(f"{self.name}: {len(rest)} bytes behind the {at} known ones; a newer program?")
        return self._kind(*values)

    def encode(self, value: S, size: int | None = None) -> bytes:
        """The bytes of a value; `size` pads with zeros, or leaves out the fields that an older account lacks."""
        data = self.discriminator + b"".join(shape.write(getattr(value, name)) for name, shape in self._shapes)
        return data if size is None else data[:size].ljust(size, b"\x00")


def record_of(records: tuple[Record[Any], ...]) -> Callable[[bytes], Record[Any] | None]:
    """A lookup of the record whose discriminator the bytes start with."""
    table = {each.discriminator: each for each in records}
    return lambda data: table.get(data[:8])

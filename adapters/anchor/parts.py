"""Compiled types made of others: options, lists, arrays, records and enums."""

from collections.abc import Sequence
from typing import Any

from adapters.anchor.bad_idl import BadIdl
from adapters.anchor.node import Node, take
from adapters.anchor.scalars import LENGTH_BYTES
from adapters.solana.tracked_pool import UnknownLayout

COPTION_TAG_BYTES = 4


class Option(Node):
    """None, or a value: a byte 0 or 1 first. `is_c`: the token program's form, four bytes and room for the value."""

    __slots__ = ("_inner", "_is_c")

    def __init__(self, inner: Node, is_c: bool) -> None:
        if is_c and inner.size is None:
            raise BadIdl("coption: expected a type of fixed size inside, found one that varies")
        size = COPTION_TAG_BYTES + inner.size if is_c and inner.size is not None else None
        super().__init__(size=size, min_size=1 if size is None else size, align=1, weight=1)
        self._inner = inner
        self._is_c = is_c

    def read(self, data: bytes, at: int) -> tuple[Any, int]:
        tag_bytes = COPTION_TAG_BYTES if self._is_c else 1
        tag = int.from_bytes(take(data, at, tag_bytes), "little")
        if tag > 1:
            raise UnknownLayout(f"expected an option (0 or 1) at {at}, found {tag}")
        if tag:
            return self._inner.read(data, at + tag_bytes)
        end = at + (self.size or 1)
        take(data, at, end - at)
        return None, end

    def write(self, value: Any, out: bytearray) -> None:
        tag = int(value is not None)
        out += tag.to_bytes(COPTION_TAG_BYTES if self._is_c else 1, "little")
        if value is not None:
            self._inner.write(value, out)
        elif self._is_c:
            out += bytes(self._inner.min_size)


class Vector(Node):
    """A list after a u32 count."""

    __slots__ = ("_inner",)

    def __init__(self, inner: Node) -> None:
        if inner.min_size == 0:
            raise BadIdl("vec: expected items of at least one byte, found items of none: any count would fit")
        super().__init__(size=None, min_size=LENGTH_BYTES, align=1, weight=1)
        self._inner = inner

    def read(self, data: bytes, at: int) -> tuple[list[Any], int]:
        count = int.from_bytes(take(data, at, LENGTH_BYTES), "little")
        inner, end = self._inner, at + LENGTH_BYTES
        if count * inner.min_size > len(data) - end:
            raise UnknownLayout(f"expected {count} items at {at}, found {len(data) - end} bytes for them")
        values = []
        read = inner.read
        for _ in range(count):
            value, end = read(data, end)
            values.append(value)
        return values, end

    def write(self, value: Any, out: bytearray) -> None:
        if not isinstance(value, list | tuple):
            raise BadIdl(f"expected a list, found {value!r:.80}")
        out += len(value).to_bytes(LENGTH_BYTES, "little")
        for each in value:
            self._inner.write(each, out)


class Array(Node):
    """A fixed number of equal items."""

    __slots__ = ("_count", "_inner")

    def __init__(self, inner: Node, count: int) -> None:
        super().__init__(
            size=None if inner.size is None else inner.size * count,
            min_size=inner.min_size * count,
            align=inner.align,
            weight=1 + inner.weight * count,
            zero_size=inner.zero_size * count,
        )
        self._inner = inner
        self._count = count

    def item(self, index: int) -> tuple[int, Node] | None:
        """(bytes before the item, its type); None where there is no such item or its place varies."""
        if not 0 <= index < self._count or self._inner.size is None:
            return None
        return index * self._inner.size, self._inner

    def read(self, data: bytes, at: int) -> tuple[list[Any], int]:
        if self.min_size > len(data) - at:
            raise UnknownLayout(f"expected {self._count} items at {at}, found {max(0, len(data) - at)} bytes for them")
        values = []
        read = self._inner.read
        for _ in range(self._count):
            value, at = read(data, at)
            values.append(value)
        return values, at

    def write(self, value: Any, out: bytearray) -> None:
        if not isinstance(value, list | tuple) or len(value) != self._count:
            raise BadIdl(f"expected a list of {self._count}, found {value!r:.80}")
        for each in value:
            self._inner.write(each, out)


class Record(Node):
    """Fields in order: a dict by name, or a tuple where the IDL names none. Zero-copy records have aligned fields."""

    __slots__ = ("_fields", "_is_named", "_offsets", "_tail", "name")

    def __init__(
        self, name: str, fields: Sequence[tuple[str, Node]], *, is_named: bool = True, is_aligned: bool = False,
        is_packed: bool = False,
    ) -> None:  # fmt: skip
        at: int | None = 0
        align = 1
        placed: list[tuple[str, Node, int]] = []
        offsets: dict[str, tuple[int | None, Node]] = {}
        min_size = zero_size = 0
        for field, node in fields:
            step = node.align if is_aligned and not is_packed else 1
            align = max(align, step)
            gap = -at % step if at is not None else 0
            placed.append((field, node, gap))
            offsets[field] = (None if at is None else at + gap, node)
            min_size += gap + node.min_size
            zero_size += gap + node.zero_size
            at = None if at is None or node.size is None else at + gap + node.size
        self._tail = -at % align if at is not None else 0
        super().__init__(
            size=None if at is None else at + self._tail,
            min_size=min_size + self._tail,
            align=align,
            weight=1 + sum(node.weight for _, node in fields),
            zero_size=zero_size + self._tail,
        )
        self.name = name
        self._fields = tuple(placed)
        self._is_named = is_named
        self._offsets = offsets

    def field(self, name: str) -> tuple[int, Node] | None:
        """(bytes before the field, its type); None where there is no such field or its place varies."""
        found = self._offsets.get(name)
        return None if found is None or found[0] is None else (found[0], found[1])

    def read(self, data: bytes, at: int) -> tuple[Any, int]:
        if self.min_size > len(data) - at:
            found = max(0, len(data) - at)
            raise UnknownLayout(f"{self.name}: expected at least {self.min_size} bytes at {at}, found {found}")
        values: dict[str, Any] = {}
        for field, node, gap in self._fields:
            values[field], at = node.read(data, at + gap)
        return values if self._is_named else tuple(values.values()), at + self._tail

    def write(self, value: Any, out: bytearray) -> None:
        if not self._is_named and isinstance(value, list | tuple) and len(value) == len(self._fields):
            value = dict(zip(self._offsets, value, strict=True))
        if not isinstance(value, dict) or value.keys() != self._offsets.keys():
            wanted = ", ".join(self._offsets) if self._is_named else f"{len(self._fields)} values"
            raise BadIdl(f"{self.name}: expected {wanted:.200}, found {value!r:.120}")
        for field, node, gap in self._fields:
            out += bytes(gap)
            node.write(value[field], out)
        out += bytes(self._tail)


class Enum(Node):
    """A byte that picks a variant: its name, or {name: fields} where it has fields."""

    __slots__ = ("_variants", "name")

    def __init__(self, name: str, variants: Sequence[tuple[str, Record | None]]) -> None:
        is_plain = all(payload is None for _, payload in variants)
        smallest = min((0 if payload is None else payload.min_size for _, payload in variants), default=0)
        first = variants[0][1]
        zero_size = 1 if first is None else 1 + first.zero_size
        super().__init__(size=1 if is_plain else None, min_size=1 + smallest, align=1, weight=1, zero_size=zero_size)
        self.name = name
        self._variants = tuple(variants)

    def read(self, data: bytes, at: int) -> tuple[Any, int]:
        tag = take(data, at, 1)[0]
        if tag >= len(self._variants):
            raise UnknownLayout(f"{self.name}: expected a variant below {len(self._variants)} at {at}, found {tag}")
        variant, payload = self._variants[tag]
        if payload is None:
            return variant, at + 1
        value, at = payload.read(data, at + 1)
        return {variant: value}, at

    def write(self, value: Any, out: bytearray) -> None:
        wanted, fields = value, None
        if isinstance(value, dict) and len(value) == 1:
            ((wanted, fields),) = value.items()
        for tag, (variant, payload) in enumerate(self._variants):
            if variant == wanted and (payload is None) == (not isinstance(value, dict)):
                out.append(tag)
                if payload is not None:
                    payload.write(fields, out)
                return
        known = ", ".join(variant for variant, _ in self._variants)
        raise BadIdl(f"{self.name}: expected one of {known:.200}, found {value!r:.120}")

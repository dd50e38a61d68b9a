"""Turns the types of an IDL into nodes that read and write: borsh, or zero-copy (`repr(C)`, as the chain aligns).

How an account lies in memory is a property of its own type: below a zero-copy type everything is zero-copy, and a
zero-copy type inside an event is plain borsh. Limits keep hostile files small: depth, number of nodes, bytes.
"""

from typing import Any

from msgspec import Struct

from adapters.anchor.bad_idl import BadIdl
from adapters.anchor.idl import ENTRIES_MAX, TypeShape, name_of
from adapters.anchor.node import Node
from adapters.anchor.parts import Array, Enum, Option, Record, Vector
from adapters.anchor.scalars import INTEGER_BYTES, Bool, ByteString, Float, Integer, Key, Text

DEPTH_MAX = 64  #: types within types; real programs stay below ten
NODES_MAX = 100_000  #: compiled for one IDL; Drift's whole IDL makes about 6,000
BYTES_MAX = 10 << 20  #: no account is larger
SCALARS: dict[str, Node] = {
    **{sign + bits: Integer(sign + bits) for sign in "ui" for bits in INTEGER_BYTES},
    "f32": Float("f32"),
    "f64": Float("f64"),
    "bool": Bool(),
    "pubkey": Key(),
    "publicKey": Key(),
}
VARYING: dict[str, Node] = {"string": Text(), "bytes": ByteString(None)}
Scope = dict[str, "Node | int"]  #: what the generic parameters stand for


class _Use(Struct, frozen=True):
    """Where an expression stands: its layout and depth, and what the generics around it mean."""

    is_aligned: bool
    depth: int = 0
    scope: Scope = {}

    def deeper(self) -> "_Use":
        if self.depth >= DEPTH_MAX:
            raise BadIdl(f"expected types at most {DEPTH_MAX} deep, found deeper ones: a type contains itself")
        return _Use(self.is_aligned, self.depth + 1, self.scope)


class Compiler:
    """The types of one IDL, compiled when asked for."""

    def __init__(self, types: dict[str, TypeShape]) -> None:
        self._types = types
        self._done: dict[tuple[str, bool], Node] = {}
        self._nodes_left = NODES_MAX

    def account(self, name: str) -> Node:
        """The type of an account, in the layout that its type states. Raises `BadIdl`."""
        shape = self._types.get(name)
        if shape is None:
            raise BadIdl(f"expected a type for the account {name!r:.80}, found none in the IDL")
        return self._named(name, (), _Use(is_aligned=shape.is_zero_copy))

    def event(self, name: str) -> Node:
        """The type of an event: always borsh. Raises `BadIdl`."""
        return self._named(name, (), _Use(is_aligned=False))

    def arguments(self, name: str, args: list[Any]) -> Record:
        """The arguments of an instruction, as one record. Raises `BadIdl`."""
        return self._record(name, args, _Use(is_aligned=False), is_packed=False)

    def _compile(self, raw: Any, use: _Use) -> Node:
        self._nodes_left -= 1
        if self._nodes_left < 0:
            raise BadIdl(f"expected an IDL of at most {NODES_MAX} parts, found more")
        if isinstance(raw, str):
            return self._word(raw, use)
        if not isinstance(raw, dict) or len(raw) != 1:
            raise BadIdl(f"expected a type, found {raw!r:.120}")
        ((kind, inner),) = raw.items()
        within = use.deeper()
        match kind:
            case "defined":
                name = inner if isinstance(inner, str) else name_of(inner, "defined")
                generics = inner.get("generics") or [] if isinstance(inner, dict) else []
                return self._named(name, generics, within)
            case "definedWithTypeArgs":
                return self._named(name_of(inner, kind), inner.get("args") or [], within)
            case "generic":
                found = use.scope.get(inner) if isinstance(inner, str) else None
                if isinstance(found, Node):
                    return found
                raise BadIdl(f"expected a generic type, found {inner!r:.80}, which stands for none")
            case "array" | "genericLenArray":
                return self._array(inner, within)
            case "tuple":
                return self._record("tuple", inner, within, is_packed=False)
        if use.is_aligned:
            raise BadIdl(f"zero-copy: expected a type of fixed size, found {kind!r:.80}")
        match kind:
            case "option" | "coption":
                return Option(self._compile(inner, within), is_c=kind == "coption")
            case "vec":
                return ByteString(None) if inner == "u8" else Vector(self._compile(inner, within))
        raise BadIdl(f"expected a type that we know, found {kind!r:.80}")

    def _word(self, word: str, use: _Use) -> Node:
        found = SCALARS.get(word)
        if found is None and not use.is_aligned:
            found = VARYING.get(word)
        if found is None:
            raise BadIdl(f"expected a type that we know{' (zero-copy)' * use.is_aligned}, found {word!r:.80}")
        return found

    def _array(self, raw: Any, use: _Use) -> Node:
        if not isinstance(raw, list) or len(raw) != 2:
            raise BadIdl(f"array: expected [type, length], found {raw!r:.120}")
        item, length = raw
        if isinstance(length, dict) and len(length) == 1:
            length = next(iter(length.values()))
        count = use.scope.get(length) if isinstance(length, str) else length
        if type(count) is not int or not 0 <= count <= BYTES_MAX:
            raise BadIdl(f"array: expected a length from 0 to {BYTES_MAX}, found {raw[1]!r:.80}")
        if item == "u8":
            return ByteString(count)
        return _bounded(Array(self._compile(item, use), count))

    def _named(self, name: str, generics: Any, use: _Use) -> Node:
        shape = self._types.get(name)
        if shape is None:
            raise BadIdl(f"expected a type of the IDL, found {name!r:.80}, which it does not define")
        key = (name, use.is_aligned)
        done = self._done.get(key)
        if done is not None:
            return done
        inside = _Use(use.is_aligned, use.depth, self._scope(shape, generics, use)).deeper()
        node = self._body(shape, inside)
        if not shape.generics:
            self._done[key] = node
        return node

    def _scope(self, shape: TypeShape, given: Any, use: _Use) -> Scope:
        if not isinstance(given, list | tuple) or len(given) != len(shape.generics):
            raise BadIdl(f"{shape.name}: expected {len(shape.generics)} generic arguments, found {given!r:.120}")
        return {name: self._argument(each, use) for name, each in zip(shape.generics, given, strict=True)}

    def _argument(self, raw: Any, use: _Use) -> Node | int:
        if isinstance(raw, dict) and "type" in raw:
            return self._compile(raw["type"], use)
        if isinstance(raw, dict) and "value" in raw:
            value = raw["value"]
            bound = use.scope.get(value) if isinstance(value, str) else value
            if isinstance(bound, int) and not isinstance(bound, bool):
                return bound
            if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(BYTES_MAX)):
                return int(value)
        raise BadIdl(f"expected a generic argument (a type or a number), found {raw!r:.120}")

    def _body(self, shape: TypeShape, use: _Use) -> Node:
        body = shape.body
        match body.get("kind"):
            case "struct":
                return self._record(shape.name, body.get("fields") or [], use, is_packed=shape.is_packed)
            case "enum":
                return self._enum(shape.name, body.get("variants"), use)
            case "type" | "alias":
                return self._compile(body.get("alias") or body.get("value"), use)
        raise BadIdl(f"{shape.name}: expected a struct, enum or alias, found {body.get('kind')!r:.80}")

    def _record(self, name: str, raw: Any, use: _Use, *, is_packed: bool) -> Record:
        if not isinstance(raw, list) or len(raw) > ENTRIES_MAX:
            raise BadIdl(f"{name}: expected at most {ENTRIES_MAX} fields, found {raw!r:.80}")
        is_named = all(isinstance(each, dict) and "name" in each for each in raw)
        fields: list[tuple[str, Node]] = []
        for number, each in enumerate(raw):
            field = name_of(each, name) if is_named else str(number)
            try:
                fields.append((field, self._compile(each.get("type") if is_named else each, use)))
            except BadIdl as error:
                if use.depth > 1:
                    raise  # the outermost record names the place
                raise BadIdl(f"{name}.{field}: {error}") from error
        if len({field for field, _ in fields}) != len(fields):
            raise BadIdl(f"{name}: expected field names that differ, found one twice")
        record = Record(name, fields, is_named=is_named, is_aligned=use.is_aligned, is_packed=is_packed)
        _bounded(record)
        return record

    def _enum(self, name: str, raw: Any, use: _Use) -> Node:
        if not isinstance(raw, list) or not 0 < len(raw) <= 256:
            raise BadIdl(f"{name}: expected 1 to 256 variants, found {raw!r:.80}")
        variants: list[tuple[str, Record | None]] = []
        for each in raw:
            variant = name_of(each, name)
            fields = each.get("fields")
            if fields and use.is_aligned:
                raise BadIdl(f"{name}: zero-copy: expected variants without fields, found {variant!r:.80} with some")
            payload = self._record(f"{name}::{variant}", fields, use, is_packed=False) if fields else None
            variants.append((variant, payload))
        if len({variant for variant, _ in variants}) != len(variants):
            raise BadIdl(f"{name}: expected variants that differ, found one twice")
        return Enum(name, variants)


def _bounded(node: Node) -> Node:
    if node.min_size > BYTES_MAX:
        raise BadIdl(f"expected a type of at most {BYTES_MAX} bytes, found one of {node.min_size}")
    return node

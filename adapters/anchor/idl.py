"""An Anchor IDL file as read, of either generation: up to 0.29 (types inside accounts, camel case) and 0.30 to 1.0.

Each entry is read by what it holds, not by a version number, so that files of mixed habits work. Nothing is compiled
here: a type that nobody asks for may be one we cannot read. Hostile files raise `BadIdl` and nothing else.
"""

from collections.abc import Iterable
from typing import Any, Literal

import msgspec
from msgspec import Struct

from adapters.anchor.bad_idl import BadIdl
from adapters.anchor.discriminator import discriminator

TEXT_BYTES_MAX = 8 << 20  #: the largest IDL known (Drift's) is under 0.6 MB
ENTRIES_MAX = 4_096  #: of one kind: accounts, instructions, events, types, or fields of one of them
NAME_CHARS_MAX = 128
DISCRIMINATOR_BYTES_MAX = 32  #: eight by default; programs may choose others since 0.31
ACCOUNT_GROUP_DEPTH_MAX = 8


class AccountRole(Struct, frozen=True):
    """An account that an instruction takes, in its place."""

    name: str
    is_writable: bool
    is_signer: bool
    is_optional: bool
    address: str = ""  #: where it is always the same


class InstructionShape(Struct, frozen=True):
    """An instruction's mark, accounts in order, and arguments as the IDL has them."""

    name: str
    mark: bytes
    accounts: tuple[AccountRole, ...]
    args: list[Any]


class TypeShape(Struct, frozen=True):
    """A named type: its body as the IDL has it, its generic parameters, and how accounts of it lie in memory."""

    name: str
    body: dict[str, Any]
    generics: tuple[str, ...] = ()
    is_zero_copy: bool = False
    is_packed: bool = False


class Idl(Struct, frozen=True):
    """One program's interface."""

    address: str
    name: str
    version: str
    accounts: dict[str, bytes]  #: name -> mark; its type has the same name
    instructions: dict[str, InstructionShape]
    events: dict[str, bytes]  #: name -> mark; its type has the same name
    types: dict[str, TypeShape]

    @classmethod
    def parse(cls, text: bytes | str) -> "Idl":
        """Read an IDL file. Raises `BadIdl`."""
        if len(text) > TEXT_BYTES_MAX:
            raise BadIdl(f"expected an IDL of at most {TEXT_BYTES_MAX} bytes, found {len(text)}")
        try:
            raw = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            raise BadIdl(f"expected an IDL as JSON, found what does not parse: {error}") from error
        top = _object(raw, "IDL")
        metadata = _object(top.get("metadata") or {}, "metadata")
        types = {shape.name: shape for each in _entries(top, "types") for shape in [_type_shape(each)]}
        return cls(
            address=str(top.get("address") or metadata.get("address") or ""),
            name=str(top.get("name") or metadata.get("name") or ""),
            version=str(top.get("version") or metadata.get("version") or ""),
            accounts=_marks(_entries(top, "accounts"), "account", types),
            instructions={
                shape.name: shape for each in _entries(top, "instructions") for shape in [_instruction(each)]
            },
            events=_marks(_entries(top, "events"), "event", types),
            types=types,
        )


def _object(raw: Any, place: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise BadIdl(f"{place}: expected an object, found {type(raw).__name__}")
    return raw


def _list(raw: Any, place: str) -> list[Any]:
    if not isinstance(raw, list) or len(raw) > ENTRIES_MAX:
        raise BadIdl(f"{place}: expected a list of at most {ENTRIES_MAX}, found {type(raw).__name__} of other size")
    return raw


def _entries(top: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    found = [_object(each, kind) for each in _list(top.get(kind) or [], kind)]
    names = [name_of(each, kind) for each in found]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BadIdl(f"{kind}: expected names that differ, found {twice!r} twice")
    return found


def name_of(entry: Any, place: str) -> str:
    """The name of an entry. Raises `BadIdl` where it has none that is usable."""
    name = _object(entry, place).get("name")
    if not isinstance(name, str) or not 0 < len(name) <= NAME_CHARS_MAX:
        raise BadIdl(f"{place}: expected a name of at most {NAME_CHARS_MAX} letters, found {name!r:.80}")
    return name


def _mark(entry: dict[str, Any], space: Literal["account", "event", "global"], name: str) -> bytes:
    stated = entry.get("discriminator")
    if stated is None:
        return discriminator(space, name)
    is_bytes = isinstance(stated, list) and all(type(each) is int and 0 <= each <= 255 for each in stated)
    if not is_bytes or not 0 < len(stated) <= DISCRIMINATOR_BYTES_MAX:
        raise BadIdl(f"{name}: expected a discriminator of 1 to {DISCRIMINATOR_BYTES_MAX} bytes, found {stated!r:.80}")
    return bytes(stated)


def _marks(
    entries: Iterable[dict[str, Any]], space: Literal["account", "event"], types: dict[str, TypeShape]
) -> dict[str, bytes]:
    """Names and marks; bodies that stand in the entry itself (old IDLs) join the types."""
    marks: dict[str, bytes] = {}
    for entry in entries:
        name = name_of(entry, space)
        marks[name] = _mark(entry, space, name)
        if "type" in entry or ("fields" in entry and name not in types):
            body = entry.get("type") or {"kind": "struct", "fields": entry["fields"]}
            types[name] = _type_shape({**entry, "type": body})
    return marks


def _type_shape(entry: dict[str, Any]) -> TypeShape:
    name = name_of(entry, "types")
    layout = entry.get("repr") or {}
    if isinstance(layout, str):
        layout = {"kind": layout}
    generics = _list(entry.get("generics") or [], name)
    return TypeShape(
        name=name,
        body=_object(entry.get("type"), name),
        generics=tuple(each if isinstance(each, str) else name_of(each, name) for each in generics),
        is_zero_copy=str(entry.get("serialization") or "").startswith("bytemuck"),
        is_packed=bool(_object(layout, name).get("packed")),
    )


def _instruction(entry: dict[str, Any]) -> InstructionShape:
    name = name_of(entry, "instructions")
    args = _list(entry.get("args") or [], name)
    return InstructionShape(
        name=name,
        mark=_mark(entry, "global", name),
        accounts=tuple(_roles(_list(entry.get("accounts") or [], name), name, 0)),
        args=args,
    )


def _roles(entries: list[Any], place: str, depth: int) -> Iterable[AccountRole]:
    if depth > ACCOUNT_GROUP_DEPTH_MAX:
        raise BadIdl(f"{place}: expected groups of accounts at most {ACCOUNT_GROUP_DEPTH_MAX} deep, found deeper ones")
    for entry in entries:
        name = name_of(entry, place)
        if "accounts" in entry:
            yield from _roles(_list(entry["accounts"], place), place, depth + 1)
            continue
        yield AccountRole(
            name=name,
            is_writable=bool(entry.get("writable") or entry.get("isMut")),
            is_signer=bool(entry.get("signer") or entry.get("isSigner")),
            is_optional=bool(entry.get("optional") or entry.get("isOptional")),
            address=str(entry.get("address") or ""),
        )

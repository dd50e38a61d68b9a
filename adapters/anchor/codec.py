"""Reads and writes the accounts, events and instructions of one Anchor program by its IDL.

Values are plain: ints, floats, bools, text, bytes (`[u8; n]`, `vec<u8>`, `bytes`), base58 text for keys, lists, dicts
by field name, None, and for enums the variant's name or {name: fields}. Names stay as the IDL has them.
Bytes that do not fit raise `UnknownLayout`; a bad IDL or value raises `BadIdl`.
"""

import binascii
from collections.abc import Iterable, Mapping
from typing import Any

from adapters.anchor.bad_idl import BadIdl
from adapters.anchor.compiler import BYTES_MAX, Compiler
from adapters.anchor.discriminator import EVENT_CPI_TAG
from adapters.anchor.idl import Idl, InstructionShape
from adapters.anchor.node import Node
from adapters.anchor.parts import Array, Record
from adapters.solana.tracked_pool import UnknownLayout

LOG_PREFIX = "Program data: "
LOG_CHARS_MAX = 1 << 20  #: the chain cuts a transaction's logs at 10 kB


class Codec:
    """One program's codec. Types are compiled at first use and kept."""

    def __init__(self, idl: Idl) -> None:
        self.idl = idl
        self._compiler = Compiler(idl.types)
        self._accounts: dict[str, Node] = {}
        self._events: dict[str, Node] = {}
        self._arguments: dict[str, Record] = {}
        self._account_marks = _longest_first((mark, name) for name, mark in idl.accounts.items())
        self._event_marks = _longest_first((mark, name) for name, mark in idl.events.items())
        self._instruction_marks = _longest_first((each.mark, name) for name, each in idl.instructions.items())

    @classmethod
    def parse(cls, text: bytes | str) -> "Codec":
        """A codec from the text of an IDL file. Raises `BadIdl`."""
        return cls(Idl.parse(text))

    # accounts ---------------------------------------------------------------------------------------------------

    def account_name(self, data: bytes) -> str:
        """The account whose mark the data starts with, "" for none. Programs share marks: check the owner too."""
        return next((name for mark, name in self._account_marks if data.startswith(mark)), "")

    def decode_account(self, name: str, data: bytes, *, is_short_allowed: bool = False) -> dict[str, Any]:
        """All fields. Bytes after the last field are padding. `is_short_allowed`: an account from before later fields
        were added reads them as zero. Raises `UnknownLayout`, and `BadIdl` for a name the IDL lacks."""
        mark, node = self._account(name)
        body = _body(name, mark, data)
        value: dict[str, Any] = node.read(_filled(body, node) if is_short_allowed else body, 0)[0]
        return value

    def encode_account(self, name: str, fields: Mapping[str, Any]) -> bytes:
        """The bytes of an account: its mark and all fields. Raises `BadIdl`."""
        mark, node = self._account(name)
        out = bytearray(mark)
        node.write(fields, out)
        return bytes(out)

    def account_size(self, name: str) -> int | None:
        """Bytes with the mark; None where it varies."""
        mark, node = self._account(name)
        return None if node.size is None else len(mark) + node.size

    def offset(self, name: str, path: str) -> int:
        """Where a field starts, the mark counted: "market_stats.funding_period", "perp_positions.2.market_index".

        Raises `BadIdl` where there is no such field, or something before it varies in size.
        """
        return self._place(name, path)[0]

    def read_fields(self, name: str, data: bytes, paths: Iterable[str]) -> tuple[Any, ...]:
        """A few fields of an account, without reading the rest. Raises as `decode_account` and `offset` do."""
        mark, _ = self._account(name)
        _body(name, mark, data)
        return tuple(node.read(data, at)[0] for at, node in (self._place(name, path) for path in paths))

    def _account(self, name: str) -> tuple[bytes, Node]:
        mark = self.idl.accounts.get(name)
        if mark is None:
            raise BadIdl(f"expected an account of the IDL of {self.idl.name or 'the program'}, found {name!r:.80}")
        node = self._accounts.get(name)
        if node is None:
            node = self._accounts[name] = self._compiler.account(name)
        return mark, node

    def _place(self, name: str, path: str) -> tuple[int, Node]:
        mark, node = self._account(name)
        at = len(mark)
        for step in path.split("."):
            found = None
            if isinstance(node, Record):
                found = node.field(step)
            elif isinstance(node, Array) and step.isascii() and step.isdigit() and len(step) < 9:
                found = node.item(int(step))
            if found is None:
                raise BadIdl(f"{name}: expected a field at a fixed place, found none at {step!r:.80} of {path!r:.120}")
            at, node = at + found[0], found[1]
        return at, node

    # events -----------------------------------------------------------------------------------------------------

    def decode_event(self, data: bytes, *, is_short_allowed: bool = False) -> tuple[str, dict[str, Any]] | None:
        """(name, fields) of an event's bytes, with or without the tag of a self-call; None where no event of this IDL
        starts so. Raises `UnknownLayout` for an event that does not fit."""
        data = data.removeprefix(EVENT_CPI_TAG)
        for mark, name in self._event_marks:
            if data.startswith(mark):
                node = self._events.get(name)
                if node is None:
                    node = self._events[name] = self._compiler.event(name)
                body = _body(name, mark, data)
                return name, node.read(_filled(body, node) if is_short_allowed else body, 0)[0]
        return None

    def decode_event_log(self, line: str) -> tuple[str, dict[str, Any]] | None:
        """The same from a log line ("Program data: " and base64); None for any other line. Logs may be cut: an event
        that was cut raises `UnknownLayout`."""
        if not line.startswith(LOG_PREFIX) or len(line) > LOG_CHARS_MAX:
            return None
        try:
            data = binascii.a2b_base64(line[len(LOG_PREFIX) :].strip())
        except (binascii.Error, ValueError):
            return None
        return self.decode_event(data)

    # instructions -----------------------------------------------------------------------------------------------

    def instruction(self, name: str) -> InstructionShape:
        """Accounts in order, and the mark. Raises `BadIdl` for a name the IDL lacks."""
        shape = self.idl.instructions.get(name)
        if shape is None:
            raise BadIdl(f"expected an instruction of the IDL of {self.idl.name or 'the program'}, found {name!r:.80}")
        return shape

    def encode_instruction(self, name: str, arguments: Mapping[str, Any]) -> bytes:
        """An instruction's data: its mark and all arguments. Raises `BadIdl`."""
        out = bytearray(self.instruction(name).mark)
        self._args(name).write(arguments, out)
        return bytes(out)

    def decode_instruction(self, data: bytes) -> tuple[str, dict[str, Any]] | None:
        """(name, arguments) of an instruction's data; None where no instruction of this IDL starts so."""
        for mark, name in self._instruction_marks:
            if data.startswith(mark):
                value: dict[str, Any] = self._args(name).read(_body(name, mark, data), 0)[0]
                return name, value
        return None

    def _args(self, name: str) -> Record:
        found = self._arguments.get(name)
        if found is None:
            shape = self.instruction(name)
            found = self._arguments[name] = self._compiler.arguments(name, shape.args)
        return found


def _longest_first(marks: Iterable[tuple[bytes, str]]) -> tuple[tuple[bytes, str], ...]:
    return tuple(sorted(marks, key=lambda each: (-len(each[0]), each)))


def _body(name: str, mark: bytes, data: bytes) -> bytes:
    if not data.startswith(mark):
        raise UnknownLayout(f"{name}: expected bytes that start with {mark.hex()}, found {data[: len(mark)].hex()}")
    if len(data) > BYTES_MAX + len(mark):
        raise UnknownLayout(f"{name}: expected at most {BYTES_MAX} bytes, found {len(data)}")
    return data[len(mark) :]


def _filled(body: bytes, node: Node) -> bytes:
    """Zeros behind, for every field that may be missing."""
    return body + bytes(min(node.zero_size, BYTES_MAX))

"""IDL files and bytes by somebody who means harm: typed errors, in little time, and nothing else."""

import json
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.anchor import BadIdl, Codec, discriminator
from adapters.solana.tracked_pool import UnknownLayout
from tests.adapters.anchor.grown_idl import programs
from tests.adapters.anchor.test_codec import FIELDS, idl

QUICK_S = 2.0  #: far above what any of these takes; an unbounded one takes hours


def _nested(depth: int) -> Any:
    kind: Any = "u8"
    for _ in range(depth):
        kind = {"option": kind}
    return kind


def _tower(height: int, leaf: list[Any]) -> list[dict[str, Any]]:
    """Each type holds the one below twice: 2^height leaves."""
    types = [{"name": "Thing", "type": {"kind": "struct", "fields": [_use("x", "L0")]}}]
    for level in range(height):
        below = f"L{level + 1}"
        types.append({"name": f"L{level}", "type": {"kind": "struct", "fields": [_use("a", below), _use("b", below)]}})
    return [*types, {"name": f"L{height}", "type": {"kind": "struct", "fields": leaf}}]


def _use(name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "type": {"defined": {"name": kind}}}


def _growing_generic() -> list[dict[str, Any]]:
    wrapped = {"name": "G", "generics": [{"kind": "type", "type": {"option": {"generic": "T"}}}]}
    body = {"kind": "struct", "fields": [{"name": "x", "type": {"defined": wrapped}}]}
    start = {"name": "G", "generics": [{"kind": "type", "type": "u8"}]}
    return [
        {"name": "Thing", "type": {"kind": "struct", "fields": [{"name": "x", "type": {"defined": start}}]}},
        {"name": "G", "generics": [{"kind": "type", "name": "T"}], "type": body},
    ]


def _doubling_generics(height: int) -> list[dict[str, Any]]:
    def of(level: int, argument: Any) -> dict[str, Any]:
        return {"defined": {"name": f"G{level}", "generics": [{"kind": "type", "type": argument}]}}

    types: list[dict[str, Any]] = [
        {"name": "Thing", "type": {"kind": "struct", "fields": [{"name": "x", "type": of(0, "u8")}]}},
        {"name": f"G{height}", "generics": ["T"], "type": {"kind": "struct", "fields": []}},
    ]
    for level in range(height):
        fields = [{"name": name, "type": of(level + 1, {"generic": "T"})} for name in ("a", "b")]
        types.append({"name": f"G{level}", "generics": ["T"], "type": {"kind": "struct", "fields": fields}})
    return types


def _types(types: list[dict[str, Any]]) -> dict[str, Any]:
    return {"types": types, "accounts": [{"name": "Thing"}]}


HOSTILE = {
    "contains itself": _types([{"name": "Thing", "type": {"kind": "struct", "fields": [_use("x", "Thing")]}}]),
    "contains itself in a list": idl([{"name": "x", "type": {"vec": {"defined": {"name": "Thing"}}}}]),
    "deep": idl([{"name": "x", "type": _nested(200)}]),
    "exponential and empty": _types(_tower(40, [])),
    "exponential and full": _types(_tower(40, [{"name": "v", "type": "u64"}])),
    "a generic that grows": _types(_growing_generic()),
    "generics that double": _types(_doubling_generics(40)),
    "a list of nothing": idl([{"name": "x", "type": {"vec": {"array": ["u64", 0]}}}]),
    "an array of nothing": idl([{"name": "x", "type": {"array": [{"array": ["u64", 0]}, 1_000_000]}}]),
    "a giant array": idl([{"name": "x", "type": {"array": [{"array": ["u64", 1_000_000]}, 1_000_000]}}]),
    "a negative array": idl([{"name": "x", "type": {"array": ["u64", -1]}}]),
    "a boolean array length": idl([{"name": "x", "type": {"array": ["u64", True]}}]),
    "an unknown word": idl([{"name": "x", "type": "u512"}]),
    "an unknown kind": idl([{"name": "x", "type": {"hashMap": ["u8", "u8"]}}]),
    "an undefined type": idl([_use("x", "Missing")]),
    "no type at all": idl([{"name": "x"}]),
    "equal fields": idl([{"name": "x", "type": "u8"}, {"name": "x", "type": "u8"}]),
    "varying zero-copy": idl([{"name": "x", "type": "string"}], serialization="bytemuck"),
    "optional zero-copy": idl([{"name": "x", "type": {"option": "u8"}}], serialization="bytemuck"),
    "an empty enum": _types([{"name": "Thing", "type": {"kind": "enum", "variants": []}}]),
    "a body of no kind": _types([{"name": "Thing", "type": {"kind": "union"}}]),
    "an account without a type": {"accounts": [{"name": "Thing"}]},
    "a giant name": {"accounts": [{"name": "T" * 1000}]},
    "a long mark": {"accounts": [{"name": "Thing", "discriminator": [0] * 1000}]},
    "a mark of no bytes": {"accounts": [{"name": "Thing", "discriminator": []}]},
    "a mark of no numbers": {"accounts": [{"name": "Thing", "discriminator": ["a"]}]},
    "accounts of no kind": {"accounts": {"Thing": 1}},
    "equal accounts": {"accounts": [{"name": "Thing"}, {"name": "Thing"}]},
    "a list": [],
    "metadata of no kind": {"metadata": 5},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_idl_is_refused_in_little_time(name: str) -> None:
    text, start_s = json.dumps(HOSTILE[name]), process_time()
    with pytest.raises(BadIdl):
        Codec.parse(text).decode_account("Thing", discriminator("account", "Thing") + bytes(1_000))
    assert process_time() - start_s < QUICK_S


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, b"\xff\xfe", "null", '"x"', '{"types": [1]}', '{"name": {}}'])
def test_text_that_is_no_idl_is_refused_or_empty(text: str | bytes) -> None:
    try:
        own = Codec.parse(text)
    except BadIdl:
        return
    assert (own.idl.accounts, own.idl.types) == ({}, {})


def test_a_good_part_of_a_bad_idl_can_be_used() -> None:
    raw = idl(FIELDS)
    raw["types"].append({"name": "Other", "type": {"kind": "struct", "fields": [{"name": "x", "type": "u512"}]}})
    assert Codec.parse(json.dumps(raw)).account_size("Thing") == 48


@settings(max_examples=30, deadline=None)
@given(programs(), st.binary(max_size=200))
def test_any_bytes_give_a_value_that_writes_itself_or_unknown_layout(program: Any, data: bytes) -> None:
    own = Codec.parse(json.dumps(program[1]))
    try:
        value = own.decode_account("Thing", discriminator("account", "Thing") + data)
    except UnknownLayout:
        return
    again = own.encode_account("Thing", value)
    assert own.decode_account("Thing", again) == value


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(programs(), st.data())
def test_a_good_idl_with_a_part_exchanged_raises_typed_errors_alone(program: Any, data: st.DataObject) -> None:
    text = json.dumps(program[1])
    at = data.draw(st.integers(0, len(text) - 1))
    length = data.draw(st.integers(0, 12))
    put = data.draw(st.sampled_from(['"', "}", "[", "u8", "-1", "null", '{"vec":', "defined", "99999999", "array", ""]))
    try:
        own = Codec.parse(text[:at] + put + text[at + length :])
        own.decode_account("Thing", discriminator("account", "Thing") + bytes(400))
        own.encode_account("Thing", program[2])
        own.decode_instruction(discriminator("global", "do_thing") + bytes(100))
    except (BadIdl, UnknownLayout):
        return

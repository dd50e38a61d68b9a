"""The codec on small IDLs of both generations: layouts, marks, short accounts, logs."""

import base64
import json
from typing import Any

import pytest

from adapters.anchor import BadIdl, Codec, discriminator
from adapters.solana.tracked_pool import UnknownLayout

KEY = "vELoC1audYbSYVRXn1vPaV8Axoa9oU6BYmNGZZBDZ1P"
FIELDS = [
    {"name": "flag", "type": "u8"},
    {"name": "big", "type": "u64"},
    {"name": "small", "type": "u16"},
    {"name": "three", "type": {"array": ["u32", 3]}},
    {"name": "huge", "type": "u128"},
    {"name": "tail", "type": "u8"},
]


def idl(fields: list[Any], **packing: Any) -> dict[str, Any]:
    types = [{"name": "Thing", "type": {"kind": "struct", "fields": fields}, **packing}]
    return {"metadata": {"name": "small"}, "types": types, "accounts": [{"name": "Thing"}]}


def codec(fields: list[Any], **packing: Any) -> Codec:
    return Codec.parse(json.dumps(idl(fields, **packing)))


def test_borsh_fields_follow_each_other_without_gaps() -> None:
    own = codec(FIELDS)
    assert [own.offset("Thing", each["name"]) for each in FIELDS] == [8, 9, 17, 19, 31, 47]
    assert own.account_size("Thing") == 48


def test_zero_copy_fields_are_aligned_as_the_chain_aligns_them() -> None:
    own = codec(FIELDS, serialization="bytemuckunsafe", repr={"kind": "c"})
    assert [own.offset("Thing", each["name"]) - 8 for each in FIELDS] == [0, 8, 16, 20, 32, 48]
    assert own.account_size("Thing") == 8 + 56
    assert own.offset("Thing", "three.2") == 8 + 28


def test_packed_zero_copy_fields_have_no_gaps() -> None:
    own = codec(FIELDS, serialization="bytemuck", repr={"kind": "c", "packed": True})
    assert own.account_size("Thing") == 48


def test_the_layout_below_a_zero_copy_account_is_zero_copy_and_the_same_type_in_an_event_is_borsh() -> None:
    inner = {"name": "Inner", "type": {"kind": "struct", "fields": FIELDS[:2]}, "serialization": "bytemuck"}
    raw = idl([{"name": "first", "type": "u8"}, {"name": "inner", "type": {"defined": {"name": "Inner"}}}])
    raw["types"][0]["serialization"] = "bytemuck"
    raw["types"].append(inner)
    raw["events"] = [{"name": "Inner"}]
    own = Codec.parse(json.dumps(raw))
    assert own.offset("Thing", "inner.big") == 8 + 8 + 8
    event = discriminator("event", "Inner") + b"\x01" + (7).to_bytes(8, "little")
    assert own.decode_event(event) == ("Inner", {"flag": 1, "big": 7})


def test_a_field_behind_a_varying_one_has_no_offset() -> None:
    own = codec([{"name": "text", "type": "string"}, {"name": "after", "type": "u8"}])
    assert own.offset("Thing", "text") == 8
    assert own.account_size("Thing") is None
    with pytest.raises(BadIdl, match="fixed place"):
        own.offset("Thing", "after")


def test_short_accounts_are_refused_unless_allowed_and_then_read_as_zero() -> None:
    own = codec([{"name": "old", "type": "u32"}, {"name": "new", "type": "u64"}, {"name": "who", "type": "pubkey"}])
    data = discriminator("account", "Thing") + (5).to_bytes(4, "little")
    with pytest.raises(UnknownLayout, match="Thing: expected at least 44 bytes"):
        own.decode_account("Thing", data)
    zero = "11111111111111111111111111111111"
    assert own.decode_account("Thing", data, is_short_allowed=True) == {"old": 5, "new": 0, "who": zero}


def test_the_mark_decides_and_a_stated_one_wins_over_the_default() -> None:
    raw = idl(FIELDS[:1])
    raw["accounts"][0]["discriminator"] = [9]
    own = Codec.parse(json.dumps(raw))
    assert own.decode_account("Thing", b"\x09\x2a") == {"flag": 42}
    with pytest.raises(UnknownLayout, match="expected bytes that start with 09, found 08"):
        own.decode_account("Thing", b"\x08\x2a")
    assert own.account_name(b"\x08\x2a") == ""


def test_old_idls_keep_types_in_accounts_and_call_instructions_in_camel_case() -> None:
    raw = {
        "version": "2.1.0",
        "name": "old",
        "instructions": [{
            "name": "placePerpOrder",
            "accounts": [
                {"name": "state", "isMut": False, "isSigner": False},
                {"name": "group", "accounts": [{"name": "user", "isMut": True, "isSigner": True, "isOptional": True}]},
            ],
            "args": [{"name": "size", "type": "u64"}],
        }],
        "accounts": [{"name": "User", "type": {"kind": "struct", "fields": [{"name": "who", "type": "publicKey"}]}}],
        "events": [{"name": "Filled", "fields": [{"name": "qty", "type": {"option": "i64"}, "index": False}]}],
    }  # fmt: skip
    own = Codec.parse(json.dumps(raw))
    assert own.idl.version == "2.1.0"
    data = own.encode_instruction("placePerpOrder", {"size": 3})
    assert data == bytes.fromhex("45a15dca787e4cb9") + (3).to_bytes(8, "little")
    assert own.decode_instruction(data) == ("placePerpOrder", {"size": 3})
    state, user = own.instruction("placePerpOrder").accounts
    assert (state.name, state.is_writable, state.is_signer) == ("state", False, False)
    assert (user.name, user.is_writable, user.is_signer, user.is_optional) == ("user", True, True, True)
    assert own.decode_account("User", own.encode_account("User", {"who": KEY})) == {"who": KEY}
    log = "Program data: " + base64.b64encode(discriminator("event", "Filled") + b"\x00").decode()
    assert own.decode_event_log(log) == ("Filled", {"qty": None})


def test_lines_and_events_of_others_are_nothing_and_cut_ones_are_refused() -> None:
    raw = idl([])
    raw["events"] = [{"name": "Happened", "fields": [{"name": "qty", "type": "u64"}]}]
    own = Codec.parse(json.dumps(raw))
    assert own.decode_event_log("Program log: hello") is None
    assert own.decode_event_log("Program data: ???") is None
    assert own.decode_event_log("Program data: AAAAAAAAAAAA") is None
    assert own.decode_event(b"") is None
    assert own.decode_instruction(b"\x01\x02") is None
    cut = "Program data: " + base64.b64encode(discriminator("event", "Happened") + b"\x00").decode()
    with pytest.raises(UnknownLayout, match="Happened"):
        own.decode_event_log(cut)


def test_a_c_option_always_has_room_for_its_value() -> None:
    own = codec([{"name": "maybe", "type": {"coption": "u64"}}])
    assert own.account_size("Thing") == 8 + 4 + 8
    for value in (None, 7):
        data = own.encode_account("Thing", {"maybe": value})
        assert len(data) == 20
        assert own.decode_account("Thing", data) == {"maybe": value}


def test_older_generic_spellings_are_read() -> None:
    raw = idl(
        [{"name": "list", "type": {"definedWithTypeArgs": {"name": "Many", "args": [{"type": "u16"}, {"value": 2}]}}}]
    )
    many = {"kind": "struct", "fields": [{"name": "items", "type": {"genericLenArray": [{"generic": "T"}, "N"]}}]}
    raw["types"].append({"name": "Many", "generics": ["T", "N"], "type": many})
    own = Codec.parse(json.dumps(raw))
    assert own.decode_account("Thing", own.encode_account("Thing", {"list": {"items": [1, 2]}})) == {
        "list": {"items": [1, 2]}
    }


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("bool", b"\x02"),
        ("f64", bytes.fromhex("000000000000f87f")),
        ("string", b"\x02\x00\x00\x00\xff\xfe"),
        ("string", b"\xff\xff\xff\xff"),
        ({"option": "u8"}, b"\x02\x00"),
        ({"vec": "u64"}, b"\xff\xff\xff\x7f" + bytes(64)),
        ({"vec": {"array": ["u64", 2]}}, b"\x02\x00\x00\x00" + bytes(31)),
        ("u256", bytes(31)),
        ("pubkey", bytes(31)),
        ("bytes", b"\x05\x00\x00\x00abcd"),
    ],
)
def test_bytes_that_no_program_writes_are_refused(kind: Any, data: bytes) -> None:
    with pytest.raises(UnknownLayout):
        codec([{"name": "x", "type": kind}]).decode_account("Thing", discriminator("account", "Thing") + data)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("u8", 256), ("u8", -1), ("u8", True), ("u8", "1"), ("i64", 1 << 63), ("bool", 1), ("f32", 1e300),
        ("f64", float("nan")), ("pubkey", "not a key"), ("pubkey", 5), ("string", b"x"), ("string", "\ud800"),
        ("bytes", "x"), ({"array": ["u8", 2]}, b"abc"), ({"array": ["u16", 2]}, [1]), ({"vec": "u16"}, 5),
        ({"defined": {"name": "Side"}}, "Middle"), ({"defined": {"name": "Side"}}, {"Long": {}}),
        ({"defined": {"name": "Pair"}}, {"a": 1}), ({"defined": {"name": "Pair"}}, {"a": 1, "b": 2, "c": 3}),
    ],
)  # fmt: skip
def test_values_that_do_not_fit_are_refused(kind: Any, value: Any) -> None:
    raw = idl([{"name": "x", "type": kind}])
    raw["types"] += [
        {"name": "Side", "type": {"kind": "enum", "variants": [{"name": "Long"}, {"name": "Short"}]}},
        {"name": "Pair", "type": {"kind": "struct", "fields": [{"name": n, "type": "u8"} for n in "ab"]}},
    ]
    with pytest.raises(BadIdl):
        Codec.parse(json.dumps(raw)).encode_account("Thing", {"x": value})


def test_a_missing_enum_reads_as_its_first_variant_however_long_that_is() -> None:
    raw = idl([{"name": "old", "type": "u8"}, {"name": "new", "type": {"defined": {"name": "Kind"}}}])
    long = {"name": "Long", "fields": [{"name": "a", "type": "u128"}, {"name": "b", "type": "string"}]}
    raw["types"].append({"name": "Kind", "type": {"kind": "enum", "variants": [long, {"name": "Short"}]}})
    own = Codec.parse(json.dumps(raw))
    found = own.decode_account("Thing", discriminator("account", "Thing") + b"\x05", is_short_allowed=True)
    assert found == {"old": 5, "new": {"Long": {"a": 0, "b": ""}}}

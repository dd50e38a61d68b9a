"""Whatever an IDL can describe is read back as it was written, equally in both generations of IDL."""

import json
from typing import Any

import pytest
from hypothesis import given, settings

from adapters.anchor import Codec
from adapters.solana.tracked_pool import UnknownLayout
from tests.adapters.anchor.grown_idl import programs

Program = tuple[dict[str, Any], dict[str, Any], Any]


def _codecs(program: Program) -> tuple[Codec, Codec]:
    return Codec.parse(json.dumps(program[0])), Codec.parse(json.dumps(program[1]))


def _shape(value: Any) -> Any:
    """Lists of small integers and bytes are one thing where a generic stands for u8."""
    if isinstance(value, bytes):
        return list(value)
    if isinstance(value, dict):
        return {name: _shape(each) for name, each in value.items()}
    return [_shape(each) for each in value] if isinstance(value, list | tuple) else value


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(programs())
def test_accounts_events_and_arguments_round_trip_in_both_generations(program: Program) -> None:
    old, new = _codecs(program)
    value = program[2]
    data = new.encode_account("Thing", value)
    assert new.decode_account("Thing", data) == value
    assert new.account_name(data) == "Thing"
    call = new.encode_instruction("do_thing", value)
    assert new.decode_instruction(call) == ("do_thing", value)
    event = old.idl.events["ThingHappened"] + data[8:]
    assert new.decode_event(event) == ("ThingHappened", value)
    old_found = old.decode_event(event)
    assert old_found is not None and _shape(old_found[1]) == _shape(value)
    assert _shape(old.decode_account("Thing", data)) == _shape(value)
    assert old.idl.instructions["doThing"].mark == call[:8]


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(programs(is_fixed=True))
def test_zero_copy_accounts_round_trip_and_their_offsets_hold(program: Program) -> None:
    codec, value = Codec.parse(json.dumps(program[1])), program[2]
    data = codec.encode_account("Thing", value)
    assert len(data) == codec.account_size("Thing")
    assert codec.decode_account("Thing", data) == value
    assert codec.read_fields("Thing", data, list(value)) == tuple(value.values())
    places = [codec.offset("Thing", name) for name in sorted(value)]
    assert places == sorted(places)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(programs())
def test_no_account_that_was_cut_is_taken_for_whole(program: Program) -> None:
    codec, value = Codec.parse(json.dumps(program[1])), program[2]
    data = codec.encode_account("Thing", value)
    for length in range(8, len(data)):
        try:
            codec.decode_account("Thing", data[:length])
        except UnknownLayout:
            continue
        raise AssertionError(f"{length} of {len(data)} bytes were taken for the whole")

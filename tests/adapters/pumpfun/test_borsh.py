"""Records: whatever the bytes, a value that writes the same bytes back, or a typed refusal."""

from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from adapters.launchlab import accounts as launchlab
from adapters.pumpfun import accounts
from adapters.pumpfun.borsh import I64, ITEMS_MAX, KEY, TEXT_BYTES_MAX, U8, U64, Flag, Many, Record, Text
from adapters.pumpfun.event_records import CURVE_EVENTS, SWAP_EVENTS
from adapters.solana.tracked_pool import UnknownLayout

ACCOUNTS = (
    accounts.BONDING_CURVE,
    accounts.GLOBAL,
    accounts.FEE_CONFIG,
    accounts.POOL,
    accounts.GLOBAL_CONFIG,
    launchlab.POOL_STATE,
    launchlab.GLOBAL_CONFIG,
    launchlab.PLATFORM_CONFIG,
)
RECORDS = (*ACCOUNTS, *CURVE_EVENTS, *SWAP_EVENTS)


class Sample(Struct, frozen=True):
    """One field of each kind."""

    count: U8
    is_on: Flag
    name: Text
    keys: Annotated[tuple[str, ...], Many(KEY)] = ()
    at: I64 = -1
    total: U64 = 0


SAMPLE = Record(Sample, "Sample", "0102030405060708")
HEAD = SAMPLE.discriminator


def test_a_field_that_an_older_account_lacks_takes_its_default() -> None:
    short = HEAD + b"\x05\x01" + b"\x02\x00\x00\x00ok"
    assert SAMPLE.decode(short) == Sample(5, True, "ok")
    assert SAMPLE.encode(Sample(5, True, "ok"), len(short)) == short


def test_zero_bytes_behind_or_within_the_last_fields_are_padding() -> None:
    short = HEAD + b"\x05\x01" + b"\x02\x00\x00\x00ok"
    full = Sample(5, True, "ok", (), 0, 0)
    assert SAMPLE.decode(short + bytes(4 + 16 + 9)) == full
    assert SAMPLE.decode(short + bytes(4 + 11)) == full


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "discriminator"),
        (b"\x00" * 30, "discriminator"),
        (HEAD + b"\x05", "end within a flag"),
        (HEAD + b"\x05\x02", "0 or 1"),
        (HEAD + b"\x05\x01\xff\xff\xff\xff", f"at most {TEXT_BYTES_MAX}"),
        (HEAD + b"\x05\x01\x02\x00\x00\x00\xff\xfe", "name"),
        (HEAD + b"\x05\x01\x00\x00\x00\x00\xff\xff\x00\x00", f"at most {ITEMS_MAX}"),
        (HEAD + b"\x05\x01\x00\x00\x00\x00\x00\x00\x00\x00" + bytes(16) + b"\x01", "newer program"),
        (HEAD + b"\x05\x01\x00\x00\x00\x00\x00\x00\x00\x00" + bytes(8) + b"\x01", "end within a number"),
    ],
)
def test_bytes_that_do_not_fit_are_an_unknown_layout(data: bytes, text: str) -> None:
    with pytest.raises(UnknownLayout, match=text):
        SAMPLE.decode(data)


@given(st.sampled_from(RECORDS), st.binary(max_size=1_200), st.booleans())
def test_any_bytes_are_a_value_that_is_stable_or_an_unknown_layout(record: Record, data: bytes, is_tame: bool) -> None:
    if is_tame:  # flags and lengths of 0 or 1, so that decoding gets far
        data = bytes(each & 1 for each in data)
    data = record.discriminator + data
    try:
        value = record.decode(data)
    except UnknownLayout:
        return
    again = record.decode(record.encode(value))
    assert again == value
    if record in ACCOUNTS and record is not launchlab.PLATFORM_CONFIG:
        assert record.encode(value, len(data)) == data


@given(st.sampled_from(ACCOUNTS), st.integers(0, 2_000))
def test_an_account_of_zeros_of_any_length_never_breaks_the_reader(record: Record, size: int) -> None:
    try:
        value = record.decode(record.discriminator + bytes(size))
    except UnknownLayout:
        return
    assert record.encode(value, 8 + size) == record.discriminator + bytes(size)

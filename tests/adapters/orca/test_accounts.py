"""Hostile account bytes are refused by name or decoded to something that encodes back to them."""

from hashlib import sha256
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.orca import accounts
from adapters.orca.accounts import decode, encode, initialised_ticks
from adapters.solana.tracked_pool import UnknownLayout

NAMES = {
    "Whirlpool": accounts.WHIRLPOOL,
    "TickArray": accounts.TICK_ARRAY,
    "DynamicTickArray": accounts.DYNAMIC_TICK_ARRAY,
    "Oracle": accounts.ORACLE,
    "Position": accounts.POSITION,
    "FeeTier": accounts.FEE_TIER,
}
LENGTHS = (0, 7, 8, 44, 148, 216, 254, 260, 653, 9_988, 10_004)


@pytest.mark.parametrize("name", NAMES)
def test_a_discriminator_is_the_hash_of_the_accounts_name(name: str) -> None:
    assert NAMES[name] == sha256(f"account:{name}".encode()).digest()[:8]


def _round_trips(data: bytes) -> bool:
    try:
        account = decode(data)
    except UnknownLayout:
        return False
    assert encode(account) == data
    return True


@given(st.binary(max_size=700))
def test_any_bytes_are_unknown_or_come_back(data: bytes) -> None:
    _round_trips(data)


@given(st.sampled_from(sorted(NAMES.values())), st.sampled_from(LENGTHS), st.integers(0, 1 << 32))
def test_bytes_that_begin_like_an_account_are_unknown_or_come_back(head: bytes, length: int, seed: int) -> None:
    body = bytes(Random(seed).choices((0, 1, 2, 255), (1_000, 100, seed % 2, 1), k=max(length - 8, 0)))
    data = (head + body)[:length]
    _round_trips(data)
    try:
        initialised_ticks(data)
    except UnknownLayout:
        return
    assert data[:8] in (accounts.TICK_ARRAY, accounts.DYNAMIC_TICK_ARRAY)


@settings(max_examples=40)
@given(st.lists(st.booleans(), min_size=88, max_size=88), st.binary(min_size=112, max_size=112), st.integers(0, 2))
def test_a_dynamic_array_is_as_long_as_its_ticks(flags: list[bool], tick: bytes, more: int) -> None:
    bitmap = sum(1 << number for number, flag in enumerate(flags) if flag)
    head = accounts.DYNAMIC_TICK_ARRAY + bytes(36) + bitmap.to_bytes(16, "little")
    data = head + b"".join(b"\1" + tick if flag else b"\0" for flag in flags)
    assert _round_trips(data)
    assert len(initialised_ticks(data)[2]) == sum(flags)
    if more:
        with pytest.raises(UnknownLayout):
            decode(data + bytes(more))
    with pytest.raises(UnknownLayout):
        decode(data[:-1])


def test_a_bitmap_that_disagrees_with_the_ticks_is_refused() -> None:
    data = accounts.DYNAMIC_TICK_ARRAY + bytes(36) + (1).to_bytes(16, "little") + bytes(88)
    with pytest.raises(UnknownLayout, match="bitmap"):
        initialised_ticks(data)


def test_a_flag_is_zero_or_one() -> None:
    data = bytearray(accounts.TICK_ARRAY + bytes(accounts.FIXED_TICK_ARRAY_LEN - 8))
    assert _round_trips(bytes(data))
    data[accounts.FIXED_TICKS_AT] = 2
    with pytest.raises(UnknownLayout, match="flag"):
        decode(bytes(data))
    with pytest.raises(UnknownLayout, match="flag"):
        initialised_ticks(bytes(data))

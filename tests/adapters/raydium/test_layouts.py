"""Account bytes are hostile: they decode and encode to the same, or are an unknown layout."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from adapters.raydium.addresses import (
    CLMM,
    CPMM,
    TOKEN_2022_PROGRAM,
    TOKEN_PROGRAM,
    config_address,
    tick_array_address,
)
from adapters.raydium.amm_v4_account import AmmV4State
from adapters.raydium.amm_v4_pool import AmmV4Pool
from adapters.raydium.clmm_accounts import ClmmConfig, ClmmExtension, ClmmPoolState, ClmmPosition, ClmmTickArray
from adapters.raydium.clmm_parts import tick_array_part
from adapters.raydium.clmm_pool import ClmmPool
from adapters.raydium.cpmm_accounts import CpmmConfig, CpmmPoolState
from adapters.raydium.cpmm_pool import CpmmPool
from adapters.raydium.vault import decode_vault
from adapters.solana.tracked_pool import UnknownLayout
from tests.adapters.raydium.accounts import POOL

SIZES: list[tuple[Any, int, str]] = [
    (ClmmPoolState, 1544, "f7ede3f5d7c3de46"),
    (ClmmConfig, 117, "daf42168cbcb2b6f"),
    (ClmmTickArray, 10240, "c09b55cd31f9812a"),
    (ClmmExtension, 1832, "3c9624db61808b99"),
    (ClmmPosition, 281, "466f967ee60f1975"),
    (CpmmPoolState, 637, "f7ede3f5d7c3de46"),
    (CpmmConfig, 236, "daf42168cbcb2b6f"),
    (AmmV4State, 752, ""),
]


@pytest.mark.parametrize(("account", "size", "discriminator"), SIZES)
@given(seed=st.binary(min_size=1, max_size=64), repeat=st.integers(1, 400))
def test_bytes_of_the_right_shape_come_back(
    account: Any, size: int, discriminator: str, seed: bytes, repeat: int
) -> None:
    head = bytes.fromhex(discriminator)
    data = (head + seed * repeat + bytes(size))[:size]
    assert account.decode(data).encode() == data


@pytest.mark.parametrize(("account", "size", "discriminator"), SIZES)
@given(data=st.binary(max_size=2000))
def test_other_bytes_are_an_unknown_layout(account: Any, size: int, discriminator: str, data: bytes) -> None:
    if len(data) == size and data.startswith(bytes.fromhex(discriminator)):
        return
    with pytest.raises(UnknownLayout):
        account.decode(data)


@pytest.mark.parametrize(
    ("tracked", "size", "discriminator"),
    [(ClmmPool, 1544, "f7ede3f5d7c3de46"), (CpmmPool, 637, "f7ede3f5d7c3de46"), (AmmV4Pool, 752, "")],
)
@given(seed=st.binary(min_size=1, max_size=64), repeat=st.integers(1, 100))
def test_no_bytes_raise_anything_but_an_unknown_layout(
    tracked: Any, size: int, discriminator: str, seed: bytes, repeat: int
) -> None:
    data = (bytes.fromhex(discriminator) + seed * repeat + bytes(size))[:size]
    try:
        pool = tracked.from_account(str(POOL), tracked.program, data)
    except UnknownLayout:
        return
    assert pool.neighbours()


@given(
    start=st.integers(-(1 << 31), (1 << 31) - 1), raw=st.binary(min_size=168, max_size=168), spacing=st.integers(1, 99)
)
def test_a_tick_array_gives_its_part_or_an_unknown_layout(start: int, raw: bytes, spacing: int) -> None:
    array = ClmmTickArray(POOL, start, raw * 60, 0, 0)
    try:
        part = tick_array_part(array, spacing)
    except UnknownLayout:
        return
    assert part.start == start and len(part.ticks) <= 60


@given(data=st.binary(max_size=300), is_new=st.booleans())
def test_a_vault_is_a_token_account_or_an_unknown_layout(data: bytes, is_new: bool) -> None:
    owner = str(TOKEN_2022_PROGRAM if is_new else TOKEN_PROGRAM)
    try:
        vault = decode_vault("vault", owner, data)
    except UnknownLayout:
        return
    assert 0 <= vault.amount < 1 << 64


def test_addresses_are_those_of_known_accounts() -> None:
    # Mainnet: CPMM tier 0 and CLMM tier 1, as published by Raydium.
    assert str(config_address(CPMM, 0)) == "D4FPEruKEHrG5TenZ2mpDGEfu1iUvTiqBxvpU8HLBvC2"
    assert str(config_address(CLMM, 1)) == "E64NGkDLLCdQ2yFNPcavaKptrEgmiQaNykUuLC1Qgwyp"
    assert tick_array_address(POOL, -600) != tick_array_address(POOL, 600)
    assert isinstance(tick_array_address(POOL, 0), Pubkey)

"""Parts of Raydium pools keep every bit on their way through the event log's encoding."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bus.pool_parts.base import PoolPart
from bus.pool_parts.constant_product import RaydiumAmmV4State, RaydiumCpmmConfig, RaydiumCpmmState, VaultBalance
from bus.pool_parts.raydium_clmm import (
    RaydiumClmmConfig,
    RaydiumClmmExtension,
    RaydiumClmmState,
    RaydiumClmmTickArray,
    RaydiumDynamicFee,
    RaydiumTick,
)

AnyPart = (
    RaydiumClmmState
    | RaydiumClmmConfig
    | RaydiumClmmTickArray
    | RaydiumClmmExtension
    | RaydiumCpmmState
    | RaydiumCpmmConfig
    | RaydiumAmmV4State
    | VaultBalance
)
U64, U128 = st.integers(0, (1 << 64) - 1), st.integers(0, (1 << 128) - 1)
I32, I128 = st.integers(-(1 << 31), (1 << 31) - 1), st.integers(-(1 << 127), (1 << 127) - 1)
DYNAMIC = st.builds(RaydiumDynamicFee, *[U64] * 5, I32, *[U64] * 3)
TICK = st.builds(RaydiumTick, I32, I128, U128, U64, U64)
PARTS: st.SearchStrategy[PoolPart] = st.one_of(
    st.builds(
        RaydiumClmmState, U64, U128, U128, I32, U64, U64, U64, st.integers(0, (1 << 1024) - 1), st.none() | DYNAMIC
    ),
    st.builds(RaydiumClmmConfig, U64, U64, U64),
    st.builds(RaydiumClmmTickArray, I32, st.lists(TICK, max_size=60).map(tuple)),
    st.builds(RaydiumClmmExtension, st.lists(I32, max_size=99).map(tuple)),
    st.builds(RaydiumCpmmState, U64, U64, U64, st.booleans(), U64, U64),
    st.builds(RaydiumCpmmConfig, U64, U64, U64, U64),
    st.builds(RaydiumAmmV4State, *[U64] * 6),
    st.builds(VaultBalance, st.booleans(), U64),
)


@given(PARTS)
def test_a_part_comes_back_from_the_log_as_it_was(part: PoolPart) -> None:
    raw = msgspec.json.encode(part)
    back = msgspec.json.decode(raw, type=AnyPart)
    assert back == part
    assert type(back) is type(part)
    assert msgspec.json.encode(back) == raw


def test_a_state_without_a_dynamic_fee_stays_small() -> None:
    state = RaydiumClmmState(10, 10**12, 1 << 64, 0, 0, 0, 0, 3 << 511)
    assert len(msgspec.json.encode(state)) < 300

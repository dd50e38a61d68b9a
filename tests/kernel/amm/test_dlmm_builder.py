"""Parts of a DLMM pair in any order, whole or contradictory."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.pool_parts.base import PoolPart
from bus.pool_parts.dlmm import DlmmBin, DlmmBinArray, DlmmFarArrays, DlmmPair, DlmmReserve
from bus.pool_parts.token_fee import TokenFee
from kernel.amm.dlmm_builder import ARRAYS_KNOWN_MAX, DlmmBuilder
from kernel.amm.errors import PoolRefused
from tests.kernel.amm.dlmm_cases import NOW_S, pair

NEAR = DlmmBinArray(0, (DlmmBin(2, 0, 10_000, 5, 6, False), DlmmBin(4, 10_000, 0)))
BELOW = DlmmBinArray(-1, (DlmmBin(-1, 0, 10_000),))
PARTS: list[PoolPart] = [
    pair(is_x_2022=True),
    NEAR,
    BELOW,
    DlmmFarArrays((600,)),
    TokenFee(True, 100, 50),
    DlmmReserve(False, 19_000),
]


@given(st.permutations(PARTS))
def test_the_order_of_parts_does_not_matter(parts: list[PoolPart]) -> None:
    builder = DlmmBuilder()
    for part in parts:
        builder.add(part)
    pool = builder.pool()
    assert pool is not None
    assert pool.quote_in(True, 12_000, NOW_S) == (12_000, 11_953, 14)


@given(st.sampled_from(PARTS))
def test_parts_survive_the_log(part: PoolPart) -> None:
    kinds = DlmmPair | DlmmBinArray | DlmmFarArrays | DlmmReserve | TokenFee
    assert msgspec.json.decode(msgspec.json.encode(part), type=kinds) == part


def test_the_pool_stays_the_same_object_until_a_part_changes() -> None:
    builder = DlmmBuilder()
    for part in (pair(), NEAR):
        builder.add(part)
    pool = builder.pool()
    builder.add(pair())
    builder.add(NEAR)
    assert builder.pool() is pool
    builder.add(BELOW)
    assert builder.pool() is not pool


def test_there_is_no_pool_before_pair_bins_and_fees_of_its_mints_are_known() -> None:
    builder = DlmmBuilder()
    builder.add(NEAR)
    assert builder.pool() is None
    builder.add(pair(is_y_2022=True))
    assert builder.pool() is None
    builder.add(TokenFee(False, 0, 0))
    assert builder.pool() is not None


def test_a_pair_whose_bin_arrays_are_unknown_is_no_pool() -> None:
    builder = DlmmBuilder()
    builder.add(pair())
    assert builder.pool() is None


def test_far_arrays_are_forgotten_when_too_many_are_known() -> None:
    builder = DlmmBuilder()
    builder.add(pair())
    for index in range(-ARRAYS_KNOWN_MAX, 1):
        builder.add(DlmmBinArray(index, ()))
    pool = builder.pool()
    assert pool is not None
    assert sorted(pool.arrays) == list(range(1 - ARRAYS_KNOWN_MAX, 1))


@pytest.mark.parametrize(
    "part",
    [
        pair(bin_step_bps=0),
        pair(active_id=443_637),
        pair(base_fee_power=10),
        pair(reduction_bps=10_001),
        pair(volatility=-1),
        pair(arrays=(1, 1)),
        pair(arrays=(512,)),
        DlmmBinArray(0, (DlmmBin(70, 1, 1),)),
        DlmmBinArray(0, (DlmmBin(5, 1, 1), DlmmBin(5, 1, 1))),
        DlmmBinArray(0, (DlmmBin(5, -1, 1),)),
        DlmmBinArray(0, (DlmmBin(5, 1, 1, 0, 1 << 64),)),
        DlmmFarArrays((6_656,)),
        PoolPart(),
    ],
)
def test_a_part_that_cannot_be_is_refused(part: Any) -> None:
    with pytest.raises(PoolRefused, match="state_inconsistent"):
        DlmmBuilder().add(part)

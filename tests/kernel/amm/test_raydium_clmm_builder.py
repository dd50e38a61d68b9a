from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from bus.pool_parts.base import PoolPart
from bus.pool_parts.raydium_clmm import RaydiumClmmConfig, RaydiumClmmExtension, RaydiumClmmTickArray, RaydiumTick
from bus.pool_parts.token_fee import TokenFee
from kernel.amm.errors import PoolRefused
from kernel.amm.raydium_clmm_builder import ARRAYS_KEPT_MAX, RaydiumClmmBuilder
from tests.kernel.amm.raydium_pools import NOW_S, clmm_pool

WHOLE = clmm_pool([(-60, 60, 10**12)])


def _parts() -> Iterator[PoolPart]:
    yield from WHOLE.arrays.values()
    yield TokenFee(True, 100, 10**6)
    yield WHOLE.config
    yield WHOLE.state


def _built(*parts: PoolPart) -> RaydiumClmmBuilder:
    builder = RaydiumClmmBuilder()
    for part in parts:
        builder.add(part)
    return builder


def test_parts_make_the_same_pool_in_any_order() -> None:
    first, second = _built(*_parts()).pool(), _built(*reversed(list(_parts()))).pool()
    assert first is not None and second is not None
    assert first.quote_in(True, 10**6, NOW_S) == second.quote_in(True, 10**6, NOW_S)
    assert first.quote_in(True, 10**6, NOW_S).amount_out == WHOLE.quote_in(True, 990_000, NOW_S).amount_out


def test_there_is_no_pool_before_state_and_config() -> None:
    assert _built(WHOLE.state).pool() is None
    assert _built(WHOLE.config).pool() is None


def test_the_pool_is_the_same_object_until_a_part_changes() -> None:
    builder = _built(*_parts())
    pool = builder.pool()
    assert builder.pool() is pool
    builder.add(PoolPart())
    assert builder.pool() is pool
    builder.add(WHOLE.config)
    assert builder.pool() is not pool


@pytest.mark.parametrize(
    "part",
    [
        replace(WHOLE.state, tick_spacing=0),
        replace(WHOLE.state, liquidity=-1),
        replace(WHOLE.state, liquidity=1 << 128),
        replace(WHOLE.state, tick=5),
        replace(WHOLE.state, tick=1 << 30),
        replace(WHOLE.state, bitmap=1 << 1024),
        RaydiumClmmConfig(1_000_000, 0, 0),
        RaydiumClmmConfig(2_500, 600_000, 600_000),
        RaydiumClmmConfig(2_500, -1, 0),
        RaydiumClmmTickArray(0, (RaydiumTick(10, 1, 1), RaydiumTick(10, 1, 1))),
        RaydiumClmmTickArray(0, (RaydiumTick(-10, 1, 1),)),
        RaydiumClmmTickArray(0, (RaydiumTick(1 << 30, 1, 1),)),
        RaydiumClmmTickArray(0, (RaydiumTick(10, 2, 1),)),
        RaydiumClmmTickArray(0, (RaydiumTick(10, 0, 0, -1, 2),)),
        RaydiumClmmTickArray(0, (RaydiumTick(10, 0, 0, 1 << 63, 1 << 63),)),
        RaydiumClmmExtension((600, 512)),
        RaydiumClmmExtension((5,)),
        TokenFee(True, 10_001, 0),
    ],
)
def test_a_part_that_contradicts_itself_is_refused(part: PoolPart) -> None:
    with pytest.raises(PoolRefused) as caught:
        RaydiumClmmBuilder().add(part)
    assert caught.value.reason == "state_inconsistent"


def test_a_pool_does_not_change_its_spacing() -> None:
    builder = _built(WHOLE.state)
    with pytest.raises(PoolRefused, match="spacing"):
        builder.add(replace(WHOLE.state, tick_spacing=60))


def test_an_array_that_does_not_fit_the_spacing_is_not_used() -> None:
    strange = RaydiumClmmTickArray(0, (RaydiumTick(7, 1, 1),))
    pool = _built(WHOLE.state, WHOLE.config, strange).pool()
    assert pool is not None and not pool.arrays


def test_arrays_are_kept_up_to_a_limit() -> None:
    builder = _built(WHOLE.state, WHOLE.config)
    for number in range(ARRAYS_KEPT_MAX + 10):
        builder.add(RaydiumClmmTickArray(number * 600, ()))
    pool = builder.pool()
    assert pool is not None and len(pool.arrays) == ARRAYS_KEPT_MAX and 0 not in pool.arrays

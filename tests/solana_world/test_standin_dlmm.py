"""DLMM pairs of the world: bins, volatility, limit orders and fees in Y, far arrays included."""

from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.pool_parts.dlmm import ARRAYS_NEAR, BINS_PER_ARRAY, DlmmBin, DlmmBinArray, DlmmPair
from kernel.amm.dlmm import DlmmPool
from tests.solana_world.standin_dlmm import DlmmFamily, create_dlmm
from tests.solana_world.swap_moves import moves
from tests.solana_world.swap_trial import Move, Trial

TRIAL = Trial(DlmmFamily())
AMOUNTS = (10**15, 10**15)


@st.composite
def bins(draw: st.DrawFn, active: int) -> list[DlmmBin]:
    found: dict[int, DlmmBin] = {}
    for _ in range(draw(st.integers(1, 12))):
        bin_id = active + draw(st.integers(-4, 4) | st.integers(-130, 130))
        x = draw(st.integers(0, 10**9)) if bin_id >= active else 0
        y = draw(st.integers(0, 10**9)) if bin_id <= active else 0
        begun, opened = draw(st.sampled_from(((0, 0), (0, 10**9), (10**7, 0), (123, 10**8))))
        found[bin_id] = DlmmBin(bin_id, x, y, begun, opened, bin_id > active)
    return [found[bin_id] for bin_id in sorted(found)]


@st.composite
def pools(draw: st.DrawFn) -> DlmmPool:
    step = draw(st.sampled_from((1, 10, 100)))
    reach = {1: 36_500, 10: 2_000, 100: 300}[step]  # as far as prices stay near 1; 36,500 is beyond the near bitmap
    active = draw(st.integers(-reach, reach))
    rows: dict[int, list[DlmmBin]] = {}
    for each in draw(bins(active)):
        rows.setdefault(each.bin_id // BINS_PER_ARRAY, []).append(each)
    arrays = {index: DlmmBinArray(index, tuple(row)) for index, row in rows.items()}
    near = tuple(sorted(index for index in arrays if -ARRAYS_NEAR <= index < ARRAYS_NEAR))
    far = tuple(sorted(set(arrays) - set(near)))
    pair = DlmmPair(
        active, step, draw(st.sampled_from((8_000, 10_000))), 0, draw(st.sampled_from((0, 40_000))), 30, 600, 5_000,
        350_000, draw(st.sampled_from((0, 500, 2_000))), draw(st.booleans()), draw(st.booleans()), 20_000, 10_000,
        active + 3, TRIAL.now() - draw(st.sampled_from((0, 100, 5_000))), True, 0, False, False, near,
    )  # fmt: skip
    return DlmmPool(pair, arrays, far=far)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(pools(), st.lists(moves(digits_max=11), min_size=1, max_size=6), st.sampled_from(("plain", "taxed", "mixed")))
def test_accounts_after_swaps_give_the_pool_that_the_maths_foresaw(
    pool: DlmmPool, steps: list[Move], mints: Literal["plain", "taxed", "mixed"]
) -> None:
    TRIAL.run(create_dlmm(TRIAL.world, TRIAL.new_name(), getattr(TRIAL, mints), pool, AMOUNTS), steps)


def test_orders_of_a_bin_are_filled_behind_its_liquidity_and_stay_filled() -> None:
    bins = (DlmmBin(1, 10**6, 0, 10**5, 10**7, True), DlmmBin(2, 10**9, 0))
    pair = DlmmPair(
        0, 10, 10_000, 0, 40_000, 30, 600, 5_000, 350_000, 1_000, True, False, 0, 0, 0, TRIAL.now(), True, 0, False,
        False, (0,),
    )  # fmt: skip
    pool = DlmmPool(pair, {0: DlmmBinArray(0, bins)}, far=())
    market = create_dlmm(TRIAL.world, TRIAL.new_name(), TRIAL.plain, pool, AMOUNTS)

    def left() -> tuple[int, int]:
        found = TRIAL.open(market)
        assert isinstance(found, DlmmPool)
        held = found.arrays[0].bins[0]
        return held.orders_begun, held.orders_open

    assert TRIAL.move(market, Move(False, 500_000, 1)) and left() == (10**5, 10**7)
    assert TRIAL.move(market, Move(False, 2 * 10**6, 1))
    begun, opened = left()
    assert opened == 0 < begun < 10**7
    assert TRIAL.move(market, Move(False, 10**8, 1)) and left() == (0, 0)

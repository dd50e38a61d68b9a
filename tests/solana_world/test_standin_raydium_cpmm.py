"""CPMM pools of the world: reserves stay right because what is owed is written down."""

from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.pool_parts.constant_product import RaydiumCpmmConfig, RaydiumCpmmState
from kernel.amm.raydium_cpmm import RaydiumCpmmPool
from tests.solana_world.standin_raydium_cpmm import CpmmFamily, create_cpmm
from tests.solana_world.swap_moves import moves
from tests.solana_world.swap_trial import Move, Trial

TRIAL = Trial(CpmmFamily())


@st.composite
def pools(draw: st.DrawFn) -> RaydiumCpmmPool:
    rates = (draw(st.sampled_from((100, 2_500, 40_000))), 120_000, 40_000, draw(st.sampled_from((0, 500, 5_000))))
    owed = draw(st.integers(0, 10**6)), draw(st.integers(0, 10**6))
    state = RaydiumCpmmState(0, 0, draw(st.integers(0, 2)), draw(st.booleans()), *owed)
    reserves = draw(st.integers(10**3, 10**14)), draw(st.integers(10**3, 10**14))
    return RaydiumCpmmPool(state, RaydiumCpmmConfig(*rates), reserves)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(pools(), st.lists(moves(), min_size=1, max_size=6))
def test_accounts_after_swaps_give_the_pool_that_the_maths_foresaw(pool: RaydiumCpmmPool, steps: list[Move]) -> None:
    TRIAL.run(create_cpmm(TRIAL.world, TRIAL.new_name(), TRIAL.plain, pool), steps)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(pools(), st.lists(moves(), min_size=1, max_size=6), st.sampled_from(("taxed", "mixed")))
def test_a_fee_of_the_token_that_comes_in_is_not_traded(
    pool: RaydiumCpmmPool, steps: list[Move], mints: Literal["taxed", "mixed"]
) -> None:
    market = create_cpmm(TRIAL.world, TRIAL.new_name(), getattr(TRIAL, mints), pool)
    fees = TRIAL.open(market).token_fees  # type: ignore[attr-defined]
    plain_out = [number for number in (0, 1) if not fees[number][0]]
    TRIAL.run(market, [each._replace(is_a_to_b=plain_out == [1]) for each in steps] if plain_out else steps[:1])

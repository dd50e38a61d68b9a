"""AMM v4 pools of the world: plain transfers against two vaults."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.pool_parts.constant_product import RaydiumAmmV4State
from kernel.amm.raydium_amm_v4 import RaydiumAmmV4Pool
from tests.solana_world.standin_raydium_amm_v4 import AmmV4Family, create_amm_v4
from tests.solana_world.swap_moves import moves
from tests.solana_world.swap_trial import Move, Trial

TRIAL = Trial(AmmV4Family())


@st.composite
def pools(draw: st.DrawFn) -> RaydiumAmmV4Pool:
    owed = draw(st.integers(0, 10**6)), draw(st.integers(0, 10**6))
    state = RaydiumAmmV4State(draw(st.sampled_from((1, 6, 6, 7, 4))), 0, draw(st.integers(0, 300)), 10_000, *owed)
    return RaydiumAmmV4Pool(state, (draw(st.integers(10**3, 10**14)), draw(st.integers(10**3, 10**14))))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(pools(), st.lists(moves(), min_size=1, max_size=6))
def test_accounts_after_swaps_give_the_pool_that_the_maths_foresaw(pool: RaydiumAmmV4Pool, steps: list[Move]) -> None:
    TRIAL.run(create_amm_v4(TRIAL.world, TRIAL.new_name(), TRIAL.plain, pool), steps)

"""How much the withdraw guard lets out, by the program's rule."""

from hypothesis import given
from hypothesis import strategies as st

from adapters.velocity.spot_market import SpotMarket
from tests.adapters.velocity.world import LAYOUT, quote

MILLION = 10**6 * 10**6


def room(**changes: int) -> int:
    return SpotMarket.decode(LAYOUT, LAYOUT.program, quote(**changes), 1).withdraw_room()


def test_a_quarter_of_the_mean_may_leave_in_a_day_unless_the_market_says_otherwise() -> None:
    """Mean 5 M, no threshold: 3.75 M must stay of the 5 M."""
    assert room() == 5 * MILLION - 3_750_000 * 10**6
    assert room(withdraw_circuit_breaker_bps=1_000) == 500_000 * 10**6
    assert room(deposit_balance=3_750_000 * 10**9) == 0
    assert room(deposit_balance=10**9) == 0


def test_below_the_threshold_everything_may_leave() -> None:
    assert room(withdraw_guard_threshold=6 * MILLION, borrow_balance=0) == 5 * MILLION


def test_what_is_lent_out_must_stay_covered() -> None:
    """4 M lent at most 90 % (half way from 80 % to full): 4.44 M must stay."""
    left = room(borrow_balance=4_000_000 * 10**9, utilization_twap=800_000, withdraw_circuit_breaker_bps=10_000)
    assert left == 5 * MILLION - 4_000_000 * 10**6 * 10**6 // 900_000


def test_interest_counts_rounded_against_the_claimant() -> None:
    market = SpotMarket.decode(
        LAYOUT, LAYOUT.program,
        quote(deposit_balance=1_999, borrow_balance=1, cumulative_deposit_interest=10**10 + 1), 1,
    )  # fmt: skip
    assert (market.deposits, market.borrows) == (1, 1)


@given(st.integers(0, 1 << 70), st.integers(0, 1 << 70), st.integers(0, (1 << 64) - 1), st.integers(0, 65_535))
def test_the_room_is_never_negative_nor_more_than_there_is(deposits: int, borrows: int, mean: int, bps: int) -> None:
    market = SpotMarket.decode(
        LAYOUT, LAYOUT.program,
        quote(deposit_balance=deposits, borrow_balance=borrows, deposit_token_twap=mean,
              withdraw_circuit_breaker_bps=bps), 1,
    )  # fmt: skip
    assert 0 <= market.withdraw_room() <= market.deposits

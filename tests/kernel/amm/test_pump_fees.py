"""Fee rates by quote and market cap, and the fewest coins whose sale brings a sum."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kernel.amm.errors import PoolRefused
from kernel.amm.pump_fees import OTHER_QUOTE, SOL_QUOTE, STABLE_QUOTE, checked_amount, fees_on, least_sale, rates_of
from tests.kernel.amm.pump_pools import FEES


@pytest.mark.parametrize(
    ("kind", "market_cap", "rates"),
    [
        (SOL_QUOTE, 0, (2, 93, 30)),
        (SOL_QUOTE, 420 * 10**9 - 1, (2, 93, 30)),
        (SOL_QUOTE, 420 * 10**9, (20, 5, 95)),
        (SOL_QUOTE, 10**18, (20, 5, 5)),
        (STABLE_QUOTE, 63 * 10**9 - 1, (2, 93, 30)),
        (STABLE_QUOTE, 63 * 10**9, (20, 5, 95)),
        (OTHER_QUOTE, 10**18, (25, 5, 0)),
    ],
)
def test_the_last_tier_at_or_below_the_market_cap_counts(kind: int, market_cap: int, rates: tuple[int, ...]) -> None:
    assert rates_of(FEES, kind, market_cap) == rates


def test_what_a_schedule_leaves_out_is_taken_from_its_other_parts() -> None:
    older = replace(FEES, stable_tiers=(), exotic=(0, 0, 0))
    assert rates_of(older, STABLE_QUOTE, 420 * 10**9) == (20, 5, 95)
    assert rates_of(older, OTHER_QUOTE, 0) == (20, 5, 5)
    high = replace(FEES, tiers=((500, 1, 2, 3), (900, 4, 5, 6)))
    assert rates_of(high, SOL_QUOTE, 499) == (1, 2, 3)
    with pytest.raises(PoolRefused, match="state_inconsistent"):
        rates_of(replace(FEES, tiers=()), SOL_QUOTE, 0)


def test_each_fee_is_rounded_up_by_itself() -> None:
    assert fees_on(1, (2, 93, 30)) == 3
    assert fees_on(98_750_018, (95, 30)) == 938_126 + 296_251
    assert fees_on(0, (95, 30)) == 0


@given(
    st.integers(1, 10**6),
    st.integers(1, 10**7),
    st.integers(1, 10**7),
    st.tuples(st.integers(0, 400), st.integers(0, 400), st.integers(0, 400)),
)
def test_a_sale_of_one_coin_less_would_bring_too_little(
    wanted: int, base: int, quote: int, rates: tuple[int, int, int]
) -> None:
    def brought(coins: int) -> int:
        gross = quote * coins // (base + coins)
        return gross - fees_on(gross, rates)

    try:
        coins = least_sale(wanted, base, quote, rates)
    except PoolRefused:
        assert brought(10**30) < wanted + 4
        return
    assert brought(coins) >= wanted > brought(coins - 1)


def test_fees_above_everything_leave_no_sale() -> None:
    with pytest.raises(PoolRefused, match="insufficient_liquidity"):
        least_sale(1, 10**6, 10**6, (9_000, 1_000))


@pytest.mark.parametrize("amount", [0, -1, 1 << 64])
def test_amounts_must_fit_the_programs_integers(amount: int) -> None:
    assert checked_amount((1 << 64) - 1) == (1 << 64) - 1
    with pytest.raises(PoolRefused, match="amount_out_of_range"):
        checked_amount(amount)

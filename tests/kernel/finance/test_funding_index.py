"""Payments from index growth, and rates as paid to each side."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import BadInput
from kernel.finance.funding_index import FundingIndex, funding_payment

DIVISOR = 10**12
BASES = st.integers(-(1 << 62), 1 << 62)
INDICES = st.integers(-(1 << 60), 1 << 60)


def index(**changes: int) -> FundingIndex:
    values = {
        "slot": 1, "long_index": 0, "short_index": 0, "last_rate_long": 0, "last_rate_short": 0, "settled_s": 7_200,
        "interval_s": 3_600, "price_scale": 10**6, "oracle_twap": 100 * 10**6, "mark_twap": 0, "index_scale": 10**9,
    }  # fmt: skip
    return FundingIndex(instrument="velocity:SOL-PERP", **{**values, **changes})


@pytest.mark.parametrize(
    ("base", "growth", "payment"),
    [
        (1_000_000_000, 1_000_000, -1_000),  # a long of 1 pays 0.001 quote
        (-1_000_000_000, 1_000_000, 1_000),  # a short of 1 gets it
        (1_000_000_000, -1_000_000, 1_000),
        (-1_000_000_000, -1_000_000, -1_000),
        (1, 999_999_999_999, 0),  # cut towards zero, for payer and receiver alike
        (-1, 999_999_999_999, 0),
        (1, 10**12, -1),
        (0, 10**12, 0),
        (10**9, 0, 0),
    ],
)
def test_payments_are_cut_towards_zero_with_the_programs_signs(base: int, growth: int, payment: int) -> None:
    assert funding_payment(base, 5, 5 + growth, DIVISOR) == payment


@given(BASES, INDICES, INDICES)
def test_a_long_and_a_short_of_one_size_pay_each_other(base: int, first: int, second: int) -> None:
    try:
        paid = funding_payment(base, first, second, DIVISOR)
    except BadInput:
        return
    assert paid == -funding_payment(-base, first, second, DIVISOR) == -funding_payment(base, second, first, DIVISOR)
    assert abs(paid) * DIVISOR <= abs(base) * abs(second - first)


@given(st.integers(1, 1 << 50), st.lists(INDICES, min_size=3, max_size=3).map(sorted))
def test_settling_once_on_the_way_never_differs_by_more_than_a_unit(base: int, indices: list[int]) -> None:
    first, second, third = indices
    try:
        whole = funding_payment(base, first, third, DIVISOR)
    except BadInput:
        return
    parts = funding_payment(base, first, second, DIVISOR) + funding_payment(base, second, third, DIVISOR)
    assert 0 <= parts - whole <= 1


def test_three_divisions_of_the_program_are_one() -> None:
    """The program divides by 10^6, 10^3 and 10^3 one after the other."""
    for product in (0, 1, 10**6 - 1, 10**9 + 1, 10**12 - 1, 10**12, 123_456_789_012_345_678_901):
        assert product // 10**6 // 10**3 // 10**3 == product // 10**12


def test_a_payment_that_no_program_can_hold_is_refused() -> None:
    with pytest.raises(BadInput, match="at most 9223372036854775807"):
        funding_payment((1 << 63) - 1, 0, 1 << 126, DIVISOR)


def test_rates_relate_to_the_price_and_to_the_hour() -> None:
    """1 quote per base in two hours at 100 is 0.5 % an hour, paid by longs."""
    seen = index(last_rate_long=10**9, last_rate_short=10**9, interval_s=7_200)
    assert seen.per_hour_to_long() == pytest.approx(-0.005)
    assert seen.per_hour_to_short() == pytest.approx(0.005)


@pytest.mark.parametrize("changes", [{"settled_s": 0}, {"oracle_twap": 0}, {"interval_s": 0}])
def test_what_cannot_be_related_is_unknown_not_zero(changes: dict[str, int]) -> None:
    assert index(last_rate_long=5, **changes).per_hour_to_long() is None

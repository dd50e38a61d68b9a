"""The adaptive fee: three regimes by the clock, a rate by distance, leaps where the rate stands still."""

import pytest

from bus.pool_parts.whirlpool import WhirlpoolOracle
from kernel.amm.errors import PoolRefused
from kernel.amm.whirlpool_fee import DECAYED, FORGOTTEN, RATE_MAX, UNCHANGED, FeeCurve, FeeReference, reference, regime

NOW_S = 1_770_000_000


def oracle(*, updated_s: int = NOW_S, major_s: int = NOW_S, control: int = 4_000, opens_s: int = 0) -> WhirlpoolOracle:
    """Groups of 64 ticks, at most 35 groups of volatility."""
    return WhirlpoolOracle(opens_s, 30, 600, 5_000, control, 350_000, 64, 64, updated_s, major_s, 20_000, 3, 70_001)


@pytest.mark.parametrize(
    ("elapsed_s", "expected"), [(0, UNCHANGED), (29, UNCHANGED), (30, DECAYED), (599, DECAYED), (600, FORGOTTEN)]
)
def test_the_clock_alone_tells_the_regime(elapsed_s: int, expected: int) -> None:
    assert regime(oracle(), NOW_S + elapsed_s) == expected


def test_an_old_reference_is_forgotten_however_recent_the_last_swap() -> None:
    assert regime(oracle(updated_s=NOW_S - 3_600), NOW_S) == UNCHANGED
    assert regime(oracle(updated_s=NOW_S - 3_601), NOW_S) == FORGOTTEN


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (oracle(updated_s=NOW_S + 1), "state_inconsistent"),
        (oracle(major_s=NOW_S + 1), "state_inconsistent"),
        (oracle(opens_s=NOW_S + 1), "swap_disabled"),
    ],
)
def test_a_time_that_the_program_would_refuse_is_refused(given: WhirlpoolOracle, reason: str) -> None:
    with pytest.raises(PoolRefused, match=reason):
        regime(given, NOW_S)


def test_each_regime_has_its_reference() -> None:
    assert reference(oracle(), -1, UNCHANGED, NOW_S + 9) == FeeReference(3, 20_000, NOW_S)
    assert reference(oracle(), -1, DECAYED, NOW_S + 9) == FeeReference(-1, 35_000, NOW_S + 9)
    assert reference(oracle(), -1, FORGOTTEN, NOW_S + 9) == FeeReference(-1, 0, NOW_S + 9)


def test_the_rate_grows_with_the_square_of_the_distance_up_to_ten_percent() -> None:
    curve = FeeCurve(oracle(), 3_000, FeeReference(0, 0, NOW_S))
    # ceil(4000 * (64 * 10000 * groups)^2 / 10^13) by hand.
    assert [curve.rate(group) for group in (0, 1, -1, 2, 10)] == [3_000, 3_164, 3_164, 3_656, 19_384]
    assert curve.rate(1_000) == curve.rate(-1_000) == RATE_MAX


def test_steps_leap_without_liquidity_without_control_and_where_the_volatility_is_at_its_most() -> None:
    curve = FeeCurve(oracle(), 3_000, FeeReference(0, 0, NOW_S))
    assert curve.bound(2, 10, is_a_to_b=True) == (128, False)
    assert curve.bound(2, 10, is_a_to_b=False) == (192, False)
    assert curve.bound(2, 0, is_a_to_b=False) == (None, True)
    assert curve.bound(36, 10, is_a_to_b=False) == (None, True)
    assert curve.bound(36, 10, is_a_to_b=True) == (36 * 64, True)
    assert curve.bound(-36, 10, is_a_to_b=True) == (None, True)
    assert curve.bound(-36, 10, is_a_to_b=False) == (-35 * 64, True)
    assert FeeCurve(oracle(control=0), 3_000, FeeReference(0, 0, NOW_S)).bound(2, 10, is_a_to_b=True) == (None, True)


def test_a_reference_far_off_the_scale_still_bounds_on_it() -> None:
    curve = FeeCurve(oracle(), 3_000, FeeReference(1 << 31, 0, NOW_S))
    assert curve.bound(0, 10, is_a_to_b=False) == (443_636, True)


def test_a_leap_ends_in_the_group_it_last_went_through() -> None:
    curve = FeeCurve(oracle(), 3_000, FeeReference(0, 0, NOW_S))
    assert curve.group_after(0, 128, True, is_a_to_b=False) == 1
    assert curve.group_after(0, 128, False, is_a_to_b=False) == 2
    assert curve.group_after(5, 128, True, is_a_to_b=True) == 2
    assert curve.group_after(1, 64, True, is_a_to_b=False) == 1

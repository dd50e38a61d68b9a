"""What a LaunchLab curve starts with, and which launches cannot be."""

import pytest

from kernel.amm.errors import PoolRefused
from kernel.amm.launchlab_start import launchlab_start

COMMON = {"supply": 10**15, "base_sell": 793_100_000_000_000, "fund_raising": 85 * 10**9}


def test_the_three_curves_start_at_their_worked_numbers() -> None:
    assert launchlab_start(0, **COMMON) == (1_073_025_605_596_382, 30_000_852_951, 793_100_000_000_000)
    assert launchlab_start(1, **COMMON) == (500_000_000_000_000, 85_000_000_000, 500_000_000_000_000)
    assert launchlab_start(2, **COMMON) == (7, 0, 666_666_666_666_666)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (0, {"base_sell": 10**15}),
        (0, {"base_sell": 0}),
        (0, {"base_sell": 10**14}),
        (0, {"locked": 206_900_000_000_000}),
        (1, {"locked": 10**15}),
        (1, {"migrate_fee": 85 * 10**9}),
        (1, {"fund_raising": 0}),
        (2, {"fund_raising": 11 * 10**9}),
    ],
)
def test_a_launch_that_cannot_be_is_refused(kind: int, changes: dict[str, int]) -> None:
    with pytest.raises(PoolRefused, match="range_invalid"):
        launchlab_start(kind, **(COMMON | changes))

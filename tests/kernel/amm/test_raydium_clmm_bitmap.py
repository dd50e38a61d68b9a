from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.amm.errors import PoolRefused
from kernel.amm.raydium_clmm_bitmap import HALF, array_of, arrays_ahead, needs_extension

NUMBERS = st.sets(st.integers(-7680, 7679) | st.integers(-520, -505) | st.integers(505, 520), max_size=40)


@given(numbers=NUMBERS, first=st.integers(-7680, 7679) | st.integers(-515, 515), is_a_to_b=st.booleans())
def test_arrays_come_in_the_order_in_which_a_swap_meets_them(numbers: set[int], first: int, is_a_to_b: bool) -> None:
    bitmap = sum(1 << number + HALF for number in numbers if -HALF <= number < HALF)
    outside = sorted(number for number in numbers if not -HALF <= number < HALF)
    ahead = [each for each in numbers if (each <= first if is_a_to_b else each >= first)]
    assert list(arrays_ahead(bitmap, outside, first, is_a_to_b)) == sorted(ahead, reverse=is_a_to_b)


def test_an_unread_extension_is_asked_for_only_where_it_is_needed() -> None:
    found = arrays_ahead(1 << HALF, None, 3, True)
    assert list(islice(found, 1)) == [0]
    with pytest.raises(PoolRefused, match="depth_unknown"):
        next(found)


def test_numbers_count_from_tick_zero_in_both_directions() -> None:
    assert [array_of(tick, 10) for tick in (-601, -600, -1, 0, 599, 600)] == [-2, -1, -1, 0, 0, 1]
    assert [needs_extension(spacing) for spacing in (1, 14, 15, 60)] == [True, True, False, False]

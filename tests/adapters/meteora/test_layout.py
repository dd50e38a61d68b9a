"""Any bytes are an unknown layout or come back the same."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.meteora.bin_array import BIN_ARRAY
from adapters.meteora.bitmap_extension import BITMAP_EXTENSION, far_arrays
from adapters.meteora.layout import AccountLayout
from adapters.meteora.lb_pair import LB_PAIR
from adapters.solana.tracked_pool import UnknownLayout
from tests.adapters.meteora.accounts import extension, lb_pair

LAYOUTS = [(LB_PAIR, 904), (BIN_ARRAY, 10_136), (BITMAP_EXTENSION, 1_576)]


@pytest.mark.parametrize(("layout", "length"), LAYOUTS)
@settings(max_examples=30)
@given(seed=st.randoms(use_true_random=False))
def test_every_byte_survives(layout: AccountLayout[object], length: int, seed: Any) -> None:
    data = layout.discriminator + seed.randbytes(length - 8)
    assert layout.encode(layout.decode(data)) == data


@pytest.mark.parametrize(("layout", "length"), LAYOUTS)
@given(data=st.binary(max_size=200))
def test_other_bytes_are_an_unknown_layout(layout: AccountLayout[object], length: int, data: bytes) -> None:
    for each in (data, layout.discriminator + data, data.ljust(length, b"\0")):
        with pytest.raises(UnknownLayout, match=f"of {length} bytes"):
            layout.decode(each)


def test_fields_lie_where_the_program_has_them() -> None:
    data = bytearray(lb_pair())
    data[76:80] = (-5).to_bytes(4, "little", signed=True)
    data[8:10] = (321).to_bytes(2, "little")
    data[816:824] = (77).to_bytes(8, "little")
    account = LB_PAIR.decode(bytes(data))
    assert (account.active_id, account.parameters.base_factor, account.activation_point) == (-5, 321, 77)


@given(st.sets(st.integers(-6_656, 6_655).filter(lambda index: not -512 <= index < 512), max_size=9))
def test_far_bits_name_their_arrays(indexes: set[int]) -> None:
    assert far_arrays(BITMAP_EXTENSION.decode(extension(*indexes))) == tuple(sorted(indexes))

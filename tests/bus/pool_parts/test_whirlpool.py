"""Whirlpool parts are small in a log and come back from it as they were."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bus.pool_parts.whirlpool import WhirlpoolOracle, WhirlpoolState, WhirlpoolTickArray

PARTS = st.one_of(
    st.builds(WhirlpoolState, *[st.integers(0, (1 << 128) - 1)] * 6, st.integers(-443_637, 443_636)),
    st.builds(
        WhirlpoolTickArray,
        st.integers(-450_000, 450_000),
        st.lists(st.tuples(st.integers(-450_000, 450_000), st.integers(-(1 << 127), (1 << 127) - 1))).map(tuple),
    ),
    st.builds(WhirlpoolOracle, *[st.integers(0, (1 << 64) - 1)] * 11, st.integers(-(1 << 31), 0), st.integers(0, 9)),
)


@given(PARTS)
def test_a_part_comes_back_from_json(part: WhirlpoolState | WhirlpoolTickArray | WhirlpoolOracle) -> None:
    decoder = msgspec.json.Decoder(WhirlpoolState | WhirlpoolTickArray | WhirlpoolOracle)
    assert decoder.decode(msgspec.json.encode(part)) == part


def test_only_initialised_ticks_take_room() -> None:
    assert msgspec.json.encode(WhirlpoolTickArray(0, ((64, 5),))) == b'["whirlpool_ticks",0,[[64,5]]]'

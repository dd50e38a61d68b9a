"""A key goes into a link and comes back the same; whatever else comes is refused in words."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persistence.page_key import FAR_NS, NEWEST, key_of, parse_key


@given(st.integers(0, FAR_NS), st.uuids())
def test_a_key_comes_back_the_same(ts_ns: int, row_id: UUID) -> None:
    assert parse_key(key_of({"ts_ns": ts_ns, "id": row_id})) == (ts_ns, row_id)


@given(st.text(min_size=1))
def test_any_other_text_is_refused_or_a_key(text: str) -> None:
    try:
        ts_ns, _ = parse_key(text)
    except ValueError as error:
        assert "before_key" in str(error)
    else:
        assert 0 <= ts_ns <= FAR_NS


def test_no_key_stands_before_the_newest_and_a_time_out_of_range_is_none() -> None:
    assert parse_key("") == NEWEST
    with pytest.raises(ValueError, match="before_key"):
        parse_key(f"{FAR_NS + 1}.{UUID(int=0)}")

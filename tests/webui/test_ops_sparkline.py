"""A sparkline never bridges what is not known, and stays inside its box."""

from hypothesis import given
from hypothesis import strategies as st

from webui.ops_sparkline import sparkline


def test_a_gap_splits_the_line_and_a_lone_value_is_still_seen() -> None:
    assert sparkline((1.0, 2.0, None, 2.0), 30, 20) == ("0.0,10.0 10.0,1.0", "30.0,1.0 30.0,1.0")
    assert sparkline((None, None)) == () and sparkline((1.0,)) == () and sparkline(()) == ()


@given(st.lists(st.none() | st.floats(0, 1e12), max_size=40))
def test_every_known_value_is_a_point_inside_the_box(values: list[float | None]) -> None:
    points = [each for stretch in sparkline(values, 96, 20) for each in stretch.split()]
    known = [each for each in values if each is not None]
    assert len(points) >= (len(known) if len(values) > 1 else 0)
    for point in points:
        x, y = map(float, point.split(","))
        assert 0 <= x <= 96 and 0 <= y <= 20

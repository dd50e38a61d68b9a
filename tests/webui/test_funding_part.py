"""Rates as text, and a line that never bridges a hole."""

from hypothesis import given
from hypothesis import strategies as st

from webui.funding_part import hourly, runs, yearly


def test_rates_are_signed_and_an_unknown_one_is_a_dash() -> None:
    assert (hourly(-0.0000125), yearly(-0.0000125)) == ("−0.001250", "−10.95")
    assert (hourly(0.00002), hourly(0.0), hourly(None)) == ("+0.002000", "0.000000", "—")


def test_a_hole_breaks_the_line_and_is_drawn() -> None:
    lines, holes, _ = runs((1.0, 1.0, None, None, 2.0))
    assert [line.split(",")[0] for line in lines] == ["0", "4"]
    assert holes == ((2, 2),)


@given(st.lists(st.none() | st.floats(-0.01, 0.01), max_size=168))
def test_every_hour_is_a_line_or_a_hole(hours: list[float | None]) -> None:
    lines, holes, _ = runs(tuple(hours))
    drawn = sum(len(line.split()) // 2 for line in lines)
    assert drawn + sum(width for _, width in holes) == len(hours)

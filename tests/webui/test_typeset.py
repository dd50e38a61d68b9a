from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webui import typeset


@pytest.mark.parametrize(
    ("value", "signed", "text"),
    [
        (Decimal("10214.374"), False, "10,214.37"),
        (Decimal("41.125"), True, "+41.12"),
        (Decimal("-0.5"), True, "−0.50"),
        (Decimal("-0.001"), True, "0.00"),
        (Decimal("0.004"), True, "0.00"),
        (Decimal(2**256), False, f"{2**256:,}.00"),
        (Decimal("NaN"), True, "—"),
        (None, True, "—"),
    ],
)
def test_money_is_exact_to_the_cent_with_its_sign(value: Decimal | None, signed: bool, text: str) -> None:
    assert typeset.usd(value, signed) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**40), max_value=10**40, places=12))
def test_exact_text_reads_back_as_the_same_number(value: Decimal) -> None:
    text = typeset.decimal(value).replace(",", "").replace(typeset.MINUS, "-")
    assert Decimal(text) == value


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9))
def test_a_tone_never_contradicts_the_text(value: Decimal) -> None:
    text = typeset.usd(value, is_signed=True)
    assert {"+": "gain", typeset.MINUS: "loss"}.get(text[0], "") == typeset.tone(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2412.11812", "2,412.12"),
        ("0.000012345678", "0.0000123457"),
        ("57310.5", "57,310.50"),
        ("0", "0"),
        ("1", "1.00000"),
    ],
)
def test_a_price_shows_about_six_figures(value: str, text: str) -> None:
    assert typeset.price(Decimal(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [("0.4182200", "0.41822"), ("-0.0418", "−0.0418"), ("1000000", "1,000,000"), ("123456789.123", "123,456,789")],
)
def test_a_quantity_drops_zeros_that_say_nothing(value: str, text: str) -> None:
    assert typeset.quantity(Decimal(value)) == text


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, "—"),
        (340, "0.3 s"),
        (-5, "0.0 s"),
        (12_400, "12 s"),
        (192_000, "3m 12s"),
        (7_440_000, "2h 04m"),
        (442_800_000, "5d 03h"),
    ],
)
def test_a_duration_has_at_most_two_units(ms: int | None, text: str) -> None:
    assert typeset.duration(ms) == text


@pytest.mark.parametrize(("value", "text"), [(999, "999"), (18_211, "18.2k"), (3_040_000, "3.04M"), (None, "—")])
def test_a_brief_count_fits_a_column(value: int | None, text: str) -> None:
    assert typeset.brief(value) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(92, 100, "92 %"), (19, 1000, "1.9 %"), (4, 10_000, "0.04 %"), (1, 0, "—"), (0, 5, "0 %")],
)
def test_a_share_of_nothing_is_not_a_number(part: int, whole: int, text: str) -> None:
    assert typeset.percent(part, whole) == text

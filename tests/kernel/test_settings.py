"""Settings as declarations: fields are described in full, and every wrong value is told at its field, all at once."""

from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from kernel.settings import SettingsRefused, checked_settings, expected_of, fields_of, plain_of
from kernel.strategy import Settings


class Sample(Settings, frozen=True, kw_only=True):
    """One field of each kind."""

    share_pct: Annotated[
        float, Meta(title="Share", description="Of it.", extra={"unit": "%", "group": "A"}, ge=0.5, lt=10.0)
    ] = 1.0
    tries: Annotated[int, Meta(ge=1, le=9), Meta(title="Tries", description="How often.", extra={"unit": "tries"})] = 3
    is_on: bool = True
    mode: Literal["fast", "slow"] = "fast"
    chains: tuple[Literal["base", "arbitrum"], ...] = ("base",)
    names: Annotated[tuple[str, ...], Meta(max_length=2)] = ()
    fees: dict[str, float] = {}

    def __post_init__(self) -> None:
        if self.mode == "slow" and self.tries > 5:
            raise ValueError("tries: expected at most 5 in slow mode")


def test_fields_are_described_from_their_declarations() -> None:
    fields = {each.name: each for each in fields_of(Sample)}
    assert [each.kind for each in fields.values()] == [
        "number",
        "integer",
        "switch",
        "choice",
        "choices",
        "list",
        "map",
    ]
    share = fields["share_pct"]
    assert (share.title, share.unit, share.group, share.low, share.high) == ("Share", "%", "A", 0.5, 10.0)
    assert share.is_high_open and not share.is_low_open
    assert expected_of(share) == "a number from 0.5 below 10 (%)"
    assert fields["chains"].choices == ("arbitrum", "base") and fields["chains"].default == ["base"]
    assert expected_of(fields["mode"]) == "one of fast, slow"


def test_every_wrong_field_is_told_at_once() -> None:
    posted = {"share_pct": "10", "tries": "x", "is_on": "perhaps", "mode": "fast", "chains": ["moon"], "nmes": 1}
    with pytest.raises(SettingsRefused) as found:
        checked_settings(Sample, posted, "sample")
    assert found.value.errors == {
        "share_pct": "expected a number from 0.5 below 10 (%), found '10'",
        "tries": "expected a whole number from 1 to 9 (tries), found 'x'",
        "is_on": "expected true or false, found 'perhaps'",
        "chains": "expected any of arbitrum, base, found ['moon']",
        "nmes": "there is no such setting; did you mean names?",
    }


def test_a_rule_over_several_fields_is_told_at_the_field_that_it_names() -> None:
    with pytest.raises(SettingsRefused) as found:
        checked_settings(Sample, {"mode": "slow", "tries": 9}, "sample")
    assert list(found.value.errors) == ["tries"]


@pytest.mark.parametrize("value", ["nan", "inf", float("nan"), float("-inf"), "1e999"])
def test_a_number_must_be_finite(value: Any) -> None:
    for values in ({"share_pct": value}, {"fees": {"x": value}}):
        with pytest.raises(SettingsRefused):
            checked_settings(Sample, values, "sample")


def test_posted_texts_become_values() -> None:
    made = checked_settings(Sample, {"share_pct": "2.5", "tries": "4", "is_on": "false", "chains": ["arbitrum"]}, "s")
    assert plain_of(made) == {
        "share_pct": 2.5, "tries": 4, "is_on": False, "mode": "fast", "chains": ["arbitrum"], "names": [], "fees": {},
    }  # fmt: skip


@given(st.dictionaries(st.sampled_from([*Sample.__struct_fields__, "x"]), st.one_of(
    st.text(), st.integers(), st.floats(), st.booleans(), st.none(), st.lists(st.text(), max_size=3))))  # fmt: skip
def test_any_values_give_a_valid_struct_or_errors_by_field(values: dict[str, Any]) -> None:
    try:
        made = checked_settings(Sample, values, "sample")
    except SettingsRefused as refused:
        assert refused.errors and set(refused.errors) <= {*Sample.__struct_fields__, "x", ""}
    else:
        assert checked_settings(Sample, plain_of(made), "sample") == made

"""What an input holds and what comes back with a form are one value; nothing is changed that nobody changed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import FormData

from kernel.execution.paper_settings import PaperSettings
from kernel.risk_limits import RiskLimits
from kernel.settings import SettingField, checked_settings, fields_of, plain_of
from kernel.strategy import Settings
from strategies.cex_dex_arb.settings import CexDexArbSettings
from strategies.drift_funding_arb.settings import DriftFundingArbSettings
from webui.settings_source import SettingRow
from webui.settings_values import changed_values, posted_value, shown, text_of
from webui.settings_view import bounds_of, row_view

KINDS: tuple[type[Settings], ...] = (CexDexArbSettings, DriftFundingArbSettings, RiskLimits, PaperSettings)
LINE = (
    st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=12)
    .map(str.strip)
    .filter(bool)
)


def as_posted(field: SettingField, value: Any) -> list[tuple[str, str]]:
    """What a browser sends of an untouched row: carriage returns in front of line feeds, blank rows included."""
    view = row_view("m", SettingRow(field=field, value=value, source="default"))
    key = f"f.{field.name}"
    sent = [(f"was.{field.name}", view.was.replace("\n", "\r\n"))]
    if field.kind == "switch":
        return sent + ([(key, "true")] if view.text == "true" else [])
    if field.kind == "choices":
        return sent + [(key, name) for name, is_chosen in view.options if is_chosen]
    if field.kind == "map":
        return sent + [
            (f"{key}.{part}", text) for pair in view.pairs for part, text in zip(("name", "value"), pair, strict=True)
        ]
    return [*sent, (key, view.text.replace("\n", "\r\n"))]


@pytest.mark.parametrize("kind", KINDS)
def test_an_untouched_form_changes_nothing(kind: type[Settings]) -> None:
    plain = plain_of(kind())
    fields = fields_of(kind)
    form = FormData([pair for field in fields for pair in as_posted(field, plain[field.name])])
    assert changed_values(fields, form) == ({}, {}, {})


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_form_holds_is_the_same_struct_again(kind: type[Settings]) -> None:
    plain = plain_of(kind())
    posted = {}
    for field in fields_of(kind):
        posted[field.name], error = posted_value(field, FormData(as_posted(field, plain[field.name])))
        assert error == ""
    assert checked_settings(kind, posted, "test") == kind()


@given(st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**70), 2**70)))
def test_a_number_is_written_without_exponent_and_read_back_exactly(value: float) -> None:
    text = text_of(value)
    assert "e" not in text.lower() and type(value)(text) == value


@given(st.lists(LINE, max_size=8))
def test_a_list_survives_its_textarea(lines: list[str]) -> None:
    field = SettingField(name="x", title="X", description="", unit="", group="G", kind="list", default=[])
    assert posted_value(field, FormData(as_posted(field, lines))) == (lines, "")


@pytest.mark.slow
@given(st.dictionaries(LINE, st.floats(-1e9, 1e9).map(lambda value: round(value, 6)), max_size=8))
def test_a_map_survives_its_rows(pairs: dict[str, float]) -> None:
    field = SettingField(name="x", title="X", description="", unit="", group="G", kind="map", default={})
    posted, error = posted_value(field, FormData(as_posted(field, pairs)))
    assert error == "" and {name: float(value) for name, value in posted.items()} == pairs


def test_a_map_with_a_name_twice_or_a_value_alone_is_refused() -> None:
    field = SettingField(name="x", title="X", description="", unit="", group="G", kind="map", default={})

    def posted(*pairs: tuple[str, str]) -> str:
        sent = [(f"f.x.{part}", text) for pair in pairs for part, text in zip(("name", "value"), pair, strict=True)]
        return posted_value(field, FormData(sent))[1]

    assert posted(("a", "1"), ("a", "2")) == "expected each name once, found 'a' twice"
    assert posted(("", "3")) == "expected a name beside '3', found none"
    assert posted(("a", "1"), ("", "")) == ""


def test_only_what_was_typed_is_changed_and_a_reset_is_none() -> None:
    fields = fields_of(CexDexArbSettings)
    form = FormData(
        [
            ("was.min_profit_usd", "2"), ("f.min_profit_usd", " −3.50 "),
            ("was.max_slippage_bps", "20"), ("f.max_slippage_bps", "20"),
            ("was.cooldown_s", "5"), ("f.cooldown_s", "5"), ("reset", "cooldown_s"), ("reset", "no_such"),
            ("f.swap_gas_limit", "7"),
        ]
    )  # fmt: skip
    values, typed, errors = changed_values(fields, form)
    assert values == {"min_profit_usd": "-3.50", "cooldown_s": None}
    assert typed == {"min_profit_usd": "-3.50"} and errors == {}


def test_values_are_typeset_for_reading() -> None:
    assert [shown(each) for each in (5000.0, -0.5, 1e-7, True, None, [], ["a", "b"], {"a": 10.0}, "")] == [
        "5,000", "−0.5", "0.0000001", "on", "—", "none", "a, b", "a 10", "none",
    ]  # fmt: skip


def test_bounds_are_said_beside_the_input() -> None:
    fields = {field.name: field for field in (*fields_of(CexDexArbSettings), *fields_of(RiskLimits))}
    assert bounds_of(fields["min_spread_threshold"]) == "from 0.01 to 10"
    assert bounds_of(fields["leg_deadline_ms"]) == "from 100 to 30,000, whole"
    assert bounds_of(fields["blacklist_tokens"]) == "at most 10,000" and bounds_of(fields["execution_mode"]) == ""

"""Every registered strategy is complete: settings that explain themselves, a guide, tests, a sample to replay."""

import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kernel.compose.registry import STRATEGIES, strategy_kind
from kernel.compose.settings_groups import settings_groups
from kernel.profile import load_profile
from kernel.settings import field_errors, fields_of
from kernel.strategy import Settings, Strategy, View
from tests.shared_data import PROJECT

NUMBERS = (msgspec.inspect.IntType, msgspec.inspect.FloatType)
#: recorded inputs of each strategy: manifests in samples/imports, or "demo.evl"
SAMPLES = {
    "cex_dex_arb": ("evm-2023-08.toml", "polygon-univ3-2025-07.toml", "eth-univ3-2024-01-05.toml"),
    "drift_funding_arb": ("drift-funding.toml",),
    "solana_arb": ("solana-lp-2024-05.toml", "solana-lp-2024-05-msol.toml", "solana-lp-2024-06.toml"),
    "graduation_sniper": ("pumpfun-tracks-2025-06-06.toml",),
}


def _kinds() -> list[type[Any]]:
    """Every settings struct that an operator can meet, once."""
    groups = settings_groups(load_profile("demo", {}), {})
    return list(dict.fromkeys(group.kind for group in groups.values()))


def _fields(kind: type[Any]) -> list[tuple[str, Any, dict[str, Any], dict[str, Any]]]:
    """(name, plain type, what JSON schema says, extra) per field."""
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, msgspec.inspect.StructType)
    rows = []
    for field in info.fields:
        schema: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        plain = field.type
        while isinstance(plain, msgspec.inspect.Metadata):
            schema = {**(plain.extra_json_schema or {}), **schema}
            extra = {**(plain.extra or {}), **extra}
            plain = plain.type
        rows.append((field.name, plain, schema, extra))
    return rows


FIELDS = [(kind.__name__, *row) for kind in _kinds() for row in _fields(kind)]


@pytest.mark.parametrize(
    ("kind", "name", "plain", "schema", "extra"), FIELDS, ids=lambda each: each if isinstance(each, str) else ""
)
def test_every_setting_has_title_description_unit_and_bounds(
    kind: str, name: str, plain: Any, schema: dict[str, Any], extra: dict[str, Any]
) -> None:
    assert schema.get("title"), f"{kind}.{name} has no title"
    assert schema.get("description"), f"{kind}.{name} has no description"
    if isinstance(plain, NUMBERS):
        assert extra.get("unit"), f"{kind}.{name} has no unit"
        low = plain.ge if plain.ge is not None else plain.gt
        high = plain.le if plain.le is not None else plain.lt
        assert low is not None and high is not None, f"{kind}.{name} has no bounds"
        assert low < high


@pytest.mark.parametrize("kind", _kinds(), ids=lambda kind: kind.__name__)
def test_every_recommended_value_and_default_is_one_that_the_field_takes(kind: type[Settings]) -> None:
    for field in fields_of(kind):
        recommended = field.default if field.recommended is None else field.recommended
        assert field_errors(kind, {field.name: recommended}) == {}, f"{kind.__name__}.{field.name}"
        assert field.title and field.description and field.group


@pytest.mark.parametrize("kind", _kinds(), ids=lambda kind: kind.__name__)
def test_defaults_are_within_their_bounds_and_unknown_settings_are_refused(kind: type[Settings]) -> None:
    plain = msgspec.to_builtins(kind())
    assert msgspec.to_builtins(msgspec.convert(plain, kind)) == plain
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert({"no_such_setting": 1}, kind)


@pytest.mark.parametrize("kind", _kinds(), ids=lambda kind: kind.__name__)
def test_a_number_out_of_bounds_is_refused_by_name(kind: type[Settings]) -> None:
    for name, plain, _, _ in _fields(kind):
        if isinstance(plain, NUMBERS):
            high = plain.le if plain.le is not None else plain.lt
            assert high is not None
            with pytest.raises(msgspec.ValidationError, match=rf"\$\.{name}`"):
                msgspec.convert({name: high + 1}, kind)


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_every_strategy_is_whole(name: str) -> None:
    kind = strategy_kind(name)
    folder = PROJECT / "strategies" / name
    for part in ("settings.py", "strategy.py", "guide.md", "__init__.py"):
        assert (folder / part).is_file(), f"{name} has no {part}"
    tests = PROJECT / "tests" / "strategies" / name
    assert list(tests.glob("test_*.py")), f"{name} has no tests"
    assert issubclass(kind, Strategy) and kind.name == name
    assert kind.title and kind.idea and kind.wants
    assert issubclass(kind.Settings, Settings)
    for method in ("on_event", "view", "is_flat", "flatten"):
        assert getattr(kind, method) is not getattr(Strategy, method), f"{name} has no {method}"


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_every_strategys_view_is_a_struct_with_titles(name: str) -> None:
    views = [each for each in View.__subclasses__() if each.__module__.startswith(f"strategies.{name}.")]
    assert views
    for name_, _, schema, _ in _fields(views[0]):
        assert schema.get("title"), f"{views[0].__name__}.{name_} has no title"


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_every_guide_says_how_where_and_what_can_go_wrong(name: str) -> None:
    text = (PROJECT / "strategies" / name / "guide.md").read_text()
    assert len(text.split()) > 200
    assert text.startswith("# ")
    assert text.count("\n## ") >= 3


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_every_strategy_has_a_recorded_sample(name: str) -> None:
    for sample in SAMPLES[name]:
        path = PROJECT / "samples" / "imports" / sample
        assert tomllib.loads(path.read_text())["log"]["name"] == path.stem


def test_every_folder_of_strategies_is_registered() -> None:
    folders = {each.name for each in (PROJECT / "strategies").iterdir() if (each / "strategy.py").is_file()}
    assert folders == set(STRATEGIES)


def test_no_sample_holds_the_shelfs_data() -> None:
    kept = [each for each in (PROJECT / "samples").rglob("*") if each.is_file()]
    assert {each.suffix for each in kept} <= {".toml", ".evl", ".md"}
    assert [each for each in kept if each.suffix == ".evl" and each.name != "demo.evl"] == []
    assert all(isinstance(each, Path) for each in kept)

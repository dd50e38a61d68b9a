import msgspec
import pytest

from kernel.strategy import convert_settings
from webui.auth import ABSOLUTE_S, IDLE_S
from webui.settings import DashboardSettings
from webui.stream import CLIENTS_MAX, PERIOD_S


def test_every_setting_is_described_and_bounded() -> None:
    for field in msgspec.inspect.type_info(DashboardSettings).fields:
        node = field.type
        assert isinstance(node, msgspec.inspect.Metadata), field.name
        told = node.extra_json_schema or {}
        assert told.get("title") and told.get("description"), field.name
        assert set(node.extra or {}) >= {"unit", "group", "recommended"}, field.name
        assert node.type.ge is not None and node.type.le is not None, field.name
        assert node.type.ge <= field.default <= node.type.le
        assert node.extra["recommended"] == field.default


def test_defaults_are_the_constants_of_the_parts() -> None:
    made = convert_settings(DashboardSettings, {})
    assert made.session_idle_min * 60 == IDLE_S
    assert made.session_absolute_min * 60 == ABSOLUTE_S
    assert made.streams_max == CLIENTS_MAX
    assert 1 / made.frames_per_s == PERIOD_S


@pytest.mark.parametrize("wrong", [{"session_idle_min": 1}, {"frames_per_s": 11}, {"nope": 1}, {"streams_max": "many"}])
def test_what_is_out_of_bounds_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        convert_settings(DashboardSettings, wrong)

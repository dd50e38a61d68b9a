"""Profiles: what is in the box loads, the environment switches and never tunes, mistakes are named."""

from pathlib import Path

import msgspec
import pytest

from kernel.compose.registry import STRATEGIES, spec_of_profile
from kernel.core import Core
from kernel.errors import ConfigError
from kernel.profile import PROFILES, default_profile_name, load_profile

NAMES = sorted(each.stem for each in PROFILES.glob("*.toml"))
MINIMAL = 'name = "x"\ntitle = "X"\nmode = "PAPER"\n[feed]\nkind = "none"\n'


def _file(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return str(path)


def test_the_three_profiles_of_the_box_are_there() -> None:
    assert {"demo", "paper", "prod"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_profile_loads_and_every_setting_in_it_is_valid(name: str) -> None:
    profile = load_profile(name, {})
    assert profile.name == name
    assert set(profile.strategies) <= set(STRATEGIES)
    everything = msgspec.structs.replace(
        profile,
        strategies={key: msgspec.structs.replace(table, enabled=True) for key, table in profile.strategies.items()},
    )
    Core(spec_of_profile(everything, "t"))


@pytest.mark.parametrize("name", NAMES)
def test_no_profile_listens_to_the_world_or_trades_with_money(name: str) -> None:
    profile = load_profile(name, {})
    assert profile.web.host == "127.0.0.1"
    assert profile.database_url == ""
    assert not profile.is_live or name == "prod"


def test_the_environment_switches_modules_on_and_off() -> None:
    name = sorted(load_profile("demo", {}).strategies)[0]
    flag = f"{name.upper()}_MODULE_ENABLED"
    for text, is_on in (("true", True), ("1", True), ("YES", True), ("off", False), ("0", False), ("", False)):
        assert load_profile("demo", {flag: text}).strategies[name].enabled is is_on
    assert load_profile("demo", {"DASHBOARD_MODULE_ENABLED": "no"}).web.enabled is False


def test_a_flag_that_is_neither_true_nor_false_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"DASHBOARD_MODULE_ENABLED: expected true or false, found 'maybe'"):
        load_profile("demo", {"DASHBOARD_MODULE_ENABLED": "maybe"})


@pytest.mark.parametrize(
    ("key", "text"),
    [("SNIPER_MODULE_ENABLED", "that older module is not"), ("NEW_MODULE_ENABLED", "of that name is not")],
)
def test_a_flag_of_a_module_that_is_not_here_is_a_warning(key: str, text: str) -> None:
    assert [text in each and key in each for each in load_profile("demo", {key: "true"}).warnings] == [True]
    assert load_profile("demo", {key: "false"}).warnings == ()


def test_the_environment_cannot_change_a_trading_parameter() -> None:
    plain = load_profile("demo", {})
    env = {"MIN_PROFIT_USD": "0", "CEX_DEX_ARB_MIN_PROFIT_USD": "0", "MAX_NOTIONAL_USD": "1e9", "LATENCY_MS": "0"}
    assert load_profile("demo", env) == plain


def test_infrastructure_comes_from_the_environment() -> None:
    profile = load_profile("demo", {"DATABASE_URL": "postgres://x/y", "KERNEL_PG_BIN": "/opt/pg/bin"})
    assert (profile.database_url, profile.pg_bin) == ("postgres://x/y", "/opt/pg/bin")


def test_dry_run_takes_the_money_out_of_a_live_profile(tmp_path: Path) -> None:
    path = _file(tmp_path, MINIMAL.replace("[feed]", "is_live = true\n[feed]"))
    assert load_profile(path, {}).is_live
    safe = load_profile(path, {"DRY_RUN": "true"})
    assert not safe.is_live and "simulated" in safe.warnings[0]


def test_mode_production_chooses_prod() -> None:
    assert default_profile_name({}) == "demo"
    assert default_profile_name({"MODE": "Production"}) == "prod"
    assert default_profile_name({"MODE": "test"}) == "demo"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "not valid TOML"),
        (MINIMAL + "speed = 'fast'\n", r"Expected `float`, got `str` - at `\$.feed.speed`"),
        (MINIMAL + "colour = 1\n", r"unknown field `colour` - at `\$.feed`"),
        ('name = "x"\n', "missing required field"),
        (MINIMAL + "[strategies.cex_dex_arb]\nenable = true\n", r"unknown field `enable`"),
    ],
)
def test_a_wrong_file_is_named_with_its_field(text: str, message: str, tmp_path: Path) -> None:
    path = _file(tmp_path, text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_profile(path, {})
    assert path in str(caught.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_profile(str(path), {})


def test_an_unknown_profile_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no profile 'nightly'; known: demo, .*paper, prod"):
        load_profile("nightly", {})


def test_a_profile_that_enables_what_does_not_exist_is_refused(tmp_path: Path) -> None:
    path = _file(tmp_path, MINIMAL + "[strategies.moon]\nenabled = true\n")
    with pytest.raises(ConfigError, match="no strategy 'moon'; known: cex_dex_arb"):
        spec_of_profile(load_profile(path, {}), "t")

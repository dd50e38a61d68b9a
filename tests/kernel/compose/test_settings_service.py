"""From a form to the kernel: a save is stored, heard and published, once; what is invalid never is."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from kernel.compose.settings_forms import SettingsForms
from kernel.compose.settings_groups import settings_groups
from kernel.compose.settings_service import SettingsService
from kernel.errors import BadInput, ConfigError, StoreError
from kernel.profile import Profile, load_profile
from kernel.risk_limits import GlobalLimits
from kernel.settings import SettingsRefused
from kernel.strategy import Settings
from persistence.postgres import Database
from webui.settings_source import VersionConflict

pytestmark = pytest.mark.postgres
Published = list[tuple[str, dict[str, Any], int, str]]


def profile(**ceilings: Any) -> Profile:
    return msgspec.structs.replace(load_profile("demo", {}), ceilings=ceilings)


class World:
    """A service over a database, and what it published."""

    def __init__(self, database: Database | None, made: Profile) -> None:
        self.published: Published = []
        self.told: list[tuple[str, str]] = []
        self.core: dict[str, Settings] = {}
        self.service = SettingsService(
            settings_groups(made, {}),
            database,
            current=self.core.get,
            publish=self._publish,
            tell=lambda severity, code, text: self.told.append((code, text)),
        )
        self.forms = SettingsForms(self.service)

    def _publish(self, module: str, text: str, version: int, by: str) -> None:
        self.published.append((module, msgspec.json.decode(text), version, by))


@pytest.fixture
async def database(pg_db: str) -> AsyncIterator[Database]:
    made = Database(pg_db)
    yield made
    await made.close()


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    made = World(database, profile(budget_usd=100_000.0))
    await made.service.read_first()
    running = asyncio.create_task(made.service.run())
    async with asyncio.timeout(5):
        while not made.service.is_listening:
            await asyncio.sleep(0.001)
    yield made
    running.cancel()


async def test_a_save_is_published_once_with_version_and_name(world: World) -> None:
    version = await world.forms.save("cex_dex_arb", {"min_profit_usd": "7.5"}, 0, "ann", "calmer")
    assert version == 1
    [(module, values, told_version, by)] = world.published
    assert (module, values["min_profit_usd"], told_version, by) == ("cex_dex_arb", 7.5, 1, "ann")
    form = world.forms.form("cex_dex_arb")
    assert form is not None and form.version == 1
    row = next(each for each in form.rows if each.field.name == "min_profit_usd")
    assert (row.value, row.source) == (7.5, "database")
    sources = {each.field.name: each.source for each in form.rows}
    assert sources["max_position_size_usd"] == "profile" and sources["min_spread_threshold"] == "default"


async def test_all_field_errors_come_at_once_and_nothing_is_written(world: World) -> None:
    posted = {"min_profit_usd": "x", "max_slippage_bps": "-1", "leg_deadline_ms": "2000", "nonsense": "1"}
    with pytest.raises(SettingsRefused) as found:
        await world.forms.save("cex_dex_arb", posted, 0, "ann", "why")
    assert set(found.value.errors) == {"min_profit_usd", "max_slippage_bps", "nonsense"}
    assert world.forms.preview("cex_dex_arb", posted).errors == found.value.errors
    assert world.published == [] and await world.service.writable().read() == {}


async def test_a_rule_over_fields_sees_stored_values_and_posted_ones(world: World) -> None:
    await world.forms.save("drift_funding_arb", {"min_funding_rate_threshold": 0.02}, 0, "ann", "why")
    await world.forms.save("drift_funding_arb", {"auto_close_funding_threshold": 0.015}, 1, "ann", "above the default")
    with pytest.raises(SettingsRefused, match="auto_close_funding_threshold"):
        await world.forms.save("drift_funding_arb", {"min_funding_rate_threshold": 0.012}, 2, "ann", "why")


async def test_a_limit_above_the_hard_ceiling_is_refused_at_its_field(world: World) -> None:
    with pytest.raises(SettingsRefused) as found:
        await world.forms.save("risk", {"budget_usd": 200_000, "max_notional_usd": 900}, 0, "ann", "greed")
    assert found.value.errors == {"budget_usd": "the hard ceiling allows at most 100000, found 200000"}
    form = world.forms.form("risk.cex_dex_arb")
    assert form is not None
    assert {row.field.name: row.ceiling for row in form.rows if row.ceiling} == {"budget_usd": "at most 100000.0"}


async def test_a_reset_goes_back_to_the_layer_below(world: World) -> None:
    await world.forms.save("cex_dex_arb", {"max_position_size_usd": 100}, 0, "ann", "why")
    await world.forms.save("cex_dex_arb", {"max_position_size_usd": None}, 1, "ann", "why")
    form = world.forms.form("cex_dex_arb")
    assert form is not None
    row = next(each for each in form.rows if each.field.name == "max_position_size_usd")
    assert (row.value, row.source) == (2500.0, "profile")
    assert [values["max_position_size_usd"] for _, values, _, _ in world.published] == [100.0, 2500.0]


async def test_saving_what_holds_anyway_stores_nothing(world: World) -> None:
    assert await world.forms.save("cex_dex_arb", {"max_position_size_usd": "2500"}, 0, "ann", "why") == 0
    assert world.published == [] and world.forms.preview("cex_dex_arb", {"max_position_size_usd": "2500"}).changes == ()


async def test_two_tabs_cannot_overwrite_each_other(world: World) -> None:
    await world.forms.save("risk", {"max_notional_usd": 900}, 0, "ann", "why")
    with pytest.raises(VersionConflict, match="ann saved version 1"):
        await world.forms.save("risk", {"max_notional_usd": 800}, 0, "bob", "why")


async def test_a_restore_brings_back_a_version_and_is_itself_a_save(world: World) -> None:
    await world.forms.save("risk", {"max_notional_usd": 900}, 0, "ann", "one")
    await world.forms.save("risk", {"max_notional_usd": 800, "max_open_orders": 7}, 1, "ann", "two")
    assert await world.forms.restore("risk", 1, 2, "bob", "undo two") == 3
    assert world.published[-1][1]["max_notional_usd"] == 900.0
    page = await world.forms.history("risk", None, 10)
    assert [(each.version, each.who) for each in page.entries] == [(3, "bob"), (2, "ann"), (1, "ann")]
    assert {each.key: (each.old, each.new) for each in page.entries[0].changes} == {
        "max_notional_usd": (800.0, 900.0), "max_open_orders": (7, None),
    }  # fmt: skip
    assert await world.forms.restore("risk", 0, 3, "bob", "all of it") == 4
    assert world.service.stored["risk"].values == {}


async def test_history_is_paged(world: World) -> None:
    for version in range(5):
        await world.forms.save("risk", {"max_open_orders": version + 1}, version, "ann", f"n{version}")
    first = await world.forms.history(None, None, 3)
    second = await world.forms.history(None, first.next_id, 3)
    assert [each.version for each in (*first.entries, *second.entries)] == [5, 4, 3, 2, 1] and second.next_id is None


async def test_an_invalid_stored_row_keeps_the_last_good_values_and_says_so(world: World, database: Database) -> None:
    await world.forms.save("risk", {"max_notional_usd": 900}, 0, "ann", "why")
    async with database.acquire() as connection:
        await connection.execute("UPDATE config_settings SET value = '\"lots\"' WHERE key = 'max_notional_usd'")
    async with asyncio.timeout(5):
        while not world.service.problems:
            await asyncio.sleep(0.005)
    assert "max_notional_usd: expected a number" in world.service.problems["risk"]
    in_use = world.service.in_use["risk"].settings
    assert isinstance(in_use, GlobalLimits) and in_use.max_notional_usd == 900.0
    assert [code for code, _ in world.told] == ["settings_invalid"]
    assert len(world.published) == 1
    form = world.forms.form("risk")
    assert form is not None and "max_notional_usd" in form.problem
    await world.forms.save("risk", {"max_notional_usd": 901}, form.version, "ann", "mended")
    assert world.service.problems == {}


async def test_an_edit_by_hand_takes_the_same_road(world: World, database: Database) -> None:
    await world.forms.save("risk", {"max_open_orders": 5}, 0, "ann", "why")
    async with database.acquire() as connection:
        await connection.execute("UPDATE config_settings SET value = '6' WHERE key = 'max_open_orders'")
    async with asyncio.timeout(5):
        while len(world.published) < 2:
            await asyncio.sleep(0.005)
    assert world.published[-1][1]["max_open_orders"] == 6


async def test_what_is_stored_is_in_use_after_a_restart(world: World, database: Database) -> None:
    await world.forms.save("paper", {"latency_ms": 77}, 0, "ann", "why")
    again = World(database, profile())
    await again.service.read_first()
    assert [(module, values["latency_ms"]) for module, values, _, _ in again.published] == [("paper", 77)]


async def test_without_a_database_the_profile_holds_and_saving_says_why_not() -> None:
    world = World(None, profile())
    old = settings_groups(profile(), {})["risk"].layered({"max_open_orders": 3}).settings
    world.core["risk"] = old  # what an older run had stored, folded from the log
    await world.service.read_first()
    assert [(module, by) for module, _, _, by in world.published] == [("risk", "profile")]
    form = world.forms.form("risk")
    assert form is not None and not form.is_writable and "--no-db" in form.note
    with pytest.raises(StoreError, match="--no-db"):
        await world.forms.save("risk", {"max_open_orders": 5}, 0, "ann", "why")


async def test_a_database_that_does_not_answer_leaves_the_last_settings_in_use(tmp_path: Any) -> None:
    away = Database(f"postgresql:///x?host={tmp_path}&user=x")
    world = World(away, profile())
    old = settings_groups(profile(), {})["risk"].layered({"max_open_orders": 3}).settings
    world.core["risk"] = old
    world = World(away, profile())
    await world.service.read_first()
    assert world.published == [] and [code for code, _ in world.told] == ["settings_unread"]
    form = world.forms.form("risk")
    assert form is not None and not form.is_writable and "not known now" in form.note
    await away.close()


async def test_settings_survive_a_journey_through_toml(world: World, database: Database) -> None:
    await world.forms.save("cex_dex_arb", {"chains_enabled": ["base"], "min_profit_usd": 3.25}, 0, "ann", "why")
    await world.forms.save("risk.cex_dex_arb", {"blacklist_tokens": ["SCAM"]}, 0, "ann", "why")
    text = world.forms.export_toml(())
    for module, version in (("cex_dex_arb", 1), ("risk.cex_dex_arb", 1)):
        await world.forms.restore(module, 0, version, "ann", "away with it")
    preview = world.forms.preview_toml(text)
    assert preview.errors == {} and set(preview.previews) == {"cex_dex_arb", "risk.cex_dex_arb"}
    assert await world.forms.import_toml(text, "ann", "back") == {"cex_dex_arb": 3, "risk.cex_dex_arb": 3}
    assert world.forms.export_toml(()).splitlines()[1:] == text.splitlines()[1:]


@pytest.mark.parametrize(
    ("text", "key", "error"),
    [
        ("[risk\n", "", "not valid TOML"),
        ("risk = 1", "risk", "expected a table"),
        ("[moon]\na = 1", "moon", "there is no module"),
        ("[risk]\nmax_open_orders = 'x'", "risk.max_open_orders", "expected a whole number"),
        ("[risk.cex_dex_arb]\nbudget_usd = -1", "risk.cex_dex_arb.budget_usd", "expected a number"),
    ],
)
async def test_a_bad_file_is_refused_as_a_whole(world: World, text: str, key: str, error: str) -> None:
    good = "[cex_dex_arb]\nmin_profit_usd = 9.0\n"
    with pytest.raises(SettingsRefused) as found:
        await world.forms.import_toml(f"{text}\n{good}", "ann", "why")
    assert error in found.value.errors[key]
    assert world.published == [] and await world.service.writable().read() == {}


async def test_unknown_modules_are_named(world: World) -> None:
    assert world.forms.form("moon") is None
    with pytest.raises(BadInput, match="no module 'moon'"):
        await world.forms.save("moon", {}, 0, "ann", "why")


def test_a_profile_that_sets_an_unknown_part_or_a_ceiling_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"platform\.moon"):
        settings_groups(msgspec.structs.replace(profile(), platform={"moon": {}}), {})
    with pytest.raises(ConfigError, match="ceilings: there is no setting 'budget'"):
        settings_groups(profile(budget=1), {})

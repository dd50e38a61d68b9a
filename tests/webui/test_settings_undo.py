"""A roll-back is told before it happens, and it then does what was told."""

import pytest

from kernel.errors import StoreError
from tests.webui.fake_settings import FakeSettings
from webui import settings_undo
from webui.settings_undo import entries_after, undo_changes


async def told(source: FakeSettings, module: str, version: int) -> dict[str, tuple[object, object]]:
    form = source.form(module)
    assert form is not None
    return {each.key: (each.old, each.new) for each in undo_changes(form, await entries_after(source, module, version))}


async def test_the_preview_is_what_a_restore_does() -> None:
    source = FakeSettings()
    saves = [
        {"min_profit_usd": 3},
        {"min_profit_usd": 4, "cooldown_s": 9},
        {"min_profit_usd": None},
        {"cooldown_s": 5.5},
    ]
    for version, values in enumerate(saves):
        await source.save("cex_dex_arb", values, version, "ana", "test")
    for version in range(4):
        before = source.parts["cex_dex_arb"].plain()
        expected = await told(source, "cex_dex_arb", version)
        await source.restore("cex_dex_arb", version, source.parts["cex_dex_arb"].version, "ana", "back")
        after = source.parts["cex_dex_arb"].plain()
        assert expected == {key: (before[key], after[key]) for key in after if before[key] != after[key]} != {}
        assert await told(source, "cex_dex_arb", source.parts["cex_dex_arb"].version) == {}


async def test_a_restart_only_value_is_told_as_it_is_stored() -> None:
    source = FakeSettings()
    await source.save("dashboard", {"port": 9000}, 0, "ana", "test")
    assert await told(source, "dashboard", 0) == {"port": (9000, 8080)}


async def test_other_modules_and_pages_of_history_do_not_disturb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings_undo, "PAGE", 2)
    source = FakeSettings()
    for version in range(7):
        await source.save("paper", {"latency_ms": 100 + version}, version, "ana", "test")
        await source.save("risk", {"max_gas_usd": 10 + version}, version, "ana", "test")
    assert await told(source, "paper", 2) == {"latency_ms": (106, 101)}
    monkeypatch.setattr(settings_undo, "ENTRIES_MAX", 3)
    with pytest.raises(StoreError, match="import a TOML file"):
        await entries_after(source, "paper", 0)

# ruff: noqa: E501
"""FOR TESTS ONLY: settings in memory with the real structs and the real checks, versions, history, conflicts at will."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import tomli_w
from msgspec import Meta

from kernel.errors import StoreError
from kernel.execution.paper_settings import PaperSettings
from kernel.risk_limits import GlobalLimits, RiskLimits
from kernel.settings import SettingsRefused, checked_settings, fields_of, plain_of
from kernel.strategy import Settings
from strategies.cex_dex_arb.settings import CexDexArbSettings
from strategies.drift_funding_arb.settings import DriftFundingArbSettings
from tests.shared_data import PROJECT
from webui.settings_source import (
    Change,
    HistoryEntry,
    HistoryPage,
    ImportPreview,
    ModuleItem,
    Preview,
    SettingRow,
    SettingsForm,
    VersionConflict,
)

SECOND_NS = 1_000_000_000
START_NS = 1_764_000_000 * SECOND_NS


class DashboardSettings(Settings, frozen=True, kw_only=True):
    """A platform part of the test: a restart-only field, one that the environment sets, an optional one."""

    port: Annotated[
        int,
        Meta(title="Port", description="Where the page listens.", extra={"unit": "", "group": "Access", "reload": "restart"}, ge=1, le=65_535),
    ] = 8080  # fmt: skip
    database_url: Annotated[
        str,
        Meta(title="Database", description="Where it is.", extra={"unit": "", "group": "Access", "env": "DATABASE_URL"}, max_length=200),
    ] = ""  # fmt: skip
    is_compact: Annotated[
        bool, Meta(title="Compact", description="Smaller rows.", extra={"unit": "", "group": "Look", "recommended": True})
    ] = False  # fmt: skip
    motto: Annotated[
        str, Meta(title="Motto", description="Shown nowhere.", extra={"unit": "", "group": "Look"}, max_length=80)
    ] = ""


class Part:
    """One owner: its struct, what the profile says, what is stored."""

    def __init__(self, item: ModuleItem, kind: type[Settings], profile: dict[str, Any] | None = None) -> None:
        self.item = item
        self.kind = kind
        self.profile = profile or {}
        self.environment: dict[str, Any] = {}
        self.stored: dict[str, Any] = {}
        self.started: dict[str, Any] = {}  #: restart-only values that this run began with
        self.version = 0
        self.states: dict[int, dict[str, Any]] = {0: {}}
        self.fields = fields_of(kind)
        self.ceilings: dict[str, str] = {}
        self.problem = ""

    def plain(self, stored: Mapping[str, Any] | None = None) -> dict[str, Any]:
        layers = self.environment | self.profile | dict(self.stored if stored is None else stored)
        return plain_of(checked_settings(self.kind, layers, self.item.module))


class FakeSettings:
    """Implements `SettingsSource`."""

    def __init__(self) -> None:
        strategy = {"config_type": "STRATEGIES"}
        limits = {"config_type": "RISK_MANAGEMENT"}
        parts = (
            Part(ModuleItem(module="cex_dex_arb", title="CEX against DEX", strategy="cex_dex_arb", **strategy), CexDexArbSettings, {"min_profit_usd": 1.5, "chains_enabled": ["polygon", "simulated"]}),
            Part(ModuleItem(module="risk.cex_dex_arb", title="Limits of CEX against DEX", strategy="cex_dex_arb", **limits), RiskLimits, {"budget_usd": 20_000.0}),
            Part(ModuleItem(module="drift_funding_arb", title="Funding on Drift", strategy="drift_funding_arb", **strategy), DriftFundingArbSettings),
            Part(ModuleItem(module="risk.drift_funding_arb", title="Limits of Funding on Drift", strategy="drift_funding_arb", **limits), RiskLimits),
            Part(ModuleItem(module="risk", title="Limits over everything", config_type="RISK_MANAGEMENT"), GlobalLimits),
            Part(ModuleItem(module="paper", title="Paper venue", config_type="TRADING"), PaperSettings),
            Part(ModuleItem(module="dashboard", title="Dashboard", config_type="DASHBOARD"), DashboardSettings),
        )  # fmt: skip
        self.parts = {part.item.module: part for part in parts}
        self.parts["risk"].ceilings = {"budget_usd": "at most 10,000"}
        self.parts["dashboard"].environment = {"database_url": "postgres:///kernel"}
        self.entries: list[HistoryEntry] = []
        self.is_down = False
        self.meanwhile: list[tuple[str, dict[str, Any], str, str]] = []  #: saved by others right before the next save
        self.note = ""

    def modules(self) -> tuple[ModuleItem, ...]:
        return tuple(part.item for part in self.parts.values())

    def form(self, module: str) -> SettingsForm | None:
        part = self.parts.get(module)
        if part is None:
            return None
        now = part.plain()
        rows = []
        for field in part.fields:
            name = field.name
            source = "default"
            for layer, word in (
                (part.environment, "environment"),
                (part.profile, "profile"),
                (part.stored, "database"),
            ):
                source = word if name in layer else source
            used = part.started.get(name, now[name])
            has_pending = field.is_restart_only and used != now[name]
            rows.append(
                SettingRow(
                    field=field,
                    value=used,
                    source=source,
                    pending=now[name] if has_pending else None,
                    has_pending=has_pending,
                    ceiling=part.ceilings.get(name, ""),
                )
            )
        guide = ""
        path = PROJECT / "strategies" / module / "guide.md"
        if Path(path).exists():
            guide = path.read_text()
        return SettingsForm(
            item=part.item,
            version=part.version,
            rows=tuple(rows),
            is_writable=not self.note,
            note=self.note,
            problem=part.problem,
            guide=guide,
        )

    def preview(self, module: str, values: Mapping[str, Any]) -> Preview:
        try:
            _, changes = self._changes(module, values)
        except SettingsRefused as refused:
            return Preview(changes=(), errors=refused.errors)
        return Preview(changes=changes)

    async def save(self, module: str, values: Mapping[str, Any], version: int, who: str, why: str) -> int:
        self._ask()
        for other, theirs, name, reason in self.meanwhile:
            self._write(other, theirs, name, reason)
        self.meanwhile.clear()
        if version != self.parts[module].version:
            raise VersionConflict(f"{module}: expected version {version}, found {self.parts[module].version}")
        return self._write(module, values, who, why)

    async def history(self, module: str | None, before_id: int | None, limit: int) -> HistoryPage:
        self._ask()
        found = [
            entry
            for entry in reversed(self.entries)
            if (module is None or entry.module == module) and (before_id is None or entry.id < before_id)
        ]
        return HistoryPage(entries=tuple(found[:limit]), next_id=found[limit - 1].id if len(found) > limit else None)

    async def restore(self, module: str, version: int, expected: int, who: str, why: str) -> int:
        self._ask()
        part = self.parts[module]
        if expected != part.version:
            raise VersionConflict(f"{module}: expected version {expected}, found {part.version}")
        state = part.states[max(each for each in part.states if each <= version)]
        keys = state.keys() | part.stored.keys()
        return self._write(module, {key: state.get(key) for key in keys}, who, why)

    def export_toml(self, modules: tuple[str, ...]) -> str:
        names = modules or tuple(self.parts)
        return tomli_w.dumps({name: self.parts[name].plain() for name in names})

    def preview_toml(self, text: str) -> ImportPreview:
        try:
            tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            return ImportPreview(previews={}, errors={"": f"expected TOML, found {error}"})
        errors = {name: "there is no such module" for name in tables if name not in self.parts}
        return ImportPreview(
            previews={name: self.preview(name, table) for name, table in tables.items() if name in self.parts},
            errors=errors,
        )

    async def import_toml(self, text: str, who: str, why: str) -> dict[str, int]:
        self._ask()
        preview = self.preview_toml(text)
        errors = dict(preview.errors)
        for name, each in preview.previews.items():
            errors |= {f"{name}.{key}": found for key, found in each.errors.items()}
        if errors:
            raise SettingsRefused("import", errors)
        tables = tomllib.loads(text)
        return {
            name: self._write(name, tables[name], who, why) for name, each in preview.previews.items() if each.changes
        }

    def start_again(self, module: str) -> None:
        """A restart: what was pending is in use."""
        self.parts[module].started = {}

    def _ask(self) -> None:
        if self.is_down:
            raise StoreError("Postgres does not answer (made to fail)")

    def _changes(self, module: str, values: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Change, ...]]:
        part = self.parts[module]
        stored = dict(part.stored)
        for name, value in values.items():
            if value is None:
                stored.pop(name, None)
            else:
                stored[name] = value
        before, after = part.plain(), part.plain(stored)
        for name, value in values.items():  # only what differs is written
            if value is not None and before[name] == after[name] and name not in part.stored:
                stored.pop(name)
        fields = {field.name: field for field in part.fields}
        changes = tuple(
            Change(
                key=name,
                title=fields[name].title,
                unit=fields[name].unit,
                old=before[name],
                new=after[name],
                is_reset=name not in stored,
                is_restart_only=fields[name].is_restart_only,
            )
            for name in fields
            if before[name] != after[name] or (name in part.stored) != (name in stored)
        )
        return {name: after[name] for name in stored}, changes

    def _write(self, module: str, values: Mapping[str, Any], who: str, why: str) -> int:
        part = self.parts[module]
        stored, changes = self._changes(module, values)
        if not changes:
            return part.version
        for change in changes:
            if change.is_restart_only:
                part.started.setdefault(change.key, change.old)
        part.stored = stored
        part.version += 1
        part.states[part.version] = msgspec.json.decode(msgspec.json.encode(stored))
        number = len(self.entries) + 1
        self.entries.append(
            HistoryEntry(
                id=number,
                module=module,
                version=part.version,
                changes=changes,
                who=who,
                why=why,
                ts_ns=START_NS + number * SECOND_NS,
            )
        )
        return part.version

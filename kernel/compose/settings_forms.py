"""The settings pages' source: forms over what is in use, checked saves, history, restore, TOML in and out."""

import tomllib
from collections.abc import Mapping
from typing import Any

import tomli_w

from bus.clock import WallClock
from kernel.compose.registry import guide_of
from kernel.compose.settings_service import InUse, SettingsService
from kernel.errors import BadInput
from kernel.risk_limits import GLOBAL_NAME
from kernel.settings import SettingField, SettingsRefused, field_errors, fields_of, plain_of
from kernel.settings_layers import SettingsGroup
from persistence.settings_table import ModuleWrite, Save, StoredModule, VersionTaken
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

SETTLE_S = 2.0  #: how long a save waits until the kernel uses it; longer only means that the answer comes first
TOML_MAX = 1 << 20
ANY_VERSION = -1


class SettingsForms:
    """Implements `webui.settings_source.SettingsSource`."""

    def __init__(self, service: SettingsService) -> None:
        self._service = service
        self._made: dict[str, tuple[InUse, tuple[bool, str], SettingsForm]] = {}  #: looked at 4 times a second
        self._fields = {module: fields_of(group.kind) for module, group in service.groups.items()}
        self._items = {
            module: ModuleItem(module=module, title=group.title, config_type=group.config_type, strategy=group.strategy)
            for module, group in service.groups.items()
        }

    # looking ----------------------------------------------------------------------------------------------------

    def modules(self) -> tuple[ModuleItem, ...]:
        return tuple(self._items.values())

    def form(self, module: str) -> SettingsForm | None:
        group = self._service.groups.get(module)
        if group is None:
            return None
        in_use, state = self._service.in_use[module], self._state()
        made = self._made.get(module)
        if made is not None and made[0] is in_use and made[1] == state:
            return made[2]
        form = self._form(group, in_use, state)
        self._made[module] = (in_use, state, form)
        return form

    def _form(self, group: SettingsGroup, in_use: InUse, state: tuple[bool, str]) -> SettingsForm:
        module = group.module
        plain = plain_of(in_use.settings)
        rows = tuple(
            SettingRow(
                field=field,
                value=plain[field.name],
                source=in_use.sources[field.name],
                pending=in_use.pending.get(field.name),
                has_pending=field.name in in_use.pending,
                ceiling=group.ceilings.get(field.name, ""),
            )
            for field in self._fields[module]
        )
        is_writable, note = state
        return SettingsForm(
            item=self._items[module],
            version=in_use.version,
            rows=rows,
            is_writable=is_writable,
            note=note,
            problem=in_use.problem,
            guide=guide_of(group.strategy) if group.strategy == module else "",
        )

    def _state(self) -> tuple[bool, str]:
        service = self._service
        if service.table is None:
            return False, "Settings are kept in the database, and this run has none (--no-db)."
        if not service.is_read:
            why = service.read_error or "it has not answered yet"
            return False, f"The stored settings are not known now: {why}. The last ones known are in use."
        if not service.is_listening:
            return True, "The connection that hears of changes is being made again; a change may take some seconds."
        return True, ""

    # writing ----------------------------------------------------------------------------------------------------

    def preview(self, module: str, values: Mapping[str, Any]) -> Preview:
        try:
            changes = self._changes(module, values)
        except SettingsRefused as error:
            return Preview(changes=(), errors=error.errors)
        group, in_use = self._group(module), self._service.in_use[module]
        now = plain_of(in_use.settings)
        after = plain_of(group.layered(_merged(self._stored(module).values, changes)).settings)
        fields = {field.name: field for field in self._fields[module]}
        return Preview(
            changes=tuple(
                _change(fields[key], now[key], after[key], is_reset=value is None)
                for key, value in changes.items()
                if now[key] != after[key] or self._stored(module).values.get(key) != value
            )
        )

    async def save(self, module: str, values: Mapping[str, Any], version: int, who: str, why: str) -> int:
        write = self._write(module, self._changes(module, values), version)
        return (await self._commit([write], who, why)).get(module, version)

    async def restore(self, module: str, version: int, expected: int, who: str, why: str) -> int:
        self._group(module)
        was = await self._service.writable().as_of(module, version)
        gone = dict.fromkeys(self._stored(module).values.keys() - was.keys())
        known = {field.name for field in self._fields[module]}
        changes = {key: value for key, value in {**was, **gone}.items() if key in known}
        return (await self._commit([self._write(module, changes, expected)], who, why)).get(module, expected)

    async def _commit(self, writes: list[ModuleWrite], who: str, why: str) -> dict[str, int]:
        try:
            versions = await self._service.writable().write(writes, who, why, self._service.check)
        except VersionTaken as error:
            raise VersionConflict(str(error)) from error
        for module, version in versions.items():
            await self._service.settled(module, version, SETTLE_S)
        return versions

    def _write(self, module: str, changes: dict[str, Any], version: int) -> ModuleWrite:
        return ModuleWrite(
            module=module,
            config_type=self._group(module).config_type,
            version=version,
            changes=changes,
            kinds={field.name: field.kind for field in self._fields[module]},
        )

    def _changes(self, module: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """What to store, by key: typed values that differ from what is in use, None for a reset.

        Raises `SettingsRefused` with all wrong fields, whatever they are wrong alone or together.
        """
        group = self._group(module)
        given = {key: value for key, value in values.items() if value is not None}
        resets = [key for key, value in values.items() if value is None]
        known = group.kind.__struct_fields__
        errors = field_errors(group.kind, {**given, **{key: None for key in resets if key not in known}})
        if errors:
            raise SettingsRefused(module, errors)
        stored = self._stored(module).values
        whole = _merged(stored, {**given, **dict.fromkeys(resets)})
        after = plain_of(group.layered(whole).settings)
        below = plain_of(group.layered({}).settings)
        changes: dict[str, Any] = {}
        for key in given:
            is_as_below = key not in stored and after[key] == below[key]
            if not is_as_below and (key not in stored or stored[key] != after[key]):
                changes[key] = after[key]
        return changes | {key: None for key in resets if key in stored}

    # history ----------------------------------------------------------------------------------------------------

    async def history(self, module: str | None, before_id: int | None, limit: int) -> HistoryPage:
        saves = await self._service.history(module, before_id, limit + 1)
        entries = tuple(self._entry(save) for save in saves[:limit])
        return HistoryPage(entries=entries, next_id=entries[-1].id if len(saves) > limit else None)

    def _entry(self, save: Save) -> HistoryEntry:
        fields = {field.name: field for field in self._fields.get(save.module, ())}
        return HistoryEntry(
            id=save.id,
            module=save.module,
            version=save.version,
            changes=tuple(
                _change(fields.get(key), old, new, key=key, is_reset=new is None)
                for key, (old, new) in save.changes.items()
            ),
            who=save.who,
            why=save.why,
            ts_ns=save.ts_ns,
        )

    # TOML -------------------------------------------------------------------------------------------------------

    def export_toml(self, modules: tuple[str, ...]) -> str:
        service = self._service
        lines = [f"# Settings in use at {WallClock().now_ns() // 1_000_000_000} (seconds UTC); made to be imported."]
        for module in modules or tuple(service.groups):
            in_use = service.in_use[self._group(module).module]
            table = {module: {key: value for key, value in plain_of(in_use.settings).items() if value is not None}}
            lines += ["", f"# {service.groups[module].title}", tomli_w.dumps(table).strip()]
        return "\n".join(lines) + "\n"

    def preview_toml(self, text: str) -> ImportPreview:
        previews, errors = {}, {}
        for module, values in _tables(text).items():
            if module not in self._service.groups:
                errors[module] = f"there is no module {module!r}; there is {', '.join(self._service.groups)}"
                continue
            preview = self.preview(module, values)
            errors |= {f"{module}.{key}".rstrip("."): text for key, text in preview.errors.items()}
            if preview.changes:
                previews[module] = preview
        return ImportPreview(previews=previews, errors=errors)

    async def import_toml(self, text: str, who: str, why: str) -> dict[str, int]:
        preview = self.preview_toml(text)
        if preview.errors:
            raise SettingsRefused("import", preview.errors)
        writes = [
            self._write(module, self._changes(module, values), self._stored(module).version)
            for module, values in _tables(text).items()
            if module in preview.previews
        ]
        return await self._commit(writes, who, why) if writes else {}

    # what is known ----------------------------------------------------------------------------------------------

    def _group(self, module: str) -> SettingsGroup:
        group = self._service.groups.get(module)
        if group is None:
            raise BadInput(f"there is no module {module[:80]!r} with settings")
        return group

    def _stored(self, module: str) -> StoredModule:
        return self._service.stored.get(module, StoredModule(module=module))


def _merged(stored: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**stored, **changes}.items() if value is not None}


def _change(field: SettingField | None, old: Any, new: Any, *, key: str = "", is_reset: bool = False) -> Change:
    return Change(
        key=field.name if field is not None else key,
        title=field.title if field is not None else key,
        unit=field.unit if field is not None else "",
        old=old,
        new=new,
        is_reset=is_reset,
        is_restart_only=field is not None and field.is_restart_only,
    )


def _tables(text: str) -> dict[str, dict[str, Any]]:
    """Module -> values of a TOML file. Raises `SettingsRefused` for what is none."""
    if len(text) > TOML_MAX:
        raise SettingsRefused("import", {"": f"expected at most {TOML_MAX} characters, found {len(text)}"})
    try:
        raw = tomllib.loads(text)
    except (
        tomllib.TOMLDecodeError,
        ValueError,
        RecursionError,
    ) as error:  # long numbers, deep nesting
        raise SettingsRefused("import", {"": f"not valid TOML: {error}"}) from error
    tables: dict[str, dict[str, Any]] = {}
    for module, values in raw.items():
        if not isinstance(values, dict):
            raise SettingsRefused("import", {module: "expected a table of settings, like [risk]"})
        tables[module] = {
            key: value for key, value in values.items() if module != GLOBAL_NAME or type(value) is not dict
        }
        if module == GLOBAL_NAME:  # [risk.NAME] reads as a table in a table
            tables |= {f"{GLOBAL_NAME}.{key}": value for key, value in values.items() if type(value) is dict}
    return tables

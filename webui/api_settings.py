"""/settings: values and their declarations, previews, checked saves, history, restore, TOML in and out."""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from webui.api_error import ApiRefusal
from webui.api_kill import Reason, reason_of
from webui.api_operation import Call, Operation, Text
from webui.api_sources import not_enabled
from webui.roles import Role
from webui.settings_source import HistoryEntry, ImportPreview, ModuleItem, Preview, SettingsForm, SettingsSource

HISTORY_MAX = 200
ID_MAX = 2**53 - 1
VERSION_MAX = 2**31 - 1
VALUES_MAX = 500  #: of one save; a module has about fifty
#: Reading TOML takes the kernel's loop: about 50 ms for this much, and an export of everything is a fifth of it.
TOML_CHARS_MAX = 100_000

Values = Annotated[
    dict[str, Any],
    Meta(max_length=VALUES_MAX, description="New value by field; null = back to what the profile or default says."),
]
AtVersion = Annotated[
    int, Meta(ge=0, le=VERSION_MAX, description="The `version` that was read; another one now answers `conflict`.")
]


class Modules(Struct, frozen=True, kw_only=True):
    """Everything that has settings."""

    modules: tuple[ModuleItem, ...]


class PreviewBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Values to try."""

    values: Values


class SaveBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Values to save. A field that is not named stays as it is."""

    values: Values
    version: AtVersion
    reason: Reason


class RestoreBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which version to go back to (0 = before anything was saved)."""

    to: Annotated[int, Meta(ge=0, le=VERSION_MAX)]
    version: AtVersion
    reason: Reason


class Saved(Struct, frozen=True, kw_only=True):
    """The module's version now; the same as before when nothing differed."""

    module: str
    version: int


class HistoryQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which changes, newest first."""

    module: Annotated[str, Meta(max_length=80, description="Of this module; nothing = of all.")] = ""
    before: Annotated[int, Meta(ge=0, le=ID_MAX, description="`next` of the page before; 0 = begin at the newest.")] = 0
    limit: Annotated[int, Meta(ge=1, le=HISTORY_MAX, description="Changes of a page.")] = 50


class History(Struct, frozen=True, kw_only=True):
    """A page; `next` null = there is nothing older."""

    entries: tuple[HistoryEntry, ...]
    next: int | None


class ExportQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose values."""

    modules: Annotated[str, Meta(max_length=1_000, description="Names with commas between; nothing = all.")] = ""


class ImportBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file as /settings.toml gives it. `is_preview`: say what it would change, and change nothing."""

    toml: Annotated[str, Meta(max_length=TOML_CHARS_MAX)]
    reason: Reason
    is_preview: bool = False


class Imported(Struct, frozen=True, kw_only=True):
    """`previews`: what differs, by module. `versions`: the new ones; empty when nothing differed or for a preview."""

    previews: dict[str, Preview]
    errors: dict[str, str]
    versions: dict[str, int]


class SettingsApi:
    """Its operations. Refusals of values come as 422 `refused`, a version that is not the last as 409 `conflict`."""

    def __init__(self, settings: SettingsSource | None) -> None:
        self._settings = settings

    def operations(self) -> tuple[Operation, ...]:
        """Its rows of the table."""
        return (*self._reading(), *self._writing())

    def _reading(self) -> tuple[Operation, ...]:
        group, errors = "Settings", ("not_enabled",)
        return (
            Operation(
                method="GET", path="/settings", name="listSettings", group=group, handler=self.modules, errors=errors,
                summary="Everything that has settings: strategies, their limits, platform parts.", response=Modules,
            ),
            Operation(
                method="GET", path="/settings/history", name="listSettingsHistory", group=group, handler=self.history,
                summary="Saved changes, newest first, by pages.", query=HistoryQuery, response=History, errors=errors,
                is_stored=True, example="module=risk&limit=20",
            ),
            Operation(
                method="GET", path="/settings.toml", name="exportSettings", group=group, handler=self.export,
                summary="The values in use as TOML, made to be imported.", query=ExportQuery, response=str,
                media="application/toml", errors=(*errors, "not_found"),
            ),
            Operation(
                method="GET", path="/settings/{module}", name="getSettings", group=group, handler=self.form,
                summary="One module: each field with its declaration, value, bounds and where the value comes from.",
                response=SettingsForm, errors=errors,
            ),
            Operation(
                method="POST", path="/settings/{module}/preview", name="previewSettings", group=group,
                handler=self.preview, summary="What a save would change, or what is wrong, without saving.",
                role=Role.OPERATOR, body=PreviewBody, response=Preview, errors=errors,
                example='{"values": {"min_profit_usd": 2.5}}',
            ),
        )  # fmt: skip

    def _writing(self) -> tuple[Operation, ...]:
        group, errors = "Settings", ("not_enabled", "conflict", "refused")
        return (
            Operation(
                method="PATCH", path="/settings/{module}", name="saveSettings", group=group, handler=self.save,
                summary="Save the named fields, all or none. Used at once, or at the next start where a field says so.",
                role=Role.OPERATOR, body=SaveBody, response=Saved, errors=errors, is_stored=True,
                example='{"values": {"min_profit_usd": 2.5}, "version": 3, "reason": "gas is dear today"}',
            ),
            Operation(
                method="POST", path="/settings/{module}/restore", name="restoreSettings", group=group,
                handler=self.restore, summary="Go back to what was stored right after a version.", role=Role.OPERATOR,
                body=RestoreBody, response=Saved, errors=errors, is_stored=True,
                example='{"to": 2, "version": 3, "reason": "that was a mistake"}',
            ),
            Operation(
                method="POST", path="/settings/import", name="importSettings", group=group, handler=self.import_toml,
                summary="Save all modules of a TOML file in one transaction, or none.", role=Role.OPERATOR,
                body=ImportBody, response=Imported, errors=errors, is_stored=True,
                example='{"toml": "[risk]\\nbudget_usd = 20000\\n", "reason": "from the other machine"}',
            ),
        )  # fmt: skip

    async def modules(self, call: Call) -> Modules:
        return Modules(modules=self._source().modules())

    async def form(self, call: Call) -> SettingsForm:
        return self._form(call.path["module"])

    async def preview(self, call: Call) -> Preview:
        module = self._form(call.path["module"]).item.module
        return self._source().preview(module, call.body.values)

    async def save(self, call: Call) -> Saved:
        asked: SaveBody = call.body
        module = self._form(call.path["module"]).item.module
        version = await self._source().save(module, asked.values, asked.version, call.who, reason_of(asked.reason))
        return Saved(module=module, version=version)

    async def restore(self, call: Call) -> Saved:
        asked: RestoreBody = call.body
        module = self._form(call.path["module"]).item.module
        version = await self._source().restore(module, asked.to, asked.version, call.who, reason_of(asked.reason))
        return Saved(module=module, version=version)

    async def history(self, call: Call) -> History:
        asked: HistoryQuery = call.query
        if asked.module:
            self._form(asked.module)
        page = await self._source().history(asked.module or None, asked.before or None, asked.limit)
        return History(entries=page.entries, next=page.next_id)

    async def export(self, call: Call) -> Text:
        modules = tuple(dict.fromkeys(each for each in call.query.modules.split(",") if each))
        for each in modules:
            self._form(each)
        return Text(self._source().export_toml(modules))

    async def import_toml(self, call: Call) -> Imported:
        asked: ImportBody = call.body
        try:
            seen: ImportPreview = self._source().preview_toml(asked.toml)
        except (RecursionError, ValueError) as error:  # nested too deep; numbers of thousands of digits
            raise ApiRefusal("refused", f"toml: {str(error)[:200]}", field="toml") from None
        versions: Mapping[str, int] = {}
        if not asked.is_preview:
            versions = await self._source().import_toml(asked.toml, call.who, reason_of(asked.reason))
        return Imported(previews=seen.previews, errors=seen.errors, versions=dict(versions))

    def _source(self) -> SettingsSource:
        if self._settings is None:
            raise not_enabled("settings")
        return self._settings

    def _form(self, module: str) -> SettingsForm:
        form = self._source().form(module)
        if form is None:
            raise ApiRefusal("not_found", f"there are no settings of {module[:80]!r}")
        return form

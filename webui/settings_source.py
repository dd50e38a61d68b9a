"""What the settings pages need: forms made of declarations, checked writes, history, restore, TOML in and out.

A *module* is the owner of one settings struct: a strategy (`cex_dex_arb`), its limits (`risk.cex_dex_arb`), or a
platform part (`risk`, `paper`, `rpc`, `alerts`, `dashboard`, `logs`).
"""

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct

from kernel.errors import StoreError
from kernel.settings import SettingField


class VersionConflict(StoreError):
    """Somebody else saved meanwhile; nothing was written."""


class ModuleItem(Struct, frozen=True, kw_only=True):
    """One owner of settings. `strategy` "" = a platform part; `config_type` as in the table."""

    module: str
    title: str
    config_type: str
    strategy: str = ""


class SettingRow(Struct, frozen=True, kw_only=True):
    """A field with its value now. source: database, profile, environment or default.

    `pending` is set when a restart-only field was changed: the stored value that the next start will use.
    `ceiling` is the hard bound of the profile file in words, "" = none.
    """

    field: SettingField
    value: Any
    source: str
    pending: Any = None
    has_pending: bool = False
    ceiling: str = ""


class SettingsForm(Struct, frozen=True, kw_only=True):
    """All of one module. `problem` says why stored rows are not in use (they are invalid); `is_writable` False with a
    `note` when there is no database now."""

    item: ModuleItem
    version: int
    rows: tuple[SettingRow, ...]
    is_writable: bool = True
    note: str = ""
    problem: str = ""
    guide: str = ""  #: Markdown of the strategy's guide.md; "" for platform parts


class Change(Struct, frozen=True, kw_only=True):
    """What a save would do to one field. `new` None with `is_reset` = back to the layer below the database."""

    key: str
    title: str
    unit: str
    old: Any
    new: Any
    is_reset: bool = False
    is_restart_only: bool = False


class Preview(Struct, frozen=True, kw_only=True):
    """The diff before saving; `errors` by field ("" = the whole), and then nothing can be saved."""

    changes: tuple[Change, ...]
    errors: dict[str, str] = {}


class HistoryEntry(Struct, frozen=True, kw_only=True):
    """One saved change of a module: its fields with old and new values, by whom and why."""

    id: int  #: keyset of paging, newest first
    module: str
    version: int
    changes: tuple[Change, ...]
    who: str
    why: str
    ts_ns: int  #: wall time


class HistoryPage(Struct, frozen=True, kw_only=True):
    """A slice of the history; `next_id` None = there is nothing older."""

    entries: tuple[HistoryEntry, ...]
    next_id: int | None = None


class ImportPreview(Struct, frozen=True, kw_only=True):
    """What a TOML file would change, by module; errors by (module, field) as "module.field"."""

    previews: dict[str, Preview]
    errors: dict[str, str] = {}


class SettingsSource(Protocol):
    """Synchronous methods are cheap looks at memory; the asynchronous ones ask Postgres.

    They raise `SettingsRefused` (kernel.settings) with all field errors, `VersionConflict`, or `StoreError` when the
    database cannot answer; then nothing was written. `values` are posted texts, lists of texts, or plain values; a
    field that is missing stays as it is; a value of None resets the field to the layer below the database.
    """

    def modules(self) -> tuple[ModuleItem, ...]:
        """Everything that has settings, strategies first."""
        ...

    def form(self, module: str) -> SettingsForm | None:
        """One module now; None = there is none of that name."""
        ...

    def preview(self, module: str, values: Mapping[str, Any]) -> Preview:
        """What `save` would do, without doing it."""
        ...

    async def save(self, module: str, values: Mapping[str, Any], version: int, who: str, why: str) -> int:
        """Write what differs, in one transaction; the new version. `version` is the one that the form showed."""
        ...

    async def history(self, module: str | None, before_id: int | None, limit: int) -> HistoryPage:
        """Saved changes, newest first; of one module or of all."""
        ...

    async def restore(self, module: str, version: int, expected: int, who: str, why: str) -> int:
        """Make the module's stored values what they were right after `version` (0 = before anything was stored)."""
        ...

    def export_toml(self, modules: tuple[str, ...]) -> str:
        """The values in use of these modules (all: empty), readable by `import_toml`."""
        ...

    def preview_toml(self, text: str) -> ImportPreview:
        """What `import_toml` would change."""
        ...

    async def import_toml(self, text: str, who: str, why: str) -> dict[str, int]:
        """Save all modules of the file in one transaction, or none; the new versions of those that changed."""
        ...

"""What a roll-back would change, told from the history: the same diff that a save shows before it happens."""

from kernel.errors import StoreError
from webui.settings_source import Change, HistoryEntry, SettingsForm, SettingsSource

PAGE = 100
ENTRIES_MAX = 1_000  #: read for one preview; further back a roll-back is refused here, an import can still do it


async def entries_after(source: SettingsSource, module: str, version: int) -> tuple[HistoryEntry, ...]:
    """The saved changes of a module that are newer than `version`, newest first. Raises `StoreError`."""
    found: list[HistoryEntry] = []
    before: int | None = None
    while len(found) < ENTRIES_MAX:
        page = await source.history(module, before, PAGE)
        newer = [entry for entry in page.entries if entry.version > version]
        found += newer
        if len(newer) < len(page.entries) or page.next_id is None:
            return tuple(found)
        before = page.next_id
    raise StoreError(
        f"{module}: more than {ENTRIES_MAX} changes lie after version {version}; import a TOML file instead"
    )


def undo_changes(form: SettingsForm, entries: tuple[HistoryEntry, ...]) -> tuple[Change, ...]:
    """What undoing `entries` (newest first) would do to the stored values of today, in the form's order."""
    before = {change.key: change.old for entry in entries for change in entry.changes}  # the oldest one wins
    changes = []
    for row in form.rows:
        key = row.field.name
        stored = row.pending if row.has_pending else row.value
        if key in before and before[key] != stored:
            changes.append(
                Change(
                    key=key,
                    title=row.field.title,
                    unit=row.field.unit,
                    old=stored,
                    new=before[key],
                    is_reset=before[key] is None,
                    is_restart_only=row.field.is_restart_only,
                )
            )
    return tuple(changes)

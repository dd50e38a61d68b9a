"""A settings form as the template shows it: every value already a text, every mark decided."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from kernel.settings import SettingField, expected_of
from webui.settings_source import SettingRow, SettingsForm
from webui.settings_values import shown, text_of

SOURCE_HINTS = {
    "database": "saved from a page or an import; the history says by whom",
    "profile": "from the profile file; saving here goes above it",
    "environment": "from the environment; the profile or saving here goes above it",
    "default": "the default of the declaration; nobody set it",
}
SOURCE_TONES = {"database": "info"}


class RowView(Struct, frozen=True, kw_only=True):
    """One setting. `text` is what its inputs hold, `was` what they held when nothing was typed."""

    field: SettingField
    id: str
    text: str
    was: str
    lines: tuple[str, ...] = ()  #: of a list
    pairs: tuple[tuple[str, str], ...] = ()  #: of a map, a blank one last
    options: tuple[tuple[str, bool], ...] = ()  #: of choices: (name, is chosen), the chosen ones first and in order
    default: str = ""
    recommended: str = ""  #: "" = the default is
    recommended_text: str = ""
    source: str = ""
    source_hint: str = ""
    bounds: str = ""
    ceiling: str = ""
    pending_note: str = ""
    error: str = ""
    is_changed: bool = False
    is_reset: bool = False
    can_reset: bool = False


class FormView(Struct, frozen=True, kw_only=True):
    """One module's form, with what was typed and what is wrong with it."""

    module: str
    title: str
    version: int
    groups: tuple[tuple[str, tuple[RowView, ...]], ...]
    note: str = ""
    problem: str = ""
    refusal: str = ""  #: why this viewer cannot save; "" = can
    whole_error: str = ""
    why: str = ""
    why_error: str = ""
    conflicts: tuple[dict[str, Any], ...] = ()  #: `entry_texts` of what others saved
    has_conflict: bool = False
    saved: int | None = None  #: the version that was just saved
    first_error: str = ""  #: id of the first row with an error: it gets the focus


def form_view(
    form: SettingsForm,
    *,
    may_save: bool,
    typed: Mapping[str, Any] | None = None,
    resets: frozenset[str] = frozenset(),
    errors: Mapping[str, str] | None = None,
    **marks: Any,
) -> FormView:
    """The form now. `typed` overrides what rows hold where somebody typed something else than was shown."""
    typed, errors = typed or {}, errors or {}
    groups: dict[str, list[RowView]] = {}
    for row in form.rows:
        name = row.field.name
        view = row_view(form.item.module, row, typed.get(name), errors.get(name, ""), name in resets)
        groups.setdefault(row.field.group, []).append(view)
    known = {row.field.name for row in form.rows}
    others = [f"{name}: {text}" if name else text for name, text in errors.items() if name not in known]
    refusal = ""
    if not may_save:
        refusal = "Saving needs the role operator; you are logged in as viewer."
    elif not form.is_writable:
        refusal = form.note or "Settings cannot be saved now: there is no database."
    return FormView(
        module=form.item.module,
        title=form.item.title,
        version=form.version,
        groups=tuple((group, tuple(rows)) for group, rows in groups.items()),
        note=form.note,
        problem=form.problem,
        refusal=refusal,
        whole_error=" ".join(others),
        first_error=next((view.id for rows in groups.values() for view in rows if view.error), ""),
        **marks,
    )


def row_view(module: str, row: SettingRow, typed: Any = None, error: str = "", is_reset: bool = False) -> RowView:
    """One row; `typed` None = nothing was typed."""
    field = row.field
    stored = row.pending if row.has_pending else row.value
    value = stored if typed is None else typed
    return RowView(
        field=field,
        id=f"f-{module}-{field.name}",
        text=text_of(value),
        was=text_of(stored),
        lines=tuple(str(each) for each in value) if field.kind == "list" else (),
        pairs=(*((str(k), text_of(v)) for k, v in value.items()), ("", "")) if field.kind == "map" else (),
        options=options_of(field, value) if field.kind == "choices" else (),
        default=shown(field.default),
        recommended="" if field.recommended is None else shown(field.recommended),
        recommended_text=text_of(field.default if field.recommended is None else field.recommended),
        source=row.source,
        source_hint=source_hint(row),
        bounds=bounds_of(field),
        ceiling=row.ceiling,
        pending_note=pending_note(row),
        error=error,
        is_changed=text_of(value) != text_of(stored),
        is_reset=is_reset,
        can_reset=row.source == "database" or row.has_pending,
    )


def options_of(field: SettingField, value: Any) -> tuple[tuple[str, bool], ...]:
    """Choices with the chosen ones first, in their order: order can mean something."""
    chosen = [str(each) for each in value]
    return (*((each, True) for each in chosen), *((each, False) for each in field.choices if each not in chosen))


def bounds_of(field: SettingField) -> str:
    """What may be typed, without the unit, which stands beside the input; "" where the input itself shows it."""
    if field.kind in ("number", "integer"):
        text = expected_of(field).removesuffix(f" ({field.unit})" if field.unit else "")
        return text.removeprefix("a number").removeprefix("a whole number").strip() + (
            ", whole" if field.kind == "integer" else ""
        )
    if field.kind in ("list", "map") and field.length_max is not None:
        return f"at most {field.length_max:,}"
    return ""


def pending_note(row: SettingRow) -> str:
    """What a changed restart-only setting is until the next start."""
    if not row.has_pending:
        return ""
    return f"In use until the next start: {shown(row.value)}. Then: {shown(row.pending)}."


def source_hint(row: SettingRow) -> str:
    """Where a value comes from, in a sentence."""
    hint = SOURCE_HINTS.get(row.source, "")
    return f"{hint} ({row.field.env})" if row.source == "environment" and row.field.env else hint

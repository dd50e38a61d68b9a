"""Live cells of settings pages: versions, sources and problems. Inputs are never written by the stream.

Topics: `settings:MODULE` of one form, `settings` of the list of all modules.
"""

from webui.cells import Cell, Cells, version_cell
from webui.settings_source import SettingsForm, SettingsSource
from webui.settings_values import shown
from webui.settings_view import SOURCE_TONES, pending_note, source_hint


def form_cells(form: SettingsForm) -> Cells:
    """One module. When its version changes the page's script asks for the values and puts them into idle inputs."""
    module = form.item.module
    cells = {f"set.{module}.version": Cell(str(form.version))}
    for row in form.rows:
        key = f"set.{module}.{row.field.name}"
        is_default = row.value == row.field.default
        cells[f"{key}.src"] = Cell(row.source, SOURCE_TONES.get(row.source, ""), source_hint(row))
        cells[f"{key}.now"] = Cell(
            shown(row.value),
            "" if is_default else "info",
            pending_note(row) or ("" if is_default else "not the default"),
        )
    cells[f"v.set.{module}.history"] = version_cell(form.version)
    cells[f"v.set.{module}.banner"] = version_cell(form.problem, form.note, form.is_writable)
    return cells


def list_cells(forms: tuple[SettingsForm, ...]) -> Cells:
    """The list of modules."""
    cells: Cells = {}
    for form in forms:
        module = form.item.module
        count = overridden(form)
        cells[f"set.{module}.version"] = Cell(str(form.version))
        cells[f"set.{module}.over"] = Cell(str(count), "info" if count else "muted", "values saved in the database")
        cells[f"set.{module}.pending"] = Cell(str(pending(form)), "warn" if pending(form) else "muted")
        if form.problem:
            cells[f"set.{module}.problem"] = Cell("not in use", "loss", form.problem)
        else:
            cells[f"set.{module}.problem"] = (
                Cell("in use", "gain") if count else Cell("none", "muted", "nothing was saved")
            )
    cells["v.set.list"] = version_cell(*(form.item.module for form in forms))
    return cells


def overridden(form: SettingsForm) -> int:
    """How many values come from the database."""
    return sum(row.source == "database" or row.has_pending for row in form.rows)


def pending(form: SettingsForm) -> int:
    """How many wait for the next start."""
    return sum(row.has_pending for row in form.rows)


def all_forms(source: SettingsSource) -> tuple[SettingsForm, ...]:
    """The forms of all modules now."""
    return tuple(form for each in source.modules() if (form := source.form(each.module)) is not None)

"""Forms of settings: shown, checked, saved; as pages for everybody and as JSON for the page's own script."""

from typing import Any

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from kernel.errors import StoreError
from kernel.settings import WHOLE, SettingsRefused
from webui.cells import Cells
from webui.markdown import render_markdown
from webui.part import Part
from webui.roles import Role, role_of
from webui.settings_cells import form_cells
from webui.settings_posted import Posted, change_texts, entry_texts, json_answer, posted_form, wants_json
from webui.settings_source import HistoryEntry, SettingsForm, SettingsSource, VersionConflict
from webui.settings_undo import entries_after
from webui.settings_values import changed_values, shown, text_of
from webui.settings_view import FormView, form_view, pending_note

HISTORY_SHOWN = 8  #: beside a form; the history page has all
CONFLICTS_SHOWN = 5


class SettingsForms:
    """Handlers of forms. A strategy's page has two, its own and its limits; a platform part's page has one."""

    def __init__(self, part: Part, settings: SettingsSource) -> None:
        self._part = part
        self._settings = settings

    async def strategy(self, request: Request) -> Response:
        """The Settings tab of a strategy."""
        return await self._page(request, self._of_strategy(request.path_params["module"]))

    async def guide(self, request: Request) -> Response:
        """The Guide tab: prose, then the settings table from the declarations, then today's limits."""
        name = request.path_params["module"]
        forms = self._of_strategy(name)
        return self._part.strategy_page(
            request,
            "settings_guide.html",
            tab="guide",
            guide=render_markdown(forms[0].guide),
            own=form_view(forms[0], may_save=False),
            limits=next((form_view(each, may_save=False) for each in forms[1:]), None),
            cells={key: cell for each in forms for key, cell in form_cells(each).items()},
            topics=tuple(f"settings:{each.item.module}" for each in forms),
        )

    async def module(self, request: Request) -> Response:
        """The form of a platform part; a strategy's module leads to its tab."""
        form = self._known(request.path_params["module"])
        if form.item.strategy:
            return RedirectResponse(page_of(form), 303)
        return await self._page(request, (form,))

    async def state(self, request: Request) -> Response:
        """The values now: for inputs in which nobody typed, after somebody else saved."""
        form = self._known(request.path_params["module"])
        newest, _ = await self._newest(form.item.module, 1)
        rows = {}
        for row in form.rows:
            stored = row.pending if row.has_pending else row.value
            rows[row.field.name] = {
                "text": text_of(stored),
                "shown": shown(stored),
                "pending": pending_note(row),
                "reset": row.source == "database" or row.has_pending,
            }
        return json_answer(
            {"version": form.version, "rows": rows, "newest": entry_texts(newest[0]) if newest else None}
        )

    async def preview(self, request: Request) -> Response:
        """What a save would do (JSON): changes, or errors by field."""
        form = self._known(request.path_params["module"])
        posted = await posted_form(request, Role.OPERATOR)
        values, _, errors = changed_values(tuple(row.field for row in form.rows), posted.form)
        preview = self._settings.preview(form.item.module, values)
        # An error of the form itself (a name without a value …) comes first: the source never saw that field.
        return json_answer(
            {
                "version": form.version,
                "changes": [change_texts(each) for each in preview.changes],
                "errors": preview.errors | errors,
            }
        )

    async def save(self, request: Request) -> Response:
        """Check and write; a plain form is led back to its page, or gets it again with errors and what was typed."""
        form = self._known(request.path_params["module"])
        posted = await posted_form(request, Role.OPERATOR)
        module = form.item.module
        values, typed, errors = changed_values(tuple(row.field for row in form.rows), posted.form)
        version = posted.number("version")
        status = 400
        if not errors and not posted.why_error:
            try:
                saved = await self._settings.save(module, values, version, posted.who, posted.why)
            except SettingsRefused as refused:
                errors = refused.errors
            except VersionConflict:
                return await self._conflict(request, posted, version, typed)
            except StoreError as error:
                errors, status = {WHOLE: f"Nothing was saved: {error}"}, 503
            else:
                if wants_json(request):
                    return json_answer({"version": saved})
                return RedirectResponse(f"{page_of(form)}?saved={module}:{saved}#{anchor(module)}", 303)
        elif not errors:  # only the reason is missing: the values are worth checking all the same
            errors = self._settings.preview(module, values).errors
        if wants_json(request):
            return json_answer({"errors": errors, "why": posted.why_error}, status)
        marks = {"errors": errors, "why": posted.why, "why_error": posted.why_error}
        return await self._again(request, form, posted.form, typed, marks, status)

    async def _conflict(self, request: Request, posted: Posted, version: int, typed: dict[str, Any]) -> Response:
        """Somebody saved first: say who and what, keep what was typed, show their values everywhere else."""
        form = self._known(request.path_params["module"])
        try:
            entries = (await entries_after(self._settings, form.item.module, version))[:CONFLICTS_SHOWN]
        except StoreError:
            entries = ()
        if wants_json(request):
            return json_answer({"version": form.version, "entries": [entry_texts(each) for each in entries]}, 409)
        marks = {"why": posted.why, "conflicts": tuple(map(entry_texts, entries)), "has_conflict": True}
        return await self._again(request, form, posted.form, typed, marks, 409)

    async def _again(
        self,
        request: Request,
        form: SettingsForm,
        posted: FormData,
        typed: dict[str, Any],
        marks: dict[str, Any],
        status: int,
    ) -> Response:
        resets = frozenset(each for each in posted.getlist("reset") if isinstance(each, str))
        view = form_view(form, may_save=True, typed=typed, resets=resets, **marks)
        forms = self._of_strategy(form.item.strategy) if form.item.strategy else (form,)
        response = await self._page(request, forms, view)
        response.status_code = status
        return response

    async def _page(self, request: Request, forms: tuple[SettingsForm, ...], again: FormView | None = None) -> Response:
        may_save = role_of(request) >= Role.OPERATOR
        saved_module, _, saved_version = request.query_params.get("saved", "")[:200].rpartition(":")
        views: list[FormView] = []
        histories: dict[str, list[dict[str, Any]]] = {}
        cells: Cells = {}
        error = ""
        for form in forms:
            module = form.item.module
            if again is not None and again.module == module:
                views.append(again)
            else:
                saved = int(saved_version) if saved_module == module and saved_version.isdecimal() else None
                views.append(form_view(form, may_save=may_save, saved=saved))
            newest, failed = await self._newest(module, HISTORY_SHOWN)
            histories[module] = [entry_texts(each) for each in newest]
            error = error or failed
            cells |= form_cells(form)
        values = {"views": views, "histories": histories, "history_error": error, "may_save": may_save}
        topics = tuple(f"settings:{form.item.module}" for form in forms)
        strategy = forms[0].item.strategy
        if not strategy:
            title = f"Settings: {forms[0].item.title}"
            return self._part.page(request, "settings_module.html", title=title, cells=cells, topics=topics, **values)
        request.path_params["module"] = strategy  # a posted form of `risk.NAME` is shown on the page of NAME
        return self._part.strategy_page(
            request, "settings_strategy.html", tab="settings", cells=cells, topics=topics, **values
        )

    async def _newest(self, module: str, limit: int) -> tuple[tuple[HistoryEntry, ...], str]:
        try:
            return (await self._settings.history(module, None, limit)).entries, ""
        except StoreError as error:
            return (), str(error)

    def _known(self, module: str) -> SettingsForm:
        form = self._settings.form(module)
        if form is None:
            raise HTTPException(404, f"there are no settings of {module[:80]!r}")
        return form

    def _of_strategy(self, name: str) -> tuple[SettingsForm, ...]:
        """Its own form first, then its limits."""
        forms = [
            form
            for each in self._settings.modules()
            if each.strategy == name and (form := self._settings.form(each.module)) is not None
        ]
        if not forms:
            raise HTTPException(404, f"there is no strategy {name[:80]!r}")
        return tuple(sorted(forms, key=lambda form: form.item.module != name))


def page_of(form: SettingsForm) -> str:
    """Where a module is edited."""
    return f"/{form.item.strategy}/settings" if form.item.strategy else f"/settings/{form.item.module}"


def anchor(module: str) -> str:
    """The place of a module's section on its page."""
    return f"m-{module}"

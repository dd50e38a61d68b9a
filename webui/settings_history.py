"""The history of settings: who changed what, when and why; as a page, as CSV, and the way back."""

from collections.abc import AsyncIterator
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from kernel.errors import StoreError
from kernel.settings import SettingsRefused
from webui.csv_lines import attachment, csv_line, iso
from webui.part import Part
from webui.roles import Role, role_of
from webui.settings_forms import anchor, page_of
from webui.settings_posted import change_texts, entry_texts, posted_form
from webui.settings_source import HistoryEntry, HistoryPage, SettingsForm, SettingsSource, VersionConflict
from webui.settings_undo import entries_after, undo_changes
from webui.settings_values import text_of

ENTRIES_SHOWN = 50
CSV_SLICE = 500
CSV_ENTRIES = 50_000  #: the file says when it stops here
ID_MAX = 2**63 - 1  #: a Postgres bigint
COLUMNS = ("time_utc", "ts_ns", "module", "version", "who", "why", "field", "unit", "old", "new", "reset")


class SettingsHistory:
    """Handlers of history and roll-back."""

    def __init__(self, part: Part, settings: SettingsSource) -> None:
        self._part = part
        self._settings = settings

    async def show(self, request: Request) -> Response:
        """Saved changes, newest first, of one module or of all."""
        module, before = self._asked(request)
        error = ""
        try:
            page = await self._settings.history(module, before, ENTRIES_SHOWN)
        except StoreError as failed:
            page, error = HistoryPage(entries=()), str(failed)
        return self._part.page(
            request,
            "settings_history.html",
            title="Settings history",
            entries=[entry_texts(each) for each in page.entries],
            next_id=page.next_id,
            error=error,
            module=module or "",
            before=before,
            modules=self._settings.modules(),
            may_save=role_of(request) >= Role.OPERATOR,
        )

    async def csv(self, request: Request) -> Response:
        """The same, all of it, one line per changed field."""
        module, before = self._asked(request)
        try:
            first = await self._settings.history(module, before, CSV_SLICE)
        except StoreError as error:
            raise HTTPException(503, str(error)) from error
        return StreamingResponse(
            self._lines(module, first),
            media_type="text/csv; charset=utf-8",
            headers=attachment("settings-history.csv"),
        )

    async def ask_restore(self, request: Request) -> Response:
        """What rolling back to right after `?version=` would change, and the question why."""
        form = self._known(request)
        text = request.query_params.get("version", "")
        if not text.isascii() or not text.isdecimal() or len(text) > 18:
            raise HTTPException(400, f"version: expected a whole number, found {text[:40]!r}")
        return await self._confirm(request, form, int(text))

    async def restore(self, request: Request) -> Response:
        """Roll back, as a new version."""
        form = self._known(request)
        posted = await posted_form(request, Role.OPERATOR)
        version, expected = posted.number("version"), posted.number("expected")
        if posted.why_error:
            return await self._confirm(request, form, version, posted.why, posted.why_error, 400)
        module = form.item.module
        try:
            saved = await self._settings.restore(module, version, expected, posted.who, posted.why)
        except VersionConflict:
            error = "Somebody saved meanwhile; nothing was rolled back. Look at what it would change now."
            return await self._confirm(request, self._known(request), version, posted.why, error, 409)
        except SettingsRefused as refused:
            error = f"Those values are not valid any more, nothing was rolled back. {refused}"
            return await self._confirm(request, form, version, posted.why, error, 400)
        except StoreError as failed:
            return await self._confirm(request, form, version, posted.why, f"Nothing was saved: {failed}", 503)
        return RedirectResponse(f"{page_of(form)}?saved={module}:{saved}#{anchor(module)}", 303)

    async def _confirm(
        self, request: Request, form: SettingsForm, version: int, why: str = "", error: str = "", status: int = 200
    ) -> Response:
        entries: tuple[HistoryEntry, ...] = ()
        try:
            entries = await entries_after(self._settings, form.item.module, version)
        except StoreError as failed:
            error, status = error or str(failed), 503
        response = self._part.page(
            request,
            "settings_restore.html",
            title="Roll back settings",
            form=form,
            back=page_of(form),
            version=version,
            undone=[entry_texts(each) for each in entries],
            changes=[change_texts(each) for each in undo_changes(form, entries)],
            why=why,
            error=error,
            refusal=refusal_of(request, form, Role.OPERATOR),
        )
        response.status_code = status
        return response

    async def _lines(self, module: str | None, page: HistoryPage) -> AsyncIterator[str]:
        yield csv_line(COLUMNS)
        written = 0
        while True:
            for entry in page.entries:
                for change in entry.changes:
                    yield csv_line(
                        (
                            iso(entry.ts_ns), entry.ts_ns, entry.module, entry.version, entry.who, entry.why,
                            change.key, change.unit, _cell(change.old), _cell(change.new), change.is_reset,
                        )
                    )  # fmt: skip
            written += len(page.entries)
            if page.next_id is None:
                return
            if written >= CSV_ENTRIES:
                yield csv_line((f"stopped after {written} changes; filter by module to see the rest",))
                return
            try:
                page = await self._settings.history(module, page.next_id, CSV_SLICE)
            except StoreError as error:
                yield csv_line((f"incomplete: {error}",))
                return

    def _asked(self, request: Request) -> tuple[str | None, int | None]:
        module = request.query_params.get("module", "") or None
        if module is not None and self._settings.form(module) is None:
            raise HTTPException(404, f"there are no settings of {module[:80]!r}")
        text = request.query_params.get("before", "")
        if text and not (text.isascii() and text.isdecimal() and len(text) <= 19 and int(text) <= ID_MAX):
            raise HTTPException(400, f"before: expected the number of a change, found {text[:40]!r}")
        return module, int(text) if text else None

    def _known(self, request: Request) -> SettingsForm:
        module = request.path_params["module"]
        form = self._settings.form(module)
        if form is None:
            raise HTTPException(404, f"there are no settings of {module[:80]!r}")
        return form


def refusal_of(request: Request, form: SettingsForm | None, role: Role) -> str:
    """Why this viewer cannot save now; "" = can."""
    found = role_of(request)
    if found < role:
        return f"This needs the role {role.label}; you are logged in as {found.label}."
    if form is not None and not form.is_writable:
        return form.note or "Settings cannot be saved now: there is no database."
    return ""


def _cell(value: Any) -> Any:
    """Numbers stay numbers in the file (a negative one is no formula); lists and maps stay on one line."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return text_of(value).replace("\n", "; ")

"""Settings as TOML: out for everybody who may look, in for admins, with everything shown before anything is written."""

import asyncio
from hashlib import sha256

import msgspec
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from kernel.errors import ConfigError, StoreError
from kernel.settings import SettingsRefused
from webui.csv_lines import attachment
from webui.part import Part
from webui.roles import Role
from webui.settings_history import refusal_of
from webui.settings_posted import FILE_BYTES_MAX, Posted, change_texts, posted_form
from webui.settings_source import ImportPreview, SettingsSource

EXPORT_MODULES_MAX = 200


class SettingsTransfer:
    """Handlers of export and import."""

    def __init__(self, part: Part, settings: SettingsSource) -> None:
        self._part = part
        self._settings = settings

    async def export(self, request: Request) -> Response:
        """The values in use of `?module=…` (repeatable), or of all modules."""
        asked = tuple(dict.fromkeys(request.query_params.getlist("module")))
        if len(asked) > EXPORT_MODULES_MAX:
            raise HTTPException(400, f"module: expected at most {EXPORT_MODULES_MAX}, found {len(asked)}")
        for module in asked:
            if self._settings.form(module) is None:
                raise HTTPException(404, f"there are no settings of {module[:80]!r}")
        text = self._settings.export_toml(asked)
        return Response(text, media_type="application/toml; charset=utf-8", headers=attachment("settings.toml"))

    async def show(self, request: Request) -> Response:
        """Paste or choose a file."""
        return self._page(request)

    async def submit(self, request: Request) -> Response:
        """Show what a file would change; or, the second time, change it."""
        posted = await posted_form(request, Role.ADMIN)
        text, error = await _text(posted)
        if error:
            return self._page(request, error=error, status=400)
        # A megabyte of TOML takes a while to read, and strategies wait for this loop: look at it in a thread.
        try:
            preview = await asyncio.to_thread(self._settings.preview_toml, text)
        except (ConfigError, StoreError) as failed:
            return self._page(request, text=text, error=str(failed), status=400)
        if posted.form.get("action") != "apply":
            return self._page(request, text=text, preview=preview)
        if posted.form.get("seen") != _fingerprint(preview):
            again = "Settings changed since this list was made, so nothing was imported. This is the list now."
            return self._page(request, text=text, preview=preview, why=posted.why, error=again, status=409)
        if posted.why_error:
            return self._page(
                request, text=text, preview=preview, why=posted.why, why_error=posted.why_error, status=400
            )
        try:
            versions = await self._settings.import_toml(text, posted.who, posted.why)
        except SettingsRefused as refused:
            return self._page(request, text=text, preview=preview, why=posted.why, error=str(refused), status=400)
        except StoreError as failed:
            gone = f"Nothing was imported: {failed}"
            return self._page(request, text=text, preview=preview, why=posted.why, error=gone, status=503)
        return self._page(request, versions=versions)

    def _page(
        self,
        request: Request,
        *,
        text: str = "",
        preview: ImportPreview | None = None,
        why: str = "",
        why_error: str = "",
        error: str = "",
        versions: dict[str, int] | None = None,
        status: int = 200,
    ) -> Response:
        previews = {} if preview is None else preview.previews
        errors = {} if preview is None else dict(preview.errors)
        for module, each in previews.items():
            errors |= {f"{module}.{name}" if name else module: found for name, found in each.errors.items()}
        response = self._part.page(
            request,
            "settings_import.html",
            title="Import settings",
            text=text,
            has_preview=preview is not None,
            changes={
                module: [change_texts(change) for change in each.changes]
                for module, each in previews.items()
                if each.changes
            },
            errors=errors,
            seen="" if preview is None else _fingerprint(preview),
            why=why,
            why_error=why_error,
            error=error,
            versions=versions,
            refusal=refusal_of(request, None, Role.ADMIN),
        )
        response.status_code = status
        return response


async def _text(posted: Posted) -> tuple[str, str]:
    """The pasted text or the file's, and what is wrong with it."""
    given, file = posted.form.get("text"), posted.form.get("file")
    text = given if isinstance(given, str) else ""
    if isinstance(file, UploadFile) and file.filename:
        if (file.size or 0) > FILE_BYTES_MAX:
            return "", f"file: expected at most {FILE_BYTES_MAX:,} bytes, found {file.size:,}"
        try:
            text = (await file.read()).decode()
        except UnicodeDecodeError:
            return "", "file: expected TOML as UTF-8 text, found other bytes"
    text = text.replace("\r\n", "\n")
    if not text.strip():
        return "", "expected TOML: paste it, or choose a file"
    if len(text.encode()) > FILE_BYTES_MAX:
        return "", f"text: expected at most {FILE_BYTES_MAX:,} bytes, found {len(text.encode()):,}"
    return text, ""


def _fingerprint(preview: ImportPreview) -> str:
    """Of everything that was shown: what is applied must be what was looked at."""
    return sha256(msgspec.json.encode(preview)).hexdigest()

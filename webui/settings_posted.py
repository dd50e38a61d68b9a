"""A posted settings form: who sent it, may they, and what they wrote. The guard has checked the token before."""

from typing import Any

import msgspec
from msgspec import Struct
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from webui.roles import Role, require, user_of
from webui.settings_source import Change, HistoryEntry
from webui.settings_values import shown

REASON_MIN, REASON_MAX = 3, 200
FIELDS_MAX = 4_000  #: of one form: a map of 1,000 names has two inputs a row
FILE_BYTES_MAX = 1024 * 1024  #: of an import; all settings of ten strategies are about 30 kB


class Posted(Struct, frozen=True):
    """A form that may be acted on. `why` has its spaces collapsed; `why_error` "" = it will do."""

    form: FormData
    who: str
    why: str
    why_error: str

    def number(self, name: str) -> int:
        """A version that came back. Raises 400 when it is none."""
        text = self.form.get(name)
        if not isinstance(text, str) or not text.isascii() or not text.isdecimal() or len(text) > 18:
            raise HTTPException(400, f"{name}: expected a whole number, found {str(text)[:40]!r}; reload the page")
        return int(text)


async def posted_form(request: Request, role: Role) -> Posted:
    """The form of a request that needs `role`. Raises 403 for another role."""
    require(request, role)
    form = await request.form(max_files=1, max_fields=FIELDS_MAX, max_part_size=2 * FILE_BYTES_MAX)
    given = form.get("why")
    why = " ".join(given.split()) if isinstance(given, str) else ""
    error = ""
    if not REASON_MIN <= len(why) <= REASON_MAX:
        error = f"expected a reason of {REASON_MIN} to {REASON_MAX} characters, found {len(why)}"
    return Posted(form, user_of(request), why, error)


def wants_json(request: Request) -> bool:
    """Whether a script asks; a plain form gets a page."""
    return "application/json" in request.headers.get("accept", "")


def json_answer(value: Any, status: int = 200) -> Response:
    """JSON for the page's script."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def change_texts(change: Change) -> dict[str, Any]:
    """One line of a diff, as texts."""
    return {
        "key": change.key,
        "title": change.title,
        "unit": change.unit,
        "old": shown(change.old),
        "new": new_text(change),
        "restart": change.is_restart_only,
    }


def new_text(change: Change) -> str:
    """The value after a change; a reset names where the value then comes from."""
    if not change.is_reset:
        return shown(change.new)
    return "profile or default" if change.new is None else f"{shown(change.new)} (profile or default)"


def entry_texts(entry: HistoryEntry) -> dict[str, Any]:
    """One saved change, as texts, for templates and scripts alike."""
    return {
        "module": entry.module,
        "version": entry.version,
        "who": entry.who,
        "why": entry.why,
        "ts_ms": entry.ts_ns // 1_000_000,
        "changes": [change_texts(each) for each in entry.changes],
    }

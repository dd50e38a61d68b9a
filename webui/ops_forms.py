"""Forms of the operations pages: their fields, and one way to say what was done or what is wrong.

The page's script sends them and shows the answer; without it they post and lead back to the page.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from kernel.errors import BadInput, ConfigError, KernelError, StoreError
from kernel.secrets.redaction import redact
from webui.refusal import Refusal

TEXT_MAX = 20_000  #: of one field: above the longest secret


async def fields(request: Request) -> dict[str, str]:
    """The text fields, the last of each name. Raises 400 for one that is too long."""
    found = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    for name, value in found.items():
        if len(value) > TEXT_MAX:
            raise Refusal(400, f"{name[:20]}: expected at most {TEXT_MAX} characters", code="bad_request", field=name)
    return found


def number(given: dict[str, str], name: str, fallback: float) -> float:
    """A number of a form; empty = the fallback. Raises 400, and quotes nothing: a secret may be in the wrong field."""
    text = given.get(name, "").strip()
    if not text:
        return fallback
    try:
        found = float(text)
    except ValueError:
        found = float("nan")
    if not -1e15 < found < 1e15:
        raise Refusal(400, f"{name}: expected a number, found something else", code="bad_request", field=name)
    return found


def whole(given: dict[str, str], name: str, fallback: int) -> int:
    """A whole number of a form. Raises 400."""
    found = number(given, name, fallback)
    if found != int(found):
        raise Refusal(400, f"{name}: expected a whole number, found a fraction", code="bad_request", field=name)
    return int(found)


@contextmanager
def refusing() -> Iterator[None]:
    """Errors of the kernel as answers: 400 for what was given, 503 for a store that is away."""
    try:
        yield
    except StoreError as error:
        raise Refusal(503, redact(str(error)), code="store") from error
    except (ConfigError, BadInput, ValueError) as error:
        raise Refusal(400, redact(str(error)), code="bad_request") from error
    except KernelError as error:
        raise Refusal(502, redact(str(error)), code="failed") from error


def done(request: Request, target: str, said: str, **shown: str) -> Response:
    """What was done, as JSON for the script; else back to the page. `shown` is for the script's eyes alone."""
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(target, 303)
    return Response(msgspec.json.encode({"said": said, **shown}), media_type="application/json")

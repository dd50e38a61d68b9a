"""Reads what a client sent into the operation's structs, or refuses it naming the field. All of it is hostile."""

import re
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct
from starlette.requests import Request

from webui.api_error import ApiRefusal
from webui.api_operation import Operation

PARAMETERS_MAX = 50  #: of one query; no operation has ten
JSON = "application/json"
_AT = re.compile(r"`\$\.?([^`]*)`$")
_NAMED = re.compile(r"(?:unknown|required) field `([^`]*)`")


def query_of(request: Request, kind: type[Struct]) -> Struct:
    """The parameters. Raises 400."""
    raw = request.scope["query_string"]
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, strict_parsing=bool(raw), errors="strict",
            max_num_fields=PARAMETERS_MAX,
        )  # fmt: skip
    except ValueError:  # of UTF-8 too
        raise ApiRefusal("bad_request", "query: expected name=value&…, percent-encoded UTF-8") from None
    given = dict(pairs)
    if len(given) < len(pairs):
        raise ApiRefusal("bad_parameter", "a parameter was given twice", field=_twice(pairs))
    for name, value in pairs:
        if "\x00" in value:
            raise ApiRefusal("bad_parameter", f"{name[:80]}: expected text without NUL", field=name[:80])
    try:
        found: Struct = msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _refusal("bad_parameter", error) from None
    return found


async def body_of(request: Request, operation: Operation) -> Any:
    """The body. Raises 400, 415 or 422."""
    raw = await request.body()
    kind = operation.body
    if kind is None:
        if raw:
            raise ApiRefusal("bad_request", "a body was sent, and this operation takes none")
        return None
    media, _, rest = request.headers.get("content-type", "").partition(";")
    charset = rest.replace(" ", "").replace('"', "").lower()
    if media.strip().lower() != JSON or charset not in ("", "charset=utf-8"):
        raise ApiRefusal("media_type", f"content type: expected {JSON} in UTF-8, found {media[:60]!r}")
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise _refusal("invalid", error) from None
    except (msgspec.DecodeError, ValueError, RecursionError) as error:  # numbers of thousands of digits; deep nesting
        raise ApiRefusal("bad_json", f"body: expected JSON in UTF-8 ({str(error)[:200]})") from None


def _refusal(code: str, error: msgspec.ValidationError) -> ApiRefusal:
    text = str(error)
    named, at = _NAMED.search(text), _AT.search(text)
    path = at.group(1) if at else ""
    field = ".".join(each for each in (path, named.group(1) if named else "") if each)
    message = text.removesuffix(f" - at {at.group(0)}") if at else text
    return ApiRefusal(code, f"{field or 'body'}: {message}"[:400], field=field[:120])


def _twice(pairs: list[tuple[str, str]]) -> str:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name[:80]
        seen.add(name)
    return ""

"""The OpenAPI 3.1 document, made of the table of operations."""

from collections.abc import Iterable
from typing import Any

import msgspec

from webui import api_wire
from webui.api_error import CODES, EVERYWHERE, MORE, UNSAFE_TOO, WITH_BODY, ErrorAnswer
from webui.api_operation import Operation
from webui.refusal import CODE_HEADER
from webui.roles import Role

PREFIX = "/api/v1"
JSON = "application/json"
NAME_MAX = 200
DESCRIPTION = """\
Everything that the dashboard shows and does. Requests carry an API token (`Authorization: Bearer kt_…`), or the \
cookie of a session together with `X-CSRF-Token` (see `getSession`) where they change something.

Amounts are decimal strings; times are nanoseconds UTC as strings (`…_ns`); null means *not known*, never zero. Fields \
may be added at any time. Lists come by pages: give `next` of one as `before` of the following."""


def document(operations: Iterable[Operation], version: str) -> dict[str, Any]:
    """The document as plain values."""
    rows = tuple(operations)
    responses = tuple(each.response for each in rows if each.response is not None)
    bodies = tuple(each.body for each in rows if each.body is not None)
    schemas, components = api_wire.schemas((*responses, ErrorAnswer), bodies)
    # Of an error, `errors` may be missing: the guard in front of the API does not know it.
    components["ErrorDetail"]["required"] = ["code", "message", "field"]
    paths: dict[str, Any] = {}
    for row in rows:
        paths.setdefault(row.path, {})[row.method.lower()] = _operation(row, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Trading kernel", "version": version, "description": DESCRIPTION},
        "servers": [{"url": PREFIX}],
        "tags": [{"name": name} for name in dict.fromkeys(each.group for each in rows)],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API token (`python -m kernel users token add`).",
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "kernel_session_PORT",
                    "description": "Of a login; PORT is the dashboard's. With TLS the name begins with `__Host-`.",
                },
                "csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
            },
        },
    }


def codes_of(row: Operation) -> tuple[str, ...]:
    """The error codes that an operation may answer, in the order of the table of codes."""
    found = {*EVERYWHERE, *row.errors}
    if row.method != "GET":
        found |= {*UNSAFE_TOO, "bad_request", "too_large", "slow_body"}
    if row.body is not None:
        found |= {*WITH_BODY}
    if row.path_names:
        found.add("not_found")
    if row.is_stored:
        found.add("store")
    return tuple(code for code in CODES if code in found)


def parameters_of(row: Operation) -> list[dict[str, Any]]:
    """Of path and query."""
    found: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1, "maxLength": NAME_MAX},
        }
        for name in row.path_names
    ]
    (_,), components = msgspec.json.schema_components([row.query], ref_template=api_wire.REF)
    schema = components[row.query.__name__]
    for name, each in schema["properties"].items():
        parameter = {"name": name, "in": "query", "required": name in schema.get("required", ())}
        if text := each.pop("description", ""):
            parameter["description"] = text
        found.append({**parameter, "schema": _nullless(each)})
    return found


def _nullless(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that may be missing has no null: it is missing then."""
    options = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(options) == 1:
        return dict(options[0])
    return schema


def _operation(row: Operation, schemas: dict[Any, Any]) -> dict[str, Any]:
    is_unsafe = row.method != "GET"
    made: dict[str, Any] = {
        "operationId": row.name,
        "summary": row.summary,
        "tags": [row.group],
        "description": f"Needs the role {row.role.label}." if row.role > Role.VIEWER else "For every role.",
        "x-role": row.role.label,
        "security": [{"token": []}, {"session": [], "csrf": []} if is_unsafe else {"session": []}],
        "parameters": parameters_of(row),
    }
    if row.body is not None:
        made["requestBody"] = {"required": True, "content": {JSON: {"schema": schemas[row.body]}}}
    made["responses"] = {**_success(row, schemas), **_errors(row)}
    return made


def _success(row: Operation, schemas: dict[Any, Any]) -> dict[str, Any]:
    if row.response is None:
        return {"204": {"description": "Done."}}
    return {"200": {"description": "The answer.", "content": {row.media: {"schema": schemas[row.response]}}}}


def _errors(row: Operation) -> dict[str, Any]:
    texts: dict[int, list[str]] = {status: [f"`too_large`: {text}"] for status, text in MORE.items()}
    for code in codes_of(row):
        status, text = CODES[code]
        texts.setdefault(status, []).append(f"`{code}`: {text}")
    return {str(status): _error(status, lines) for status, lines in sorted(texts.items())}


def _error(status: int, lines: list[str]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "description": " ".join(lines),
        "headers": {CODE_HEADER: {"description": "The code, as in the body.", "schema": {"type": "string"}}},
        "content": {JSON: {"schema": {"$ref": "#/components/schemas/ErrorAnswer"}}},
    }
    if status == 405:
        made["headers"]["Allow"] = {"schema": {"type": "string"}}
    if status == 429:
        made["headers"]["Retry-After"] = {"description": "Seconds.", "schema": {"type": "integer"}}
    return made

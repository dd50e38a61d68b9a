"""`python -m webui.api_docs`: writes docs/api.md from the table of operations. A test keeps it current."""

from pathlib import Path
from typing import Any, cast

from webui.api import table
from webui.api_document import PREFIX, codes_of, parameters_of
from webui.api_error import CODES, MORE
from webui.api_operation import Operation
from webui.api_sources import ApiSources
from webui.source import DashboardSource

PAGE = Path(__file__).resolve().parent.parent / "docs" / "api.md"
PLACES = {
    "name": "cex_dex_arb",
    "module": "risk",
    "order_id": "r0001-cex_dex_arb-912-0",
    "replay_id": "7",
    "seq": "912",
}
HEAD = """\
# The API

Everything that the dashboard shows and does, for programs: JSON under `/api/v1`, on the dashboard's own address. This
page is made from the table of operations that also routes and checks every request (`python -m webui.api_docs` writes
it); the same as an OpenAPI 3.1 document is at `GET /api/v1/openapi.json`.

## Access

A program sends an API token. [Access](access.md) says how to make one; it is shown once.

```
export TOKEN=kt_…
export API=http://127.0.0.1:8080/api/v1
curl -s -H "Authorization: Bearer $TOKEN" $API/overview
```

A token has a role like a user: a *viewer* reads, an *operator* also acts, an *admin* may do all. A page of the
dashboard uses its session's cookie instead and sends `X-CSRF-Token` (see `GET /session`) with everything that changes
something. Requests are limited by session or token (`429` says in `Retry-After` when to come back); setting the kill
switch, pausing and stopping are never limited.

## Values

- Amounts, prices and quantities are strings with a decimal number: `"1008.79"`. Nothing is rounded on the way.
- Times are nanoseconds UTC as strings (fields that end in `_ns`): they do not fit into the numbers of JavaScript.
  Prices and orders carry *event* time, settings and alerts the wall clock's.
- `null` means *not known*. It never stands for zero. All fields are always there.
- `simulated` says whether a result is simulated.
- Texts may quote the outside world (token names, errors of venues). Treat them as hostile.

Fields and operations may be added at any time; what is there does not change its meaning under `/api/v1`.

## Lists

Lists come newest first and by pages: give `next` of one page as `before` of the following; `next` is null at the end.
Pages do not repeat or leave out a row when new ones come meanwhile.

## Errors

Every answer with a status of 400 or above looks like this, and carries the code in the header `X-Refusal` too:

```
{"error": {"code": "bad_parameter", "message": "limit: Expected `int` <= 200", "field": "limit", "errors": null}}
```

`errors` has a text for each field where several are wrong. Queries and bodies are read strictly: an unknown field is an
error, bodies are `application/json` in UTF-8 and at most 64 kB.

"""


class _NoSource:
    """Stands where only the table is wanted; nothing of it is called."""


def page() -> str:
    """The whole page."""
    rows = table(cast(DashboardSource, _NoSource()), ApiSources(), dict)
    codes = [*((code, status, text) for code, (status, text) in CODES.items()), *(
        ("too_large", status, text) for status, text in MORE.items()
    )]  # fmt: skip
    lines = ["| Status | Code | Meaning |", "|---|---|---|"]
    lines += [f"| {status} | `{code}` | {text} |" for code, status, text in sorted(codes, key=lambda each: each[1])]
    lines += ["", "## Operations", "", "| | | Role |", "|---|---|---|"]
    lines += [
        f"| [`{row.method} {row.path}`](#{row.name.lower()}) | {row.summary} | {row.role.label} |" for row in rows
    ]
    group = ""
    for row in rows:
        if row.group != group:
            group = row.group
            lines += ["", f"## {group}"]
        lines += ["", *_operation(row)]
    return HEAD + "\n".join(lines) + "\n"


def _operation(row: Operation) -> list[str]:
    lines = [f"### {row.name}", "", f"`{row.method} {PREFIX}{row.path}`", "", row.summary, ""]
    parameters = [each for each in parameters_of(row) if each["in"] == "query"]
    if parameters:
        lines += ["| Parameter | Takes | |", "|---|---|---|"]
        lines += [f"| `{each['name']}` | {_takes(each)} | {each.get('description', '')} |" for each in parameters]
        lines.append("")
    if row.body is not None:
        lines += [f"Body: {_text(row.body)}", ""]
    lines += ["```", _curl(row), "```", ""]
    own = [code for code in codes_of(row) if code in row.errors or code in ("not_found", "store")]
    answer = "204, no body" if row.response is None else _answer(row)
    lines.append(f"Answers {answer}{f' Errors of its own: {_codes(own)}.' if own else ''}")
    return lines


def _answer(row: Operation) -> str:
    if row.media != "application/json":
        return f"`{row.media}`."
    name = getattr(row.response, "__name__", "")
    return f"`{name}`: {_text(row.response)}" if name != "dict" else "a JSON object."


def _text(kind: Any) -> str:
    return " ".join((kind.__doc__ or "").split())


def _codes(codes: list[str]) -> str:
    return ", ".join(f"`{code}`" for code in codes)


def _takes(parameter: dict[str, Any]) -> str:
    schema = parameter["schema"]
    if "enum" in schema:
        text = ", ".join(f"`{each}`" for each in schema["enum"] if each)
    elif schema["type"] == "integer":
        text = f"{schema['minimum']:,} to {schema['maximum']:,}"
    else:
        text = f"text of at most {schema['maxLength']:,}"
    default = schema.get("default", "")
    if parameter["required"]:
        return f"{text}; needed"
    return f"{text}; `{default}` if not given" if default != "" else text


def _curl(row: Operation) -> str:
    path = row.path.format(**{name: PLACES[name] for name in row.path_names})
    parts = ["curl -s", '-H "Authorization: Bearer $TOKEN"']
    if row.method != "GET":
        parts.append(f"-X {row.method}")
    if row.body is not None:
        parts.append(f"-H 'Content-Type: application/json' -d '{row.example}'")
    has_query = row.body is None and row.example
    parts.append(f'"$API{path}?{row.example}"' if has_query else f"$API{path}")
    return " ".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())

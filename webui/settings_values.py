"""Setting values as texts: what an input holds, what people read, and what came back with a form.

The *text* of a value is what its inputs hold, in one string: lists one per line, maps as `name = value` lines. A form
carries the text that was shown beside the one that came back (`was.NAME`), so that only what the operator changed is
saved: another's save of another field is never undone by an old page.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from starlette.datastructures import FormData

from kernel.settings import SettingField
from webui import typeset

EMPTY = "none"  #: an empty list, map or text, in words


def text_of(value: Any) -> str:
    """A plain value as its inputs hold it; None (an optional field that is not set) is a blank."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, Mapping):
        return "\n".join(f"{name} = {text_of(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return "\n".join(str(each) for each in value)
    return str(value)


def shown(value: Any) -> str:
    """A plain value for reading: 5,000 · on · a, b · a 10, b 5; a dash where there is none."""
    if value is None:
        return typeset.DASH
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int | float):
        return typeset.decimal(Decimal(_number(value)), None)
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {shown(each)}" for name, each in value.items()) or EMPTY
    if isinstance(value, list | tuple):
        return ", ".join(str(each) for each in value) or EMPTY
    return str(value) or EMPTY


def posted_value(field: SettingField, form: FormData) -> tuple[Any, str]:
    """What a form says of a field: the value to check, and an error that no check of the value could find."""
    key = f"f.{field.name}"
    if field.kind == "switch":
        return form.get(key) == "true", ""
    if field.kind == "choices":
        return _strings(form, key), ""
    if field.kind == "list":
        return [line.strip() for line in _text(form, key).splitlines() if line.strip()], ""
    if field.kind == "map":
        return _posted_map(form, key)
    if field.kind in ("number", "integer"):
        return _text(form, key).strip().replace(typeset.MINUS, "-"), ""
    return _text(form, key).replace("\r\n", "\n"), ""


def changed_values(
    fields: tuple[SettingField, ...], form: FormData
) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """Of a posted form: what to save (None = reset), what was typed and differs, and errors by field.

    A field without its `was.NAME` was not on the form. An unchanged text is in none of them.
    """
    resets = set(_strings(form, "reset"))
    values: dict[str, Any] = {}
    typed: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for field in fields:
        was = form.get(f"was.{field.name}")
        if not isinstance(was, str):
            continue
        value, error = posted_value(field, form)
        if error or text_of(value) != was.replace("\r\n", "\n"):
            typed[field.name] = value
        if field.name in resets:
            values[field.name] = None
        elif error:
            errors[field.name] = error
        elif field.name in typed:
            values[field.name] = value
    return values, typed, errors


def _posted_map(form: FormData, key: str) -> tuple[dict[str, str], str]:
    names, values = _strings(form, f"{key}.name"), _strings(form, f"{key}.value")
    pairs: dict[str, str] = {}
    error = ""
    for name, value in zip(names, values, strict=False):
        name, value = name.strip(), value.strip().replace(typeset.MINUS, "-")
        if not name and not value:
            continue
        if not name:
            error = error or f"expected a name beside {value[:40]!r}, found none"
        elif name in pairs:
            error = error or f"expected each name once, found {name[:40]!r} twice"
        pairs[name] = value
    return pairs, error


def _number(value: float) -> str:
    """Without exponent and without a needless point: 5000, 0.00001."""
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _text(form: FormData, key: str) -> str:
    value = form.get(key)
    return value if isinstance(value, str) else ""


def _strings(form: FormData, key: str) -> list[str]:
    return [value for value in form.getlist(key) if isinstance(value, str)]

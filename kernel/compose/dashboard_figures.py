"""A strategy's view struct as labelled figures: titles, units and order come from its declarations."""

from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.inspect import Metadata

from kernel.strategy import Signal
from webui.snapshot import Figure, FigureGroup
from webui.typeset import count, decimal, words

FLOAT_DIGITS = 6
ITEMS_MAX = 24  #: of a list field


def groups_of(view: Struct) -> tuple[FigureGroup, ...]:
    """Scalars first as "Now", then one group per nested struct or list entry."""
    plain: list[Figure] = []
    groups: list[FigureGroup] = []
    for name, title, unit, hint, value in _fields(view):
        if _is_signal(value):
            continue
        if isinstance(value, Struct):
            groups.append(FigureGroup(title=title, figures=tuple(_flat(value, name))))
        elif isinstance(value, tuple | list) and value and isinstance(value[0], Struct):
            for index, each in enumerate(value[:ITEMS_MAX]):
                figures = _flat(each, f"{name}{index}")
                groups.append(FigureGroup(title=_heading(each, title), figures=tuple(figures)))
        elif isinstance(value, tuple | list) and value and isinstance(value[0], str) and len("".join(value)) > 120:
            continue  # sentences (assumptions) belong to the guide and the report
        else:
            plain.append(_figure(name, title, unit, hint, value))
    return (FigureGroup(title="Now", figures=tuple(plain)), *groups) if plain else tuple(groups)


def _is_signal(value: Any) -> bool:
    first = value[0] if isinstance(value, tuple | list) and value else value
    return isinstance(first, Signal)


def _heading(value: Struct, fallback: str) -> str:
    for name in value.__struct_fields__:
        text = getattr(value, name)
        if isinstance(text, str) and text:
            return text
    return fallback


def _flat(value: Struct, prefix: str) -> list[Figure]:
    figures: list[Figure] = []
    for name, title, unit, hint, inner in _fields(value):
        if isinstance(inner, Struct):
            for deeper, deeper_title, deeper_unit, deeper_hint, leaf in _fields(inner):
                key = f"{prefix}_{name}_{deeper}"
                figures.append(_figure(key, f"{title}: {deeper_title.lower()}", deeper_unit, deeper_hint, leaf))
        else:
            figures.append(_figure(f"{prefix}_{name}", title, unit, hint, inner))
    return figures


def _fields(value: Struct) -> list[tuple[str, str, str, str, Any]]:
    """(name, title, unit, description, value) of each field."""
    info = msgspec.inspect.type_info(type(value))
    assert isinstance(info, msgspec.inspect.StructType)
    rows = []
    for field in info.fields:
        title, unit, hint = words(field.name).capitalize(), "", ""
        if isinstance(field.type, Metadata):
            schema = field.type.extra_json_schema or {}
            title = str(schema.get("title") or title)
            hint = str(schema.get("description") or "")
            unit = str((field.type.extra or {}).get("unit", ""))
        rows.append((field.name, title, unit, hint, getattr(value, field.name)))
    return rows


def _figure(name: str, title: str, unit: str, hint: str, value: Any) -> Figure:
    return Figure(key=name, title=title, text=_text(value), unit=unit, hint=hint)


def _text(value: Any) -> str:
    if value is None or value == "":
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return count(value)
    if isinstance(value, float):
        return decimal(Decimal(f"{value:.{FLOAT_DIGITS}g}"))
    if isinstance(value, Decimal):
        return decimal(value, 2) if abs(value) >= 100 else decimal(value.normalize())
    if isinstance(value, tuple | list):
        return ", ".join(_text(each) for each in value) or "—"
    return words(str(value))

"""Settings as declarations: what a page, a guide and a check need to know of each field, read from its struct.

A settings struct (`kernel.strategy.Settings`) is the one place where a field's title, description, unit, bounds,
default and recommended value stand. Forms, the guide's table, validation and TOML export all come from here.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.inspect import (
    BoolType,
    DictType,
    FloatType,
    IntType,
    ListType,
    LiteralType,
    Metadata,
    NoneType,
    SetType,
    StrType,
    StructType,
    UnionType,
    VarTupleType,
)

from kernel.errors import ConfigError
from kernel.strategy import Settings, SettingsT, convert_settings

WHOLE = ""  #: key of an error that belongs to the struct and to no single field
TEXT_MAX = 100_000  #: characters of one posted value


class SettingField(Struct, frozen=True, kw_only=True):
    """One field of a settings struct.

    kind: number, integer, switch, text, choice (one of `choices`), choices (some of them, in order), list (free texts)
    or map (name = value). `low` and `high` are inclusive unless the matching `is_…_open`; None = no bound. `default`
    and `recommended` are plain values; recommended None = the default is.
    """

    name: str
    title: str
    description: str
    unit: str
    group: str
    kind: str
    default: Any
    recommended: Any = None
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    is_low_open: bool = False
    is_high_open: bool = False
    length_max: int | None = None
    is_restart_only: bool = False  #: a change is stored now and used from the next start on
    env: str = ""  #: infrastructure only: the environment variable that may set it


class SettingsRefused(ConfigError):
    """Values that do not make a valid struct: every wrong field with its own text."""

    def __init__(self, owner: str, errors: Mapping[str, str]) -> None:
        self.owner = owner
        self.errors = dict(errors)
        super().__init__(
            f"{owner}: " + "; ".join(f"{name}: {text}" if name else text for name, text in self.errors.items())
        )


def fields_of(kind: type[Settings]) -> tuple[SettingField, ...]:
    """The fields in their order of declaration."""
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, StructType)
    plain_default = msgspec.to_builtins(kind())
    return tuple(_field(each, plain_default[each.name]) for each in info.fields)


def plain_of(settings: Settings) -> dict[str, Any]:
    """A struct as plain values, lists for tuples: what is stored, posted and compared."""
    plain: dict[str, Any] = msgspec.to_builtins(settings)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()}


def checked_settings(kind: type[SettingsT], values: Mapping[str, Any], owner: str) -> SettingsT:
    """A valid struct from plain values or posted texts. Raises `SettingsRefused` with all wrong fields at once."""
    errors = field_errors(kind, values)
    if errors:
        raise SettingsRefused(owner, errors)
    try:
        return convert_settings(kind, dict(values))
    except msgspec.ValidationError as error:
        name = str(error).partition(":")[0].strip()  # a rule over several fields names one of them first
        raise SettingsRefused(owner, {name if name in kind.__struct_fields__ else WHOLE: str(error)}) from error


def field_errors(kind: type[Settings], values: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with each value by itself, in the order of the fields; unknown names last."""
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, StructType)
    known = {each.name for each in info.fields}
    errors: dict[str, str] = {}
    annotations = {each.name: each.type for each in msgspec.structs.fields(kind)}
    for field in fields_of(kind):
        if field.name not in values:
            continue
        name = field.name
        text = _field_error(field, annotations[name], values[name])
        if text:
            errors[name] = text
    for name in values:
        if name not in known:
            near = get_close_matches(str(name), known, n=3)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            errors[str(name)[:100]] = f"there is no such setting{hint}"
    return errors


def expected_of(field: SettingField) -> str:
    """What a field takes, in words: "a number from 0.01 to 10 (%)"."""
    if field.kind in ("number", "integer"):
        what = "a number" if field.kind == "number" else "a whole number"
        low = "" if field.low is None else f" {'above' if field.is_low_open else 'from'} {field.low:,.10g}"
        high = "" if field.high is None else f" {'below' if field.is_high_open else 'to'} {field.high:,.10g}"
        return f"{what}{low}{high}{f' ({field.unit})' if field.unit else ''}"
    if field.kind in ("choice", "choices"):
        return f"{'one' if field.kind == 'choice' else 'any'} of {', '.join(field.choices)}"
    names = {"switch": "true or false", "text": "a text", "list": "a list of texts", "map": "names with their values"}
    limit = f" of at most {field.length_max}" if field.length_max is not None else ""
    return names[field.kind] + limit


def _field_error(field: SettingField, annotation: Any, value: Any) -> str:
    if isinstance(value, str) and len(value) > TEXT_MAX:
        return f"expected at most {TEXT_MAX} characters, found {len(value)}"
    if _is_unstorable(value):
        return f"expected text without NUL and broken characters, found {_shown(value)}"
    if _is_unfinite(value):
        return f"expected a finite number, found {value}"
    try:
        converted = msgspec.convert(value, annotation, strict=False)
    except msgspec.ValidationError as error:
        inner = str(error).replace("`", "")
        where = f" ({inner})" if field.kind in ("list", "map") else ""
        return f"expected {expected_of(field)}, found {_shown(value)}{where}"
    return f"expected a finite number, found {value}" if _is_unfinite(converted) else ""


def _is_unstorable(value: Any) -> bool:
    """NUL and lone surrogates: neither the log nor the database can keep them."""
    if isinstance(value, dict):
        return any(_is_unstorable(each) for pair in value.items() for each in pair)
    if isinstance(value, list | tuple):
        return any(_is_unstorable(each) for each in value)
    return isinstance(value, str) and ("\x00" in value or any("\ud800" <= each <= "\udfff" for each in value))


def _is_unfinite(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_is_unfinite(each) for each in value.values())
    return isinstance(value, float) and not (-float("inf") < value < float("inf"))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _field(field: Any, default: Any) -> SettingField:
    schema: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    plain = field.type
    while isinstance(plain, Metadata):
        schema = {**(plain.extra_json_schema or {}), **schema}
        extra = {**(plain.extra or {}), **extra}
        plain = plain.type
    if isinstance(plain, UnionType):  # an optional value: the form leaves it blank
        plain = next(each for each in plain.types if not isinstance(each, NoneType))
    kind, choices = _kind(plain)
    low, high, low_open, high_open = _bounds(plain)
    return SettingField(
        name=field.name,
        title=schema.get("title", field.name),
        description=schema.get("description", ""),
        unit=extra.get("unit", ""),
        group=extra.get("group", "General"),
        kind=kind,
        default=list(default) if isinstance(default, tuple) else default,
        recommended=extra.get("recommended"),
        choices=choices,
        low=low,
        high=high,
        is_low_open=low_open,
        is_high_open=high_open,
        length_max=getattr(plain, "max_length", None),
        is_restart_only=extra.get("reload") == "restart",
        env=extra.get("env", ""),
    )


def _kind(plain: Any) -> tuple[str, tuple[str, ...]]:
    if isinstance(plain, FloatType):
        return "number", ()
    if isinstance(plain, IntType):
        return "integer", ()
    if isinstance(plain, BoolType):
        return "switch", ()
    if isinstance(plain, LiteralType):
        return "choice", tuple(str(each) for each in plain.values)
    if isinstance(plain, StrType):
        return "text", ()
    if isinstance(plain, DictType):
        return "map", ()
    if isinstance(plain, ListType | VarTupleType | SetType):
        inner = plain.item_type
        while isinstance(inner, Metadata):
            inner = inner.type
        if isinstance(inner, LiteralType):
            return "choices", tuple(str(each) for each in inner.values)
        return "list", ()
    raise TypeError(f"a setting of type {plain!r} has no form")


def _bounds(plain: Any) -> tuple[float | None, float | None, bool, bool]:
    if not isinstance(plain, IntType | FloatType):
        return None, None, False, False
    low = plain.ge if plain.ge is not None else plain.gt
    high = plain.le if plain.le is not None else plain.lt
    return low, high, plain.ge is None and plain.gt is not None, plain.le is None and plain.lt is not None

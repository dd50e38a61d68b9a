"""How values look in the API's JSON, and the schemas that say so. One file, so that they cannot disagree.

Decimals are strings without an exponent. Nanoseconds are strings: they exceed 2^53, which is where JSON numbers stop
being exact in JavaScript and others. They are the fields that end in `_ns`, and whole numbers in pairs like (time,
amount). A float that is not finite is null. Every field is always there; null means that it is not known.
"""

import math
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from kernel.errors import Invariant

REF = "#/components/schemas/{name}"
EXACT_MAX = 2**53 - 1
NS_SUFFIX = "_ns"
DECIMAL_SCHEMA = {"type": "string", "format": "decimal", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
NS_SCHEMA = {"type": "string", "format": "nanoseconds", "pattern": "^-?[0-9]+$"}


def plain(value: Any) -> Any:
    """A value as the API's JSON has it."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if -EXACT_MAX <= value <= EXACT_MAX else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return f"{value:f}" if value.is_finite() else None
    if isinstance(value, Struct):
        return {name: _field(name, getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_pair(each) if isinstance(each, tuple) else plain(each) for each in value]
    return str(value)


def encode(value: Any) -> bytes:
    """The body of an answer."""
    return msgspec.json.encode(plain(value))


def schemas(responses: tuple[Any, ...], bodies: tuple[Any, ...]) -> tuple[dict[Any, Any], dict[str, Any]]:
    """(schema by type, components). Types of answers have all their fields; those of bodies are left as they are."""
    kinds = tuple(dict.fromkeys((*responses, *bodies)))
    found, components = msgspec.json.schema_components(kinds, ref_template=REF)
    for schema in components.values():
        if "additionalProperties" not in schema:  # what clients send takes no other fields
            _complete(schema)
    names = _short(tuple(components))
    by_type = {kind: _renamed(_as_sent(schema), names) for kind, schema in zip(kinds, found, strict=True)}
    return by_type, {names[name]: _renamed(schema, names) for name, schema in components.items()}


def _short(components: tuple[str, ...]) -> dict[str, str]:
    """Names for clients. Where types of several modules share one, that of the pages keeps it: `TradeRow`, and
    `ReportTradeRow` for the one of `kernel.report`."""
    names: dict[str, str] = {}
    for full in components:
        module, _, name = full.rpartition(".")
        prefix = "" if not module or module.startswith("webui.") else module.rpartition(".")[2].title().replace("_", "")
        names[full] = prefix + name
    if len(set(names.values())) < len(names):
        raise Invariant(f"types of the API share a name: {sorted(components)}")
    return names


def _renamed(schema: Any, names: dict[str, str]) -> Any:
    if isinstance(schema, list):
        return [_renamed(each, names) for each in schema]
    if not isinstance(schema, dict):
        return schema
    renamed = {key: _renamed(each, names) for key, each in schema.items()}
    if isinstance(full := renamed.get("$ref"), str):
        renamed["$ref"] = REF.format(name=names[full.rpartition("/")[2]])
    return renamed


def _pair(value: tuple[Any, ...]) -> list[Any]:
    """An item that is a tuple, like (time, amount): it has no names, and whole numbers in it are times."""
    return [str(each) if type(each) is int else plain(each) for each in value]


def _field(name: str, value: Any) -> Any:
    return str(value) if name.endswith(NS_SUFFIX) and isinstance(value, int) else plain(value)


def _complete(schema: dict[str, Any]) -> None:
    properties = schema.get("properties")
    if properties is None:
        return
    for name, each in properties.items():
        each.pop("default", None)
        properties[name] = _in_ns(each) if name.endswith(NS_SUFFIX) else _as_sent(each)
    schema["required"] = list(properties)


def _in_ns(schema: dict[str, Any]) -> dict[str, Any]:
    if "anyOf" in schema:
        return {**schema, "anyOf": [_in_ns(each) for each in schema["anyOf"]]}
    return {**NS_SCHEMA} if schema.get("type") == "integer" else schema


def _as_sent(schema: Any) -> Any:
    """Decimals without exponent, wherever they stand."""
    if isinstance(schema, list):
        return [_as_sent(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == "decimal":
        return {**schema, **DECIMAL_SCHEMA}
    sent = {key: _as_sent(each) for key, each in schema.items()}
    if isinstance(pair := sent.get("items"), dict) and "prefixItems" in pair:
        sent["items"] = {**pair, "prefixItems": [_in_ns(each) for each in pair["prefixItems"]]}
    return sent

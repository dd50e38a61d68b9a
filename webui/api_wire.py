"""How values look in the API's JSON, and the schemas that say so. One file, so that they cannot disagree.

Decimals are strings without an exponent. Nanoseconds (fields that end in `_ns`) are strings: they exceed 2^53, which is
where JSON numbers stop being exact in JavaScript and others. A float that is not finite is null. Every field is always
there; null means that it is not known.
"""

import math
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

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
        return [plain(each) for each in value]
    return str(value)


def encode(value: Any) -> bytes:
    """The body of an answer."""
    return msgspec.json.encode(plain(value))


def schemas(responses: tuple[Any, ...], bodies: tuple[Any, ...]) -> tuple[dict[Any, Any], dict[str, Any]]:
    """(schema by type, components). Types of answers have all their fields; those of bodies are left as they are."""
    kinds = tuple(dict.fromkeys((*responses, *bodies)))
    found, components = msgspec.json.schema_components(kinds, ref_template=REF)
    sent_by_client = {each.__name__ for each in bodies}
    for name, schema in components.items():
        if name not in sent_by_client:
            _complete(schema)
    return {kind: _as_sent(schema) for kind, schema in zip(kinds, found, strict=True)}, components


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
    return {key: _as_sent(each) for key, each in schema.items()}

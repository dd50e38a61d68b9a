"""Makes accounts and events of both programs: all zero but for what a test sets."""

from typing import Any

from adapters.anchor.compiler import Compiler
from adapters.drift import PerpLayout
from adapters.drift.layout import MarketPaths

SOL_MARKET = {"market_index": 0, "name": b"SOL-PERP".ljust(32), "status": "Active"}


def blank(layout: PerpLayout, name: str, /, **changes: Any) -> bytes:
    """An account by its layout. Nested fields by double underscores; the rest of each nested record stays zero."""
    zero = layout.codec.idl.accounts[name] + bytes(layout.sizes[name] - 8)
    fields = layout.codec.decode_account(name, zero)
    for path, value in changes.items():
        put(fields, path.split("__"), value)
    return layout.codec.encode_account(name, fields)


def put(fields: Any, path: list[str], value: Any) -> None:
    for step in path[:-1]:
        fields = fields[int(step)] if isinstance(fields, list) else fields[step]
    last = path[-1]
    if isinstance(fields, list):
        fields[int(last)] = value
    else:
        assert last in fields, f"{last} is no field"
        fields[last] = value


def market(layout: PerpLayout, **changes: Any) -> bytes:
    """A PerpMarket that decodes, by our names of its fields (those of `MarketPaths`)."""
    values: dict[str, Any] = {
        **SOL_MARKET,
        "order_step_size": 10_000_000,
        "order_tick_size": 100,
        "min_order_size": 10_000_000,
        "margin_ratio_initial": 1_000,
        "margin_ratio_maintenance": 500,
        "funding_period": 3_600,
        "last_funding_rate_ts": 1_764_000_000,
        "last_funding_oracle_twap": 150_000_000,
        **changes,
    }
    paths = dict(zip(MarketPaths.__struct_fields__, layout.market_paths, strict=True))
    return blank(layout, "PerpMarket", **{paths[name].replace(".", "__"): each for name, each in values.items()})


def event(layout: PerpLayout, name: str, /, **fields: Any) -> bytes:
    """An event's bytes, as a program emits them."""
    out = bytearray(layout.codec.idl.events[name])
    Compiler(layout.codec.idl.types).event(name).write(fields, out)
    return bytes(out)

"""Hypothesis strategies for events: every type of `AnyEvent`, every field, with hostile values."""

import typing
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import strategies as st

from bus import events
from bus.events import Event
from bus.intents import Cost, Hop, PlaceOrder, Swap
from bus.pool_parts import TokenFee, VaultBalance

TEXT = st.text(max_size=24)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
INTS = st.integers(-(1 << 256), 1 << 256)
MONEY = st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=-(10**30), max_value=10**30)
SIDES = st.sampled_from(["buy", "sell"])


def kinds() -> list[type[Event]]:
    """Every concrete event type, in the order of the vocabulary."""
    found = [getattr(events, name) for name in events.__all__]
    return [each for each in found if isinstance(each, type) and issubclass(each, Event) and each.__struct_config__.tag]


PLACE = st.builds(
    PlaceOrder,
    instrument=TEXT,
    side=SIDES,
    qty=MONEY,
    limit_price=st.none() | MONEY,
    tif=st.sampled_from(["ioc", "gtc", "fok", "post_only"]),
    is_reduce_only=st.booleans(),
    notional_usd=MONEY,
    expected_net_usd=st.none() | MONEY,
    opportunity=TEXT,
)
SWAP = st.builds(
    Swap,
    route=st.lists(st.builds(Hop, pool=TEXT, is_zero_for_one=st.booleans()), max_size=3).map(tuple),
    amount_in=INTS,
    amount_out_min=INTS,
    base_side=SIDES,
    is_flash_loan=st.booleans(),
    gas_limit=INTS,
    gas_price_wei_max=INTS,
    gas_usd_max=MONEY,
    notional_usd=MONEY,
)
LEVELS = st.lists(st.tuples(FINITE, FINITE), max_size=4).map(tuple)


def value(kind: Any) -> st.SearchStrategy[Any]:
    """A strategy for a field's type."""
    if kind is str:
        return TEXT
    if kind is int:
        return INTS
    if kind is float:
        return FINITE
    if kind is bool:
        return st.booleans()
    if kind is Decimal:
        return MONEY
    if kind is Cost:
        return st.builds(Cost, name=TEXT, usd=MONEY)
    if typing.get_origin(kind) is typing.Literal:
        return st.sampled_from(typing.get_args(kind))
    if typing.get_origin(kind) is tuple:
        inner = typing.get_args(kind)[0]
        return LEVELS if typing.get_origin(inner) is tuple else st.lists(value(inner), max_size=3).map(tuple)
    if set(typing.get_args(kind)) == {PlaceOrder, Swap}:
        return PLACE | SWAP
    if TokenFee in typing.get_args(kind):
        balances = st.builds(VaultBalance, is_first=st.booleans(), amount=INTS)
        return balances | st.builds(TokenFee, is_first=st.booleans(), fee_bps=INTS, fee_max=INTS)
    raise TypeError(f"no values for {kind!r}: teach tests/event_strategy.py about it")


def any_event(kind: type[Event]) -> st.SearchStrategy[Event]:
    """Events of one type."""
    return st.builds(kind, **{field.name: value(field.type) for field in msgspec.structs.fields(kind)})


def mixed_events() -> st.SearchStrategy[Event]:
    """Events of any type."""
    return st.one_of([any_event(kind) for kind in kinds()])

"""What makes an intent impossible to judge: wrong types, amounts that are no amounts, legs that do not fit together.

Structs check nothing when constructed, so everything that the gate (and later the log) relies on is looked at here.
"""

from decimal import Decimal
from typing import get_args

from bus.intents import Hedge, Hop, OnPartial, OrderIntent, PlaceOrder, Swap, TimeInForce
from kernel.finance.money import MAGNITUDE_MAX

EXPONENT_MAX = 24  #: no quantity, price or value reaches 1e24, and no quantity has more than 24 decimals
LEGS_MAX = 8
HOPS_MAX = 8
RAW_MAX = (1 << 256) - 1
LAMPORTS_MAX = 10**15  #: a million SOL
OPTIONAL_FIELDS = (
    ("tip_lamports", LAMPORTS_MAX),
    ("priority_fee_lamports_max", LAMPORTS_MAX),
    ("min_slot", (1 << 63) - 1),
)
RAW_FIELDS = (("amount_in", RAW_MAX), ("amount_out_min", RAW_MAX), ("gas_limit", 10**10), ("gas_price_wei_max", 10**18))
DEADLINE_MS_MAX = 86_400_000
SIDES = ("buy", "sell")
TIMES_IN_FORCE = get_args(TimeInForce)


def flaw_of(intent: object) -> str:
    """The first thing wrong with it, "" when it can be judged."""
    if isinstance(intent, Hedge):
        return _flaw_of_hedge(intent)
    if isinstance(intent, PlaceOrder):
        return _flaw_of_order(intent)
    if isinstance(intent, Swap):
        return _flaw_of_swap(intent)
    return f"{type(intent).__name__} is not an order"


def is_between(value: object, low: Decimal | int, *, is_open: bool = False) -> bool:
    """Whether it is a Decimal of bookable size that is not below `low` (above it when `is_open`)."""
    if not isinstance(value, Decimal) or not value.is_finite():
        return False
    if value and not -MAGNITUDE_MAX <= value.adjusted() < EXPONENT_MAX:
        return False
    return value > low if is_open else value >= low


def _flaw_of_hedge(hedge: Hedge) -> str:
    if not isinstance(hedge.legs, tuple) or not 2 <= len(hedge.legs) <= LEGS_MAX:
        return f"a hedge has 2 to {LEGS_MAX} legs"
    if not _is_int(hedge.deadline_ms, 1, DEADLINE_MS_MAX):
        return f"deadline_ms is 1 to {DEADLINE_MS_MAX}, not {hedge.deadline_ms!r:.40}"
    if hedge.on_partial not in get_args(OnPartial):
        return f"on_partial is unwind, hedge or keep, not {hedge.on_partial!r:.40}"
    for number, leg in enumerate(hedge.legs):
        flaw = flaw_of(leg) if isinstance(leg, OrderIntent) else "is not an order"
        if flaw:
            return f"leg {number}: {flaw}"
    return _flaw_of_purpose(hedge.expected_net_usd, hedge.opportunity)


def _flaw_of_order(order: PlaceOrder) -> str:
    if not isinstance(order.instrument, str) or order.side not in SIDES or order.tif not in TIMES_IN_FORCE:
        return "instrument, side or time in force is not one"
    if not is_between(order.qty, 0, is_open=True) or _decimals(order.qty) > EXPONENT_MAX:
        return f"qty is above 0 with at most {EXPONENT_MAX} decimals, not {order.qty!r:.60}"
    if order.limit_price is not None and not is_between(order.limit_price, 0, is_open=True):
        return f"limit_price is above 0, not {order.limit_price!r:.60}"
    if order.limit_price is None and order.tif == "post_only":
        return "post_only needs a limit_price"
    return _flaw_of_value(order.notional_usd, order.is_reduce_only, order.expected_net_usd, order.opportunity)


def _flaw_of_swap(swap: Swap) -> str:
    if not isinstance(swap.route, tuple) or not 1 <= len(swap.route) <= HOPS_MAX:
        return f"a route has 1 to {HOPS_MAX} pools"
    for hop in swap.route:
        if not isinstance(hop, Hop) or not isinstance(hop.pool, str) or type(hop.is_zero_for_one) is not bool:
            return "a hop of the route is not one"
        if not _is_int(hop.amount_in, 0, RAW_MAX):
            return f"amount_in of a hop is a whole number from 0 to {RAW_MAX}, not {hop.amount_in!r:.60}"
    if len({hop.pool for hop in swap.route}) != len(swap.route):
        return "the route passes a pool twice"
    if swap.base_side not in SIDES or type(swap.is_flash_loan) is not bool or type(swap.is_bundle) is not bool:
        return "base_side, is_flash_loan or is_bundle is not one"
    for name, highest in RAW_FIELDS:
        if not _is_int(getattr(swap, name), 1, highest):
            return f"{name} is a whole number from 1 to {highest}, not {getattr(swap, name)!r:.60}"
    for name, highest in OPTIONAL_FIELDS:
        if not _is_int(getattr(swap, name), 0, highest):
            return f"{name} is a whole number from 0 to {highest}, not {getattr(swap, name)!r:.60}"
    if swap.priority_fee_lamports_max > swap.gas_limit:
        return f"priority_fee_lamports_max is part of gas_limit {swap.gas_limit}, not {swap.priority_fee_lamports_max}"
    for name in ("gas_usd_max", "tip_usd"):
        if not is_between(getattr(swap, name), 0):
            return f"{name} is 0 or more, not {getattr(swap, name)!r:.60}"
    return _flaw_of_value(swap.notional_usd, swap.is_reduce_only, swap.expected_net_usd, swap.opportunity)


def _flaw_of_value(notional_usd: Decimal, is_reduce_only: bool, net_usd: Decimal | None, opportunity: str) -> str:
    if type(is_reduce_only) is not bool:
        return "is_reduce_only is true or false"
    if not is_between(notional_usd, 0, is_open=True):
        return f"notional_usd is above 0, not {notional_usd!r:.60}"
    return _flaw_of_purpose(net_usd, opportunity)


def _flaw_of_purpose(expected_net_usd: Decimal | None, opportunity: str) -> str:
    if expected_net_usd is not None and not is_between(expected_net_usd, Decimal("-1e24")):
        return f"expected_net_usd is an amount or nothing, not {expected_net_usd!r:.60}"
    return "" if isinstance(opportunity, str) else "opportunity is not text"


def _is_int(value: object, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _decimals(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0

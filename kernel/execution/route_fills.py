"""What a swap's hops mean for the books: one fill a hop, two where a hop trades one foreign token for another.

A cycle that starts and ends in the quote token of its first and last pool leaves every position as it was: a hop in the
middle, between two tokens that are both valued in the start token, is booked as a sale of one and a purchase of the
other at what the first hop paid. The whole gain then shows in the last hop; the sum is the same however it is split.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from bus.events import InstrumentListed
from bus.intents import Hop
from bus.units import ZERO, Side
from kernel.market import Market


class HopFill(NamedTuple):
    """One booking of a hop; amounts are raw."""

    pool: str
    instrument: str  #: the holding it is booked to
    side: Side
    qty: Decimal
    price: Decimal
    amount_in_raw: int
    amount_out_raw: int


def fills_of_route(market: Market, route: Sequence[Hop], amounts: Sequence[tuple[int, int]]) -> list[HopFill]:
    """Bookings of a landed route. `amounts`: (in, out) of each hop, raw. Every pool must be listed."""
    listings = [market.instruments[hop.pool] for hop in route]
    is_flat_cycle = len(route) > 2 and _starts_and_ends_in_quote(route, listings)
    fills: list[HopFill] = []
    for number, (hop, listed, (amount_in, amount_out)) in enumerate(zip(route, listings, amounts, strict=True)):
        if is_flat_cycle and 0 < number < len(route) - 1:
            before, after = listings[number - 1], listings[number + 1]
            paid, bought = amounts[number - 1]
            worth = paid * amount_in // bought if bought else 0
            fills.append(_sold(market, hop.pool, before, amount_in, worth))
            fills.append(_bought(market, hop.pool, after, worth, amount_out))
        elif hop.is_zero_for_one == listed.base_is_token0:
            fills.append(_sold(market, hop.pool, listed, amount_in, amount_out))
        else:
            fills.append(_bought(market, hop.pool, listed, amount_in, amount_out))
    return fills


def _starts_and_ends_in_quote(route: Sequence[Hop], listings: Sequence[InstrumentListed]) -> bool:
    """Three hops, bought in the first and sold in the last, for the same quote."""
    first, last = listings[0], listings[-1]
    is_bought = route[0].is_zero_for_one != first.base_is_token0
    is_sold = route[-1].is_zero_for_one == last.base_is_token0
    return len(route) == 3 and is_bought and is_sold and first.quote == last.quote


def _sold(market: Market, pool: str, listed: InstrumentListed, base_raw: int, quote_raw: int) -> HopFill:
    qty, price = _terms(listed, base_raw, quote_raw)
    return HopFill(pool, market.holding_of(listed.instrument), "sell", qty, price, base_raw, quote_raw)


def _bought(market: Market, pool: str, listed: InstrumentListed, quote_raw: int, base_raw: int) -> HopFill:
    qty, price = _terms(listed, base_raw, quote_raw)
    return HopFill(pool, market.holding_of(listed.instrument), "buy", qty, price, quote_raw, base_raw)


def _terms(listed: InstrumentListed, base_raw: int, quote_raw: int) -> tuple[Decimal, Decimal]:
    """(base quantity, quote per base)."""
    qty = Decimal(base_raw).scaleb(-listed.base_decimals)
    total = Decimal(quote_raw).scaleb(-listed.quote_decimals)
    return qty, (total / qty if qty else ZERO)

"""Fills of a landed swap: what each pool of the route took and gave, exact from the wallet's own balance changes.

Every token of a route comes out of at most one pool, so what a pool gave is the wallet's change of that token plus what
the next pools took of it. What a pool took is what its instruction offered; where the token comes out of no pool of the
route, the wallet's change says it (a pool may take less than offered).
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import NamedTuple

from adapters.solana.outcome import Outcome
from adapters.solana.pending_transactions import HopPlan, PendingTransaction
from bus.events import Fill
from bus.intents import Hop
from bus.units import ZERO
from kernel.errors import BadWire
from kernel.execution.route_fills import fills_of_route
from kernel.market import Market


class HopAmounts(NamedTuple):
    """Raw amounts at the wallet."""

    amount_in: int
    amount_out: int


def hop_amounts(hops: Sequence[HopPlan], deltas: dict[str, int]) -> list[HopAmounts]:
    """In and out of each hop. Raises `BadWire` where the balances cannot come from this route.

    >>> hop = HopPlan(pool="p", is_first_in=True, mint_in="A", mint_out="B", amount_in=10)
    >>> hop_amounts([hop], {"A": -10, "B": 7})
    [HopAmounts(amount_in=10, amount_out=7)]
    """
    outs = {hop.mint_out for hop in hops}
    found: list[HopAmounts] = []
    for hop in hops:
        amount_in = hop.amount_in if hop.mint_in in outs else -deltas.get(hop.mint_in, 0)
        taken = sum(each.amount_in for each in hops if each.mint_in == hop.mint_out)
        amount_out = deltas.get(hop.mint_out, 0) + taken
        if amount_in <= 0 or amount_out <= 0:
            raise BadWire(
                f"fill of {hop.pool}: expected amounts above 0, found {amount_in} in and {amount_out} out; something "
                "else moved these tokens in the same transaction"
            )
        found.append(HopAmounts(amount_in, amount_out))
    return found


def fills_of(
    sent: PendingTransaction,
    outcome: Outcome,
    market: Market,
    *,
    now_ns: int,
    simulated: bool,
    gas_usd: Callable[[Outcome], Decimal],
) -> list[Fill]:
    """One for each hop; the first carries the gas. Raises `BadWire` for what cannot be read."""
    amounts = hop_amounts(sent.hops, outcome.deltas)
    for hop in sent.hops:
        if hop.pool not in market.instruments:
            raise BadWire(f"fill of {hop.pool}: the instrument is not listed")
    route = [Hop(pool=hop.pool, is_zero_for_one=hop.is_first_in) for hop in sent.hops]
    bookings = fills_of_route(market, route, amounts)
    return [
        Fill(
            ts_ns=now_ns, strategy=sent.strategy, order_id=sent.order_id, simulated=simulated,
            instrument=booking.instrument, side=booking.side, qty=booking.qty, price=booking.price,
            gas_usd=ZERO if number else gas_usd(outcome), venue_ts_ns=outcome.block_ts_ns,
            fill_id=sent.signature if len(bookings) == 1 else f"{sent.signature}#{number}",
            amount_in_raw=booking.amount_in_raw, amount_out_raw=booking.amount_out_raw,
            pool=booking.pool if market.instruments[booking.pool].kind == "pool" else "",
        )
        for number, booking in enumerate(bookings)
    ]  # fmt: skip

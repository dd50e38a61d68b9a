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
from bus.events import Fill, InstrumentListed
from bus.units import ZERO, Side
from kernel.errors import BadWire
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


def fill_terms(listed: InstrumentListed, is_first_in: bool, amounts: HopAmounts) -> tuple[Side, Decimal, Decimal]:
    """(side, base quantity, quote per base), exact from the raw amounts but for the division."""
    is_base_in = is_first_in == listed.base_is_token0
    base_raw, quote_raw = amounts if is_base_in else (amounts.amount_out, amounts.amount_in)
    qty = Decimal(base_raw).scaleb(-listed.base_decimals)
    total = Decimal(quote_raw).scaleb(-listed.quote_decimals)
    return ("sell" if is_base_in else "buy"), qty, total / qty


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
    fills: list[Fill] = []
    for number, (hop, amounts) in enumerate(zip(sent.hops, hop_amounts(sent.hops, outcome.deltas), strict=True)):
        listed = market.instruments.get(hop.pool)
        if listed is None:
            raise BadWire(f"fill of {hop.pool}: the instrument is not listed")
        side, qty, price = fill_terms(listed, hop.is_first_in, amounts)
        fills.append(
            Fill(
                ts_ns=now_ns, strategy=sent.strategy, order_id=sent.order_id, simulated=simulated,
                instrument=market.holding_of(hop.pool), side=side, qty=qty, price=price,
                gas_usd=ZERO if number else gas_usd(outcome), venue_ts_ns=outcome.block_ts_ns,
                fill_id=sent.signature if len(sent.hops) == 1 else f"{sent.signature}#{number}",
                amount_in_raw=amounts.amount_in, amount_out_raw=amounts.amount_out,
                pool=hop.pool if listed.kind == "pool" else "",
            )
        )  # fmt: skip
    return fills

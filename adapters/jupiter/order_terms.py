"""An order of a book as an exact-in swap: what goes in, and the least that must come out. Raw units.

A sell gives its quantity and wants quantity times limit. A buy, as the API has no exact-out, gives quantity times limit
and wants the quantity: it never pays more than its limit, and gets more where the market is better.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from msgspec import Struct

from bus.intents import PlaceOrder
from kernel.errors import VenueRefused

U64_MAX = (1 << 64) - 1


class Pair(Struct, frozen=True, kw_only=True):
    """The two tokens of an instrument."""

    base_mint: str
    quote_mint: str


class SwapTerms(Struct, frozen=True, kw_only=True):
    """Exact in, least out."""

    mint_in: str
    mint_out: str
    amount_in: int
    amount_out_min: int


def swap_terms(order: PlaceOrder, limit: Decimal, pair: Pair, base_decimals: int, quote_decimals: int) -> SwapTerms:
    """Raises `VenueRefused` where nothing whole is left of an amount, or it does not fit.

    >>> pair = Pair(base_mint="SOL", quote_mint="USDC")
    >>> order = PlaceOrder(instrument="jupiter:SOLUSDC", side="buy", qty=Decimal(2), notional_usd=Decimal(300))
    >>> swap_terms(order, Decimal("150.5"), pair, 9, 6)
    SwapTerms(mint_in='USDC', mint_out='SOL', amount_in=301000000, amount_out_min=2000000000)
    """
    base, quote = order.qty.scaleb(base_decimals), (order.qty * limit).scaleb(quote_decimals)
    is_sell = order.side == "sell"
    given, wanted = (base, quote) if is_sell else (quote, base)
    amount_in = int(given.to_integral_value(ROUND_FLOOR))
    amount_out_min = int(wanted.to_integral_value(ROUND_CEILING))
    if not 0 < amount_in <= U64_MAX or not 0 < amount_out_min <= U64_MAX:
        raise VenueRefused(f"qty: {order.qty} at {limit} is {amount_in} raw units in and {amount_out_min} out")
    mints = (pair.base_mint, pair.quote_mint) if is_sell else (pair.quote_mint, pair.base_mint)
    return SwapTerms(mint_in=mints[0], mint_out=mints[1], amount_in=amount_in, amount_out_min=amount_out_min)

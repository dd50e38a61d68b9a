"""A priced trade: amounts, cost stack, net, and what it would still need to be made."""

from decimal import Decimal

from msgspec import Struct

from bus.intents import Cost
from bus.units import Side


class Candidate(Struct, frozen=True, kw_only=True):
    """One trade at its best size with all costs. Raw amounts are the first pool's input and the last one's output."""

    side: Side  #: buy = the (first) pool is cheap: base bought there
    amount_in: int
    amount_out: int
    amount_out_min: int
    qty: Decimal  #: base that changes hands at the CEX, or between the pools
    cex_price: Decimal  #: executable now, quote per base
    limit_price: Decimal | None  #: CEX leg; None in flash mode
    notional_usd: Decimal
    spread_pct: Decimal  #: at this size, pool fee and impact paid, against the CEX price with the usual basis
    gross_usd: Decimal  #: before every cost line, the pool fee included
    costs: tuple[Cost, ...]
    net_usd: Decimal
    bound: str  #: what held the size down: "", depth or depth_unknown

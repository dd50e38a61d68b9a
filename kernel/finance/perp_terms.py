"""What a perp market allows and demands, in the kernel's words."""

from decimal import Decimal
from typing import Literal

from msgspec import Struct

PerpStatus = Literal["active", "reduce_only", "closed"]


class PerpTerms(Struct, frozen=True, kw_only=True, gc=False):
    """One perp market of one venue. Quantities are in base units, prices in the settlement asset."""

    instrument: str
    market_index: int  #: the venue's own number
    status: PerpStatus
    lot_size: Decimal
    tick_size: Decimal
    qty_min: Decimal
    settle_asset: str  #: what profit, loss and funding are paid in; its price against USD is a risk of its own
    margin_initial: Decimal  #: share of the notional; 0.1 = at most 10x
    margin_maintenance: Decimal  #: below this share of the notional a position is liquidated
    long_qty: Decimal  #: open interest of all longs
    short_qty: Decimal  #: of all shorts, positive

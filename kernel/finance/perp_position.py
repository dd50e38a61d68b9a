"""Our position in one perp market, as the venue's account states it."""

from decimal import Decimal

from msgspec import Struct


class PerpPosition(Struct, frozen=True, kw_only=True, gc=False):
    """A position at one slot. Amounts in the settlement asset; positive = ours.

    The venue settles funding into `quote` whenever it touches the position; `unsettled_funding` is what it would settle
    now, from the indices alone.
    """

    instrument: str
    slot: int
    qty: Decimal  #: base units, negative = short
    entry_quote: Decimal  #: signed cost at entry, fees and funding left out: negative for a long
    quote: Decimal  #: cost with fees, settled funding and settled profit in it
    unsettled_funding: Decimal
    open_bids: Decimal  #: base units that our open orders would buy
    open_asks: Decimal  #: base units that they would sell, negative
    open_orders: int

    @property
    def entry_price(self) -> Decimal | None:
        """Average price at entry; None while flat."""
        return -self.entry_quote / self.qty if self.qty else None

"""What a perp venue must answer, whichever it is: its markets, its funding, our positions, orders, and its health.

Adapters implement it (`adapters/velocity` first; others have room). It does no I/O: a feed brings accounts or messages
in, an executor sends what it builds. `Sendable` is the venue's own form of a request: an instruction, a signed body.
Strategies do not see it: they see `FundingRate`, `FundingPaid`, `VenueHealth` and reports.
"""

from decimal import Decimal
from typing import Literal, Protocol, TypeVar

from msgspec import Struct

from bus.events import VenueHealth
from bus.events.base import Event
from bus.units import Side
from kernel.finance.funding_index import FundingIndex
from kernel.finance.perp_position import PerpPosition
from kernel.finance.perp_terms import PerpTerms

PostOnly = Literal["no", "must", "try"]  #: must: refused when it would take; try: not placed then
Sendable = TypeVar("Sendable", covariant=True)


class PerpOrder(Struct, frozen=True, kw_only=True):
    """An order in the kernel's words. `limit_price` None = market."""

    instrument: str
    side: Side
    qty: Decimal
    limit_price: Decimal | None
    is_reduce_only: bool  #: may only make a position smaller; every close is
    post_only: PostOnly = "no"
    expires_s: int = 0  #: unix seconds of the venue's clock; 0 = never
    client_id: int = 0  #: our mark on it, as wide as the venue allows


class PerpVenue(Protocol[Sendable]):
    """One perp venue for one of our accounts there."""

    venue: str
    settle_asset: str

    def terms(self) -> tuple[PerpTerms, ...]:
        """The markets that are known, by instrument."""

    def funding(self, instrument: str) -> FundingIndex | None:
        """Indices as last seen; None = not seen yet."""

    def positions(self) -> tuple[PerpPosition, ...]:
        """Open positions as last seen, with what funding they have not settled."""

    def place(self, order: PerpOrder) -> Sendable:
        """An order to send. Raises `VenueRefused` for one that the venue would refuse, or while it is not healthy
        and the order does not only reduce."""

    def cancel(self, instrument: str, client_id: int) -> Sendable:
        """Take back one order by our mark."""

    def cancel_all(self, instrument: str) -> Sendable:
        """Take back every order of a market."""

    def health(self) -> VenueHealth:
        """The verdict on what is known now: ok, paused or down, with the first reason."""

    def drain(self) -> tuple[Event, ...]:
        """`FundingRate`, `FeedGap`, `FundingPaid`, `VenueHealth`: what was seen since the last call gave rise to."""

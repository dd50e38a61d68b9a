"""Balances at venues."""

from decimal import Decimal

from bus.events.base import Event


class BalanceUpdated(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="balance"):
    """The total of an asset at a venue: a snapshot that replaces what the ledger believed."""

    venue: str
    asset: str
    total: Decimal
    simulated: bool

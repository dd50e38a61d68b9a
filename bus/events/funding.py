"""Funding of perpetuals. Positive funding: longs pay shorts on the venue; here rates are stored as *paid to a long*."""

from bus.events.base import Event


class FundingRate(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="funding"):
    """A settled (or estimated) funding rate, per hour, as paid to a LONG: negative means longs pay.

    `interval_h` is the venue's period for this row; the payment at `settle_ts_ns` is `rate_per_hour * interval_h`.
    """

    instrument: str
    settle_ts_ns: int
    interval_h: float
    rate_per_hour: float
    is_estimate: bool = False
    mark_price: float = 0.0  #: venue mark at settlement, 0.0 = unknown


class FundingPaid(Event, frozen=True, kw_only=True, array_like=True, gc=False, tag="funding_paid"):
    """A funding payment to us (positive) or by us (negative), for one strategy's position."""

    strategy: str
    instrument: str
    settle_ts_ns: int
    amount_usd: str  #: decimal text
    position_qty: str  #: decimal text, signed
    simulated: bool

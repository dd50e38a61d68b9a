"""Funding events of Drift v2 and Velocity: a market's settlement, and a payment to or by one user.

A payment's amount is computed again from its indices and must agree to the unit: what is booked is proven twice.
"""

from typing import Any

from msgspec import Struct

from adapters.drift.layout import PerpLayout
from adapters.drift.units import BASE_SCALE, FUNDING_DIVISOR, FUNDING_SCALE, PRICE_SCALE, QUOTE_SCALE, decimal_of
from adapters.solana.tracked_pool import UnknownLayout
from bus.clock import NS_PER_S
from bus.events import FundingPaid
from kernel.finance.funding_index import FundingIndex, funding_payment


class FundingPayment(Struct, frozen=True, kw_only=True, gc=False):
    """A payment as the program logged it, raw."""

    ts: int
    user_authority: str
    user: str
    market_index: int
    funding_payment: int  #: positive = the user received
    base_asset_amount: int
    user_last_cumulative_funding: int
    amm_cumulative_funding_long: int
    amm_cumulative_funding_short: int

    @classmethod
    def decode(cls, layout: PerpLayout, data: bytes, user: str = "") -> "FundingPayment | None":
        """From an event's bytes; None for other events, and for other users where one is given. Raises
        `UnknownLayout` where the amount is not what the indices say."""
        fields = _event(layout, data, "FundingPaymentRecord")
        if fields is None or (user and fields["user"] != user):
            return None
        record = cls(**{field: fields[field] for field in cls.__struct_fields__})
        expected = record.expected()
        if expected != record.funding_payment:
            raise UnknownLayout(
                f"{layout.venue} FundingPaymentRecord of market {record.market_index}: expected {expected} by its "
                f"indices, found {record.funding_payment}"
            )
        return record

    def expected(self) -> int:
        """The amount by the indices alone."""
        index = self.amm_cumulative_funding_long if self.base_asset_amount > 0 else self.amm_cumulative_funding_short
        return funding_payment(self.base_asset_amount, self.user_last_cumulative_funding, index, FUNDING_DIVISOR)

    def paid(self, strategy: str, instrument: str, ts_ns: int) -> FundingPaid:
        """The event to book, for one of our own accounts. The settlement asset counts as USD here; its basis does not
        show."""
        return FundingPaid(
            ts_ns=ts_ns,
            strategy=strategy,
            instrument=instrument,
            settle_ts_ns=self.ts * NS_PER_S,
            amount_usd=str(decimal_of(self.funding_payment, QUOTE_SCALE)),
            position_qty=str(decimal_of(self.base_asset_amount, BASE_SCALE)),
            simulated=False,
        )


def decode_settlement(layout: PerpLayout, data: bytes, slot: int, instruments: dict[int, str], interval_s: int) -> (
    FundingIndex | None
):  # fmt: skip
    """A market's settlement (`FundingRateRecord`) as its indices after it; None for other events and unknown markets.

    Raises `UnknownLayout`.
    """
    fields = _event(layout, data, "FundingRateRecord")
    instrument = instruments.get(fields["market_index"]) if fields is not None else None
    if fields is None or instrument is None:
        return None
    return FundingIndex(
        instrument=instrument,
        slot=slot,
        long_index=fields["cumulative_funding_rate_long"],
        short_index=fields["cumulative_funding_rate_short"],
        last_rate_long=fields["funding_rate_long"],
        last_rate_short=fields["funding_rate_short"],
        settled_s=fields["ts"],
        interval_s=interval_s,
        price_scale=PRICE_SCALE,
        oracle_twap=fields["oracle_price_twap"],
        mark_twap=fields["mark_price_twap"],
        index_scale=FUNDING_SCALE,
    )


def _event(layout: PerpLayout, data: bytes, wanted: str) -> dict[str, Any] | None:
    found = layout.codec.decode_event(data)
    return found[1] if found is not None and found[0] == wanted else None

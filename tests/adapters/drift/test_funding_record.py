"""Funding events: what is booked agrees with the indices to the unit, or is refused."""

import pytest

from adapters.drift import FundingPayment, PerpLayout, decode_settlement, drift
from adapters.solana.tracked_pool import UnknownLayout
from adapters.velocity import velocity
from tests.adapters.drift.accounts import event

LAYOUTS = pytest.mark.parametrize("layout", [drift(), velocity()], ids=["drift", "velocity"])
WALLET = "vELoC1audYbSYVRXn1vPaV8Axoa9oU6BYmNGZZBDZ1P"
PAYMENT = {
    "ts": 1_764_000_000, "user_authority": WALLET, "user": WALLET, "market_index": 0, "funding_payment": -100_000,
    "base_asset_amount": 2_000_000_000, "user_last_cumulative_funding": 100_000_000,
    "amm_cumulative_funding_long": 150_000_000, "amm_cumulative_funding_short": 150_000_000,
}  # fmt: skip


@LAYOUTS
def test_a_payment_becomes_an_event_to_book(layout: PerpLayout) -> None:
    payment = FundingPayment.decode(layout, event(layout, "FundingPaymentRecord", **PAYMENT))
    assert payment is not None
    paid = payment.paid("drift_funding_arb", "velocity:SOL-PERP", 5)
    assert (paid.amount_usd, paid.position_qty, paid.simulated) == ("-0.1", "2", False)
    assert paid.settle_ts_ns == 1_764_000_000 * 10**9


@LAYOUTS
def test_an_amount_that_its_indices_do_not_give_is_refused(layout: PerpLayout) -> None:
    data = event(layout, "FundingPaymentRecord", **{**PAYMENT, "funding_payment": -100_001})
    with pytest.raises(UnknownLayout, match="expected -100000 by its indices, found -100001"):
        FundingPayment.decode(layout, data)
    assert FundingPayment.decode(layout, data, user="somebody else") is None


@LAYOUTS
def test_a_settlement_gives_the_indices_after_it(layout: PerpLayout) -> None:
    fields = dict.fromkeys(("record_id", "base_asset_amount_with_amm"), 0)
    if layout.venue == "drift":
        fields |= {"period_revenue": 0, "base_asset_amount_with_unsettled_lp": 0}
    data = event(
        layout, "FundingRateRecord", ts=1_764_000_000, market_index=3, funding_rate=15_000_000,
        funding_rate_long=15_000_000, funding_rate_short=5_000_000, cumulative_funding_rate_long=70,
        cumulative_funding_rate_short=60, oracle_price_twap=150_000_000, mark_price_twap=151_000_000, **fields,
    )  # fmt: skip
    index = decode_settlement(layout, data, 9, {3: "x:SOL-PERP"}, 3_600)
    assert index is not None
    assert (index.long_index, index.short_index, index.settled_s, index.slot) == (70, 60, 1_764_000_000, 9)
    assert index.per_hour_to_long() == pytest.approx(-0.0001)
    assert decode_settlement(layout, data, 9, {4: "x:BTC-PERP"}, 3_600) is None
    assert decode_settlement(layout, b"other", 9, {}, 3_600) is None

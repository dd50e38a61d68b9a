"""Settled rates once each; what went by unseen is a gap."""

from bus.clock import NS_PER_S
from bus.events import FeedGap, FundingRate
from kernel.finance.funding_settlements import FundingSettlements
from tests.kernel.finance.test_funding_index import index

HOUR = 3_600


def test_a_settlement_is_told_once_however_often_the_account_is_seen() -> None:
    seen = FundingSettlements("velocity")
    (rate,) = seen.on_index(index(settled_s=HOUR, last_rate_long=10**7, last_rate_short=10**7, slot=5), 1)
    assert isinstance(rate, FundingRate)
    assert (rate.settle_ts_ns, rate.interval_h, rate.is_estimate) == (HOUR * NS_PER_S, 1.0, False)
    assert rate.rate_per_hour < 0
    assert seen.on_index(index(settled_s=HOUR, last_rate_long=10**7, last_rate_short=10**7, slot=6), 2) == ()


def test_the_next_hour_without_a_gap_is_a_rate_alone() -> None:
    seen = FundingSettlements("velocity")
    seen.on_index(index(settled_s=HOUR, long_index=100, short_index=90), 1)
    found = seen.on_index(
        index(settled_s=2 * HOUR, long_index=107, short_index=95, last_rate_long=7, last_rate_short=5), 2
    )
    assert [type(each) for each in found] == [FundingRate]


def test_settlements_that_went_by_unseen_are_a_gap_and_no_rates() -> None:
    seen = FundingSettlements("velocity")
    seen.on_index(index(settled_s=HOUR, long_index=100, short_index=100), 1)
    gap, rate = seen.on_index(
        index(settled_s=4 * HOUR, long_index=121, short_index=121, last_rate_long=7, last_rate_short=7), 2
    )
    assert isinstance(gap, FeedGap) and isinstance(rate, FundingRate)
    assert (gap.from_ts_ns, gap.to_ts_ns) == (HOUR * NS_PER_S, 3 * HOUR * NS_PER_S)
    assert gap.instrument == rate.instrument == "velocity:SOL-PERP"


def test_hours_that_the_venue_skipped_are_no_gap_of_ours() -> None:
    seen = FundingSettlements("velocity")
    seen.on_index(index(settled_s=HOUR, long_index=100, short_index=100), 1)
    found = seen.on_index(
        index(settled_s=9 * HOUR, long_index=107, short_index=107, last_rate_long=7, last_rate_short=7), 2
    )
    assert [type(each) for each in found] == [FundingRate]


def test_older_snapshots_and_markets_that_never_settled_say_nothing() -> None:
    seen = FundingSettlements("velocity")
    assert seen.on_index(index(settled_s=0), 1) == ()
    seen.on_index(index(settled_s=2 * HOUR, slot=9), 2)
    assert seen.on_index(index(settled_s=HOUR, slot=8), 3) == ()
    assert seen.latest is not None and seen.latest.settled_s == 2 * HOUR

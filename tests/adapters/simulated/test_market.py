"""The simulated market as a whole."""

import math
from collections import Counter
from itertools import islice, pairwise

import msgspec

from adapters.simulated.market import simulated_market
from adapters.simulated.scenario import LAST_MS, LISTED_BUT_DEAD, OUTAGE_S, ts_ns
from bus.events import Event, FeedGap, FundingRate, InstrumentListed, Quote, Trade, VenueHealth
from kernel.compose.sample import DEMO_SEED

HOUR_NS = 3_600 * 10**9


def test_the_same_seed_makes_the_same_events_and_another_seed_others(events: list[Event]):
    assert list(simulated_market(DEMO_SEED)) == events
    first = list(islice(simulated_market(DEMO_SEED + 1), 2_000))
    assert len({each.ts_ns for each in first} - {each.ts_ns for each in events[:2_000]}) > 200


def test_it_holds_twelve_hours_and_a_demo_sized_number_of_events(events: list[Event]):
    assert 60_000 <= len(events) <= 90_000
    assert (events[0].ts_ns, events[-1].ts_ns) == (ts_ns(0), ts_ns(LAST_MS))
    assert (events[-1].ts_ns - events[0].ts_ns + 10**9) % HOUR_NS == 0  # a loop keeps the full hours


def test_time_never_goes_back(events: list[Event]):
    assert all(one.ts_ns <= other.ts_ns for one, other in pairwise(events))


def test_every_instrument_is_listed_before_anything_is_told_of_it(events: list[Event]):
    listed: set[str] = set()
    for event in events:
        if isinstance(event, InstrumentListed):
            listed.add(event.instrument)
        else:
            assert getattr(event, "instrument", "") in {"", *listed}, event


def test_no_number_is_nan_infinite_or_senseless(events: list[Event]):
    for event in events:
        values = msgspec.structs.astuple(event)
        assert all(math.isfinite(each) for each in values if isinstance(each, float)), event
        if isinstance(event, Quote):
            assert 0 < event.bid < event.ask and event.bid_qty > 0 and event.ask_qty > 0, event
        if isinstance(event, Trade):
            assert event.price > 0 and event.qty > 0, event


def test_prices_and_sizes_are_on_their_lattice(events: list[Event]):
    listed = {each.instrument: each for each in events if isinstance(each, InstrumentListed)}
    for event in events:
        if isinstance(event, Quote):
            terms = listed[event.instrument]
            for value, step in (
                (event.bid, terms.tick_size),
                (event.ask, terms.tick_size),
                (event.bid_qty, terms.lot_size),
                (event.ask_qty, terms.lot_size),
            ):
                steps = value / float(step)
                assert abs(steps - round(steps)) < 1e-6, event


def test_prices_end_where_they_began(events: list[Event]):
    for name in ("ETH", "BTC", "SOL"):
        mids = [
            (each.bid + each.ask) / 2
            for each in events
            if isinstance(each, Quote) and each.instrument == f"simulated:{name}USDC"
        ]
        assert abs(mids[-1] / mids[0] - 1) < 0.002
        assert max(mids) / min(mids) > 1.01


def test_funding_settles_every_hour_but_the_missing_one(events: list[Event]):
    settled = Counter(each.instrument for each in events if isinstance(each, FundingRate))
    assert settled == {"simulated_perp:ETHUSDC": 35, "simulated_perp:BTCUSDC": 35, "simulated_perp:SOLUSDC": 34}
    gap = next(each for each in events if isinstance(each, FeedGap))
    assert gap.instrument == "simulated_perp:SOLUSDC"
    stamps = {
        each.settle_ts_ns for each in events if isinstance(each, FundingRate) and each.instrument == gap.instrument
    }
    assert gap.to_ts_ns not in stamps and gap.to_ts_ns - HOUR_NS in stamps and gap.to_ts_ns + HOUR_NS in stamps


def test_the_perp_venue_is_silent_in_its_outage_and_says_so(events: list[Event]):
    told = [(each.status, each.ts_ns) for each in events if isinstance(each, VenueHealth)]
    assert [status for status, _ in told] == ["ok", "stale", "ok"]
    start_ns, end_ns = (ts_ns(second * 1_000) for second in OUTAGE_S)
    assert start_ns < told[1][1] < told[2][1] <= end_ns
    quotes = [each for each in events if isinstance(each, Quote) and start_ns <= each.ts_ns < end_ns]
    assert {each.instrument.partition(":")[0] for each in quotes} == {"simulated"}


def test_one_token_has_a_hostile_name_and_is_quoted_once(events: list[Event]):
    hostile = [each for each in events if isinstance(each, InstrumentListed) and each.base == LISTED_BUT_DEAD]
    assert len(hostile) == 1
    assert sum(isinstance(each, Quote) and each.instrument == hostile[0].instrument for each in events) == 1

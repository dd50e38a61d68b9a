"""Funding as paid to a long, per hour; lateness, holes and changing intervals stay what they are."""

import pytest

from bus.clock import NS_PER_HOUR
from bus.events import Bar, FeedGap, FundingRate
from kernel.errors import BadInput, ConfigError
from tests.adapters.importing.scratch import Scratch

PERP = "drift:ABC-PERP"
H22 = 1_699_999_200 * 10**9  # 2023-11-14 22:00


def csv(path: str, extra: str = "") -> str:
    return f'type = "funding_csv"\npath = "{path}"\ninstrument = "{PERP}"\ninterval_hours = 1.0\n{extra}\n'


def json(path: str, extra: str = "interval_infer = true") -> str:
    return (
        f'type = "funding_json"\npath = "{path}"\ninstrument = "{PERP}"\ninterval_hours = 8.0\n{extra}\n'
        'columns = { time = "time" }'
    )


def rates(events: list[object]) -> list[FundingRate]:
    return [event for event in events if isinstance(event, FundingRate)]


def test_a_positive_venue_rate_is_paid_by_the_long_and_lateness_is_kept(scratch: Scratch) -> None:
    events, _ = scratch.run(csv(scratch.sample("funding.csv")))
    assert rates(events)[0] == FundingRate(
        ts_ns=H22 + 13 * 10**9, instrument=PERP, settle_ts_ns=H22, interval_h=1.0, rate_per_hour=-0.00001
    )
    assert rates(events)[1].ts_ns == H22 + NS_PER_HOUR + 7_500_000_000
    assert [rate.rate_per_hour > 0 for rate in rates(events)] == [False, True, False, False]
    flipped, _ = scratch.run(csv("funding.csv", 'positive_means = "shorts_pay"'))
    assert [rate.rate_per_hour for rate in rates(flipped)] == [-rate.rate_per_hour for rate in rates(events)]


def test_missing_hours_are_a_gap_and_never_a_zero(scratch: Scratch) -> None:
    events, report = scratch.run(csv(scratch.sample("funding.csv")))
    gap = events[2]
    assert isinstance(gap, FeedGap)
    assert gap.reason == "2 settlements missing: 3.05 h since the last"
    assert len(rates(events)) == 4
    assert all(rate.rate_per_hour for rate in rates(events))
    assert (report.sources[0].gaps, report.sources[0].steps_missing) == (1, 2)


def test_the_candle_is_the_hour_after_the_stamp_known_at_its_end(scratch: Scratch) -> None:
    events, report = scratch.run(csv(scratch.sample("funding.csv"), 'bar_interval = "1h"'))
    bars = [event for event in events if isinstance(event, Bar)]
    assert bars[0] == Bar(
        ts_ns=H22 + NS_PER_HOUR,
        instrument=PERP,
        open_ts_ns=H22,
        close_ts_ns=H22 + NS_PER_HOUR,
        open=100.0,
        high=103.0,
        low=99.0,
        close=102.0,
        volume=0.0,
    )
    assert [event.ts_ns for event in events] == sorted(event.ts_ns for event in events)
    assert [bar.open_ts_ns for bar in bars] == [H22, H22 + NS_PER_HOUR, H22 + 4 * NS_PER_HOUR]
    assert report.sources[0].withheld == {"candle repeated from the row before: stale": 1}


def test_an_absurd_candle_is_withheld_and_its_rate_kept(scratch: Scratch) -> None:
    text = (
        (scratch.root / scratch.sample("funding.csv")).read_text().replace("102,104,101,103", "102e6,104e6,101e6,103e6")
    )
    events, report = scratch.run(csv(scratch.write("a.csv", text), 'bar_interval = "1h"'))
    assert len(rates(events)) == 4
    assert report.sources[0].withheld["implausible candle"] == 1
    assert report.sources[0].rows_refused == 0
    assert (report.sources[0].refusals[0].line, "jumps" in report.sources[0].refusals[0].reason) == (3, True)


def test_an_interval_change_is_inferred_and_the_rate_divided_by_it(scratch: Scratch) -> None:
    events, report = scratch.run(json(scratch.sample("funding.json")))
    assert [(rate.interval_h, rate.rate_per_hour) for rate in rates(events)] == [
        (8.0, -0.0001),
        (8.0, 0.0001),
        (2.0, -0.0001),
    ]
    assert report.sources[0].gaps == 0


def test_a_step_that_no_venue_has_is_a_hole_with_the_last_interval(scratch: Scratch) -> None:
    scratch.write(
        "a.json", '{"funding_rate":"0.0008","time":1700006400000}\n{"funding_rate":0.0016,"time":1700092800000}'
    )
    events, report = scratch.run(json("a.json"))
    assert [rate.interval_h for rate in rates(events)] == [8.0, 8.0]
    assert isinstance(events[1], FeedGap)
    assert report.sources[0].steps_missing == 2


def test_a_fixed_interval_refuses_a_shorter_step(scratch: Scratch) -> None:
    with pytest.raises(BadInput, match=r"funding\.json.*line 12: settles 2\.00 h after the row before"):
        scratch.run(json(scratch.sample("funding.json"), ""))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("x,1700017900,1,1,1,1,0.00001", "duplicate"),
        ("x,1700010000,1,1,1,1,0.00001", "unsorted"),
        ("x,1700020801,1,1,1,1,0.06", "5 % an hour at most, found 6.00%"),
        ("x,1700020801,1,1,1,1,nan", "funding_rate"),
        ("x,1700020801,1,1,1,1,", "funding_rate"),
        ("x,17000208010000000000000,1,1,1,1,0", "timestamp"),
    ],
)
def test_an_implausible_settlement_is_refused(scratch: Scratch, row: str, reason: str) -> None:
    text = (scratch.root / scratch.sample("funding.csv")).read_text() + row + "\n"
    _, report = scratch.run(csv(scratch.write("a.csv", text), "refused_pct_max = 20.0"))
    assert report.sources[0].rows_refused == 1
    assert report.sources[0].refusals[0].line == 6
    assert reason in report.sources[0].refusals[0].reason


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[", "JSON array"),
        ("[" * 100_000, "JSON array"),
        ("[1, 2]", "flat JSON object"),
        ('{"time": 1700006400000}', "expected columns funding_rate"),
        ('{"time": {"a": 1}}', "flat JSON object"),
        ("", "found none"),
        ("\0\0", "flat JSON object"),
    ],
)
def test_broken_json_is_one_clear_error(scratch: Scratch, content: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        scratch.run(json(scratch.write("a.json", content)))


def test_an_inferred_interval_starts_from_an_allowed_one(scratch: Scratch) -> None:
    scratch.sample("funding.csv")
    with pytest.raises(ConfigError, match="expected one of intervals_allowed"):
        scratch.plan(csv("funding.csv", "interval_infer = true\nintervals_allowed = [4.0, 8.0]"))

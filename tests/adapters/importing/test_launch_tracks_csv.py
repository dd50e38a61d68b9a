"""Curve samples stay samples: a coin is created once, progress must follow from the SOL, no trade is made up."""

import pytest

from bus.events import LaunchCreated, LaunchSampled
from kernel.errors import BadInput
from tests.adapters.importing.scratch import Scratch

ONE, TWO = "1" * 40 + "pump", "2" * 32
HEADER = "timestamp,mint,sol_in_pool,sol_raised_total,progress,unique_buyers,top3_pct,lp_burn\n"
FIRST = f"2025-06-06T16:35:10.321200+00:00,{ONE},30.100334,0.100334,0.45,2,100.0,False\n"
SECOND = f"2025-06-06T16:35:11+00:00,{TWO},30.000001,1e-06,0.0,1,60.5,False\n"
LATER = f"2025-06-06T16:36:00+00:00,{ONE},33.997025,3.997025,15.91,7,40.0,False\n"
T0 = 1_749_227_710 * 10**9
SOURCE = 'type = "launch_tracks_csv"\npath = "{path}"\n'


def test_a_coin_is_created_at_its_first_row_and_every_row_is_a_sample(scratch: Scratch) -> None:
    events, report = scratch.run(SOURCE.format(path=scratch.write("a.csv", HEADER + FIRST + SECOND + LATER)))
    kinds = [LaunchCreated, LaunchSampled, LaunchCreated, LaunchSampled, LaunchSampled]
    assert [type(event) for event in events] == kinds
    created, sampled = events[:2]
    assert isinstance(created, LaunchCreated)
    assert (created.platform, created.mint, created.creator, created.name) == ("pumpfun", ONE, "", "")
    assert sampled == LaunchSampled(
        ts_ns=T0 + 321_200_000,
        instrument=f"solana:pumpfun/{ONE}",
        progress_pct=0.45,
        quote_raw=100_334_000,
        buyers=2,
        top_share_pct=100.0,
    )
    assert isinstance(events[3], LaunchSampled) and events[3].quote_raw == 1_000
    assert report.sources[0].rows_kept == 3


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (ONE, "0" * 44, "mint: expected 32 to 44 base58"),
        (ONE, "", "mint: expected 32 to 44 base58"),
        (",0.45,", ",0.47,", r"progress: expected 0\.45 % with 0\.100334 SOL"),
        (",0.45,", ",101,", r"progress: expected 0\.\.100"),
        (",0.45,", ",nan,", "expected a decimal number"),
        ("30.100334", "31.100334", "expected 30 virtual SOL more"),
        (",0.100334,", ",-0.100334,", r"sol_raised_total: expected 0\.\.200"),
        (",0.100334,", ",1e99,", r"sol_raised_total: expected 0\.\.200"),
        ("30.100334,0.100334", "30.1003340001,0.1003340001", "whole lamports"),
        (",2,", ",2.5,", "expected an integer"),
        (",2,", ",-2,", r"unique_buyers: expected 0\.\."),
        (",100.0,", ",100.1,", r"top3_pct: expected 0\.\.100"),
        ("2025-06-06T16:35:10.321200+00:00", "yesterday", "expected an ISO time"),
    ],
)
def test_rows_that_cannot_be_are_refused(scratch: Scratch, old: str, new: str, reason: str) -> None:
    assert old in FIRST
    with pytest.raises(BadInput, match=reason):
        scratch.run(SOURCE.format(path=scratch.write("a.csv", HEADER + FIRST.replace(old, new, 1))))


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (LATER + SECOND, "goes back 49 s: unsorted"),
        (FIRST + FIRST, "duplicate"),
        (FIRST + LATER.replace("33.997025,3.997025,15.91", "60,30,67.65"), "jumps from 30.1003 to 60"),
    ],
)
def test_rows_that_do_not_follow_are_refused(scratch: Scratch, rows: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        scratch.run(SOURCE.format(path=scratch.write("a.csv", HEADER + rows)))


def test_two_coins_may_share_a_moment(scratch: Scratch) -> None:
    twin = FIRST.replace(ONE, TWO)
    events, _ = scratch.run(SOURCE.format(path=scratch.write("a.csv", HEADER + FIRST + twin)))
    assert len(events) == 4


def test_a_file_of_other_columns_is_refused(scratch: Scratch) -> None:
    with pytest.raises(BadInput, match="expected columns timestamp"):
        scratch.run(SOURCE.format(path=scratch.write("a.csv", "a,b\n1,2\n")))

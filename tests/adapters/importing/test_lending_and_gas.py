"""Rates keep their exact ray indexes; gas is whole wei; what is assumed says so."""

from dataclasses import dataclass

import pytest

from bus.events import GasPrice, LendingRate
from kernel.errors import BadInput, ConfigError
from tests.adapters.importing.scratch import Scratch

T0 = 1_700_000_040 * 10**9
MINUTE = 60 * 10**9


@dataclass
class Text:
    lending: str = 'type = "lending_csv"\npath = "{path}"\nchain = "polygon"\nasset = "USDC"\ninterval = "{interval}"\n'
    gas: str = 'type = "gas_csv"\npath = "{path}"\nchain = "polygon"\n'
    klines: str = 'type = "kline_csv"\npath = "klines_iso.csv"\ninstrument = "binance:ABCUSDT"\ninterval = "1m"\n'
    assumed: str = (
        'type = "gas_assumed"\nchain = "ethereum"\ngwei = "12.5"\norigin = "a number for this test"\n'
        "from = 2023-11-14T22:14:00Z\nto = 2023-11-14T22:17:00Z\n"
    )


TEXT = Text()


def test_indexes_are_exact_even_beyond_28_digits(scratch: Scratch) -> None:
    events, _ = scratch.run(TEXT.lending.format(path=scratch.sample("aave_minutes.csv"), interval="1m"))
    assert events[0] == LendingRate(
        ts_ns=T0 + MINUTE,
        venue="aave_v3",
        chain="polygon",
        asset="USDC",
        supply_apr=0.031,
        borrow_apr=0.042,
        supply_index_ray=1010000000000000000000000007,
        borrow_index_ray=12345678901234567890123456789,
    )
    assert isinstance(events[1], LendingRate)
    assert events[1].borrow_index_ray - events[0].borrow_index_ray == 1


def test_a_daily_rate_is_known_at_the_end_of_its_day(scratch: Scratch) -> None:
    events, _ = scratch.run(TEXT.lending.format(path=scratch.sample("aave_daily.csv"), interval="1d"))
    first = events[0]
    assert isinstance(first, LendingRate)
    assert (first.ts_ns, first.supply_apr, first.borrow_apr) == (1_700_006_400 * 10**9, 0.0, 0.04)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("1.010000000000000000000000009", "1.010000000000000000000000001", "shrinks"),
        ("1.010000000000000000000000009", "1.0100000000000000000000000091", "at most 27 decimals"),
        ("1.010000000000000000000000009", "0.9", "at least 1 ray"),
        ("1.010000000000000000000000009", "1e30", "plain decimal"),
        ("22:15:00,0.031", "22:15:00,31", "yearly rate in 0..10"),
        ("22:15:00,0.031", "22:15:00,-0.01", "yearly rate in 0..10"),
        ("22:15:00", "22:14:00", "duplicate"),
        ("22:15:00", "22:13:00", "unsorted"),
    ],
)
def test_rates_that_cannot_be_are_refused(scratch: Scratch, old: str, new: str, reason: str) -> None:
    text = (scratch.root / scratch.sample("aave_minutes.csv")).read_text().replace(old, new)
    with pytest.raises(BadInput, match=reason):
        scratch.run(TEXT.lending.format(path=scratch.write("a.csv", text), interval="1m"))


def test_gas_is_whole_wei_known_at_the_end_of_the_minute(scratch: Scratch) -> None:
    events, _ = scratch.run(TEXT.gas.format(path=scratch.sample("gas.csv")))
    assert events == [
        GasPrice(ts_ns=T0 + MINUTE, chain="polygon", gas_price_wei=31123456789),
        GasPrice(ts_ns=T0 + 2 * MINUTE, chain="polygon", gas_price_wei=30 * 10**9),
    ]


@pytest.mark.parametrize("price", ["0", "-1", "nan", "1e9", ""])
def test_impossible_gas_is_refused(scratch: Scratch, price: str) -> None:
    text = f"block_timestamp,gas_price\n2023-11-14 22:14:00,{price}\n"
    with pytest.raises(BadInput, match="gas_price: expected"):
        scratch.run(TEXT.gas.format(path=scratch.write("a.csv", text)))


def test_an_assumed_native_price_enters_the_events_and_the_report(scratch: Scratch) -> None:
    tail = '[[assumption]]\nname = "native_usd"\nchain = "polygon"\nvalue = 0.7\nnote = "a number for this test"\n'
    events, report = scratch.run(TEXT.gas.format(path=scratch.sample("gas.csv")), tail=tail)
    assert [event.native_usd for event in events if isinstance(event, GasPrice)] == [0.7, 0.7]
    assert report.assumptions == ("native_usd of polygon = 0.7: a number for this test",)
    assert list(report.lines())[-1] == "assumed: native_usd of polygon = 0.7: a number for this test"
    plan = scratch.plan(TEXT.gas.format(path="gas.csv"), tail=tail)
    assert plan.note == "Assumed: native_usd of polygon = 0.7: a number for this test."


def test_a_native_price_from_an_instrument_is_the_last_one_known(scratch: Scratch) -> None:
    scratch.sample("klines_iso.csv")
    events, report = scratch.run(TEXT.klines, TEXT.assumed + 'native_usd_from = "binance:ABCUSDT"')
    gas = [(event.ts_ns, event.gas_price_wei, event.native_usd) for event in events if isinstance(event, GasPrice)]
    assert gas == [
        (T0, 12_500_000_000, 0.0),
        (T0 + MINUTE, 12_500_000_000, 50.5),
        (T0 + 2 * MINUTE, 12_500_000_000, 50.2),
    ]
    assert report.assumptions == ("gas price of ethereum = 12.5 gwei: a number for this test",)


@pytest.mark.parametrize(
    ("source", "tail", "message"),
    [
        (TEXT.assumed.replace("12.5", "x"), "", "gwei: expected a decimal number"),
        (TEXT.assumed.replace("12.5", "-1"), "", "more than 0"),
        (TEXT.assumed.replace("22:17", "22:10"), "", "steps between from and to"),
        (TEXT.assumed + 'path = "a.csv"', "", "has no file"),
        (TEXT.assumed + 'native_usd_from = "x:Y"', "", "is not listed"),
        (
            TEXT.assumed + 'native_usd_from = "binance:ABCUSDT"',
            '[[assumption]]\nname = "native_usd"\nchain = "ethereum"\nvalue = 1.0\nnote = "a number for this"\n',
            "contradicts the assumption",
        ),
    ],
)
def test_contradicting_assumptions_are_refused(scratch: Scratch, source: str, tail: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        scratch.plan(source, tail=tail)

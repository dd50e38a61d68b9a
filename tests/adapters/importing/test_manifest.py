"""A manifest says exactly what is wrong with it, and its paths stay below the root."""

from pathlib import Path

import msgspec
import pytest

from adapters.importing import load_manifest
from adapters.importing.manifest import Instrument
from bus.events import InstrumentListed
from kernel.errors import ConfigError
from tests.adapters.importing.scratch import INSTRUMENTS, Scratch
from tests.shared_data import PROJECT, require_shared

KLINES = 'type = "kline_csv"\npath = "{path}"\ninstrument = "binance:ABCUSDT"\ninterval = "1m"\n'
SETS = (
    "evm-2023-08", "polygon-univ3-2025-07", "eth-univ3-2024-01-05", "drift-funding", "binance_multi_20240808",
    "solana-lp-2024-05", "solana-lp-2024-05-msol", "solana-lp-2024-06", "pumpfun-tracks-2025-06-06",
)  # fmt: skip


def test_the_instrument_table_has_the_fields_of_the_event() -> None:
    table = {field.name: field.default for field in msgspec.structs.fields(Instrument)}
    event = {field.name: field.default for field in msgspec.structs.fields(InstrumentListed)}
    del event["ts_ns"]
    assert table == event


@pytest.mark.parametrize("name", SETS)
def test_the_sample_manifests_load(name: str) -> None:
    root = require_shared("data")
    assert load_manifest(PROJECT / "samples" / "imports" / f"{name}.toml", root).name == name


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (KLINES.format(path="a.csv") + "intervall = 3", r"unknown field `intervall` - at `\$\.source\[0\]`"),
        (KLINES.format(path="a.csv").replace("kline_csv", "kline"), "Invalid value 'kline' - at"),
        (KLINES.format(path="../outside.csv"), "leaves the root"),
        (KLINES.format(path="deep/../../outside.csv"), "leaves the root"),
        (KLINES.format(path="/etc/hostname"), "leaves the root"),
        (KLINES.format(path="link.csv"), "leaves the root"),
        (KLINES.format(path="none.csv"), "no file 'none.csv'"),
        (KLINES.format(path="."), "no file '.'"),
        (KLINES.format(path="a\\u0000.csv"), "NUL"),
        (KLINES.format(path=""), "expected path or paths"),
        (KLINES.format(path="a.csv") + 'paths = ["a.csv"]', "either path or paths"),
        (KLINES.format(path="a.csv").replace("1m", "1 fortnight"), "expected an interval such as 1m"),
        (KLINES.format(path="a.csv").replace("ABCUSDT", "XYZUSDT"), "is not listed; add an \\[\\[instrument\\]\\]"),
        (KLINES.format(path="a.csv") + "[[source]]\n" + KLINES.format(path="a.csv"), "two sources have this name"),
        (KLINES.format(path="a.csv") + "refused_pct_max = 101.0", "refused_pct_max"),
        (KLINES.format(path="a.csv") + 'columns = { opne = "x" }', "unknown field `opne`"),
        (KLINES.format(path="a.csv") + "[window]\nfrom = 2024-01-02\nto = 2024-01-01", "window|datetime"),
        (
            KLINES.format(path="a.csv") + "[window]\nfrom = 2024-01-02T00:00:00Z\nto = 2024-01-01T00:00:00Z",
            "expected from before to",
        ),
        (KLINES.format(path="a.csv") + "[window]\nfrm = 1", "unknown field `frm`"),
        (
            KLINES.format(path="a.csv") + '[[assumption]]\nname = "native_usd"\nchain = "polygon"\nvalue = 0.7',
            "missing required field `note`",
        ),
        ('type = "gas_assumed"\nchain = "x"\ngwei = "3"\norigin = "a guess of mine"', "missing required field `from`"),
        ("path = 3", "source"),
        ("path = " + "[" * 100_000, "recursion"),
        ("type = ", "a.toml|scratch.toml"),
    ],
)
def test_each_mistake_has_its_own_message(scratch: Scratch, source: str, message: str) -> None:
    scratch.write("a.csv", "x")
    outside = scratch.root.parent / "outside.csv"
    outside.write_text("x")
    (scratch.root / "link.csv").symlink_to(outside)
    with pytest.raises(ConfigError, match=message):
        scratch.plan(source)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('venue = "binance"', 'venue = "bybit"'), "begin with its venue"),
        (('kind = "spot"', 'kind = "future"'), "Invalid enum value 'future'"),
        (("tick_spacing = 10", ""), "fee_pips and tick_spacing"),
        (('"drift:ABC-PERP"', '"binance:ABCUSDT"'), "listed twice"),
        (('underlying = "ABC"', 'underlying = "ABC"\nmark_from = "x:Y"'), "mark_from 'x:Y' is not listed"),
        (('underlying = "ABC"', 'underlying = "ABC"\ntick_size = "-1"'), "tick_size"),
    ],
)
def test_a_wrong_instrument_is_named(scratch: Scratch, change: tuple[str, str], message: str) -> None:
    scratch.sample("klines_iso.csv")
    with pytest.raises(ConfigError, match=message):
        scratch.plan(KLINES.format(path="klines_iso.csv"), head=INSTRUMENTS.replace(*change, 1))


def test_a_missing_manifest_or_root_is_a_config_error(scratch: Scratch, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_manifest(tmp_path / "none.toml", tmp_path)
    scratch.sample("klines_iso.csv")
    scratch.plan(KLINES.format(path="klines_iso.csv"))
    with pytest.raises(ConfigError, match="expected --root to be a folder"):
        load_manifest(scratch.manifest, tmp_path / "none")


def test_listings_come_first_with_the_time_of_the_first_event(scratch: Scratch) -> None:
    plan = scratch.plan(KLINES.format(path=scratch.sample("klines_iso.csv")))
    events = list(plan.events())
    assert [type(event).__name__ for event in events] == ["InstrumentListed"] * 3 + ["Bar"] * 3
    assert {event.ts_ns for event in events[:4]} == {1_700_000_100 * 10**9}


def test_the_window_keeps_what_became_known_inside(scratch: Scratch) -> None:
    tail = "[window]\nfrom = 2023-11-14T22:16:00Z\nto = 2023-11-14T22:17:00Z\n"
    events, report = scratch.run(KLINES.format(path=scratch.sample("klines_iso.csv")), tail=tail)
    assert [event.ts_ns for event in events] == [1_700_000_160 * 10**9]
    assert (report.sources[0].events, report.sources[0].events_outside_window) == (1, 2)


def test_the_clock_offset_moves_the_time_of_knowing(scratch: Scratch) -> None:
    name = scratch.sample("klines_iso.csv")
    events, _ = scratch.run(KLINES.format(path=name) + "clock_offset_ms = 1500")
    assert events[0].ts_ns == 1_700_000_101_500_000_000


def test_an_import_can_be_run_again(scratch: Scratch) -> None:
    plan = scratch.plan(KLINES.format(path=scratch.sample("klines_iso.csv")))
    assert list(plan.events()) == list(plan.events())
    assert plan.report().events == 6

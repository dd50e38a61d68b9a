"""Same log, same digest: in any process, for any hash seed, block size, Python; and a prefix gives a prefix."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bus.events import BalanceUpdated, Event, Fill, OpportunitySeen, Quote, StrategySampled
from kernel.core import Core, CoreSpec, StrategySpec
from kernel.log import LogHeader
from kernel.replay import DIGESTED, simulate
from persistence.event_log import EventLogReader, EventLogWriter
from tests.bench.feed import START_NS
from tests.kernel.puppet import WIDE
from tests.replay.digest_of import digest_of
from tests.replay.recording import Recording, market, scripted, spec
from tests.shared_data import PROJECT

HEADER = LogHeader(run="x", created_ts_ns=START_NS, code_version="0", profile="import")
NEWER = ("3.12", "3.13", "3.14")
DEMO = PROJECT / "samples" / "demo.evl"


def _log(path: Path, events: list[Event], block: int = 0) -> Path:
    log = EventLogWriter(path, HEADER)
    for seq, event in enumerate(events, start=1):
        log.append(seq, False, event)
        if block and seq % block == 0:
            log.flush()
    log.close()
    return path


def _digests(path: Path, hash_seed: str, runs: int, python: str = sys.executable) -> list[str]:
    done = subprocess.run(
        [python, "-m", "tests.replay.digest_of", str(path), str(runs)],
        cwd=PROJECT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_three_runs_in_three_processes_over_two_block_sizes_give_one_digest(tmp_path: Path) -> None:
    events = scripted()
    logs = [_log(tmp_path / "large.evl", events), _log(tmp_path / "small.evl", events, block=7)]
    digests = [each for path in logs for hash_seed in "012" for each in _digests(path, hash_seed, 3)]
    assert len(digests) == 18
    assert set(digests) == {digest_of(logs[0])}


def test_the_digest_depends_on_the_log_and_on_the_settings(tmp_path: Path) -> None:
    events = scripted()
    base = digest_of(_log(tmp_path / "a.evl", events))
    moved = [
        msgspec.structs.replace(event, ask=event.ask + 0.01) if type(event) is Quote and number > 2000 else event
        for number, event in enumerate(events)
    ]
    reader = EventLogReader(tmp_path / "a.evl")
    others = {
        digest_of(_log(tmp_path / "b.evl", moved)),
        simulate(reader, spec("sim")).digest,
        simulate(reader, spec("sim", seed=8)).digest,
        simulate(reader, spec("sim", paper={"latency_ms": 60})).digest,
    }
    assert len(others) == 4 and base not in others


def test_the_simulated_run_does_something(tmp_path: Path) -> None:
    kinds: set[str] = set()
    path = _log(tmp_path / "a.evl", scripted())

    def watch(core: Core) -> None:
        core.bus.tap(lambda seq, is_derived, event: kinds.add(type(event).__name__))

    simulate(EventLogReader(path), spec("sim"), prepare=watch)
    assert {each.__name__ for each in DIGESTED} - {
        OpportunitySeen.__name__,
        "Landed",
        "Reverted",
        "Submitted",
        "NativeSpent",
    } <= kinds


def test_a_watched_replay_gives_the_digest_of_an_unwatched_one(tmp_path: Path) -> None:
    """The bus has two drains: a short one without taps, a full one with them."""
    reader = EventLogReader(_log(tmp_path / "a.evl", scripted()))
    tapped = simulate(reader, spec("sim"), prepare=lambda core: core.bus.tap(lambda *_: None))
    assert tapped.digest == simulate(reader, spec("sim")).digest


def test_simulating_a_recorded_paper_run_feeds_its_inputs_alone(tmp_path: Path) -> None:
    events = scripted()
    plain = _log(tmp_path / "a.evl", events)
    recorded = Recording(tmp_path / "r", "r1").play(events).close()
    one, two = (simulate(EventLogReader(path), spec("r1")) for path in (plain, recorded))
    assert (one.events, one.digest) == (two.events, two.digest)


def test_reports_and_balances_of_live_venues_are_dropped(tmp_path: Path) -> None:
    events = market(500)
    balance = BalanceUpdated(ts_ns=events[300].ts_ns, venue="simulated", asset="USDC", total=1, simulated=False)  # type: ignore[arg-type]
    fill = Fill(
        ts_ns=events[300].ts_ns, strategy="trader", order_id="live", simulated=False, instrument="simulated:ETHUSDC",
        side="buy", qty=1, price=1,
    )  # type: ignore[arg-type]  # fmt: skip
    with_live = [*events[:301], balance, fill, *events[301:]]
    digests = {
        simulate(EventLogReader(_log(tmp_path / name, each)), spec("sim")).digest
        for name, each in (("a.evl", events), ("b.evl", with_live))
    }
    assert len(digests) == 1


def test_what_if_drops_the_operators_commands_and_overridden_settings(tmp_path: Path) -> None:
    reader = EventLogReader(_log(tmp_path / "a.evl", scripted()))
    plain = simulate(reader, spec("sim"))
    what_if = simulate(reader, spec("sim"), is_what_if=True)
    assert plain.events - what_if.events == 4
    kept = simulate(reader, spec("sim"), overridden=frozenset({"trader"}))
    assert plain.events - kept.events == 2
    assert kept.core.runner.slots["trader"].strategy.settings.size == 1
    assert plain.core.runner.slots["trader"].strategy.settings.size == 3
    assert len({plain.digest, what_if.digest, kept.digest}) == 3


@pytest.mark.parametrize("version", NEWER)
def test_a_newer_python_gives_the_same_digest(version: str, tmp_path: Path) -> None:
    python = next((path for path in _pythons(version) if _has_packages(path)), None)
    if python is None:
        pytest.skip(f"NEWER PYTHON MISSING: no python{version} with msgspec and zstandard found; digests not compared")
    path = _log(tmp_path / "a.evl", scripted())
    assert _digests(path, "0", 1, python) == [digest_of(path)]


def _pythons(version: str) -> list[str]:
    """`KERNEL_PYTHON_312` and the like, then the search path."""
    named = os.environ.get("KERNEL_PYTHON_" + version.replace(".", ""))
    return [found for found in (named, shutil.which(f"python{version}")) if found]


def _has_packages(python: str) -> bool:
    done = subprocess.run([python, "-c", "import msgspec, zstandard"], capture_output=True, timeout=30, check=False)
    return done.returncode == 0


# the prefix property


def _derived(events: list[Event], made: CoreSpec) -> list[bytes]:
    core = Core(made)
    seen: list[bytes] = []
    core.bus.tap(lambda seq, is_derived, event: seen.append(msgspec.json.encode((seq, event))) if is_derived else None)
    core.begin(events[0].ts_ns)
    core.bus.feed(events)
    return seen


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 2900), st.integers(0, 3))
def test_a_prefix_of_the_log_gives_a_prefix_of_what_is_derived(length: int, seed: int) -> None:
    events = scripted()
    whole = _derived(events, spec("sim", seed=seed))
    part = _derived(events[:length], spec("sim", seed=seed))
    assert part == whole[: len(part)]
    assert len(whole) > 300


def _demo_events(count: int) -> list[Event]:
    if not DEMO.exists():
        pytest.skip(f"BUNDLED LOG MISSING: {DEMO}; the real strategies are not replayed here")
    events: list[Event] = []
    for block in EventLogReader(DEMO).blocks():
        events.extend(block.events)
        if len(events) >= count:
            break
    return events[:count]


def _real_spec() -> CoreSpec:
    from kernel.compose.registry import STRATEGIES, strategy_kind

    fast: dict[str, dict[str, Any]] = {"cex_dex_arb": {"min_profit_usd": 0.01}}
    return CoreSpec(
        run="sim",
        strategies=tuple(
            StrategySpec(kind=strategy_kind(name), limits=WIDE, settings=fast.get(name, {})) for name in STRATEGIES
        ),
        global_limits=WIDE,
    )


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, 19_999))
def test_the_real_strategies_keep_the_prefix_property_on_the_bundled_log(length: int) -> None:
    events = _demo_events(20_000)
    whole = _derived(events, _real_spec())
    part = _derived(events[:length], _real_spec())
    assert part == whole[: len(part)]
    assert whole


def test_the_bundled_log_gives_one_digest_twice() -> None:
    if not DEMO.exists():
        pytest.skip(f"BUNDLED LOG MISSING: {DEMO}; the real strategies are not replayed here")
    reader = EventLogReader(DEMO)
    first, second = simulate(reader, _real_spec()), simulate(reader, _real_spec())
    assert first.digest == second.digest
    assert first.events == reader.count()


def test_samples_are_at_minutes_whatever_the_first_event(tmp_path: Path) -> None:
    seen: list[StrategySampled] = []
    path = _log(tmp_path / "a.evl", scripted())
    result = simulate(
        EventLogReader(path), spec("sim"), prepare=lambda core: core.bus.subscribe(StrategySampled, seen.append)
    )
    times = sorted({each.ts_ns for each in seen})
    assert all(each % 60_000_000_000 == 0 for each in times[:-1])
    assert times[-1] == result.last_ts_ns

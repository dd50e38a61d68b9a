"""The sample that the demo plays."""

from pathlib import Path

import pytest

from bus.events import Event
from kernel.compose import sample
from kernel.compose.live import BUNDLED_LOG
from kernel.compose.sample import DEMO_SEED
from persistence.event_log import EventLogReader

BYTES_MAX = 1_200_000


def _events(path: Path) -> list[Event]:
    return [event for block in EventLogReader(path).blocks() for event in block.events]


def test_the_bundled_log_is_what_the_generator_makes(events: list[Event]):
    assert _events(BUNDLED_LOG) == events, "run `make sample` and commit samples/demo.evl"


def test_the_bundled_log_is_small_and_says_what_it_is():
    header = EventLogReader(BUNDLED_LOG).header
    assert header.note == f"simulated market, seed {DEMO_SEED}, made by this project; no real prices"
    assert (header.seed, header.strategies, header.is_live) == (DEMO_SEED, (), False)
    assert BUNDLED_LOG.stat().st_size <= BYTES_MAX


def test_the_same_seed_makes_the_same_bytes_and_replaces_what_was_there(
    tmp_path: Path, events: list[Event], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sample, "simulated_market", lambda seed: iter(events[:seed]))
    first, second = tmp_path / "first.evl", tmp_path / "second.evl"
    second.write_bytes(b"old")
    assert sample.write_sample(first, 3_000) == sample.write_sample(second, 3_000) == 3_000
    assert first.read_bytes() == second.read_bytes()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["first.evl", "second.evl"]

"""A live run (loop, feed, clock, log) of the demo profile, recorded, then verified: identical."""

import asyncio
from pathlib import Path

import pytest

from adapters.recorded.feed import RecordedFeed
from bus.clock import EventClock
from bus.events import ClockTick, OrderApproved
from kernel.compose.registry import spec_of_header, spec_of_profile
from kernel.core import Core
from kernel.live import LiveLoop
from kernel.log import Block, LogHeader
from kernel.profile import load_profile
from kernel.replay import verify
from persistence.event_log import EventLogReader, EventLogWriter
from tests.shared_data import PROJECT

DEMO = PROJECT / "samples" / "demo.evl"
SPEED = 20_000.0
EVENTS = 12_000


def _blocks() -> list[Block]:
    blocks: list[Block] = []
    for block in EventLogReader(DEMO).blocks():
        blocks.append(block)
        if sum(len(each.events) for each in blocks) >= EVENTS:
            break
    return blocks


@pytest.mark.slow
async def test_a_live_demo_run_is_replayed_identically(tmp_path: Path) -> None:
    if not DEMO.exists():
        pytest.skip(f"BUNDLED LOG MISSING: {DEMO}; no live run is recorded")
    spec = spec_of_profile(load_profile("demo", {}), "r0001")
    core = Core(spec)
    start_ns = _blocks()[0].events[0].ts_ns + 77
    header = LogHeader(
        run="r0001",
        created_ts_ns=start_ns,
        code_version="0",
        profile="demo",
        seed=spec.seed,
        settings=spec.settings_table(),
        strategies=tuple(each.kind.name for each in spec.strategies),
    )
    log = EventLogWriter(tmp_path / "000001-r0001.evl", header)
    clock = EventClock(start_ns, SPEED)
    live = LiveLoop(core, log, clock, wall_per_event_ns=1 / SPEED)
    core.begin(start_ns)
    live.start()
    feed = RecordedFeed(lambda: iter(_blocks()), core.bus.publish, clock, wall_per_event_ns=1 / SPEED, is_looped=False)
    await feed.run()
    async with asyncio.timeout(10):
        while core.bus.waiting:
            await asyncio.sleep(0.01)
    await live.stop()
    log.close()
    result = verify(EventLogReader(tmp_path).segments, spec_of_header)
    assert result.difference is None
    assert result.events >= EVENTS
    kinds = {type(event) for block in EventLogReader(tmp_path).blocks() for event in block.events}
    assert {ClockTick, OrderApproved} <= kinds

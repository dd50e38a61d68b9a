"""A log that a run of the demo's strategies recorded, made quickly: the start of the bundled market."""

from pathlib import Path

import msgspec

from bus.events import Fill
from kernel.compose.live import BUNDLED_LOG
from kernel.compose.registry import spec_of_profile
from kernel.core import Core
from kernel.log import LogHeader
from kernel.profile import load_profile
from persistence.event_log import EventLogReader, EventLogWriter, segment_name


def record_run(folder: Path, events: int = 20_000) -> Path:
    """The folder, with one segment in it."""
    core = Core(spec_of_profile(load_profile("demo", {}), "r0001"))
    blocks = list(EventLogReader(BUNDLED_LOG).blocks())
    header = LogHeader(
        run="r0001",
        created_ts_ns=blocks[0].events[0].ts_ns,
        seed=core.spec.seed,
        code_version="0.0.0+other",
        profile="demo",
        settings=core.spec.settings_table(),
        strategies=tuple(each.kind.name for each in core.spec.strategies),
    )
    log = EventLogWriter(folder / segment_name(header), header)
    core.bus.tap(log.append)
    core.begin(header.created_ts_ns)
    fed = 0
    for block in blocks:
        core.bus.feed(block.events)
        fed += len(block.events)
        if fed >= events:
            break
    log.close()
    return folder


def rewrite_one_fill(folder: Path, out: Path) -> None:
    """The same log with another price in its first fill."""
    reader = EventLogReader(folder)
    log = EventLogWriter(out, reader.header)
    is_altered = False
    for block in reader.blocks():
        for index, event in enumerate(block.events):
            if isinstance(event, Fill) and not is_altered:
                event, is_altered = msgspec.structs.replace(event, price=event.price + 1), True
            log.append(block.first_seq + index, index in block.derived, event)
    log.close()
    assert is_altered, "the run has no fill"

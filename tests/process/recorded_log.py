"""What a log folder says, found without the kernel that wrote it."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from bus.events import TERMINAL_REPORTS, Fill, OrderApproved, RunRestarted
from bus.events.base import Event
from bus.events.execution import Report
from kernel.compose.recovery import state_digest
from kernel.compose.registry import spec_of_profile
from kernel.compose.replaying import run_verification
from kernel.core import Core
from kernel.log import LogHeader
from kernel.profile import load_profile
from persistence.event_log import SUFFIX, EventLogReader, SegmentReader
from tests.process.kernel_run import BUSY, wait_for


class RecordedLog:
    """The segments of `data/log`, read whole. A torn tail is left out, as a restart does."""

    def __init__(self, data: Path) -> None:
        self.folder = data / "log"
        self.reader = EventLogReader(self.folder)
        self.events: list[Event] = []
        self.headers: list[LogHeader] = []
        expected_seq = 1
        for segment in self.reader.segments:
            self.headers.append(segment.header)
            assert segment.header.first_seq == expected_seq, f"a gap before {segment.path.name}"
            for block in segment.blocks():
                assert block.first_seq == expected_seq, f"a gap in {segment.path.name}"
                expected_seq += len(block.events)
                self.events += block.events

    @property
    def last_seq(self) -> int:
        return len(self.events)

    @property
    def restarts(self) -> list[RunRestarted]:
        return [event for event in self.events if isinstance(event, RunRestarted)]

    def open_orders(self) -> set[str]:
        """Approved and without an end."""
        approved = {event.order_id for event in self.events if isinstance(event, OrderApproved)}
        return approved - {event.order_id for event in self.events if isinstance(event, TERMINAL_REPORTS)}

    def count(self, kind: type[Event]) -> int:
        """Events of exactly this type."""
        return sum(type(event) is kind for event in self.events)

    def assert_nothing_doubled(self) -> None:
        """Orders approved once, ended at most once; fills told once; no report before its order or after its end."""
        approved: set[str] = set()
        ended: set[str] = set()
        fills: Counter[tuple[str, str]] = Counter()
        for event in self.events:
            if isinstance(event, OrderApproved):
                assert event.order_id not in approved, f"{event.order_id} was approved twice"
                approved.add(event.order_id)
            elif isinstance(event, Report):
                assert event.order_id in approved, f"a report about the unknown order {event.order_id}"
                assert event.order_id not in ended, f"{type(event).__name__} of {event.order_id} after its end"
                if isinstance(event, Fill):
                    assert event.fill_id, f"a fill without an id of {event.order_id}"
                    fills[event.instrument, event.fill_id] += 1
                if event.is_terminal:
                    ended.add(event.order_id)
        assert not [key for key, times in fills.items() if times > 1]

    def holdings(self) -> dict[tuple[str, str], Decimal]:
        """Signed fills added up, by strategy and instrument; nothing of the ledger's code is in it."""
        sums: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for event in self.events:
            if isinstance(event, Fill):
                sums[event.strategy, event.instrument] += event.qty if event.side == "buy" else -event.qty
        return {key: qty for key, qty in sums.items() if qty}

    def fold(self, profile: str = str(BUSY)) -> Core:
        """A fresh core that knows the log and nothing else."""
        core = Core(spec_of_profile(load_profile(profile, {}), "fold"))
        core.recover(self._stream(), 1)
        assert core.bus.seq == self.last_seq
        held = {(each.strategy, each.instrument): each.qty for each in core.ledger.positions.values() if each.qty}
        assert held == self.holdings()
        assert set(core.router.open) == self.open_orders()
        return core

    def _stream(self) -> Iterator[Event]:
        yield from self.events

    def state(self, profile: str = str(BUSY)) -> str:
        """The digest that a restart must print."""
        return state_digest(self.fold(profile))

    def assert_verifies(self) -> None:
        """Every run, replayed from its inputs, makes what was recorded."""
        found = run_verification(self.folder)
        assert found.difference is None, found.difference
        assert found.events == self.last_seq
        assert found.runs == len(self.headers)


def wait_for_orders(data: Path, more_than: int = 0) -> int:
    """Until so many were approved and are on the disk; how many there are."""

    def count() -> int | None:
        found = RecordedLog(data).count(OrderApproved)
        return found if found > more_than else None

    return wait_for(count, "orders", poll_s=0.2)


def last_segment(data: Path) -> Path:
    """The newest segment file."""
    return max((data / "log").glob(f"*{SUFFIX}"))


def torn_bytes(path: Path) -> int:
    """Bytes behind the last good block."""
    reader = SegmentReader(path)
    for _ in reader.blocks():
        pass
    assert reader.tail is not None
    return reader.tail.torn_bytes

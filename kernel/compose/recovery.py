"""What an older run left in the log folder, and the fold of it. Reading changes nothing; `mend` does, when it may."""

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import msgspec

from bus.events import Event
from kernel.core import Core
from kernel.errors import BadInput
from persistence.event_log import SUFFIX, SegmentReader, cut_torn_tail, is_header_torn, read_tail


class Recovery:
    """The log of a data folder up to its last good block. Raises `BadInput` when it is damaged before that."""

    def __init__(self, folder: Path) -> None:
        self.segments = sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []
        self.torn_note = ""
        self.last_seq = 0
        self.previous_run = ""
        self.next_segment = 1
        self._unborn: Path | None = None
        if self.segments and is_header_torn(self.segments[-1]):
            self._unborn = self.segments.pop()
            self.torn_note = f"{self._unborn.name} ends inside its header"
        if self.segments:
            last = self.segments[-1]
            tail = read_tail(last)
            if tail.torn_bytes:
                self.torn_note = f"{tail.torn_bytes} bytes behind seq {tail.last_seq}: {tail.reason}"
            self.last_seq = tail.last_seq
            header = SegmentReader(last).header
            self.previous_run = header.run
            self.next_segment = header.segment + 1

    @property
    def is_continued(self) -> bool:
        """Whether there is anything to continue."""
        return bool(self.segments)

    @property
    def is_tail_torn(self) -> bool:
        """Whether the last run was cut while it wrote."""
        return bool(self.torn_note)

    def fold(self, core: Core) -> None:
        """Fold everything recorded into a fresh core."""
        if self.segments:
            core.recover(self._events(), SegmentReader(self.segments[0]).header.first_seq)

    def make_room(self) -> None:
        """Remove a segment without events that has the name of the next one."""
        if self._unborn is not None:
            self._unborn.unlink(missing_ok=True)

    def mend(self) -> None:
        """Take off the torn tail once a new segment follows; what is kept is on the disk."""
        if self.segments:
            cut_torn_tail(self.segments[-1])

    def _events(self) -> Iterator[Event]:
        expected_seq, run = 0, ""
        for path in self.segments:
            reader = SegmentReader(path)
            header = reader.header
            if run and (header.first_seq != expected_seq or run not in (header.run, header.previous_run)):
                raise BadInput(
                    f"{path}: follows run {header.previous_run} at seq {header.first_seq}, expected run {run} at seq"
                    f" {expected_seq}; the segment before it is missing or cut, restore it from a copy"
                )
            run = header.run
            for block in reader.blocks():
                yield from block.events
            assert reader.tail is not None
            expected_seq = reader.tail.last_seq + 1


def state_digest(core: Core) -> str:
    """Short hash of books, reservations and open orders: equal for equal logs, whoever folds them."""
    return blake2b(msgspec.json.encode(core.state(), order="sorted"), digest_size=8).hexdigest()

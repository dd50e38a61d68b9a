"""Where in a log a number stands: the heads of its blocks, read once and remembered thinly, so that any page is near.

Reads block heads alone (20 bytes each) to build the index and follows the log as it grows. Memory is bounded: with more
than `HEADS_MAX` blocks every second head is forgotten, and a page then walks a few heads from the last one it knows.
A page is cut out of one to a few blocks of about 512 events. Not thread-safe: call it from one thread at a time.
"""

import os
import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import zstandard
from msgspec import Struct

from kernel.errors import BadInput, StoreError
from persistence.event_log import BLOCK_BYTES_MAX, SegmentReader, is_header_torn, segment_paths

HEADS_MAX = 65_536  #: some 10 MB of Python at most; 33 million events in full blocks before the first thinning
SEGMENTS_MAX = 100_000
BLOCKS_SEARCHED_MAX = 1_000  #: for one page of a filter: blocks of a quiet market are small
BYTES_SEARCHED_MAX = 8 << 20  #: of JSON, for one page of a filter: some 70,000 events, some 30 ms
_HEAD = struct.Struct("<IIQI")
_READ_BYTES = 1 << 16  # heads of small blocks share one read


class LoggedEvent(Struct, frozen=True, kw_only=True):
    """An event as the log has it: `raw` is its JSON array, tag first."""

    seq: int
    is_derived: bool
    raw: bytes


class LogSlice(Struct, frozen=True, kw_only=True):
    """Events newest first. `searched_to` = the lowest seq that was looked at (0 = nothing there); 1 = the beginning."""

    events: tuple[LoggedEvent, ...]
    searched_to: int


class _Payload(msgspec.Struct, array_like=True, gc=False):
    derived: list[int]
    events: list[msgspec.Raw]


class _Segment:
    __slots__ = ("end", "first_seqs", "is_done", "next_seq", "offsets", "path", "skipped")

    def __init__(self, path: Path) -> None:
        reader = SegmentReader(path)
        self.path = path
        self.end = reader.data_start  #: byte behind the last head that was read with its whole block
        self.next_seq = reader.header.first_seq
        self.first_seqs: list[int] = []
        self.offsets: list[int] = []
        self.skipped = 0
        self.is_done = False


class LogIndex:
    """The index of one log folder (or file)."""

    def __init__(self, path: Path, heads_max: int = HEADS_MAX) -> None:
        self._path = path
        self._heads_max = heads_max
        self._stride = 1
        self._segments: list[_Segment] = []
        self._decoder = msgspec.json.Decoder(_Payload)

    @property
    def first_seq(self) -> int:
        """The lowest number there is; 0 = the log is empty."""
        return next((each.first_seqs[0] for each in self._segments if each.first_seqs), 0)

    @property
    def last_seq(self) -> int:
        """The highest number in a whole block, as of the last `refresh`; 0 = none."""
        return max((each.next_seq - 1 for each in self._segments if each.first_seqs), default=0)

    @property
    def heads(self) -> int:
        """How many block heads are remembered."""
        return sum(len(each.first_seqs) for each in self._segments)

    def refresh(self) -> None:
        """Take in what was written since. Raises `StoreError` when the log cannot be read."""
        try:
            known = {each.path for each in self._segments}
            for path in segment_paths(self._path)[:SEGMENTS_MAX]:
                if path not in known and not is_header_torn(path):
                    self._segments.append(_Segment(path))
            for segment in self._segments:
                if not segment.is_done:
                    self._follow(segment)
            for segment in self._segments[:-1]:
                segment.is_done = True  # nothing is appended to it once there is a next one
        except (OSError, BadInput) as error:
            raise StoreError(f"the event log cannot be read: {error}") from error

    def _follow(self, segment: _Segment) -> None:
        with segment.path.open("rb", buffering=_READ_BYTES) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(segment.end)
            while segment.end + _HEAD.size <= size:
                length, _, first_seq, count = _HEAD.unpack(file.read(_HEAD.size))
                end = segment.end + _HEAD.size + length
                if length > BLOCK_BYTES_MAX or end > size or first_seq != segment.next_seq:
                    return  # a block that is being written, or a torn tail
                if segment.skipped % self._stride == 0:
                    segment.first_seqs.append(first_seq)
                    segment.offsets.append(segment.end)
                    if len(segment.first_seqs) % 1_024 == 0 and self.heads > self._heads_max:
                        self._thin()
                segment.skipped += 1
                segment.next_seq = first_seq + count
                segment.end = end
                file.seek(end)

    def _thin(self) -> None:
        self._stride *= 2
        for segment in self._segments:
            segment.first_seqs = segment.first_seqs[::2]
            segment.offsets = segment.offsets[::2]

    def newest_before(
        self, before_seq: int, limit: int, *, needles: tuple[bytes, ...] = (), blocks_max: int = BLOCKS_SEARCHED_MAX
    ) -> LogSlice:
        """At most `limit` events below `before_seq`, newest first, whose JSON text holds every needle (lower case).

        Looks at no more than `blocks_max` blocks and some `BYTES_SEARCHED_MAX` of JSON. Raises `StoreError` for a log
        that cannot be read.
        """
        found: list[LoggedEvent] = []
        searched_to = before_seq
        left_bytes = BYTES_SEARCHED_MAX
        try:
            for number, (first_seq, payload) in enumerate(self._blocks_before(before_seq)):
                if number >= blocks_max or len(found) >= limit or left_bytes <= 0:
                    break
                searched_to = first_seq
                left_bytes -= len(payload)
                if not all(needle in payload.lower() for needle in needles):
                    continue
                decoded = self._decoder.decode(payload)
                derived = frozenset(decoded.derived)
                for index in range(min(len(decoded.events), before_seq - first_seq) - 1, -1, -1):
                    raw = bytes(decoded.events[index])
                    if needles:
                        lowered = raw.lower()
                        if not all(needle in lowered for needle in needles):
                            continue
                    found.append(LoggedEvent(seq=first_seq + index, is_derived=index in derived, raw=raw))
                    if len(found) >= limit:
                        searched_to = first_seq + index
                        break
        except (OSError, zstandard.ZstdError, msgspec.MsgspecError, struct.error) as error:
            raise StoreError(f"the event log cannot be read: {error}") from error
        return LogSlice(events=tuple(found), searched_to=searched_to)

    def _blocks_before(self, before_seq: int) -> Iterator[tuple[int, bytes]]:
        """(first seq, JSON) of the blocks that begin below `before_seq`, newest first."""
        decompressor = zstandard.ZstdDecompressor()
        for segment in reversed(self._segments):
            if not segment.first_seqs or segment.first_seqs[0] >= before_seq:
                continue
            with segment.path.open("rb") as file:
                at = bisect_right(segment.first_seqs, before_seq - 1) - 1
                limit = segment.end
                for index in range(at, -1, -1):
                    heads = list(_heads(file, segment.offsets[index], limit, before_seq))
                    limit = segment.offsets[index]
                    for offset, length, crc, first_seq, count in reversed(heads):
                        file.seek(offset + _HEAD.size)
                        payload = file.read(length)
                        if zlib.crc32(payload, zlib.crc32(_HEAD.pack(length, 0, first_seq, count))) != crc:
                            raise StoreError(f"the event log is damaged at seq {first_seq}; see `log info`")
                        yield first_seq, decompressor.decompress(payload)


def _heads(file: Any, offset: int, limit: int, before_seq: int) -> Iterator[tuple[int, int, int, int, int]]:
    """(offset, length, crc, first seq, count) of the blocks from one offset up to a limit or a number."""
    while offset < limit:
        file.seek(offset)
        length, crc, first_seq, count = _HEAD.unpack(file.read(_HEAD.size))
        if first_seq >= before_seq:
            return
        yield offset, length, crc, first_seq, count
        offset += _HEAD.size + length

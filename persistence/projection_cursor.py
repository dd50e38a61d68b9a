"""Follows a log that is being written: block by block from a kept file offset, from segment to segment.

A block that is not wholly there yet is not torn: it is read at the next call. Damage is told and stepped over, so that
one bad block never hides what comes after it.
"""

import json
import os
import struct
import zlib
from pathlib import Path

import msgspec
import zstandard

from bus.events import AnyEvent
from kernel.errors import BadInput
from kernel.log import LogHeader
from persistence.event_log import BLOCK_BYTES_MAX, MAGIC, SUFFIX, SegmentReader
from persistence.projection_text import without_nul

_HEAD = struct.Struct("<IIQI")  # see event_log: length, crc32, first seq, count
_HEADER_HEAD = struct.Struct("<II")

_decoder = msgspec.json.Decoder(tuple[list[int], list[AnyEvent]])
_event_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


class WrittenBlock(msgspec.Struct, frozen=True, kw_only=True):
    """A whole block as it stands in its file, not decoded. `flaw` says what is wrong with it; then it holds nothing."""

    header: LogHeader
    segment: str
    offset: int  #: bytes, of its head
    crc: int
    first_seq: int
    count: int
    payload: bytes
    flaw: str = ""

    @property
    def last_seq(self) -> int:
        return self.first_seq + self.count - 1

    def events(self) -> list[AnyEvent | str]:
        """Its events in order; text instead of an event says why that one cannot be read."""
        if self.flaw:
            return []
        try:
            raw = without_nul(zstandard.ZstdDecompressor().decompress(self.payload))
        except zstandard.ZstdError as error:
            return [f"block cannot be decompressed: {error}"] * self.count
        try:
            events = _decoder.decode(raw)[1]
            return list(events) if len(events) == self.count else self._one_by_one(raw)
        except msgspec.MsgspecError:
            return self._one_by_one(raw)

    def _one_by_one(self, raw: bytes) -> list[AnyEvent | str]:
        try:  # the lenient parser of the standard library, so that one bad string does not cost the block
            parts = json.loads(raw)[1]
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            return [f"block cannot be decoded: {error}"] * self.count
        found: list[AnyEvent | str] = []
        for part in parts[: self.count]:
            try:
                found.append(_event_decoder.decode(json.dumps(part).encode()))
            except msgspec.MsgspecError as error:
                found.append(f"event cannot be decoded: {error}")
        return found + ["the block holds fewer events than its head says"] * (self.count - len(found))


class LogCursor:
    """A place in a log: a folder of segments in name order, or one segment file. `next` moves on by one block."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1
        self._file: Path | None = None
        self._successor: Path | None = None
        self._header: LogHeader | None = None
        self._offset = 0
        self._expected_seq = 0

    def close(self) -> None:
        """Let the file go; `next` starts from the first segment again."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1
        self._file = self._successor = self._header = None

    def log_id(self) -> str:
        """Identity of the log: the checksum and run of its first header; "" while there is no segment yet."""
        first = self._after(None)
        if first is None or (opened := _open(first)) is None:
            return ""
        fd, header, _ = opened
        crc = _HEADER_HEAD.unpack(os.pread(fd, _HEADER_HEAD.size, len(MAGIC)))[1]
        os.close(fd)
        return f"{header.run}-{header.created_ts_ns}-{crc:08x}"

    def resume(self, segment: str, offset: int, crc: int) -> bool:
        """Stand before a block that was read earlier; False when that block is not there any more."""
        self.close()
        path = self._path / segment if self._path.is_dir() else self._path
        if path.name != segment or not path.exists() or not self._enter(path):
            return False
        head = os.pread(self._fd, _HEAD.size, offset)
        if len(head) < _HEAD.size:
            return False
        _, found_crc, first_seq, _ = _HEAD.unpack(head)
        self._offset, self._expected_seq = offset, first_seq
        return bool(found_crc == crc)

    def next(self) -> WrittenBlock | None:
        """The next whole block, None when there is none yet. Raises `BadInput` for a segment that is no log."""
        while True:
            if self._file is None:
                path = self._after(None)
                if path is None or not self._enter(path):
                    return None
            try:
                block = self._read()
            except BadInput as error:
                return self._skip_rest(error)
            if block is not None:
                return block
            if self._successor is None:  # look first, then read once more: the end of this file is final only then
                self._successor = self._after(self._file)
                if self._successor is None:
                    return None
                continue
            if not self._enter(self._successor):
                return None

    def _skip_rest(self, error: BadInput) -> WrittenBlock:
        """Give up on the rest of a damaged segment when another follows it."""
        assert self._header is not None and self._file is not None
        header, segment, offset, first_seq = self._header, self._file.name, self._offset, self._expected_seq
        successor = self._after(self._file)
        if successor is None or not self._enter(successor):
            raise error
        count = max(0, self._header.first_seq - first_seq)
        return WrittenBlock(
            header=header,
            segment=segment,
            offset=offset,
            crc=0,
            first_seq=first_seq,
            count=count,
            payload=b"",
            flaw=str(error),
        )

    def _read(self) -> WrittenBlock | None:
        assert self._header is not None and self._file is not None
        head = os.pread(self._fd, _HEAD.size, self._offset)
        if len(head) < _HEAD.size:
            return None
        length, crc, first_seq, count = _HEAD.unpack(head)
        if length > BLOCK_BYTES_MAX:
            raise BadInput(
                f"{self._file}: block at byte {self._offset} claims {length} bytes; the file is damaged from there on,"
                " restore it from a copy"
            )
        payload = os.pread(self._fd, length, self._offset + _HEAD.size)
        end = self._offset + _HEAD.size + length
        if len(payload) < length:
            return None
        flaw = ""
        if zlib.crc32(payload, zlib.crc32(_HEAD.pack(length, 0, first_seq, count))) != crc:
            following = os.pread(self._fd, _HEAD.size, end)
            if len(following) < _HEAD.size:
                return None  # the last one: perhaps cut and written again
            flaw = f"block at byte {self._offset} of {self._file.name} fails its checksum"
            next_seq = _HEAD.unpack(following)[2]
            if not self._expected_seq <= next_seq <= self._expected_seq + (1 << 20):
                raise BadInput(f"{self._file}: {flaw}, and no block follows it; restore the file from a copy")
            first_seq, count = self._expected_seq, next_seq - self._expected_seq
        elif first_seq < self._expected_seq:
            flaw = f"block at byte {self._offset} of {self._file.name} repeats seq {first_seq}"
        block = WrittenBlock(
            header=self._header,
            segment=self._file.name,
            offset=self._offset,
            crc=crc,
            first_seq=first_seq,
            count=count,
            payload=payload,
            flaw=flaw,
        )
        self._offset = end
        self._expected_seq = max(self._expected_seq, first_seq + count)
        return block

    def _after(self, path: Path | None) -> Path | None:
        if not self._path.is_dir():
            return self._path if path is None and self._path.exists() else None
        names = sorted(each.name for each in self._path.iterdir() if each.suffix == SUFFIX)
        return next((self._path / name for name in names if path is None or name > path.name), None)

    def _enter(self, path: Path) -> bool:
        opened = _open(path)
        if opened is None:
            return False
        expected = self._expected_seq if self._file is not None else 0
        self.close()
        self._fd, self._header, self._offset = opened
        self._file = path
        self._expected_seq = max(expected, self._header.first_seq)
        return True


def _open(path: Path) -> tuple[int, LogHeader, int] | None:
    """Descriptor, header and first byte of the data; None while the header is not wholly there."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    start = len(MAGIC) + _HEADER_HEAD.size
    raw = os.pread(fd, start, 0)
    length = _HEADER_HEAD.unpack(raw[len(MAGIC) :])[0] if len(raw) == start else 0
    if len(raw) < start or os.fstat(fd).st_size < start + length:
        os.close(fd)
        return None
    try:
        header = SegmentReader(path).header
    except BadInput:
        os.close(fd)
        raise
    return fd, msgspec.json.decode(without_nul(msgspec.json.encode(header)), type=LogHeader), start + length

"""Reads log files back, newest line first, a page at a time across the rotated files. For the Logs page.

A cursor names a file by its inode and its beginning (inodes are given out again), and an offset in it: so paging goes
on in the same place when the file rotates meanwhile. Reading is bounded whatever the filter: a page may come back
short, with a cursor to go on from.
"""

import asyncio
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from kernel.errors import BadInput
from kernel.logs.log_files import BACKUPS, backup_of
from kernel.logs.log_line import LEVELS, LINE_BYTES_MAX
from kernel.logs.log_writer import Kind
from kernel.logs.logs import MODULE_NAME, checked_module
from kernel.secrets.redaction import redact

LINES_MAX = 500  #: of one page
SCAN_BYTES_MAX = 4_000_000  #: read for one page: some tens of milliseconds of a thread
READ_BYTES = 64 * 1024
IDENTITY_BYTES = 64  #: the first line's time, to the nanosecond, is in them
_CURSOR = re.compile(r"[0-9]{1,20}-[0-9]{1,10}:[0-9]{1,18}")
KINDS: tuple[Kind, ...] = ("trading", "trades", "errors")
_HEAD = ("ts", "level", "module", "event")


class LogLine(Struct, frozen=True, kw_only=True):
    """One line. A malformed one has no level and carries its text as `event`."""

    ts: str
    level: str
    event: str
    fields: dict[str, Any] = {}
    is_malformed: bool = False


class LogPage(Struct, frozen=True, kw_only=True):
    """Lines, newest first. `next_before` continues towards older ones; "" = there are none."""

    lines: tuple[LogLine, ...]
    next_before: str


class LogTail:
    """Reads the logs below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def modules(self) -> list[str]:
        """Modules that have a folder, in order."""
        try:
            names = sorted(each.name for each in self.folder.iterdir() if each.is_dir())
        except OSError:
            return []
        return [name for name in names if MODULE_NAME.fullmatch(name)]

    async def tail(
        self, module: str, kind: str, *, before: str = "", limit: int = 100, level: str = "", text: str = ""
    ) -> LogPage:
        """`read` in a thread."""
        return await asyncio.to_thread(self.read, module, kind, before=before, limit=limit, level=level, text=text)

    def read(
        self, module: str, kind: str, *, before: str = "", limit: int = 100, level: str = "", text: str = ""
    ) -> LogPage:
        """Lines before the cursor, at least as severe as `level`, holding `text` (any case).

        Raises `ConfigError` or `BadInput` naming the argument that cannot be; missing files are an empty page.
        """
        checked_module(module)
        if kind not in KINDS:
            raise BadInput(f"log kind: expected {', '.join(KINDS)}, found {kind[:40]!r}")
        if level and level not in LEVELS:
            raise BadInput(f"log level: expected {', '.join(LEVELS)} or nothing, found {level[:40]!r}")
        wanted = max(1, min(limit, LINES_MAX))
        found: list[LogLine] = []
        needle, least = text.casefold(), LEVELS.get(level, 0)
        budget = SCAN_BYTES_MAX
        for cursor, raw in _lines_back(self.folder / module / f"{module}_{kind}.log", before):
            budget -= len(raw) + 1
            if not needle or needle in raw.decode("utf-8", "replace").casefold():
                line = _parsed(raw)
                if line.is_malformed or LEVELS.get(line.level, 0) >= least:
                    found.append(line)
            if len(found) >= wanted or budget <= 0:
                return LogPage(lines=tuple(found), next_before=cursor)
        return LogPage(lines=tuple(found), next_before="")


def _lines_back(path: Path, before: str) -> Iterator[tuple[str, bytes]]:
    """(cursor at its beginning, line) from the newest to the oldest, starting before the cursor."""
    start, start_offset = _cursor(before)
    fds = _open_all(path)
    try:
        is_reached = not start
        for fd in fds:
            end, identity = os.fstat(fd).st_size, _identity(fd)
            if not is_reached:
                if identity != start:
                    continue
                is_reached = True
                end = min(end, start_offset)
            for offset, line in _file_back(fd, end):
                yield f"{identity}:{offset}", line
    finally:
        for fd in fds:
            os.close(fd)


def _open_all(path: Path) -> list[int]:
    """Newest first. Opened together, so that a rotation meanwhile changes nothing."""
    fds: list[int] = []
    seen: set[int] = set()
    for each in (path, *(backup_of(path, number) for number in range(1, BACKUPS + 1))):
        try:
            fd = os.open(each, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue
        inode = os.fstat(fd).st_ino
        if inode in seen:  # renamed between two opens
            os.close(fd)
            continue
        seen.add(inode)
        fds.append(fd)
    return fds


def _file_back(fd: int, end: int) -> Iterator[tuple[int, bytes]]:
    """(offset, line without its feed), last first. A line longer than any that we write is given in pieces."""
    held = b""
    position = end
    while position > 0:
        size = min(READ_BYTES, position)
        position -= size
        held = os.pread(fd, size, position) + held
        stop = len(held)
        while (feed := held.rfind(b"\n", 0, stop)) >= 0:
            if line := held[feed + 1 : stop]:
                yield position + feed + 1, line
            stop = feed
        held = held[:stop]
        if len(held) > 2 * LINE_BYTES_MAX:
            yield position, held
            held = b""
    if held:
        yield 0, held


def _identity(fd: int) -> str:
    return f"{os.fstat(fd).st_ino}-{zlib.crc32(os.pread(fd, IDENTITY_BYTES, 0))}"


def _cursor(before: str) -> tuple[str, int]:
    if not before:
        return "", 0
    if _CURSOR.fullmatch(before) is None:
        raise BadInput(f"log cursor: expected one that a page gave, found {before[:60]!r}")
    identity, _, offset = before.partition(":")
    return identity, int(offset)


def _parsed(raw: bytes) -> LogLine:
    try:
        table = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        table = {}
    head = [table.get(key) for key in _HEAD]
    if not all(isinstance(each, str) for each in head):
        text = redact(raw[:LINE_BYTES_MAX].decode("utf-8", "replace"))
        return LogLine(ts="", level="", event=text, is_malformed=True)
    rest = {key: value for key, value in table.items() if key not in _HEAD}
    return LogLine(ts=str(head[0]), level=str(head[1]), event=str(head[3]), fields=rest)

"""One log file that rotates by size: `x.log`, then `x.log.1` (newest) to `x.log.5`. Used by the writer's thread alone.

Lines are never split over two files. A write that was cut short (full disk) is finished before anything else is
written, and a tail that a crash left without its line feed gets one first.
"""

import os
from collections import deque
from pathlib import Path

BACKUPS = 5
CHUNK_BYTES = 256 * 1024
FILE_MODE, FOLDER_MODE = 0o600, 0o700


class RotatingFile:
    """Appends lines. Every method may raise `OSError`; what was not written stays where it was."""

    def __init__(self, path: Path, bytes_max: int) -> None:
        self.path = path
        self.bytes_max = bytes_max
        self._fd = -1
        self._size = 0
        self._rest = b""  #: end of a line whose beginning is in the file

    def write(self, lines: deque[bytes]) -> None:
        """Take whole lines from the left as they get into the file."""
        if self._fd >= 0 and self._is_moved():
            self.close()
        while lines or self._rest:
            if self._fd < 0:
                self._open()
            if lines and not self._rest and self._size and self._size + len(lines[0]) > self.bytes_max:
                self._rotate()
            chunk = self._chunk(lines)
            written = os.write(self._fd, chunk)
            self._size += written
            self._take(lines, written)

    def _is_moved(self) -> bool:
        """Whether somebody deleted the file or moved it away (another log rotation, a person)."""
        try:
            return not os.path.samestat(os.stat(self.path), os.fstat(self._fd))
        except FileNotFoundError:
            return True

    def _chunk(self, lines: deque[bytes]) -> bytes:
        """The rest and as many lines as this file and one write may hold; at least one."""
        parts, size = [self._rest], len(self._rest)
        for line in lines:
            held = self._size + size
            if (held and held + len(line) > self.bytes_max) or size > CHUNK_BYTES:
                break
            parts.append(line)
            size += len(line)
        return b"".join(parts)

    def _take(self, lines: deque[bytes], written: int) -> None:
        done = min(written, len(self._rest))
        self._rest = self._rest[done:]
        written -= done
        while written > 0:
            line = lines.popleft()
            self._rest = line[written:]
            written -= len(line)

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(self.path, flags, FILE_MODE)
        os.fchmod(fd, FILE_MODE)
        self._fd, self._size = fd, os.fstat(fd).st_size
        if not self._rest and self._size and os.pread(fd, 1, self._size - 1) != b"\n":
            self._rest = b"\n"

    def _rotate(self) -> None:
        self.close()
        for number in range(BACKUPS - 1, 0, -1):
            older = backup_of(self.path, number)
            if older.exists():
                older.replace(backup_of(self.path, number + 1))
        self.path.replace(backup_of(self.path, 1))
        self._open()

    def close(self) -> None:
        """Give the descriptor back; a later write opens again."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)


def backup_of(path: Path, number: int) -> Path:
    """`x.log` -> `x.log.1`."""
    return path.with_name(f"{path.name}.{number}")

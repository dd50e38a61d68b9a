"""The bytes of `PendingTransactions`: one append-only file under a lock, a line a record, each with its CRC32.

A torn last line is cut when it is opened (what it held was never sent, as sending waits for the sync); damage anywhere
else refuses to open. Not for use by two threads at a time.
"""

import contextlib
import fcntl
import os
import zlib
from collections.abc import Sequence
from pathlib import Path

from kernel.errors import StoreError

FILE_BYTES_MAX = 256_000_000


class TransactionFile:
    """Mode 0600. All methods raise `StoreError`: in use, damaged, or not to be written."""

    def __init__(self, path: Path) -> None:
        """Make the folder, take the lock. `read` and then `rewrite` before the first `append`."""
        self.path = path
        self._file = self._lock = -1
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            beside = path.with_name(path.name + ".lock")
            self._lock = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.close()
                raise StoreError(f"{path} is in use: another process sends transactions of this data folder") from None
        except OSError as error:
            self.close()
            raise StoreError(f"{path}: {error.strerror or error}") from error

    def close(self) -> None:
        """Let go of file and lock. Idempotent."""
        for each in (self._file, self._lock):
            if each >= 0:
                os.close(each)
        self._file = self._lock = -1

    def read(self) -> list[bytes]:
        """The bodies of all whole records."""
        try:
            with open(self.path, "rb") as file:
                if os.fstat(file.fileno()).st_size > FILE_BYTES_MAX:
                    raise StoreError(f"{self.path}: expected at most {FILE_BYTES_MAX} bytes; move it away and look")
                lines = file.read().split(b"\n")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror or error}") from error
        # The last part is empty, or torn and was never sent.
        return [self._body(number, line) for number, line in enumerate(lines[:-1], start=1)]

    def append(self, body: bytes, *, is_synced: bool) -> None:
        """Add a record; with `is_synced` it is on disk when this returns. After an error the file is as before."""
        line = _line(body)
        try:
            start = os.lseek(self._file, 0, os.SEEK_END)
            try:
                if os.write(self._file, line) != len(line):
                    raise OSError(28, "No space left on device")
                if is_synced:
                    os.fsync(self._file)
            except OSError:
                with contextlib.suppress(OSError):  # half a line would be damage in the middle of the file
                    os.ftruncate(self._file, start)
                raise
        except OSError as error:
            raise StoreError(f"{self.path}: not written ({error.strerror or error}); nothing was sent") from error

    def rewrite(self, bodies: Sequence[bytes]) -> None:
        """Put a new file with these records in the place of the old one."""
        fresh = self.path.with_name(self.path.name + ".new")
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            file = os.open(fresh, flags, 0o600)
            try:
                with open(file, "wb", closefd=False) as out:
                    out.writelines(map(_line, bodies))
                os.fsync(file)
                os.replace(fresh, self.path)
                self._sync_folder()
            except OSError:
                os.close(file)
                raise
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror or error}") from error
        if self._file >= 0:
            os.close(self._file)
        self._file = file

    def _sync_folder(self) -> None:
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _body(self, number: int, line: bytes) -> bytes:
        crc, _, body = line.partition(b" ")
        if crc != b"%08x" % zlib.crc32(body):
            raise StoreError(
                f"{self.path}, line {number} is damaged: nothing is sent until the file is restored or moved away"
            )
        return body


def _line(body: bytes) -> bytes:
    return b"%08x %b\n" % (zlib.crc32(body), body)

"""Lines of a plain or gzip file, one at a time, with a clear error for a torn archive or an endless line."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from kernel.errors import BadInput

LINE_BYTES_MAX = 4 << 20  #: a depth snapshot of 5000 levels has about 300 kB
_GZIP_MAGIC = b"\x1f\x8b"


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """(line number from 1, line without its end). The content, not the name, says whether it is gzip.

    Raises `BadInput` for an unreadable file, a torn or corrupt archive, a line beyond 4 MiB.
    """
    number = 0
    try:
        with _open(path) as file:
            if file.peek(3)[:3] == b"\xef\xbb\xbf":  # type: ignore[attr-defined]
                file.read(3)
            while line := file.readline(LINE_BYTES_MAX + 1):
                number += 1
                if len(line) > LINE_BYTES_MAX:
                    raise BadInput(f"{path}:{number}: expected lines of at most {LINE_BYTES_MAX} bytes")
                yield number, line.rstrip(b"\r\n")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadInput(f"{path}: expected a whole gzip file, found it torn after line {number}: {error}") from error
    except OSError as error:
        raise BadInput(f"{path}: cannot be read after line {number}: {error}") from error


def _open(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        is_gzip = file.read(2) == _GZIP_MAGIC
    return cast(BinaryIO, gzip.open(path, "rb")) if is_gzip else path.open("rb")

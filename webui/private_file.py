"""Files that only their owner may read: read with every doubt refused, replaced as a whole or not at all."""

import os
import secrets
import stat
from pathlib import Path

from kernel.errors import ConfigError


def read_private(path: Path, what: str, bytes_max: int) -> bytes:
    """The bytes of a file of mode 0600 (or stricter) that is ours. `what` begins each error text.

    Links, devices and pipes are refused before anything is read from them, and so is more than `bytes_max`.
    Raises FileNotFoundError when there is none, ConfigError for everything else.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(
            f"{what}: cannot read {path}: {error.strerror}; expected a plain file (no link) of ours"
        ) from error
    try:
        found = os.fstat(handle)
        mode = stat.S_IMODE(found.st_mode)
        if not stat.S_ISREG(found.st_mode):
            raise ConfigError(f"{what}: cannot read {path}: expected a plain file, found something else")
        if found.st_uid != os.geteuid():
            raise ConfigError(f"{what}: expected {path} to be owned by user {os.geteuid()}, found {found.st_uid}")
        if mode & 0o077:
            raise ConfigError(f"{what}: expected {path} with mode 0600, found {mode:04o}; run chmod 600 {path}")
        with os.fdopen(handle, "rb", closefd=False) as file:
            raw = file.read(bytes_max + 1)
    finally:
        os.close(handle)
    if len(raw) > bytes_max:
        raise ConfigError(f"{what}: expected at most {bytes_max:,} bytes in {path}, found more")
    return raw


def replace_private(path: Path, raw: bytes, what: str) -> None:
    """Put `raw` in the place of `path` with mode 0600: readers see the old file or the new one, also after a crash.

    Raises ConfigError when the folder cannot be written.
    """
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, path)
        except OSError:
            fresh.unlink(missing_ok=True)
            raise
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise ConfigError(f"{what}: cannot write {path}: {error.strerror}; choose another --data") from error

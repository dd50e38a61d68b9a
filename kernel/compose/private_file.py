"""Reads and writes files that hold a secret, and refuses those that somebody else could read or exchange.

Each refusal names the path, what was found and the command that mends it.
"""

import os
import stat
from pathlib import Path

from kernel.secrets.secret import Secret
from kernel.secrets.secret_errors import BadSecret

BYTES_MAX = 32_768  #: no key or passphrase comes near it
SHARED_ROOT = Path("/run/secrets")  #: mounted by the container's runtime, which decides the modes there


def read_private(path: Path, *, is_mounted: bool = False) -> Secret:
    """The text of a file without the line end. It may be read by us alone (or, when mounted, by all in the container).

    Raises FileNotFoundError when there is none, and BadSecret for anything else that is wrong with it.
    """
    absolute = path.absolute()
    try:
        real = absolute.resolve(strict=True)
    except FileNotFoundError:
        raise
    except (OSError, RuntimeError) as error:
        raise BadSecret(f"{path}: cannot be followed ({type(error).__name__})") from error
    for each in dict.fromkeys([*absolute.parents, *real.parents]):
        _refuse_open_folder(path, each)
    try:
        fd = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise BadSecret(f"{path}: cannot be read as uid {os.geteuid()} ({error.strerror})") from error
    try:
        _refuse_open_file(path, os.fstat(fd), is_mounted=is_mounted)
        return _text(path, fd)
    finally:
        os.close(fd)


def write_private(path: Path, secret: Secret) -> None:
    """Make a new 0600 file, on the disk when this returns. Raises BadSecret if the path exists or cannot be written."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise BadSecret(f"{path} exists already; give the path of a new file") from error
    except OSError as error:
        raise BadSecret(f"{path}: cannot be made ({error.strerror})") from error
    try:
        os.write(fd, secret.reveal().encode() + b"\n")
        os.fsync(fd)
    finally:
        os.close(fd)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _refuse_open_folder(path: Path, folder: Path) -> None:
    """Whoever may write a folder on the way can put another file in this one's place, unless it is sticky."""
    try:
        found = folder.stat()
    except OSError as error:
        raise BadSecret(f"{path}: the folder {folder} cannot be looked at ({error.strerror})") from error
    if found.st_uid not in (0, os.geteuid()):
        raise BadSecret(
            f"{path}: the folder {folder} belongs to uid {found.st_uid}, expected root or uid {os.geteuid()}; "
            "keep the file in a folder of your own"
        )
    mode = stat.S_IMODE(found.st_mode)
    is_ours = found.st_gid == os.getegid()  # as with a user's own group
    if not mode & stat.S_ISVTX and (mode & 0o002 or (mode & 0o020 and not is_ours)):
        raise BadSecret(f"{path}: the folder {folder} has mode {mode:04o}, so others can exchange files; chmod go-w it")


def _refuse_open_file(path: Path, found: os.stat_result, *, is_mounted: bool) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise BadSecret(f"{path}: expected a regular file")
    if found.st_uid not in (0, os.geteuid()):
        raise BadSecret(f"{path}: belongs to uid {found.st_uid}, expected root or uid {os.geteuid()}; chown it")
    mode = stat.S_IMODE(found.st_mode)
    if mode & (0o022 if is_mounted else 0o077):
        expected = "not writable for others" if is_mounted else "0400 or 0600"
        raise BadSecret(f"{path}: has mode {mode:04o}, expected {expected}; chmod 0600 it and replace what was exposed")


def _text(path: Path, fd: int) -> Secret:
    chunks = []
    size = 0
    while chunk := os.read(fd, BYTES_MAX + 1 - size):
        chunks.append(chunk)
        size += len(chunk)
        if size > BYTES_MAX:
            break
    problem = ""
    if size > BYTES_MAX:
        problem = f"{path}: expected at most {BYTES_MAX} bytes"
    else:
        try:
            return Secret(b"".join(chunks).decode().strip())
        except UnicodeDecodeError:
            problem = f"{path}: expected text in UTF-8"
    chunks.clear()
    chunk = b""
    raise BadSecret(problem)

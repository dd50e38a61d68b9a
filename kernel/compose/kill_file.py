"""The kill switch as files of the data folder: `KILL` stops, `RESUME` asks for the reset, `KILL.answer` says what came.

They work without page and database. A `KILL` that was made by `touch` or holds plain text counts as well.
"""

import contextlib
import os
from pathlib import Path

import msgspec
from msgspec import Struct

from kernel.alerts.legible import legible
from kernel.errors import StoreError

KILL, RESUME, ANSWER = "KILL", "RESUME", "KILL.answer"
BYTES_MAX = 4_096
REASON_CHARS_MAX = 200


class Request(Struct, frozen=True, kw_only=True):
    """What a file asks for. `nonce` tells requests apart; "" in a file that was not made by the command."""

    reason: str = ""
    by: str = "file"
    nonce: str = ""


class Answer(Struct, frozen=True, kw_only=True):
    """What the kernel made of the request with this nonce."""

    nonce: str
    is_done: bool
    text: str


def is_there(path: Path) -> bool:
    """Whether the file exists. One that cannot be looked at counts as there: a switch fails towards stopping."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def read_request(path: Path) -> Request:
    """What a file says; never fails: a file that cannot be read is a request without words."""
    text = _read(path)
    try:
        request = msgspec.json.decode(text, type=Request)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        request = Request(reason=text.decode(errors="replace"))
    words = " ".join(legible(request.reason, REASON_CHARS_MAX).split())
    return Request(reason=words or f"file {path} exists", by=legible(request.by, 40), nonce=request.nonce[:64])


def read_answer(data: Path, nonce: str) -> Answer | None:
    """The answer to this nonce, once it is there."""
    try:
        answer = msgspec.json.decode(_read(data / ANSWER), type=Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return answer if answer.nonce == nonce else None


def _read(path: Path) -> bytes:
    try:  # a pipe or a link is not followed, and does not block
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(descriptor, BYTES_MAX)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def write(path: Path, value: Request | Answer) -> None:
    """Write it whole, readable for its owner alone. Raises `StoreError`."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(value))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise StoreError(f"cannot write {path}: {error.strerror}") from error


def remove(path: Path) -> bool:
    """Take it away; whether it was there. Raises `StoreError`."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(f"cannot remove {path}: {error.strerror}") from error
    return True

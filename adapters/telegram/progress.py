"""What must survive a restart so that no command runs twice: the next update's number and the last code's step."""

import contextlib
import os
from pathlib import Path

import msgspec
from msgspec import Struct

from adapters.telegram.totp import STEP_S
from bus.clock import NS_PER_S, Clock
from kernel.errors import StoreError

BYTES_MAX = 1_000


class _Kept(Struct, frozen=True, kw_only=True):
    offset: int
    totp_step: int


class Progress:
    """A small file, written whole. One that cannot be read counts as: every code up to now was used."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.offset = 0
        self.totp_step = 0
        self._path = path
        try:
            with path.open("rb") as file:
                kept = msgspec.json.decode(file.read(BYTES_MAX), type=_Kept)
        except FileNotFoundError:
            return
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            self.totp_step = clock.now_ns() // (STEP_S * NS_PER_S) + 1
            return
        self.offset, self.totp_step = kept.offset, kept.totp_step

    def save(self) -> None:
        """Write both. Raises `StoreError`; the caller then does nothing that must not be done twice."""
        beside = self._path.with_name(self._path.name + ".new")
        data = msgspec.json.encode(_Kept(offset=self.offset, totp_step=self.totp_step))
        try:
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        except OSError as error:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            raise StoreError(f"cannot write {self._path}: {error.strerror}; Telegram commands wait") from error

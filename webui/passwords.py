"""Passwords: what may be one, how it is kept (Argon2id), and how it is checked without holding up the kernel's loop.

A check takes 64 MiB and 0.13 s (measured). They run in one thread, so that many logins at once cost time and not
memory; the library lets go of the interpreter meanwhile, so the loop runs on.
"""

import asyncio
import os
import re
import unicodedata
from concurrent.futures import ThreadPoolExecutor

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from kernel.errors import ConfigError

MEMORY_KIB = 64 * 1024
PASSES = 3
LANES = 1
SALT_BYTES = 16
HASH_BYTES = 32
CHARS_MIN = 12
CHARS_MAX = 256  #: enough for any sentence; more would only be work for us
DIFFERENT_MIN = 5  #: characters; "aaaaaaaaaaaa" has one
WORKERS = 1  #: checks at once: 64 MiB each
WAITING_MAX = 8  #: about a second of queue; who comes later is asked to come back

_KEPT = re.compile(r"\$argon2id\$v=19\$m=(\d{1,6}),t=(\d{1,2}),p=(\d)\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}")
#: Of a random text that nobody knows: unknown names cost the same check as known ones.
NOBODY = "$argon2id$v=19$m=65536,t=3,p=1$fh2fcdBsTxlPjNs1XZolpw$3YGwQRgImOS6QaEyWJSNmF/vHNf185FYH5z+6aP+AJ4"


def hash_password(password: str) -> str:
    """The text to keep (PHC format, random salt). Takes 0.13 s and 64 MiB."""
    kdf = Argon2id(
        salt=os.urandom(SALT_BYTES), length=HASH_BYTES, iterations=PASSES, lanes=LANES, memory_cost=MEMORY_KIB
    )
    return kdf.derive_phc_encoded(_bytes(password))


def is_kept_form(text: str) -> bool:
    """Whether `text` is a hash that we would check: Argon2id, and no dearer than four times our own.

    A file that asks for more could eat the memory of the machine with one login.
    """
    found = _KEPT.fullmatch(text)
    if found is None:
        return False
    memory_kib, passes, lanes = (int(each) for each in found.groups())
    return 8 * lanes <= memory_kib <= 2 * MEMORY_KIB and 1 <= passes <= 2 * PASSES and 1 <= lanes <= 4


def require_good_password(password: str, name: str) -> None:
    """Raises ConfigError saying what is wrong with it; the password itself is never in the text."""
    if not CHARS_MIN <= len(password) <= CHARS_MAX:
        raise ConfigError(f"password: expected {CHARS_MIN} to {CHARS_MAX} characters, found {len(password)}")
    if not password.isprintable():
        raise ConfigError("password: expected printable characters in one line")
    if password.casefold().strip() in (name.casefold(), name.casefold() * 2):
        raise ConfigError("password: expected something else than the user's name")
    if len(set(password)) < DIFFERENT_MIN:
        raise ConfigError(
            f"password: expected at least {DIFFERENT_MIN} different characters, found {len(set(password))}"
        )


class Passwords:
    """Checks passwords in a thread of its own, one after the other."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="webui-password")
        self._waiting = 0
        self.checked = 0  #: total, the ones for nobody included; tests and the system page read it

    @property
    def has_room(self) -> bool:
        """Whether one more check may wait."""
        return self._waiting < WAITING_MAX

    async def is_right(self, password: str, kept: str | None) -> bool:
        """Whether the password belongs to the hash. None = no such user: the same work, and never right.

        Ask `has_room` first. The check of a client that went away still runs to its end.
        """
        is_possible = kept is not None and len(password) <= CHARS_MAX
        self._waiting += 1
        try:
            found = await asyncio.get_running_loop().run_in_executor(
                self._pool, _is_right, password[:CHARS_MAX], kept if kept is not None else NOBODY
            )
        finally:
            self._waiting -= 1
        self.checked += 1
        return found and is_possible

    def close(self) -> None:
        """Let the thread end; checks that wait are dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _is_right(password: str, kept: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(_bytes(password), kept)
    except (InvalidKey, ValueError):
        return False
    return True


def _bytes(password: str) -> bytes:
    """One form for one password, however the keyboard composed its accents."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")

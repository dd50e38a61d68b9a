"""The key that wraps data keys. It lives outside the database, and this object gives it to nobody."""

import base64
import binascii
import hashlib
import hmac
import os
import re
from uuid import UUID

import msgspec
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from msgspec import Struct

from kernel.secrets.secret import Secret
from kernel.secrets.secret_errors import BadSecret
from persistence.data_key import DataKey

KEY_BYTES = 32
SALT_BYTES = 16
SCRYPT_N = 1 << 17  #: with r = 8: 128 MB and about 0.4 s a guess (OWASP's first choice)
SCRYPT_R = 8
SCRYPT_P = 1
PASSPHRASE_CHARS_MIN = 12

_HEX_KEY = re.compile(r"[0-9a-fA-F]{64}")


class _Wrapped(Struct, frozen=True):
    key_id: UUID
    key: str


class MasterKey:
    """Wraps and unwraps data keys. `master_id` is a fingerprint that may be shown; `origin` says where it came from."""

    __slots__ = ("_fernet", "is_generated", "master_id", "origin")

    def __init__(self, key: Secret, *, origin: str, is_generated: bool = False) -> None:
        """`key`: 32 bytes in URL-safe base64 or hex. Raises BadSecret."""
        raw = _key_bytes(key)
        is_right = raw is not None
        if raw is not None:
            self._fernet = Fernet(base64.urlsafe_b64encode(raw))
            self.master_id = hmac.digest(raw, b"trading kernel master key id", hashlib.sha256).hex()[:16]
            del raw
        if not is_right:
            raise BadSecret(f"master key from {origin}: expected 32 bytes as 44 characters of base64 or 64 hex digits")
        self.origin = origin
        self.is_generated = is_generated

    def __repr__(self) -> str:
        return f"MasterKey({self.master_id} from {self.origin})"

    def wrap(self, data_key: DataKey) -> str:
        """The data key as text that only this master key opens."""
        inside = _Wrapped(data_key.id, data_key.material().reveal())
        return self._fernet.encrypt(msgspec.json.encode(inside)).decode()

    def unwrap(self, key_id: UUID, wrapped: str) -> DataKey | None:
        """The data key; None if another master key wrapped it, or it is not the one of that id."""
        try:
            inside = msgspec.json.decode(self._fernet.decrypt(wrapped.encode()), type=_Wrapped)
        except (InvalidToken, msgspec.DecodeError):
            return None
        return DataKey(inside.key_id, Secret(inside.key)) if inside.key_id == key_id else None


def new_master_key_text() -> Secret:
    """A fresh random key, as text for a key file."""
    return Secret(Fernet.generate_key().decode())


def new_salt() -> bytes:
    """For a passphrase; not secret."""
    return os.urandom(SALT_BYTES)


def key_of_passphrase(passphrase: Secret, salt: bytes, *, cost: int = SCRYPT_N) -> Secret:
    """Key text from a passphrase by scrypt. Blocks about 0.4 s. Raises BadSecret when it is too short to be safe."""
    if len(passphrase.reveal()) < PASSPHRASE_CHARS_MIN:
        raise BadSecret(f"master passphrase: expected at least {PASSPHRASE_CHARS_MIN} characters")
    kdf = Scrypt(salt=salt, length=KEY_BYTES, n=cost, r=SCRYPT_R, p=SCRYPT_P)
    return Secret(base64.urlsafe_b64encode(kdf.derive(passphrase.reveal().encode())).decode())


def _key_bytes(key: Secret) -> bytes | None:
    text = key.reveal().strip()
    if _HEX_KEY.fullmatch(text):
        return bytes.fromhex(text)
    try:
        raw = base64.b64decode(text.encode(), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError):
        return None
    return raw if len(raw) == KEY_BYTES else None

"""The key that encrypts values. What it encrypts is a small struct that says whose value it is."""

from uuid import UUID, uuid4

import msgspec
from cryptography.fernet import Fernet, InvalidToken
from msgspec import Struct

from kernel.secrets.secret import Secret


class _Sealed(Struct, frozen=True):
    name: str
    version: int
    value: str


class DataKey:
    """One Fernet key with the id under which it is stored."""

    __slots__ = ("_fernet", "_key", "id")

    def __init__(self, key_id: UUID, key: Secret) -> None:
        self.id = key_id
        self._key = key
        self._fernet = Fernet(key.reveal())

    @classmethod
    def generate(cls) -> "DataKey":
        """A fresh one."""
        return cls(uuid4(), Secret(Fernet.generate_key().decode()))

    def __repr__(self) -> str:
        return f"DataKey({self.id})"

    def material(self) -> Secret:
        """The key itself, for wrapping."""
        return self._key

    def seal(self, name: str, version: int, secret: Secret) -> str:
        """Ciphertext of a value, bound to its name and version."""
        return self._fernet.encrypt(msgspec.json.encode(_Sealed(name, version, secret.reveal()))).decode()

    def open(self, name: str, version: int, ciphertext: str) -> Secret | str:
        """The value; or in words why this is not the ciphertext of that name and version."""
        try:
            sealed = msgspec.json.decode(self._fernet.decrypt(ciphertext.encode()), type=_Sealed)
        except (InvalidToken, msgspec.DecodeError, UnicodeEncodeError):
            return "its ciphertext is damaged or made with another key"
        if sealed.name != name:
            return f"its ciphertext belongs to the row {sealed.name!r}"
        if sealed.version != version:
            return f"its ciphertext is version {sealed.version}, the row says {version}"
        return Secret(sealed.value)

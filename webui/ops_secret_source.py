"""What the secrets page reads and does. Only `put` takes a value, and gives none back."""

from typing import Protocol

from msgspec import Struct

from kernel.secrets.secret import Secret


class SecretLine(Struct, frozen=True, kw_only=True):
    """One name. `source` "" = missing. Times 0 = unknown or never. `version` 0 = not in the database."""

    name: str
    title: str = ""
    shape: str = ""
    required_by: tuple[str, ...] = ()
    source: str = ""
    is_hidden: bool = False  #: stored, but a file comes first
    version: int = 0
    updated_ns: int = 0
    used_ns: int = 0
    last_module: str = ""
    address: str = ""
    problem: str = ""


class AccessLine(Struct, frozen=True, kw_only=True):
    """One line of the access log."""

    ts_ns: int
    module: str
    name: str
    purpose: str
    source: str
    result: str
    is_first: bool


class SecretsView(Struct, frozen=True, kw_only=True):
    """Everything on the page. `why_not`: why nothing can be set here, "" = it can."""

    lines: tuple[SecretLine, ...] = ()
    accesses: tuple[AccessLine, ...] = ()
    master_id: str = ""
    master_origin: str = ""
    is_master_generated: bool = False
    why_not: str = ""
    log_waiting: int = 0
    log_dropped: int = 0


class SecretsSource(Protocol):
    """Secrets: names, never values."""

    async def secrets(self) -> SecretsView:
        """While the database is away: what files and the environment have, and why the rest is unknown."""

    async def put(self, name: str, secret: Secret, *, version: int, by: str) -> int:
        """Store a value in place of `version` (0 = none there). Its version. Raises ConfigError or StoreError."""

    async def delete(self, name: str, *, version: int, by: str) -> None:
        """Raises ConfigError when there is none or it changed, or StoreError."""

    async def rotate_values(self, by: str) -> int:
        """Encrypt everything anew; how many values. Raises StoreError."""

"""One line of the access log: who asked for which secret, what for, and what came of it."""

from typing import Any, Literal, Protocol

from msgspec import Struct

OPERATOR = "operator"  #: module of what a person does; looking at a secret is not using it

Source = Literal["file", "database", "environment", "signer", "operator", ""]
Result = Literal["ok", "missing", "refused", "unavailable", "signed", "changed"]


class AccessEntry(Struct, frozen=True, kw_only=True):
    """An access. `source` is "" where the secret was found nowhere."""

    ts_ns: int
    module: str
    name: str
    purpose: str
    source: Source
    result: Result
    metadata: dict[str, Any] = {}


class AccessRecorder(Protocol):
    """Where accesses go. Never waits, never fails."""

    def record(self, entry: AccessEntry) -> None: ...

"""What the rest of the program may ask of the RPC pool (`adapters/rpc`), and the values that come back.

Nobody else opens a connection (law: `tests/laws/test_rpc.py`).
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeVar

from msgspec import Struct

T = TypeVar("T")

Priority = Literal["normal", "risk_reducing"]  #: risk_reducing (cancels, closes) may use the reserved budget
Overflow = Literal["gap", "latest"]  #: drop all and mark a gap; or keep the newest
Tell = Callable[[str, str, str], None]  #: (severity, code, text)
MakeHeaders = Callable[[bytes], Mapping[str, str]]  #: from the exact body, for relays that want it signed


class Quorum(Struct, frozen=True, kw_only=True):
    """At least `agree` equal answers out of `ask` endpoints."""

    agree: int = 2
    ask: int = 3


class Notice(Struct, frozen=True, kw_only=True):
    """One message of a subscription: plain JSON values, hostile as any wire data."""

    received_ns: int
    value: Any
    label: str  #: of the endpoint


class SubscriptionGap(Struct, frozen=True, kw_only=True):
    """Messages between the two times (UTC ns) may be missing; whoever folds them must read the state anew."""

    from_ns: int
    to_ns: int
    reason: str
    label: str  #: of the endpoint that goes on


class RpcCaller(Protocol):
    """The calls that adapters use; `RpcPool` is one."""

    async def call(
        self,
        provider_type: str,
        method: str,
        params: Sequence[Any] | Mapping[str, Any] = (),
        *,
        result: type[T],
        priority: Priority = "normal",
        hedge_after_ms: int | None = None,
        quorum: Quorum | None = None,
        timeout_s: float | None = None,
        is_idempotent: bool | None = None,
        path: str = "",
        headers: MakeHeaders | None = None,
    ) -> T: ...

    def subscribe(
        self,
        provider_type: str,
        method: str,
        params: Sequence[Any] = (),
        *,
        silence_max_s: float | None = None,
        queue_max: int | None = None,
        overflow: Overflow = "gap",
    ) -> AsyncIterator[Notice | SubscriptionGap]: ...

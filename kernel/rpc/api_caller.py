"""What adapters of plain HTTP APIs (Jito's tip floor, Jupiter) may ask of the RPC pool, beside `RpcCaller`."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol, TypeVar

T = TypeVar("T")
Verb = Literal["GET", "POST", "PUT", "DELETE"]


class ApiCaller(Protocol):
    """JSON over HTTP; `RpcPool` is one. Raises as `RpcCaller.call`; an HTTP 4xx is `RpcRefused` with the status."""

    async def fetch(
        self,
        provider_type: str,
        verb: Verb,
        path: str,
        *,
        result: type[T],
        query: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        is_idempotent: bool | None = None,
    ) -> T: ...

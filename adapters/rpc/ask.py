"""What is asked of an endpoint, independent of which one: how to write the request and how to read the answer."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec
from msgspec import Raw, Struct

from adapters.rpc.json_rpc import RpcError, decode_answer, decode_result, encode_request
from adapters.rpc.methods import Kind
from adapters.rpc.rate_limit import is_rate_limit
from kernel.errors import BadWire
from kernel.rpc.caller import MakeHeaders
from kernel.rpc.rpc_errors import RpcRefused
from kernel.secrets.redaction import redact

Verb = Literal["GET", "POST", "PUT", "DELETE"]
TEXT_CHARS_MAX = 300
#: A node that has not got what was asked for; another one may. Solana: -32004 block not available, -32005 node is
#: behind, -32014 block status not available yet, -32016 minimum context slot not reached. -32603 is "internal error"
#: everywhere, -32601 a method that this provider does not offer.
ELSEWHERE_SOLANA = frozenset({-32004, -32005, -32014, -32016})
ELSEWHERE = frozenset({-32601, -32603, -32700})
ELSEWHERE_WORDS = (
    "header not found", "block not found", "unknown block", "missing trie node", "not available", "node is behind",
    "could not find block", "resource not found", "timeout", "timed out", "temporarily",
)  # fmt: skip


class Failure(Struct, frozen=True, kw_only=True):
    """Why there is no answer.

    kind: not_sent (no byte of it left), rate_limited, denied (refused before it was looked at), elsewhere (this node
    cannot answer, another may), refused (the node's own no: final), broken (may have been carried out).
    """

    kind: Literal["not_sent", "rate_limited", "denied", "elsewhere", "refused", "broken"]
    text: str
    retry_after_s: float | None = None
    error: RpcRefused | None = None


class Reply(Struct, frozen=True, kw_only=True):
    """An answer: its bytes as they came, and the value read from them as the asked type."""

    raw: Raw
    value: Any


class Request(Struct, frozen=True, kw_only=True):
    """One request as it goes out; `path` is put after the endpoint's URL."""

    verb: Verb
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    request_id: int = 0


class Ask(Protocol):
    """A question. `kind` decides about repeating, `method_class` names the usage count, `name` is for people."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def method_class(self) -> str: ...
    def request(self, request_id: int) -> Request: ...
    def read(self, status: int, body: bytes, request: Request, family: str) -> Reply | Failure: ...


class JsonRpcAsk(Struct, frozen=True, kw_only=True):
    """A JSON-RPC call."""

    name: str
    kind: Kind
    method_class: str
    params: Sequence[Any] | Mapping[str, Any] = ()
    result: Any = Any
    path: str = ""
    make_headers: MakeHeaders | None = None

    def request(self, request_id: int) -> Request:
        """A body with an id of its own."""
        body = encode_request(request_id, self.name, self.params)
        headers = {"Content-Type": "application/json"}
        if self.make_headers is not None:
            headers.update(self.make_headers(body))
        return Request(verb="POST", path=self.path, query={}, headers=headers, body=body, request_id=request_id)

    def read(self, status: int, body: bytes, request: Request, family: str) -> Reply | Failure:
        """The result. Some nodes put an error of their own into an HTTP 4xx."""
        try:
            answer = decode_answer(body, request.request_id)
        except BadWire as error:
            if status >= 400:
                return Failure(kind="denied", text=f"answered HTTP {status}")
            return Failure(kind="broken", text=str(error))
        if isinstance(answer, RpcError):
            return self._failure(answer, family)
        return _reply(answer, self.result)

    def _failure(self, error: RpcError, family: str) -> Failure:
        message = redact(error.message)[:TEXT_CHARS_MAX]
        text = f"{self.name}: {error.code} {message!r}"
        if is_rate_limit(family, error.code, error.message):
            return Failure(kind="rate_limited", text=text)
        refusal = RpcRefused(f"{text}: the node refused it", code=error.code, message=message, data=error.plain_data())
        lowered = message.lower()
        if error.code in ELSEWHERE or (family == "solana" and error.code in ELSEWHERE_SOLANA):
            kind: Literal["elsewhere", "refused"] = "elsewhere"
        else:
            # A revert (code 3) carries the contract's own words, which must not steer us.
            is_elsewhere = error.code != 3 and "revert" not in lowered
            kind = "elsewhere" if is_elsewhere and any(each in lowered for each in ELSEWHERE_WORDS) else "refused"
        return Failure(kind=kind, text=text, error=refusal)


class HttpAsk(Struct, frozen=True, kw_only=True):
    """A plain HTTP request to an API (Jupiter, Binance): JSON in, JSON out."""

    name: str
    kind: Kind
    method_class: str
    verb: Verb
    path: str
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    body: Any = None
    result: Any = Any

    def request(self, request_id: int) -> Request:
        """The same each time; there is no id."""
        body = b"" if self.body is None else msgspec.json.encode(self.body)
        headers = dict(self.headers)
        if body:
            headers["Content-Type"] = "application/json"
        return Request(verb=self.verb, path=self.path, query=self.query, headers=headers, body=body)

    def read(self, status: int, body: bytes, request: Request, family: str) -> Reply | Failure:
        """The body; an HTTP 4xx is the service's no."""
        if status < 400:
            return _reply(Raw(body), self.result)
        text = redact(body[:TEXT_CHARS_MAX].decode("utf-8", "replace"))
        refusal = RpcRefused(f"{self.name}: HTTP {status} {text!r}: the service refused it", code=status, message=text)
        return Failure(kind="refused", text=f"HTTP {status}", error=refusal)


def _reply(raw: Raw, kind: Any) -> Reply | Failure:
    """An answer that does not fit its type is none."""
    try:
        return Reply(raw=raw, value=decode_result(raw, kind))
    except BadWire as error:
        return Failure(kind="broken", text=str(error))

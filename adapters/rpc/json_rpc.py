"""JSON-RPC 2.0 on the wire: one request, one answer, and whether the answer is one to that request."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from kernel.errors import BadWire

MESSAGE_CHARS_MAX = 400  #: of an error's text, which is the node's and hostile


class RpcError(Struct, frozen=True, kw_only=True):
    """The `error` of an answer."""

    code: int = 0
    message: str = ""
    data: Raw | UnsetType = UNSET

    def plain_data(self) -> Any:
        """`data` as plain values; None when there is none."""
        return None if isinstance(self.data, UnsetType) else msgspec.json.decode(self.data)


class _Answer(Struct, kw_only=True):
    id: int | str | None = None
    result: Raw | UnsetType = UNSET
    error: RpcError | str | None = None


_DECODER = msgspec.json.Decoder(_Answer)
WIRE_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def encode_request(request_id: int, method: str, params: Sequence[Any] | Mapping[str, Any]) -> bytes:
    """The body of one call."""
    return msgspec.json.encode({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})


def decode_answer(body: bytes, request_id: int) -> Raw | RpcError:
    """The raw `result`, or the error. Raises `BadWire` when this is no answer to request `request_id`."""
    try:
        answer = _DECODER.decode(body)
    except WIRE_ERRORS as error:
        raise BadWire(f"expected a JSON-RPC answer, found {len(body)} bytes that are none ({_short(error)})") from None
    if isinstance(answer.error, str):  # some gateways
        return RpcError(code=-32603, message=answer.error[:MESSAGE_CHARS_MAX])
    if answer.error is not None:
        # A node that could not read the request, or a gateway, answers with id null.
        if answer.id is not None and answer.id != request_id:
            raise BadWire(f"id: expected {request_id}, found {str(answer.id)[:40]!r} with an error")
        return msgspec.structs.replace(answer.error, message=answer.error.message[:MESSAGE_CHARS_MAX])
    if answer.id != request_id:
        raise BadWire(f"id: expected {request_id}, found {str(answer.id)[:40]!r}: an answer to another call")
    if isinstance(answer.result, UnsetType):
        raise BadWire("expected a result or an error, found neither")
    return answer.result


def decode_result(raw: Raw | bytes, kind: Any) -> Any:
    """The result as `kind`. Raises `BadWire` naming the field that does not fit."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except WIRE_ERRORS as error:
        raise BadWire(f"result: {_short(error)}") from None


def canonical(raw: bytes, family: str) -> bytes:
    """The result in one form, so that equal answers have equal bytes: sorted keys, lower-case hex on EVM chains, and
    without Solana's `context`, which names the slot of the answering node."""
    value = decode_result(raw, Any)
    if family == "solana" and isinstance(value, dict) and set(value) == {"context", "value"}:
        value = value["value"]
    if family == "evm":
        value = _lowered(value)
    return msgspec.json.encode(value, order="sorted")


def _lowered(value: Any) -> Any:
    if isinstance(value, str):
        return value.lower() if value[:2].lower() == "0x" else value
    if isinstance(value, list):
        return [_lowered(each) for each in value]
    if isinstance(value, dict):
        return {key: _lowered(each) for key, each in value.items()}
    return value


def _short(error: BaseException) -> str:
    return str(error)[:200]

"""JSON-RPC over HTTP: one call or a batch, errors as the protocol wants them."""

from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from tests.solana_world import rpc_accounts, rpc_chain, rpc_transactions
from tests.solana_world.faults import Fault
from tests.solana_world.gate import pass_gate
from tests.solana_world.node_view import NodeView
from tests.solana_world.rpc_error import (
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    NODE_UNHEALTHY,
    PARSE_ERROR,
    RpcError,
    invalid_params,
)  # fmt: skip
from tests.solana_world.world import World

METHODS: dict[str, Callable[[NodeView, list[Any]], Any]] = {
    **rpc_chain.METHODS, **rpc_accounts.METHODS, **rpc_transactions.METHODS,
}  # fmt: skip
BODY_BYTES_MAX = 50 * 1024  #: as a node's; longer requests are refused
BATCH_MAX = 100


def json_response(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Compact, as nodes write it."""
    return web.Response(
        body=msgspec.json.encode(value), status=status, content_type="application/json", headers=headers
    )


def error_body(error: RpcError, call_id: Any) -> dict[str, Any]:
    """A whole answer."""
    return {"jsonrpc": "2.0", "error": error.as_json(), "id": call_id}


def split_call(call: Any) -> tuple[str, list[Any], Any]:
    """(method, parameters, id). Raises `RpcError`."""
    if not isinstance(call, dict) or not isinstance(call.get("method"), str) or call.get("jsonrpc") != "2.0":
        raise RpcError(INVALID_REQUEST, "Invalid request")
    params = call.get("params")
    if params is None:
        params = []
    if not isinstance(params, list):
        raise invalid_params("expected a list.")
    return call["method"], params, call.get("id")


def answer_call(world: World, call: Any, faults: list[Fault]) -> dict[str, Any]:
    """The whole answer to one call."""
    call_id = call.get("id") if isinstance(call, dict) else None
    try:
        method, params, call_id = split_call(call)
        behind = 0
        for fault in faults:
            if fault.what == "stale":
                behind = fault["blocks"]
            elif fault.what == "unhealthy":
                text = f"Node is behind by {fault['blocks']} slots"
                raise RpcError(NODE_UNHEALTHY, text, {"numSlotsBehind": fault["blocks"]})
        handler = METHODS.get(method)
        if handler is None:
            raise RpcError(METHOD_NOT_FOUND, "Method not found")
        return {"jsonrpc": "2.0", "result": handler(NodeView(world, behind), params), "id": call_id}
    except RpcError as error:
        return error_body(error, call_id)


class JsonRpcServer:
    """`POST /`."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One HTTP request."""
        body = await request.read()
        if len(body) > BODY_BYTES_MAX:
            return web.Response(status=413, text="Request body too large")
        try:
            calls = msgspec.json.decode(body)
        except msgspec.DecodeError:
            return json_response(error_body(RpcError(PARSE_ERROR, "Parse error"), None))
        batch = calls if isinstance(calls, list) else [calls]
        if not batch or len(batch) > BATCH_MAX:
            return json_response(error_body(RpcError(INVALID_REQUEST, "Invalid request"), None))
        names = [each.get("method") if isinstance(each, dict) else None for each in batch]
        places = [f"rpc:{each}" for each in names if isinstance(each, str)]

        async def answer(faults: list[Fault]) -> web.StreamResponse:
            answers = [answer_call(self._world, each, faults) for each in batch]
            return json_response(answers if isinstance(calls, list) else answers[0])

        return await pass_gate(self._world, request, places, answer)

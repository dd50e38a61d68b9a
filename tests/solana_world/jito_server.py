"""The block engine over HTTP and WebSocket, under /jito: its paths, its rate limit, its way to say no."""

import asyncio
import contextlib
from typing import Any

import msgspec
from aiohttp import web

from tests.solana_world.block_engine import IDS_MAX, BlockEngine
from tests.solana_world.faults import Fault
from tests.solana_world.gate import pass_gate
from tests.solana_world.json_rpc_server import error_body, json_response, split_call
from tests.solana_world.node_view import VERSION, NodeView, config_at, text_at
from tests.solana_world.rpc_error import METHOD_NOT_FOUND, PARSE_ERROR, RpcError, invalid_params
from tests.solana_world.rpc_transactions import accept
from tests.solana_world.tip_accounts import TIP_ACCOUNTS
from tests.solana_world.wire_transaction import check_signatures, decode_transaction
from tests.solana_world.world import World

CONGESTED = -32097
KEY_TIMES = 5  #: a caller with a key may ask so many times as often
EARLY_S = 0.02  #: who keeps to the second by a clock of his own is not punished for the way there
STREAM_SLOTS = 5  #: between two messages of the tip stream


class JitoServer:
    """Paths below `PREFIX`."""

    PREFIX = "/jito"

    def __init__(self, world: World) -> None:
        self._world = world
        self.engine = BlockEngine(world)
        self._allowed_at_s: dict[str, float] = {}  # caller -> when the next request may come
        self._streams: dict[asyncio.Queue[bytes], None] = {}
        self._slots = 0
        world.listeners.append(lambda update: self._stream_tips())

    def add_routes(self, app: web.Application) -> None:
        """To the world's server."""
        base = self.PREFIX + "/api/v1"
        for path in ("bundles", "getBundleStatuses", "getInflightBundleStatuses", "getTipAccounts", "transactions"):
            app.router.add_post(f"{base}/{path}", self._call)
        app.router.add_get(f"{base}/bundles/tip_floor", self._tip_floor)
        app.router.add_get(f"{base}/bundles/tip_stream", self._tip_stream)

    def _is_too_often(self, request: web.Request) -> bool:
        per_s = self._world.options.jito_per_s
        key = request.headers.get("x-jito-auth") or request.query.get("uuid") or ""
        caller = key or f"ip {request.remote}"
        if not per_s:
            return False
        now_s = self._world.stopwatch_s()
        if now_s < self._allowed_at_s.get(caller, 0.0):
            return True
        self._allowed_at_s[caller] = now_s + 1.0 / (per_s * (KEY_TIMES if key else 1)) - EARLY_S
        return False

    async def _call(self, request: web.Request) -> web.StreamResponse:
        try:
            call = msgspec.json.decode(await request.read())
        except msgspec.DecodeError:
            return json_response(error_body(RpcError(PARSE_ERROR, "Parse error"), None), 400)
        call_id = call.get("id") if isinstance(call, dict) else None
        if self._is_too_often(request):
            text = "Network congested. Endpoint is globally rate limited."
            return json_response(error_body(RpcError(CONGESTED, text), call_id), 429)
        method = call.get("method") if isinstance(call, dict) else ""

        async def answer(faults: list[Fault]) -> web.StreamResponse:
            headers: dict[str, str] = {}
            try:
                name, params, _ = split_call(call)
                result = self._do(request, name, params, headers)
            except RpcError as error:
                return json_response(error_body(error, call_id), 400)
            return json_response({"jsonrpc": "2.0", "result": result, "id": call_id}, headers=headers)

        return await pass_gate(self._world, request, [f"jito:{method}"], answer)

    def _do(self, request: web.Request, method: str, params: list[Any], headers: dict[str, str]) -> Any:
        if method == "getTipAccounts":
            return [str(each) for each in TIP_ACCOUNTS]
        if method == "sendBundle":
            return self._send_bundle(params)
        if method == "sendTransaction":
            return self._send_transaction(request, params, headers)
        if method in ("getBundleStatuses", "getInflightBundleStatuses"):
            ids = params[0] if params else None
            if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
                raise invalid_params("expected a list of bundle ids at 0.")
            if len(ids) > IDS_MAX:
                raise RpcError(-32602, f"at most {IDS_MAX} bundle ids at a time")
            rows: Any = self.engine.statuses(ids) if method == "getBundleStatuses" else self.engine.inflight(ids)
            return {"context": {"apiVersion": VERSION, "slot": self._world.chain.tip.slot}, "value": rows}
        raise RpcError(METHOD_NOT_FOUND, "Method not found")

    def _send_bundle(self, params: list[Any]) -> str:
        texts = params[0] if params else None
        if not isinstance(texts, list):
            raise invalid_params("expected a list of transactions at 0.")
        encoding = config_at(params, 1).get("encoding")  # absent = base58, whatever the bytes look like
        transactions = [decode_transaction(each, encoding) for each in texts]
        for each in transactions:
            check_signatures(each)
        return self.engine.take(transactions)

    def _send_transaction(self, request: web.Request, params: list[Any], headers: dict[str, str]) -> str:
        encoding = config_at(params, 1).get("encoding")
        transaction = decode_transaction(text_at(params, 0, "a transaction"), encoding)
        check_signatures(transaction)
        if request.query.get("bundleOnly") == "true":
            headers["x-bundle-id"] = self.engine.take([transaction])
        else:
            accept(NodeView(self._world), transaction)
        return str(transaction.signatures[0])

    async def _tip_floor(self, request: web.Request) -> web.StreamResponse:
        async def answer(faults: list[Fault]) -> web.StreamResponse:
            return json_response(self.engine.tip_floor())

        return await pass_gate(self._world, request, ["jito:tip_floor"], answer)

    def _stream_tips(self) -> None:
        self._slots += 1
        if self._slots % STREAM_SLOTS == 0:
            message = msgspec.json.encode(self.engine.tip_floor())
            for queue in self._streams:
                with contextlib.suppress(asyncio.QueueFull):
                    queue.put_nowait(message)

    async def _tip_stream(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(heartbeat=30.0)
        await socket.prepare(request)
        queue: asyncio.Queue[bytes] = asyncio.Queue(100)
        queue.put_nowait(msgspec.json.encode(self.engine.tip_floor()))
        self._streams[queue] = None
        writer = asyncio.create_task(_write(socket, queue), name="world-tips")
        try:
            async for _ in socket:
                pass
        finally:
            self._streams.pop(queue, None)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        return socket


async def _write(socket: web.WebSocketResponse, queue: asyncio.Queue[bytes]) -> None:
    with contextlib.suppress(ConnectionError):
        while True:
            await socket.send_str((await queue.get()).decode())

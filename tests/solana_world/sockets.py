"""The WebSocket side of the node: subscribe, unsubscribe, notices as slots are made."""

import asyncio
import contextlib
import itertools
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from tests.solana_world.json_rpc_server import error_body, split_call
from tests.solana_world.rpc_error import METHOD_NOT_FOUND, PARSE_ERROR, RpcError, invalid_params
from tests.solana_world.subscriptions import KINDS, Subscription
from tests.solana_world.world import SlotUpdate, World

QUEUE_MAX = 20_000  #: messages that a slow client may have waiting; then it is cut off
SUBSCRIPTIONS_MAX = 1_000  #: of one connection


class Connection:
    """One client."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.socket = socket
        self.subscriptions: dict[int, Subscription] = {}
        self.queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUE_MAX)
        self._request = request

    def put(self, message: Any) -> None:
        """To be sent in order."""
        try:
            self.queue.put_nowait(msgspec.json.encode(message))
        except asyncio.QueueFull:
            self.cut()

    def cut(self) -> None:
        """End it without a word."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def write(self) -> None:
        """Send what waits, until cancelled."""
        with contextlib.suppress(ConnectionError):
            while True:
                message = await self.queue.get()
                await self.socket.send_str(message.decode())


class Sockets:
    """All connections of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._connections: dict[Connection, None] = {}  # in the order of arrival, as faults count by it
        self._ids = itertools.count(1)
        world.listeners.append(self._tell)

    @property
    def subscriptions(self) -> list[Subscription]:
        """Of everybody."""
        return [each for connection in self._connections for each in connection.subscriptions.values()]

    def cut_all(self) -> None:
        """Every connection ends."""
        for each in list(self._connections):
            each.cut()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """`GET /` with an upgrade."""
        socket = web.WebSocketResponse(heartbeat=30.0, max_msg_size=1_000_000)
        await socket.prepare(request)
        connection = Connection(socket, request)
        self._connections[connection] = None
        writer = asyncio.create_task(connection.write(), name="world-socket")
        try:
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    self._answer(connection, message.data)
        finally:
            self._connections.pop(connection, None)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        return socket

    def _answer(self, connection: Connection, data: str | bytes) -> None:
        try:
            call = msgspec.json.decode(data)
        except msgspec.DecodeError:
            connection.put(error_body(RpcError(PARSE_ERROR, "Parse error"), None))
            return
        call_id = call.get("id") if isinstance(call, dict) else None
        try:
            method, params, call_id = split_call(call)
            result = self._do(connection, method, params)
        except RpcError as error:
            connection.put(error_body(error, call_id))
            return
        connection.put({"jsonrpc": "2.0", "result": result, "id": call_id})
        if method.endswith("Subscribe"):
            self._send(connection, result, list(connection.subscriptions[result].first()))

    def _do(self, connection: Connection, method: str, params: list[Any]) -> Any:
        if method.endswith("Unsubscribe"):
            number = params[0] if params else None
            kind = KINDS.get(method.removesuffix("Unsubscribe"))
            if kind is None:
                raise RpcError(METHOD_NOT_FOUND, "Method not found")
            if not isinstance(number, int) or connection.subscriptions.pop(number, None) is None:
                raise invalid_params("Invalid subscription id.")
            return True
        kind = KINDS.get(method.removesuffix("Subscribe")) if method.endswith("Subscribe") else None
        if kind is None:
            raise RpcError(METHOD_NOT_FOUND, "Method not found")
        if len(connection.subscriptions) >= SUBSCRIPTIONS_MAX:
            raise RpcError(-32005, "Internal Error: too many subscriptions")
        number = next(self._ids)
        connection.subscriptions[number] = kind(self._world, params)
        return number

    def _tell(self, update: SlotUpdate) -> None:
        for connection in list(self._connections):
            for number, subscription in list(connection.subscriptions.items()):
                self._send(connection, number, list(subscription.after(update)))

    def _send(self, connection: Connection, number: int, results: list[Any]) -> None:
        subscription = connection.subscriptions[number]
        for result in results:
            copies = 1
            for fault in self._world.faults.take(f"ws:{subscription.method}"):
                if fault.what == "cut":
                    connection.cut()
                copies += {"duplicate": 1, "drop": -1}.get(fault.what, 0)
            params = {"result": result, "subscription": number}
            for _ in range(copies):
                connection.put({"jsonrpc": "2.0", "method": subscription.method, "params": params})
        if subscription.is_over:
            connection.subscriptions.pop(number, None)

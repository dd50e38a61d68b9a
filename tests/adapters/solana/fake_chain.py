"""A scripted Solana node, block engine and aggregator on loopback, with the real RPC pool in front of it.

It knows nothing of programs: a test says what a simulation answers and what a transaction did to balances.
"""

import asyncio
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import WSMsgType, web
from solders.transaction import VersionedTransaction

from adapters.rpc.pool import RpcPool
from adapters.rpc.settings import RpcSettings
from bus.clock import WallClock
from kernel.rpc.rpc_endpoint import RpcEndpoint
from kernel.rpc.rpc_providers import SOLANA_GENESIS
from kernel.secrets.secret import Secret
from kernel.strategy import convert_settings

BLOCKHASH = "EkSnNWid2cvwEVnVx9aBqawnmiCNiDgp3gUdkDPTKN1N"
TOKEN = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"


class FakeChain:
    """Everything is an attribute that a test may change at any time."""

    def __init__(self) -> None:
        self.slot = 1_000
        self.height = 900
        self.accounts: dict[str, tuple[str, bytes, int]] = {}  # address -> owner, data, lamports
        self.sent: list[bytes] = []
        self.lands: Callable[[bytes], dict[str, Any] | None] = lambda raw: None  # what a sent transaction does
        self.commitment = "confirmed"
        self.transactions: dict[str, dict[str, Any]] = {}
        self.late: dict[str, tuple[int, dict[str, Any]]] = {}  # lands when so many more requests have come
        self.hidden: set[str] = set()  # signatures that are not told yet
        self.simulation: dict[str, Any] = {"err": None, "logs": [], "unitsConsumed": 100_000}
        self.simulated: list[bytes] = []
        self.fees: dict[str, list[int]] = {}
        self.broken: dict[str, int] = {}  # method -> how many more times it answers HTTP 500
        self.answers: dict[str, Any] = {}  # method or path -> what it answers whatever is asked
        self.seen: list[tuple[str, Any]] = []
        self.bundles: list[list[bytes]] = []
        self.headers: list[dict[str, str]] = []
        self.queries: list[dict[str, str]] = []
        self.bodies: list[Any] = []
        self.tips: list[str] = []  # messages of the tip stream
        self.sockets: dict[web.WebSocketResponse, dict[int, str]] = {}
        self.is_silent = False
        self._last_subscription = 100
        self._runner: web.AppRunner | None = None
        self._ticking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "FakeChain":
        app = web.Application()
        app.router.add_get("/ws", self._socket)
        app.router.add_get("/api/v1/bundles/tip_stream", self._tips)
        app.router.add_route("*", "/{path:.*}", self._http)
        self._runner = web.AppRunner(app, shutdown_timeout=0.01, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        port = self._runner.addresses[0][1]
        http, ws = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}/ws"
        self.pool = RpcPool(
            convert_settings(RpcSettings, {"attempt_timeout_s": 1.0, "call_timeout_s": 2.0, "cool_down_s": 0.05,
                                            "breaker_failures": 100}),
            clock=WallClock(), tell=lambda *_: None, are_private_allowed=True,
        )  # fmt: skip
        urls = {
            "SOLANA_RPC": http,
            "SOLANA_WS": ws,
            "JITO_TIPS_WS": ws.removesuffix("/ws"),
            "JITO_BLOCK_ENGINE": http,
            "JITO_TIPS": http,
            "JUPITER_API": http,
        }
        self.pool.replace([
            RpcEndpoint(provider_type=name, label="fake", url=Secret(url), rate_per_s=10_000.0, burst=10_000)
            for name, url in urls.items()
        ])  # fmt: skip
        await self.pool._transport.start()
        self._ticking = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._ticking is not None and self._runner is not None
        self._ticking.cancel()
        await self.pool.stop()
        await self.cut()
        await self._runner.cleanup()

    def methods(self) -> list[str]:
        return [method for method, _ in self.seen]

    def put(self, address: str, data: bytes, owner: str = TOKEN, lamports: int = 2_039_280) -> None:
        self.accounts[address] = (owner, data, lamports)

    async def change(self, address: str, data: bytes, owner: str = TOKEN, slot: int | None = None) -> None:
        """Write an account and tell its subscribers."""
        self.put(address, data, owner)
        await self.tell(address, slot)

    async def tell(self, address: str, slot: int | None = None) -> None:
        result = {"context": {"slot": slot or self.slot}, "value": self.account(address) or gone()}
        for socket, subscriptions in list(self.sockets.items()):
            for number, name in subscriptions.items():
                if name == address:
                    await self._notify(socket, "accountNotification", number, result)

    async def cut(self) -> None:
        for socket in list(self.sockets):
            if socket._req is not None and socket._req.transport is not None:
                socket._req.transport.abort()

    def account(self, address: str) -> dict[str, Any] | None:
        found = self.accounts.get(address)
        if found is None:
            return None
        owner, data, lamports = found
        return {
            "data": [b64encode(data).decode(), "base64"], "owner": owner, "lamports": lamports, "executable": False,
            "rentEpoch": 18446744073709551615, "space": len(data),
        }  # fmt: skip

    async def _tick(self) -> None:
        """Slots, for subscribers' pulse."""
        while True:
            await asyncio.sleep(0.02)
            if self.is_silent:
                continue
            for socket, subscriptions in list(self.sockets.items()):
                for number, name in subscriptions.items():
                    if name == "slots":
                        value = {"slot": self.slot, "parent": self.slot - 1, "root": self.slot - 32}
                        await self._notify(socket, "slotNotification", number, value)

    async def _notify(self, socket: web.WebSocketResponse, method: str, number: int, result: Any) -> None:
        body = {"jsonrpc": "2.0", "method": method, "params": {"subscription": number, "result": result}}
        if not socket.closed:
            try:
                await socket.send_str(msgspec.json.encode(body).decode())
            except ConnectionError:
                self.sockets.pop(socket, None)

    async def _http(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.headers.append(dict(request.headers))
        if request.path in self.answers or request.method == "GET":
            self.seen.append((request.path, dict(request.query)))
            self.queries.append(dict(request.query))
            self.bodies.append(msgspec.json.decode(body) if body else None)
            answer = self.answers.get(request.path)
            if callable(answer):
                answer = answer(dict(request.query), self.bodies[-1])
            if answer is None:
                return web.Response(status=404)
            return web.Response(body=msgspec.json.encode(answer), content_type="application/json")
        call = msgspec.json.decode(body)
        method, params = call["method"], call["params"]
        self.seen.append((method, params))
        self._travel()
        if self.broken.get(method, 0) > 0:
            self.broken[method] -= 1
            return web.Response(status=500)
        if method in self.answers:
            answer = self.answers[method]
            result = answer(params) if callable(answer) else answer
        else:
            result = self._result(method, params)
        reply: dict[str, Any] = {"jsonrpc": "2.0", "id": call["id"]}
        reply |= (
            {"error": result["__error"]} if isinstance(result, dict) and "__error" in result else {"result": result}
        )
        return web.Response(body=msgspec.json.encode(reply), content_type="application/json")

    def _result(self, method: str, params: Any) -> Any:
        with_context = {"context": {"slot": self.slot, "apiVersion": "3.0.0"}}
        match method:
            case "getGenesisHash":
                return SOLANA_GENESIS
            case "getSlot":
                return self.slot
            case "getEpochInfo":
                return {"absoluteSlot": self.slot, "blockHeight": self.height, "epoch": 800, "slotIndex": 1,
                        "slotsInEpoch": 432_000, "transactionCount": None}  # fmt: skip
            case "getLatestBlockhash":
                value = {"blockhash": BLOCKHASH, "lastValidBlockHeight": self.height + 150}
                return {**with_context, "value": value}
            case "getMultipleAccounts":
                if params[1].get("minContextSlot", 0) > self.slot:
                    return {"__error": {"code": -32016, "message": "Minimum context slot has not been reached"}}
                return {**with_context, "value": [self.account(each) for each in params[0]]}
            case "getRecentPrioritizationFees":
                fees = self.fees.get(params[0][0], [])
                return [{"slot": self.slot - at, "prioritizationFee": fee} for at, fee in enumerate(fees)]
            case "simulateTransaction":
                self.simulated.append(_raw(params[0]))
                return {**with_context, "value": self.simulation}
            case "sendTransaction":
                return self.take(_raw(params[0]))
            case "getSignatureStatuses":
                return {**with_context, "value": [self._status(each) for each in params[0]]}
            case "getTransaction":
                return self.transactions.get(params[0])
            case "sendBundle":
                raws = [_raw(each) for each in params[0]]
                self.bundles.append(raws)
                for each in raws:
                    self.take(each)
                return "ab" * 32
        return {"__error": {"code": -32601, "message": "Method not found"}}

    def _travel(self) -> None:
        for signature, (left, did) in list(self.late.items()):
            if left:
                self.late[signature] = (left - 1, did)
            else:
                self.transactions[signature] = did
                del self.late[signature]

    def take(self, raw: bytes) -> str:
        """A transaction arrives; it is in a block when `lands` says what it did."""
        self.sent.append(raw)
        signature = str(VersionedTransaction.from_bytes(raw).signatures[0])
        if signature not in self.transactions:
            did = self.lands(raw)
            if did is not None:
                self.transactions[signature] = did
        return signature

    def _status(self, signature: str) -> dict[str, Any] | None:
        found = self.transactions.get(signature)
        if found is None or signature in self.hidden:
            return None
        return {
            "slot": found["slot"], "confirmations": 3, "err": found["meta"]["err"],
            "confirmationStatus": self.commitment,
        }  # fmt: skip

    async def _tips(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        for each in self.tips:
            await socket.send_str(each)
        async for _ in socket:
            pass
        return socket

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        subscriptions = self.sockets[socket] = {}
        try:
            async for message in socket:
                if message.type != WSMsgType.TEXT:
                    break
                call = msgspec.json.decode(message.data)
                method = call["method"]
                self.seen.append((method, call["params"]))
                result: Any = True
                if method.endswith("Unsubscribe"):
                    subscriptions.pop(call["params"][0], None)
                else:
                    self._last_subscription += 1
                    result = self._last_subscription
                    subscriptions[result] = "slots" if method == "slotSubscribe" else _subject(call["params"][0])
                await socket.send_str(
                    msgspec.json.encode({"jsonrpc": "2.0", "id": call["id"], "result": result}).decode()
                )
        finally:
            self.sockets.pop(socket, None)
        return socket


def gone() -> dict[str, Any]:
    return {"data": ["", "base64"], "owner": "1" * 32, "lamports": 0, "executable": False, "rentEpoch": 0}


def _subject(param: Any) -> str:
    return param if isinstance(param, str) else param["mentions"][0]


def _raw(text: str) -> bytes:
    from base64 import b64decode

    return b64decode(text, validate=True)


async def until(condition: Callable[[], Any], timeout_s: float = 3.0) -> None:
    """Wait for something to become true; fails the test when it does not."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.005)

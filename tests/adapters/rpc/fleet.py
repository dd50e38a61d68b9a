"""Real loopback nodes with faults that a test switches: EVM and Solana over HTTP, subscriptions over WebSocket."""

import asyncio
import gzip
import random
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from adapters.rpc.pool import RpcPool, stopwatch_s
from adapters.rpc.settings import RpcSettings
from bus.clock import WallClock
from kernel.rpc.rpc_endpoint import RpcEndpoint
from kernel.rpc.rpc_providers import SOLANA_GENESIS
from kernel.secrets.secret import Secret
from kernel.strategy import convert_settings

HEAD = 19_000_000
STALE_BLOCKS = 200
SUDDEN = ("http_500", "http_502", "reset", "truncated", "garbage", "wrong_id", "no_result", "huge", "rate_limit",
          "rpc_rate_limit", "rate_limit_mute")  # fmt: skip
SLOW = ("half_open", "slow_drip", "slow")
FAULTS = (*SUDDEN, *SLOW, "stale_head")
GRACE_S = 0.05  #: what was on its way when a 429 was answered


def settings(**changes: Any) -> RpcSettings:
    return convert_settings(RpcSettings, changes)


class Node:
    """One server. `fault` is what it does to each request; "" = honest."""

    def __init__(self, family: str = "evm", *, chain: str | None = None, fault: str = "") -> None:
        self.family = family
        self.chain = chain or ("1" if family == "evm" else SOLANA_GENESIS)
        self.fault = fault
        self.retry_after = "1"
        self.delay_s = 2.0  # of the fault "slow"
        self.head = HEAD
        self.seen: list[str] = []  # methods, in order
        self.bodies: list[bytes] = []
        self.queries: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.stormed = 0  # requests within a Retry-After of ours
        self.is_mute = False  # sockets: subscriptions bring nothing
        self.sockets: set[web.WebSocketResponse] = set()
        self._quiet_until_s = 0.0
        self._quiet_from_s = 0.0
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self) -> "Node":
        app = web.Application()
        app.router.add_get("/ws", self._socket)
        app.router.add_route("*", "/{path:.*}", self._http)
        self._runner = web.AppRunner(app, shutdown_timeout=0.01, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        await self.drop_sockets()
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def result(self, method: str, params: Any) -> Any:
        behind = STALE_BLOCKS if self.fault == "stale_head" else 0
        if method == "eth_chainId":
            return hex(int(self.chain))
        if method == "getGenesisHash":
            return self.chain
        if method == "eth_blockNumber":
            return hex(self.head - behind)
        if method == "getSlot":
            return self.head - behind
        if method == "eth_getBalance":
            return "0xBAD" if self.fault == "lying" else "0x64"
        if method == "getBalance":
            return {"context": {"slot": self.head - behind}, "value": 100}
        if method in ("eth_sendRawTransaction", "eth_sendBundle"):
            return "0x" + "ab" * 32
        return {"echo": params}

    async def _http(self, request: web.Request) -> web.StreamResponse:
        now_s = stopwatch_s()
        if self._quiet_from_s + GRACE_S < now_s < self._quiet_until_s:
            self.stormed += 1
        body = await request.read()
        self.bodies.append(body)
        self.queries.append(request.path_qs)
        self.headers.append(dict(request.headers))
        if request.method == "GET":
            self.seen.append("GET")
            return web.json_response({"path": request.path, "query": dict(request.query)})
        call = msgspec.json.decode(body)
        self.seen.append(call["method"])
        return await self._answer(request, call)

    async def _answer(self, request: web.Request, call: dict[str, Any]) -> web.StreamResponse:
        fault = self.fault
        answer = {"jsonrpc": "2.0", "id": call["id"], "result": self.result(call["method"], call["params"])}
        if fault in ("rate_limit", "rate_limit_mute"):
            self._quiet_from_s = stopwatch_s()
            wait_s = float(self.retry_after) if fault == "rate_limit" and self.retry_after.isdigit() else 0.9
            self._quiet_until_s = self._quiet_from_s + wait_s
            return web.Response(status=429, headers={"Retry-After": self.retry_after} if fault == "rate_limit" else {})
        if fault in ("http_500", "http_502"):
            return web.Response(status=int(fault[5:]), text="<html>bad gateway</html>")
        if fault.startswith("http_"):
            return web.Response(status=int(fault[5:]), text="no")
        if fault == "redirect":
            return web.Response(status=307, headers={"Location": "http://169.254.169.254/latest/"})
        if fault == "reset":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if fault == "half_open":
            await asyncio.sleep(3600)
        if fault == "slow":
            await asyncio.sleep(self.delay_s)
        if fault == "slow_drip":
            return await self._drip(request, msgspec.json.encode(answer))
        if fault in ("bad_gzip", "bomb"):
            body = gzip.compress(b'{"id":1,"result":"' + b"a" * 50_000_000 + b'"}') if fault == "bomb" else b"no gzip"
            return web.Response(body=body, headers={"Content-Encoding": "gzip"})
        if fault == "huge":
            return web.Response(body=b'{"jsonrpc":"2.0","id":1,"result":"' + b"a" * 3_000_000 + b'"}')
        return web.Response(body=self._mangle(fault, answer), content_type="application/json")

    def _mangle(self, fault: str, answer: dict[str, Any]) -> bytes:
        if fault == "wrong_id":
            answer["id"] = 4_000_000
        if fault == "no_result":
            del answer["result"]
        if fault == "rpc_rate_limit":
            del answer["result"]
            answer["error"] = {"code": 429, "message": "compute units per second exceeded"}
        if fault == "revert":
            del answer["result"]
            answer["error"] = {"code": 3, "message": "execution reverted: header not found", "data": "0x08c379a0"}
        if fault == "behind":
            del answer["result"]
            answer["error"] = {"code": -32000, "message": "header not found"}
        text = msgspec.json.encode(answer)
        return {"truncated": text[: len(text) // 2], "garbage": b"<html>" + text[::-1]}.get(fault, text)

    async def _drip(self, request: web.Request, text: bytes) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for byte in text:
            await response.write(bytes([byte]))
            await asyncio.sleep(0.1)
        return response

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if self.fault == "rate_limit":
            self._quiet_from_s = stopwatch_s()
            return web.Response(status=429, headers={"Retry-After": self.retry_after})
        if self.fault:
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.add(socket)
        try:
            async for message in socket:
                if message.type != WSMsgType.TEXT:
                    break
                call = msgspec.json.decode(message.data)
                self.seen.append(call["method"])
                is_sub = call["method"].endswith(("subscribe", "Subscribe"))
                result = f"0xsub{self.port}" if is_sub else self.result(call["method"], call["params"])
                await socket.send_str(msgspec.json.encode({"id": call["id"], "result": result}).decode())
        finally:
            self.sockets.discard(socket)
        return socket

    @property
    def subscribers(self) -> int:
        return self.seen.count("eth_subscribe")

    async def publish(self, value: Any) -> None:
        if self.is_mute:
            return
        text = msgspec.json.encode(
            {"jsonrpc": "2.0", "method": "eth_subscription",
             "params": {"subscription": f"0xsub{self.port}", "result": value}}
        ).decode()  # fmt: skip
        for socket in list(self.sockets):
            await socket.send_str(text)

    async def drop_sockets(self) -> None:
        for socket in list(self.sockets):
            if socket._req is not None and socket._req.transport is not None:
                socket._req.transport.abort()


class Told:
    """What the pool told."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, str]] = []

    def __call__(self, severity: str, code: str, text: str) -> None:
        self.said.append((severity, code, text))

    def codes(self) -> list[str]:
        return [code for _, code, _ in self.said]


class Fleet:
    """Nodes and a pool over them: `async with Fleet(Node(), Node()) as fleet`."""

    def __init__(self, *nodes: Node, provider_type: str = "ETHEREUM_RPC", runs_checks: bool = True, **changes: Any):
        self.nodes = nodes
        self.type = provider_type
        self.told = Told()
        self._runs_checks = runs_checks
        self.pool = RpcPool(settings(**changes), clock=WallClock(), tell=self.told, are_private_allowed=True)

    def endpoints(self, **changes: Any) -> list[RpcEndpoint]:
        is_ws = self.type.endswith("_WS")
        return [
            RpcEndpoint(
                provider_type=self.type, label=f"node{number}", url=Secret(node.ws_url if is_ws else node.url),
                **({"rate_per_s": 10_000.0, "burst": 10_000} | changes),
            )
            for number, node in enumerate(self.nodes)
        ]  # fmt: skip

    async def __aenter__(self) -> "Fleet":
        await asyncio.gather(*(node.start() for node in self.nodes))
        self.pool.replace(self.endpoints())
        if self._runs_checks:
            await self.pool.start()
        else:
            await self.pool._transport.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.pool.stop()
        await asyncio.gather(*(node.stop() for node in self.nodes))

    async def balance(self, **options: Any) -> str:
        return await self.pool.call(
            self.type, "eth_getBalance", ["0x" + "11" * 20, hex(HEAD - 5)], result=str, **options
        )

    def shown(self, number: int) -> Any:
        return next(each for each in self.pool.snapshot().endpoints if each.label == f"node{number}")


class FaultScript:
    """Seeded: before each call some nodes change what they do; one is honest: always the same, or each time another."""

    def __init__(self, seed: int, nodes: tuple[Node, ...], *, is_wandering: bool) -> None:
        self._random = random.Random(seed)
        self._nodes = nodes
        self._honest = None if is_wandering else self._random.choice(nodes)

    def step(self) -> None:
        honest = self._honest or self._random.choice(self._nodes)
        for node in self._nodes:
            if node is honest:
                node.fault = ""
            elif self._random.random() < 0.5:
                node.fault = self._random.choice((*FAULTS, ""))

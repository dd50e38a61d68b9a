"""A world's interfaces on one loopback port: JSON-RPC and WebSocket at /, /jito, /jupiter."""

import asyncio
import time
from types import TracebackType

from aiohttp import web

from tests.solana_world.jito_server import JitoServer
from tests.solana_world.json_rpc_server import JsonRpcServer
from tests.solana_world.jupiter_server import JupiterServer
from tests.solana_world.sockets import Sockets
from tests.solana_world.world import World

HOST = "127.0.0.1"


class Server:
    """`start` inside the loop, `stop` at the end, or `async with`. `tick` makes slots by the clock until stopped."""

    def __init__(self, world: World, port: int = 0) -> None:
        self.world = world
        self.port = port
        self.sockets = Sockets(world)
        self.jito = JitoServer(world)
        self.jupiter = JupiterServer(world)
        self._rpc = JsonRpcServer(world)
        self._runner: web.AppRunner | None = None
        self._ticking: asyncio.Task[None] | None = None

    async def start(self) -> "Server":
        """Listen."""
        app = web.Application()
        app.router.add_post("/", self._rpc.handle)
        app.router.add_get("/", self.sockets.handle)
        app.router.add_get("/health", _healthy)
        self.jito.add_routes(app)
        self.jupiter.add_routes(app)
        self._runner = web.AppRunner(app, shutdown_timeout=0.05, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        """Close everything. Idempotent."""
        ticking, self._ticking = self._ticking, None
        if ticking is not None:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)
        self.sockets.cut_all()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def __aenter__(self) -> "Server":
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def tick(self) -> None:
        """From now on a slot each `slot_ms`."""
        if self._ticking is None:
            self.world.stopwatch_s = asyncio.get_running_loop().time
            self.world.time_source = lambda: int(time.time())
            self._ticking = asyncio.create_task(self._tick(), name="world-clock")

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        slot_s = self.world.options.slot_ms / 1000.0
        due_s = loop.time()
        while True:
            due_s = max(due_s + slot_s, loop.time() - 5 * slot_s)  # after a stall no more than a few slots at once
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            self.world.step()

    @property
    def urls(self) -> dict[str, str]:
        """By what they are for."""
        base = f"http://{HOST}:{self.port}"
        return {
            "rpc": base + "/",
            "ws": f"ws://{HOST}:{self.port}/",
            "jito": base + JitoServer.PREFIX,
            "jito_ws": f"ws://{HOST}:{self.port}{JitoServer.PREFIX}",
            "jupiter": base + JupiterServer.PREFIX,
        }


async def _healthy(request: web.Request) -> web.StreamResponse:
    return web.Response(text="ok")

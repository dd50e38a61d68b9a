"""A Bot API on loopback that misbehaves on request, and keeps its own ledger of what it really took."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web

TOKEN = "1234567:AAFakeTokenOfATestServer-0123456789_x"
BOT = {"id": 1234567, "is_bot": True, "username": "kernel_bot"}
JSON = {"content_type": "application/json"}


class BotServer:
    """`faults`: what the next `sendMessage` calls meet. `polls`: the same for `getUpdates`."""

    def __init__(self) -> None:
        self.url = ""
        self.ledger: list[tuple[int, str]] = []  #: (chat, text) of every message that it took
        self.calls: list[str] = []
        self.offsets: list[int] = []
        self.faults: deque[str] = deque()
        self.polls: deque[str] = deque()
        self.updates: list[dict[str, Any]] = []
        self.chats = {42, -100, 7}
        self.is_token_valid = True
        self.changed = asyncio.Event()
        self.release = asyncio.Event()  #: ends half-open requests

    def say(self, text: str, *, update_id: int, chat: int = 42, user: int = 9, date: int = 0, **more: Any) -> None:
        """Let a person write to the bot."""
        message = {
            "message_id": update_id,
            "date": date,
            "chat": {"id": chat, "type": "private"},
            "from": {"id": user, "is_bot": False, "first_name": "x"},
            "text": text,
            **more,
        }
        self.push({"update_id": update_id, "message": message})

    def push(self, update: dict[str, Any]) -> None:
        """Any update."""
        self.updates.append(update)
        self.changed.set()

    async def wait_for(self, count: int) -> None:
        """Until the ledger has this many messages."""
        async with asyncio.timeout(10):
            while len(self.ledger) < count:
                self.changed.clear()
                await self.changed.wait()

    async def wait_call(self, count: int, method: str) -> None:
        """Until a method was called this often."""
        async with asyncio.timeout(10):
            while self.calls.count(method) < count:
                self.changed.clear()
                await self.changed.wait()

    # serving --------------------------------------------------------------------------------------------------------

    async def handle(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        self.calls.append(method)
        self.changed.set()
        if request.match_info["token"] != TOKEN or not self.is_token_valid:
            return _no(401, "Unauthorized")
        payload = msgspec.json.decode(await request.read() or b"{}")
        if method == "getMe":
            return _ok(BOT)
        if method == "getUpdates":
            return await self._updates(payload, request)
        if method == "sendMessage":
            return await self._send(payload, request)
        return _no(404, "Not Found")

    async def _send(self, payload: dict[str, Any], request: web.Request) -> web.StreamResponse:
        fault = self.faults.popleft() if self.faults else ""
        chat, text = payload["chat_id"], payload["text"]
        if fault == "taken_then_silent":
            self.ledger.append((chat, text))
        answer = await self._fault(fault, request)
        if answer is not None:
            return answer
        if chat not in self.chats:
            return _no(400, "Bad Request: chat not found")
        if len(text.encode("utf-16-le")) // 2 > 4096:
            return _no(400, "Bad Request: message is too long")
        self.ledger.append((chat, text))
        self.changed.set()
        number = len(self.ledger)
        return _ok({"message_id": number, "date": 1, "chat": {"id": chat, "type": "private"}, "text": "?"})

    async def _updates(self, payload: dict[str, Any], request: web.Request) -> web.StreamResponse:
        offset = payload["offset"]
        self.offsets.append(offset)
        answer = await self._fault(self.polls.popleft() if self.polls else "", request)
        if answer is not None:
            return answer
        waiting = [each for each in self.updates if each.get("update_id", offset) >= offset]
        if not waiting:
            self.changed.clear()
            waiter = asyncio.ensure_future(self.changed.wait())
            await asyncio.wait([waiter], timeout=min(payload["timeout"], 0.05))
            waiter.cancel()
            waiting = [each for each in self.updates if each.get("update_id", offset) >= offset]
        return _ok(waiting)

    async def _fault(self, fault: str, request: web.Request) -> web.StreamResponse | None:
        if fault == "429":
            return _no(429, "Too Many Requests: retry after 0", {"retry_after": 0})
        if fault == "429_forged":
            return web.Response(status=429, body=b'{"ok":false,"parameters":{"retry_after":"soon"}}', **JSON)
        if fault == "500":
            return web.Response(status=500, text="<html>Internal Server Error</html>")
        if fault == "garbage":
            return web.Response(body=b"\xff\x00{{{", **JSON)
        if fault == "nested":
            return web.Response(body=b'{"ok":true,"result":' + b"[" * 5_000 + b"]" * 5_000 + b"}", **JSON)
        if fault == "other_shape":
            return web.Response(body=b'{"ok":true,"result":{"message_id":"one"}}', **JSON)
        if fault == "blocked":
            return _no(403, "Forbidden: bot was blocked by the user")
        if fault in ("half_open", "taken_then_silent"):
            await self.release.wait()
        if fault in ("cut", "taken_then_silent"):
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        return None


def _ok(result: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode({"ok": True, "result": result}), **JSON)


def _no(code: int, description: str, parameters: dict[str, Any] | None = None) -> web.Response:
    body: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
    if parameters:
        body["parameters"] = parameters
    return web.Response(status=code, body=msgspec.json.encode(body), **JSON)


@asynccontextmanager
async def bot_server() -> AsyncIterator[BotServer]:
    """The server on a free port."""
    server = BotServer()
    app = web.Application(client_max_size=10_000_000)
    app.router.add_post("/bot{token}/{method}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        server.release.set()
        await runner.cleanup()

"""A receiver of webhooks on loopback that misbehaves on request, and keeps what it took."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

RAW = {
    "ok": b"HTTP/1.1 204 No Content\r\n\r\n",
    "500": b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n",
    "400": b"HTTP/1.1 400 Bad\r\ncontent-length: 0\r\n\r\n",
    "410": b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n",
    "429": b"HTTP/1.1 429 Slow\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n",
    "429_forged": b"HTTP/1.1 429 Slow\r\nretry-after: 99999999999999\r\ncontent-length: 0\r\n\r\n",
    "redirect": b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n",
    "malformed": b"\x00\xffnot http at all\r\n\r\n",
    "bad_headers": b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n",
    "huge_header": b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000 + b"\r\n\r\n",
    "endless": b"HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\n" + b"z" * 1000,
    "cut": b"HTTP/1.1 2",
}


class HookServer:
    """`faults`: what the next requests meet; then all is well."""

    def __init__(self) -> None:
        self.port = 0
        self.faults: deque[str] = deque()
        self.seen: list[tuple[dict[str, str], bytes]] = []
        self.paths: list[str] = []
        self.took: list[bytes] = []  #: bodies that were answered with success

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook/SECRETPATH1234567890"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
            return
        self.paths.append(first)
        self.seen.append((headers, body))
        fault = self.faults.popleft() if self.faults else "ok"
        if fault in ("ok", "endless"):
            self.took.append(body)
        if fault == "silent":
            await reader.read()
        else:
            writer.write(RAW[fault])
        writer.close()


@asynccontextmanager
async def hook_server() -> AsyncIterator[HookServer]:
    """The server on a free port."""
    server = HookServer()
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()

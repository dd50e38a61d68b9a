"""A small HTTP client for the dashboard's tests: one request per connection, nothing hidden."""

import asyncio
from urllib.parse import urlencode

from msgspec import Struct

FORM = "application/x-www-form-urlencoded"


class Answer(Struct):
    """What came back; header names in lower case, repeated ones joined by newlines."""

    status: int
    headers: dict[str, str]
    body: str


class Client:
    """Talks to 127.0.0.1:port; keeps the cookie of a login."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookie = ""
        self.csrf = ""

    async def send(
        self, method: str, path: str, headers: dict[str, str] | None = None, form: dict[str, str] | None = None
    ) -> Answer:
        reader, writer = await self.open(method, path, headers, form)
        raw = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        return parse(raw)

    async def login_user(self, name: str, password: str) -> Answer:
        answer = await self.send("POST", "/login", form={"name": name, "password": password})
        await self._take(answer)
        return answer

    async def post(
        self, path: str, form: dict[str, str] | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """As the page's script does it."""
        sent = {"X-CSRF-Token": self.csrf, "Accept": "application/json"} | (headers or {})
        return await self.send("POST", path, sent, form or {})

    async def open(
        self, method: str, path: str, headers: dict[str, str] | None = None, form: dict[str, str] | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        body = urlencode(form).encode() if form is not None else b""
        sent = {"Host": f"127.0.0.1:{self.port}", "Accept": "text/html", "Connection": "close"}
        if form is not None:
            sent |= {"Content-Type": FORM, "Content-Length": str(len(body))}
        if self.cookie:
            sent["Cookie"] = self.cookie
        sent |= headers or {}
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
        writer.write("\r\n".join(lines).encode() + body)
        await writer.drain()
        return reader, writer

    async def login(self, token: str) -> Answer:
        answer = await self.send("GET", f"/login?token={token}")
        await self._take(answer)
        return answer

    async def _take(self, answer: Answer) -> None:
        self.cookie = answer.headers.get("set-cookie", "").partition(";")[0]
        if self.cookie:
            page = await self.send("GET", "/")
            self.csrf = page.body.partition('data-csrf="')[2].partition('"')[0]


def parse(raw: bytes) -> Answer:
    """Bytes of a whole response."""
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        key = name.lower()
        headers[key] = f"{headers[key]}\n{value}" if key in headers else value
    if headers.get("transfer-encoding") == "chunked":
        body = unchunk(body)
    return Answer(int(first.split()[1]), headers, body.decode())


def unchunk(body: bytes) -> bytes:
    """The payload of a chunked body."""
    parts = []
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        parts.append(body[:length])
        body = body[length + 2 :]
    return b"".join(parts)

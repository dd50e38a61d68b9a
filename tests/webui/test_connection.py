"""Connections that send nothing, too slowly, too much, or come too many at once."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from tests.webui.client import Client, parse
from tests.webui.guarded import Guarded
from webui import connection as connection_module
from webui.access import Access
from webui.connection import CONNECTIONS_MAX, REQUEST_BYTES_MAX, BoundedConnection
from webui.guard import HEAD_BYTES_MAX

TOKEN = "test-token-test-token-test-token"
HEAD_S = 0.1


class Impatient(BoundedConnection):
    head_s = HEAD_S


@pytest.fixture
async def guarded() -> AsyncIterator[Guarded]:
    server = Guarded(Access(TOKEN), Impatient)
    await server.start()
    yield server
    await server.stop()


async def talk(port: int, *parts: bytes, pause_s: float = 0.0) -> bytes:
    """Send the parts, each after a pause, and read until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        try:
            writer.write(part)
            await writer.drain()
        except ConnectionError:
            break
        if pause_s:
            await asyncio.sleep(pause_s)
    try:
        raw = await asyncio.wait_for(reader.read(), 5)
    except ConnectionError:
        raw = b""
    writer.close()
    return raw


async def test_who_says_nothing_is_sent_away(guarded: Guarded) -> None:
    began = time.perf_counter()
    assert parse(await talk(guarded.port)).status == 408
    assert HEAD_S * 0.8 < time.perf_counter() - began < 2


async def test_who_drips_a_head_is_sent_away_although_bytes_come(guarded: Guarded) -> None:
    parts = [b"GET /healthz HTTP/1.1\r\n", *(b"X-%d: 1\r\n" % at for at in range(50))]
    began = time.perf_counter()
    raw = await talk(guarded.port, *parts, pause_s=HEAD_S / 10)
    assert raw == b"" or parse(raw).status == 408
    assert time.perf_counter() - began < 3
    await asyncio.sleep(0)
    assert guarded.connections == 0


@pytest.mark.slow
async def test_who_drips_empty_lines_or_a_second_head_is_sent_away_too(guarded: Guarded) -> None:
    host = b"Host: 127.0.0.1\r\n\r\n"
    raw = await talk(guarded.port, b"\r\n")
    assert parse(raw).status == 408
    raw = await talk(guarded.port, b"GET /healthz HTTP/1.1\r\n" + host, b"GET /he", pause_s=HEAD_S / 2)
    assert raw.startswith(b"HTTP/1.1 200") and b"HTTP/1.1 408" in raw


async def test_a_slow_but_honest_head_passes(guarded: Guarded) -> None:
    host = b"Host: 127.0.0.1\r\nConnection: close\r\n\r\n"
    raw = await talk(guarded.port, b"GET /healthz HTT", b"P/1.1\r\n", host, pause_s=HEAD_S / 5)
    assert parse(raw).status == 200


async def test_a_kept_connection_serves_again_and_is_closed_when_idle(guarded: Guarded) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", guarded.port)
    for _ in range(3):
        writer.write(request)
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).startswith(b"HTTP/1.1 200")
        await reader.readexactly(len("- 0 127.0.0.1"))
    writer.close()


async def test_a_head_without_end_is_refused(guarded: Guarded) -> None:
    for line in (b"X: " + b"a" * 4096, b"X: 1\r\n" * 700):
        raw = await talk(guarded.port, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n", *[line] * (HEAD_BYTES_MAX // 4096 + 2))
        assert raw == b"" or parse(raw).status == 431
    for size in (HEAD_BYTES_MAX, 4 * HEAD_BYTES_MAX):
        head = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nX: " + b"a" * size + b"\r\n\r\n"
        raw = await talk(guarded.port, head)
        assert raw == b"" or parse(raw).status == 431
    assert (await Client(guarded.port).send("GET", "/healthz")).status == 200


async def test_a_request_that_never_stops_is_cut(guarded: Guarded) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", guarded.port)
    writer.write(head)
    with pytest.raises(ConnectionError):
        for _ in range(10 * REQUEST_BYTES_MAX // 65536):
            writer.write(chunk)
            await writer.drain()
    writer.close()
    del reader


async def test_nonsense_is_one_refusal(guarded: Guarded) -> None:
    for raw in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x00" * 100,
    ):
        answer = await talk(guarded.port, raw)
        assert answer == b"" or parse(answer).status >= 400
    assert (await Client(guarded.port).send("GET", "/healthz")).status == 200


@pytest.mark.slow
async def test_a_thousand_connections_are_bounded_and_leave_again() -> None:
    """Those over the limit are told so at once; those within it are asked to speak or go; then all is as before."""
    server = Guarded(Access(TOKEN), Impatient)
    Impatient.head_s = 2.0
    await server.start()
    try:
        opened = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", server.port) for _ in range(1000)))
        for _ in range(200):
            await asyncio.sleep(0.01)
            if server.connections <= CONNECTIONS_MAX:
                break
        assert server.connections <= CONNECTIONS_MAX
        answers = await asyncio.wait_for(asyncio.gather(*(reader.read() for reader, _ in opened)), 10)
        statuses = [parse(each).status for each in answers]
        assert set(statuses) == {408, 503} and 200 <= statuses.count(408) <= CONNECTIONS_MAX
        for _, writer in opened:
            writer.close()
        assert (await Client(server.port).send("GET", "/healthz")).status == 200
    finally:
        Impatient.head_s = HEAD_S
        await server.stop()


async def test_one_foreign_address_gets_a_share_only(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for the address: a test has none but loopback, which is not counted."""
    monkeypatch.setattr(connection_module, "PER_ADDRESS_MAX", 3)
    monkeypatch.setattr(connection_module, "_address", lambda connection: "203.0.113.9")
    monkeypatch.setattr("uvicorn.protocols.http.httptools_impl.get_remote_addr", lambda transport: ("203.0.113.9", 1))
    opened = [await asyncio.open_connection("127.0.0.1", guarded.port) for _ in range(4)]
    assert parse(await asyncio.wait_for(opened[-1][0].read(), 5)).status == 503
    for _, writer in opened:
        writer.close()

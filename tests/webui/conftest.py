"""A real server on a free port with the made-up source."""

from collections.abc import AsyncIterator

import pytest

from tests.webui.client import Client
from tests.webui.fake_source import FakeSource
from tests.webui.serve import TOKEN
from webui.server import WebServer


@pytest.fixture
def source() -> FakeSource:
    return FakeSource()


@pytest.fixture
async def server(source: FakeSource) -> AsyncIterator[WebServer]:
    web = WebServer(source, token=TOKEN, port=0)
    await web.start()
    yield web
    await web.stop()


@pytest.fixture
async def guest(server: WebServer) -> Client:
    """Not logged in."""
    return Client(server.port)


@pytest.fixture
async def client(server: WebServer) -> Client:
    """Logged in."""
    made = Client(server.port)
    await made.login(TOKEN)
    assert made.csrf
    return made

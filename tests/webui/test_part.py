"""A part brings routes, rail entries, tabs and topics, and nothing else has to know of it."""

from collections.abc import AsyncIterator

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tests.webui.client import Client
from tests.webui.fake_source import FakeSource
from tests.webui.serve import TOKEN
from webui.cells import Cell
from webui.part import NavItem, Part
from webui.server import WebServer
from webui.topics import Rendered


class Weather(Part):
    """A part for this test."""

    nav = (NavItem("/weather", "Weather", "Sky"),)
    tabs = (("rain", "Rain"),)
    topic_kinds = ("weather",)

    def routes(self) -> list[BaseRoute]:
        return [Route("/weather", self.show), Route("/{module}/rain", self.rain)]

    def render(self, topic: str) -> Rendered | None:
        return Rendered({"wet": Cell("yes")}) if topic == "weather" else None

    async def show(self, request: Request) -> Response:
        return self.page(request, "error.html", title="Weather", status=200, phrase="Dry", detail="for now")

    async def rain(self, request: Request) -> Response:
        return self.strategy_page(request, "positions.html", tab="rain", held=None)


@pytest.fixture
async def client(source: FakeSource) -> AsyncIterator[Client]:
    web = WebServer(source, token=TOKEN, port=0, parts=(Weather(),))
    await web.start()
    made = Client(web.port)
    await made.login(TOKEN)
    yield made
    await web.stop()


async def test_a_part_stands_in_the_rail_in_the_search_and_on_every_strategy(client: Client) -> None:
    page = (await client.send("GET", "/")).body
    assert page.count('href="/weather"') == 2 and "<h2>Sky</h2>" in page
    strategy = (await client.send("GET", "/cex_dex_arb/dashboard")).body
    assert 'href="/cex_dex_arb/rain"' in strategy


async def test_its_page_is_served_and_an_unknown_strategy_is_refused(client: Client) -> None:
    assert (await client.send("GET", "/weather")).status == 200
    assert (await client.send("GET", "/nobody/rain")).status == 404


async def test_its_topics_can_be_streamed_and_others_cannot(client: Client) -> None:
    reader, writer = await client.open("GET", "/stream?topics=weather")
    seen = b""
    while b'"wet"' not in seen:
        seen += await reader.readuntil(b"\n\n")
    writer.close()
    assert (await client.send("GET", "/stream?topics=weather:x")).status == 400

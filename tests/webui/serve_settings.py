"""FOR TESTS ONLY: serves the settings pages; `python -m tests.webui.serve_settings [PORT] [MODE]` prints the link.

Modes: DEMO; HISTORY (some saves, one with a hostile reason); DOWN (no database); PROBLEM (stored rows not in use).
Two routes are of the tests alone: `/made-up/save?module=&name=&value=&who=` saves as somebody else (`&later=1`: right
before the next save), `/made-up/role?role=viewer` changes the role of the session that asks.
"""

import asyncio
import signal
import sys

import uvloop
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from tests.webui.fake_settings import FakeSettings
from tests.webui.fake_source import HOSTILE, FakeSource
from tests.webui.serve import TOKEN
from webui.part import Part
from webui.roles import Role
from webui.server import WebServer
from webui.settings_pages import SettingsPages


class Somebody(Part):
    """Saves as another operator when it is asked."""

    def __init__(self, settings: FakeSettings) -> None:
        self._settings = settings

    def routes(self) -> list[BaseRoute]:
        return [Route("/made-up/save", self.save), Route("/made-up/role", self.role)]

    async def role(self, request: Request) -> Response:
        request.scope["session"].role = Role[request.query_params["role"].upper()]
        return PlainTextResponse("done")

    async def save(self, request: Request) -> Response:
        asked = request.query_params
        values = {asked["name"]: asked["value"]}
        if "later" in asked:
            self._settings.meanwhile.append((asked["module"], values, asked["who"], "meanwhile"))
        else:
            part = self._settings.parts[asked["module"]]
            await self._settings.save(asked["module"], values, part.version, asked["who"], "on the other screen")
        return PlainTextResponse("done")


async def with_history(settings: FakeSettings) -> None:
    """Four saves, the newest hostile."""
    await settings.save("cex_dex_arb", {"min_profit_usd": 3, "max_slippage_bps": 12.5}, 0, "ana", "calmer week")
    await settings.save("cex_dex_arb", {"pairs_to_monitor": ["ETH/USDC"]}, 1, "ben", "only the deep pair")
    await settings.save("risk", {"max_daily_loss_usd": 250, "blacklist_tokens": [HOSTILE, "=1+1"]}, 0, "ana", "=cmd")
    await settings.save("dashboard", {"port": 9000, "motto": HOSTILE}, 0, "ben", HOSTILE)


async def main(port: int, mode: str) -> None:
    settings = FakeSettings()
    if mode == "HISTORY":
        await with_history(settings)
    if mode == "DOWN":
        settings.is_down = True
        settings.note = "Postgres does not answer since 12:03:11; settings can be read, not saved."
    if mode == "PROBLEM":
        settings.parts["cex_dex_arb"].problem = f"min_profit_usd: expected a number, found {HOSTILE!r}."
    source = FakeSource()
    server = WebServer(source, token=TOKEN, port=port, parts=(SettingsPages(settings), Somebody(settings)))
    await server.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print(server.login_url, flush=True)
    await stop.wait()
    await server.stop()


if __name__ == "__main__":
    arguments = sys.argv[1:]
    uvloop.run(main(int(arguments[0]) if arguments else 0, arguments[1] if len(arguments) > 1 else "HISTORY"))

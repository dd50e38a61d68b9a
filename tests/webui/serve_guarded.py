"""FOR TESTS ONLY: the guard in front of a page whose button needs a second proof; prints the login link."""

import asyncio
import signal
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from tests.webui.guarded import Guarded
from tests.webui.people import everybody, write
from webui.access import Access
from webui.rendering import STATIC

TOKEN = "test-token-test-token-test-token"
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>try</title>
<link rel="icon" href="/static/favicon.svg"><link rel="stylesheet" href="/static/tokens.css">
<link rel="stylesheet" href="/static/app.css"><link rel="stylesheet" href="/static/parts.css">
<script type="module" src="/try.js"></script></head>
<body data-csrf="{csrf}"><button id="go">Go</button><p id="said"></p></body></html>"""
SCRIPT = """import { withReauth } from "/static/reauth.js";
document.getElementById("go").addEventListener("click", async () => {
  const headers = { "x-csrf-token": document.body.dataset.csrf, accept: "*/*" };
  const send = () => fetch("/danger", { method: "POST", headers });
  const answers = await Promise.all([withReauth(send), withReauth(send)]);
  document.getElementById("said").textContent = answers.map((each) => each.status).join(" ");
});"""


async def page(request: Request) -> Response:
    return HTMLResponse(PAGE.format(csrf=request.scope["session"].csrf))


async def script(request: Request) -> Response:
    return Response(SCRIPT, media_type="text/javascript")


async def main(folder: Path) -> None:
    server = Guarded(
        Access(TOKEN, accounts=write(folder, everybody())),
        routes=[
            Route("/try", page),
            Route("/try.js", script),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
    )
    await server.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print(f"http://127.0.0.1:{server.port}/login?token={TOKEN}&next=/try", flush=True)
    await stop.wait()
    await server.stop()


if __name__ == "__main__":
    with TemporaryDirectory() as made:
        uvloop.run(main(Path(made)))

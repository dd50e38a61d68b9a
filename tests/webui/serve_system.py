"""FOR TESTS ONLY: serves the system pages over made-up sources; prints the login link."""

import asyncio
import signal
import sys

import uvloop

from tests.webui.fake_source import FakeSource
from tests.webui.fake_system import FakeSystem
from tests.webui.serve import TOKEN
from webui.server import WebServer


async def main(port: int) -> None:
    server = WebServer(FakeSource(), token=TOKEN, port=port, parts=FakeSystem().parts())
    await server.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print(server.login_url, flush=True)
    await stop.wait()
    await server.stop()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0))

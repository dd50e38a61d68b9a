"""FOR TESTS ONLY: serves the made-up source; `python -m tests.webui.serve [PORT] [MODE]` prints the login link."""

import asyncio
import signal
import sys

import uvloop

from tests.webui.fake_source import FakeSource
from webui.server import WebServer

TOKEN = "test-token-test-token-test-token"


async def main(port: int, mode: str) -> None:
    source = FakeSource(mode, is_empty=mode == "EMPTY")
    if mode == "DEGRADED":
        from webui.snapshot import Database

        source.mode, source.is_store_down = "PAPER", True
        source.database = Database(state="degraded", lag_events=4_120, note="Postgres does not answer since 12:03:11.")
    server = WebServer(source, token=TOKEN, port=port, token_hint="In tests it is a constant.")
    await server.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print(server.login_url, flush=True)
    await stop.wait()
    await server.stop()


if __name__ == "__main__":
    arguments = sys.argv[1:]
    uvloop.run(main(int(arguments[0]) if arguments else 0, arguments[1] if len(arguments) > 1 else "DEMO"))

"""FOR TESTS ONLY: the made-up dashboard with replays; `python -m tests.webui.serve_replays PORT FAKE|DATA_FOLDER`."""

import asyncio
import signal
import sys
from pathlib import Path

import uvloop

from bus.clock import WallClock
from kernel.compose.replay_jobs import ReplayJobs
from kernel.compose.replay_logs import LogShelf
from tests.webui.fake_replays import FakeReplays
from tests.webui.fake_source import FakeSource
from tests.webui.serve import TOKEN
from webui.replay_pages import ReplayPages
from webui.server import WebServer


async def main(port: int, where: str) -> None:
    real = None if where == "FAKE" else ReplayJobs(Path(where) / "replays", LogShelf(Path(where)), WallClock())
    if real is not None:
        await real.start()
    server = WebServer(FakeSource(), token=TOKEN, port=port, parts=(ReplayPages(real or FakeReplays()),))
    await server.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print(server.login_url, flush=True)
    await stop.wait()
    if real is not None:
        await real.stop()
    await server.stop()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))

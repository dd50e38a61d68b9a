"""FOR TESTS ONLY: serves the operations pages over made-up sources; prints the login link.

`python -m tests.webui.serve_ops [PORT]`; users vera, otto and anna as in `tests.webui.people`.
"""

import asyncio
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from bus.clock import WallClock
from tests.webui.fake_ops import FakeAlerts, FakeLogs, FakeRpc, FakeSecrets, FakeSystem
from tests.webui.fake_source import HOSTILE, FakeSource
from tests.webui.people import everybody, write
from tests.webui.serve import TOKEN
from webui.ops_alerts import AlertsPart
from webui.ops_logs import LogsPart
from webui.ops_rpc import RpcPart
from webui.ops_secrets import SecretsPart
from webui.ops_system import SystemPart
from webui.ops_users import UsersPart
from webui.server import WebServer


class OpsServer:
    """The server with every operations page, and its made-up sources at hand."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.logs, self.alerts, self.rpc = FakeLogs(folder / "logs"), FakeAlerts(), FakeRpc()
        self.secrets, self.system = FakeSecrets(), FakeSystem()
        accounts = write(folder, everybody())
        self.web = WebServer(
            FakeSource(),
            token=TOKEN,
            port=port,
            accounts=accounts,
            parts=(
                AlertsPart(self.alerts),
                LogsPart(self.logs),
                RpcPart(self.rpc),
                SecretsPart(self.secrets),
                UsersPart(accounts.path, WallClock()),
                SystemPart(self.system),
            ),
        )
        for number in range(250):
            level = ("info", "debug", "warning", "error")[number % 4]
            self.logs.event("cex_dex_arb", number, level, reason="budget", token=HOSTILE, order=f"run7-{number}")
        self.logs.event("kernel", 1, event="kernel_started", version="0.1.0")
        self.logs.write("cex_dex_arb", f"half a line {HOSTILE}")


async def main(port: int, folder: Path) -> None:
    server = OpsServer(folder, port)
    await server.web.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print(server.web.login_url, flush=True)
    await stop.wait()
    await server.web.stop()


if __name__ == "__main__":
    with TemporaryDirectory() as made:
        uvloop.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0, Path(made)))

"""FOR TESTS ONLY: the API over made-up sources behind the real server, in a thread of its own, for blocking clients."""

import asyncio
import threading
from pathlib import Path

import msgspec

from adapters.rpc.snapshot import EndpointSnapshot, PoolSnapshot
from kernel.logs.log_tail import LogTail
from kernel.strategy import convert_settings
from tests.webui.fake_replays import FakeReplays
from tests.webui.fake_settings import FakeSettings
from tests.webui.fake_source import HOSTILE, FakeSource
from tests.webui.fake_system import FakeBalances, FakeExecution, FakeRisk, FakeSystem
from tests.webui.people import token, write
from webui.accounts import TOKEN_PREFIX, AccountsFile
from webui.api import Api
from webui.api_sources import ApiSources
from webui.server import WebServer
from webui.settings import DashboardSettings

OWNER_TOKEN = "test-token-test-token-test-token"
TOKENS = {role: TOKEN_PREFIX + role[0] * 43 for role in ("viewer", "operator", "admin")}
WIDE = {"reads_per_min": 600_000, "reads_burst": 60_000, "actions_per_min": 6_000, "actions_burst": 1_000}
LOG_LINES = (
    {"ts": "2026-01-01T00:00:00.000000000Z", "level": "info", "module": "kernel", "event": "started", "seq": 2**60},
    {"ts": "2026-01-01T00:00:01.000000000Z", "level": "error", "module": "kernel", "event": HOSTILE, "usd": 1.5},
)


def endpoints() -> PoolSnapshot:
    """One that answers and one that never did."""
    known = EndpointSnapshot(
        provider_type="ETHEREUM", label="main", source="environment", state="ready", breaker="closed", is_enabled=True,
        is_verified=True, is_suspect=False, priority=1, weight=1.0, latency_ms=12.5, p99_ms=80.0,
        p99_ms_minutes=(None, 80.0), error_pct=0.1, head=21_000_000, head_lag=0, head_lag_s=0.4, budget_left_pct=88.0,
        cool_down_s=0.0, calls=1_000, errors=1, rate_limited=0, last_ok_ns=1_764_000_000_000_000_000, last_error_ns=0,
        last_error="",
    )  # fmt: skip
    new = msgspec.structs.replace(
        known, label=HOSTILE, state="new", latency_ms=None, p99_ms=None, head=None, head_lag=None, head_lag_s=None
    )
    return PoolSnapshot(
        taken_ns=1_764_000_000_000_000_000, endpoints=(known, new), exhausted=(), subscriptions=0, usage_dropped=0
    )


class ApiServer:
    """Serves from `__enter__` to `__exit__`."""

    def __init__(self, folder: Path, sources: ApiSources | None = None) -> None:
        self.source = FakeSource()
        self.settings = FakeSettings()
        self.system = FakeSystem()
        self.replays = FakeReplays()
        path = folder / "logs" / "kernel" / "kernel_trading.log"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in LOG_LINES) + b"not json\xff\n")
        self.api = Api(
            sources
            or ApiSources(
                risk=FakeRisk(self.system),
                execution=FakeExecution(self.system),
                opportunities=self.system,
                balances=FakeBalances(self.system),
                funding=self.system,
                events=self.system,
                settings=self.settings,
                replays=self.replays,
                logs=LogTail(folder / "logs"),
                rpc=endpoints,
            )
        )
        accounts = write(folder, AccountsFile(tokens=tuple(token(role, role, text) for role, text in TOKENS.items())))
        self._web = WebServer(
            self.source, token=OWNER_TOKEN, port=0, parts=(self.api,), accounts=accounts,
            settings=convert_settings(DashboardSettings, WIDE),
        )  # fmt: skip
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        return self._web.url

    @property
    def port(self) -> int:
        return self._web.port

    def __enter__(self) -> "ApiServer":
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._web.start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._web.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

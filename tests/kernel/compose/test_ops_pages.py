"""The operations pages over a real kernel, real files and a real database, through the web server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest
import structlog

from adapters.rpc.settings import RpcSettings
from bus.clock import ManualClock, WallClock
from bus.events import Alert
from kernel.alerts.alert_settings import AlertSettings
from kernel.compose.alerts import Alerts
from kernel.compose.dashboard import Dashboard
from kernel.compose.live import KernelProcess
from kernel.compose.observability import Observability, log_settings_of
from kernel.compose.ops_alerts import AlertDesk
from kernel.compose.ops_pages import OpsPages
from kernel.compose.ops_rpc import RpcDesk
from kernel.compose.ops_secrets import SecretDesk
from kernel.compose.rpc import RpcService
from kernel.compose.secret_environment import SecretEnvironment
from kernel.compose.secret_parts import SecretParts
from kernel.compose.settings_groups import settings_groups
from kernel.compose.settings_service import SettingsService
from kernel.errors import ConfigError
from kernel.profile import load_profile
from kernel.secrets.secret import Secret
from kernel.strategy import convert_settings
from persistence.postgres import Database
from tests.adapters.rpc.fleet import Node, Told
from tests.adapters.webhook.hook_server import hook_server
from tests.persistence.test_alert_table import insert, rows
from tests.webui.client import Client
from webui.accounts import ACCOUNTS_FILE, Accounts
from webui.ops_rpc_source import EndpointInput
from webui.ops_source import AlertAsk
from webui.server import WebServer

pytestmark = pytest.mark.slow
ACCESS = "test-token-test-token-test-token"
KEY = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
ADDRESS = "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23"


@pytest.fixture(autouse=True)
def structlog_as_before() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


async def _no_secret(name: str) -> Secret | None:
    return None


class World:
    """The demo kernel without a database, with its pages."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.watch = Observability(log_settings_of({"console_level": "off"}), data)
        self.watch.start_logs()
        self.process = KernelProcess(load_profile("demo", {}), data, is_with_db=False)

    async def start(self) -> None:
        process = self.process
        await process.start()
        self.watch.attach(process, None)
        dashboard = Dashboard(process, None)
        self.alerts = Alerts(process, dashboard, convert_settings(AlertSettings, {}), _no_secret)
        await self.alerts.start()
        self.secrets = SecretParts(
            process.profile, self.data, SecretEnvironment(values={"PRIVATE_KEY": Secret(KEY)}), None, WallClock(),
            on_first_seen=lambda module, name: None,
        )  # fmt: skip
        settings = SettingsService(
            settings_groups(process.profile, {}), None, current=lambda module: None,
            publish=lambda *said: None, tell=lambda *said: None,
        )  # fmt: skip
        self.ops = OpsPages(process, self.watch, settings, self.secrets, alerts=self.alerts)
        await self.ops.start()
        self.web = WebServer(
            dashboard, token=ACCESS, port=0, parts=self.ops.parts, accounts=Accounts(self.data / ACCOUNTS_FILE)
        )
        await self.web.start()
        self.watch.watch_web(self.web)

    async def stop(self) -> None:
        await self.web.stop()
        await self.ops.stop()
        await self.alerts.stop()
        self.watch.begin_stop()
        await self.process.stop()
        self.watch.stop()
        self.process.release()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.start()
    yield made
    await made.stop()


async def test_every_page_works_without_database_pool_and_channels(world: World) -> None:
    client = Client(world.web.port)
    await client.login(ACCESS)
    world.process.core.bus.publish(
        Alert(ts_ns=world.process.clock.now_ns(), severity="warning", source="kernel", code="try", text="just a try")
    )
    world.watch.logs.writer.flush()
    expected = {
        "/logs": "kernel_started", "/alerts": "this run has no database", "/rpc": "The RPC pool does not run.",
        "/secrets": ADDRESS, "/users": "No users.", "/system": "This run was started without a database.",
        "/cex_dex_arb/logs": "cex_dex_arb",
    }  # fmt: skip
    for path, text in expected.items():
        answer = await client.send("GET", path)
        assert answer.status == 200, (path, answer.body[:300])
        assert text in answer.body, path
        assert KEY not in answer.body
    refused = await client.post("/alerts/test")
    assert refused.status == 400 and "Set up Telegram" in refused.body
    for topic in ("logs:kernel", "alerts", "rpc", "system"):
        _, writer = await client.open("GET", f"/stream?topics={topic}")
        writer.close()


async def test_the_system_page_counts_what_it_sampled(world: World) -> None:
    system = world.ops.system
    system.sample()
    now = system.now()
    assert now.memory_bytes and now.memory_bytes > 10_000_000
    assert now.cpu_pct is not None and now.events_per_s is not None and now.database_state == "off"
    facts = await system.facts()
    assert await system.facts() is facts
    assert {each.name for each in facts.modules} >= {"cex_dex_arb", "drift_funding_arb"}
    missing = next(each.missing for each in facts.modules if each.name == "cex_dex_arb")
    assert "PRIVATE_KEY" not in missing and "binance_api_key" in missing
    assert all(each.free_bytes for each in facts.disks)


@pytest.mark.postgres
async def test_a_secret_in_the_database_shows_its_address_and_who_asked(pg_db: str, tmp_path: Path) -> None:
    database, profile = Database(pg_db), load_profile("demo", {})
    parts = SecretParts(
        profile, tmp_path, SecretEnvironment(), database, WallClock(), on_first_seen=lambda module, name: None
    )
    desk = SecretDesk(parts, profile, database, WallClock())
    assert await desk.put("PRIVATE_KEY", Secret(KEY), version=0, by="dashboard: anna") == 1
    with pytest.raises(ConfigError, match="expected version 0, found 1"):
        await desk.put("PRIVATE_KEY", Secret(KEY), version=0, by="dashboard: otto")
    await parts.service.get("PRIVATE_KEY", module="cex_dex_arb", purpose="sign")
    await parts.access_log.flush()
    view = await desk.secrets()
    line = next(each for each in view.lines if each.name == "PRIVATE_KEY")
    assert (line.source, line.version, line.address, line.last_module) == ("database", 1, ADDRESS, "cex_dex_arb")
    assert line.used_ns and line.required_by == ("cex_dex_arb",)
    asked = parts.access_log.kept
    assert (await desk.secrets()).lines == view.lines
    assert parts.access_log.kept == asked, "a second look must be no access"
    told = [(each.module, each.purpose, each.is_first) for each in view.accesses]
    assert ("cex_dex_arb", "sign", True) in told and ("operator", "set by dashboard: anna", True) in told
    assert KEY not in repr(view)
    assert await desk.rotate_values("dashboard") == 1
    await desk.delete("PRIVATE_KEY", version=1, by="dashboard")
    with pytest.raises(ConfigError, match="no secret"):
        await desk.delete("PRIVATE_KEY", version=1, by="dashboard")
    await parts.stop()
    await database.close()


@pytest.mark.postgres
async def test_an_endpoint_is_added_edited_checked_and_deleted(pg_db: str) -> None:
    database, node = Database(pg_db), await Node().start()
    service = RpcService(
        RpcSettings(), clock=WallClock(), tell=Told(), environ={}, database=database, are_private_allowed=True
    )
    await service.start()
    desk = RpcDesk(service)
    new = EndpointInput(provider_type="ETHEREUM_RPC", label="mine", url=node.url)
    with pytest.raises(ConfigError, match="may be a key"):
        await desk.save(msgspec.structs.replace(new, url="https://x.example/v2/0123456789abcdef0123"), "anna")
    await desk.save(new, "dashboard: anna")
    assert await desk.check("ETHEREUM_RPC", "mine") == ""
    (row,), troubles = await desk.stored()
    assert (row.version, row.updated_by, troubles) == (1, "dashboard: anna", ())
    await desk.save(msgspec.structs.replace(new, url="", priority=7, version=1), "dashboard: otto")
    with pytest.raises(ConfigError, match="changed or deleted meanwhile"):
        await desk.save(msgspec.structs.replace(new, url="", priority=8, version=1), "dashboard: otto")
    shown = next(each for each in desk.pool().endpoints if each.label == "mine")
    assert (shown.priority, shown.source) == (7, "database")
    await desk.switch("ETHEREUM_RPC", "mine", is_enabled=False, by="dashboard")
    assert next(each for each in desk.pool().endpoints if each.label == "mine").state == "disabled"
    await service.flush()
    assert sum(each.calls for each in await desk.usage(since_ns=0)) > 0
    await desk.delete("ETHEREUM_RPC", "mine")
    assert (await desk.stored())[0] == ()
    await service.stop()
    await node.stop()
    await database.close()


@pytest.mark.postgres
async def test_a_mark_of_an_alert_is_kept_and_changes_the_version(pg_db: str) -> None:
    database, clock = Database(pg_db), ManualClock(7)
    await insert(database, rows(3))
    desk = AlertDesk(None, database, clock)
    before = desk.version()
    listed = await desk.alerts(AlertAsk(status="open", limit=2))
    assert len(listed.rows) == 2 and listed.next_key
    assert await desk.mark((listed.rows[0].id,), "resolved", by="dashboard: otto", note="done") == 1
    assert desk.version() != before
    (row,) = (await desk.alerts(AlertAsk(status="resolved"))).rows
    assert [(each.by, each.note, each.ts_ns) for each in row.marks] == [("dashboard: otto", "done", 7)]
    assert sum((await desk.counts()).values()) == 3
    with pytest.raises(ConfigError, match="do not run"):
        desk.send_test("dashboard")
    await database.close()


async def test_a_test_message_reaches_the_url_with_its_senders_name(world: World) -> None:
    async with hook_server() as hook:
        plain = hook.url.rpartition("/")[0]  # without what looks like a key
        settings = {"webhook_enabled": True, "webhook_private_enabled": True, "webhook_urls": plain}
        await world.alerts.apply(convert_settings(AlertSettings, settings))
        desk = AlertDesk(world.alerts, None, WallClock())
        assert desk.channels().is_on
        assert "1 channel" in desk.send_test("dashboard: otto")
        async with asyncio.timeout(10):
            while not any(each.delivered for each in desk.channels().channels):
                await asyncio.sleep(0.01)
        assert any("sent by dashboard: otto" in repr(each) for each in hook.seen)

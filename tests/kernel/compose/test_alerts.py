"""Alerts wired to a running kernel: its events reach chats and URLs, its operator answers and orders."""

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from adapters.rpc.address_guard import AddressGuard
from adapters.rpc.session import guarded_session
from adapters.telegram.totp import Totp
from bus.clock import NS_PER_S, WallClock
from kernel.alerts.alert_settings import AlertSettings
from kernel.compose.alerts import TOKEN, TOTP, Alerts
from kernel.compose.dashboard import Dashboard
from kernel.compose.live import KernelProcess
from kernel.errors import ConfigError, StoreError
from kernel.profile import load_profile
from kernel.secrets.secret import Secret
from kernel.strategy import convert_settings
from tests.adapters.telegram.bot_api import TOKEN as BOT_TOKEN
from tests.adapters.telegram.bot_api import BotServer, bot_server
from tests.adapters.webhook.hook_server import hook_server

pytestmark = pytest.mark.slow

KEY = base64.b32encode(b"12345678901234567890").decode()
TELEGRAM = {
    "telegram_enabled": True,
    "telegram_chat_ids": "42",
    "telegram_user_ids": "9",
    "commands_enabled": True,
    "control_enabled": True,
}


class World:
    """The demo's kernel in this loop, with alerts."""

    def __init__(self, data: Path, server: BotServer) -> None:
        self.secrets: dict[str, str] = {TOKEN: BOT_TOKEN, TOTP: KEY}
        self.process = KernelProcess(load_profile("demo", {}), data, is_with_db=False)
        self.server = server
        self.is_store_down = False
        self.sessions: list[aiohttp.ClientSession] = []
        self._update = 100

    async def find(self, name: str) -> Secret | None:
        if self.is_store_down:
            raise StoreError("database away")
        return Secret(self.secrets[name]) if name in self.secrets else None

    def session(self) -> aiohttp.ClientSession:
        self.sessions.append(guarded_session(AddressGuard(are_private_allowed=True)))
        return self.sessions[-1]

    async def start(self, **settings: object) -> None:
        await self.process.start()
        dashboard = Dashboard(self.process, None)
        self.alerts = Alerts(
            self.process,
            dashboard,
            convert_settings(AlertSettings, settings),
            self.find,
            telegram_url=self.server.url,
            bot_sessions=self.session,
            retry_s=0.05,
        )
        await self.alerts.start()

    async def stop(self) -> None:
        await self.alerts.stop()
        await self.process.stop()
        self.process.release()
        assert all(each.closed for each in self.sessions)

    async def ask(self, text: str) -> str:
        """Say it, and wait for the answer that follows. The chat gets nothing else in these tests."""
        before = len(self.server.ledger)
        self._update += 1
        self.server.say(text, update_id=self._update, date=WallClock().now_ns() // NS_PER_S)
        await self.server.wait_for(before + 1)
        return self.server.ledger[before][1]

    async def told(self, code: str) -> str:
        async with asyncio.timeout(5):
            while True:
                for each in self.alerts.alerting.recent:
                    if each.code == code:
                        return each.text
                await asyncio.sleep(0.01)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with bot_server() as server:
        made = World(tmp_path / "data", server)
        yield made
        await made.stop()


async def test_every_question_is_answered_by_the_running_kernel(world: World) -> None:
    await world.start(**TELEGRAM, telegram_severity_min="critical")
    assert "cex_dex_arb: running" in await world.ask("/status")
    assert "simulated" in await world.ask("/profit all")
    assert "execution is simulated" in await world.ask("/daily 3")
    assert "equity" in await world.ask("/balance")
    assert "seen" in await world.ask("/performance")
    assert "Positions" in await world.ask("/positions")
    assert "Log" in await world.ask("/logs")
    summary = await world.alerts.operator.summary()
    assert summary.title.startswith("Daily summary")
    assert re.search(r"cex_dex_arb +— +USD simulated", summary.text)  # yesterday is not known, and not zero


async def test_an_order_with_its_second_code_reaches_the_kernel_and_its_alert_the_chat(world: World) -> None:
    await world.start(**TELEGRAM, telegram_severity_min="critical")
    number = re.search(r"/confirm (\d{4})", await world.ask("/kill oracle broken"))
    assert number is not None
    code = Totp(Secret(KEY)).code_at(WallClock().now_ns() // NS_PER_S // 30)
    answer = await world.ask(f"/confirm {number[1]} {code}")
    await world.server.wait_for(3)
    assert "Done" in answer + world.server.ledger[-1][1]
    kill = world.process.core.runner.kills[""]
    assert (kill.reason, kill.by) == ("oracle broken", "telegram:9")
    assert any("kill switch ON for everything, by telegram:9" in text for _, text in world.server.ledger)
    (world.process.data / "KILL").touch()
    with pytest.raises(ConfigError, match="lies there"):
        world.alerts.operator.reset_kill("fine", "x")
    (world.process.data / "KILL").unlink()
    assert "lifted" in world.alerts.operator.reset_kill("fine", "x")


async def test_settings_are_replaced_while_it_runs(world: World) -> None:
    async with hook_server() as hooks:
        await world.start()
        assert world.alerts.alerting.lanes == ()
        world.secrets["ALERT_WEBHOOK_URL"] = hooks.url
        settings = {
            **TELEGRAM,
            "webhook_enabled": True,
            "webhook_urls": "secret:ALERT_WEBHOOK_URL",
            "webhook_private_enabled": True,
        }
        await world.alerts.apply(convert_settings(AlertSettings, settings))
        lanes = {each.channel.name: each for each in world.alerts.alerting.lanes}
        assert set(lanes) == {"telegram:42", "webhook:1:127.0.0.1"}
        world.process.kill("test", "test")
        await world.server.wait_for(1)
        async with asyncio.timeout(5):
            while not hooks.took:
                await asyncio.sleep(0.01)
        await world.alerts.apply(convert_settings(AlertSettings, {**settings, "digest_minutes": 1}))
        assert {each.channel.name: each for each in world.alerts.alerting.lanes} == lanes
        await world.alerts.apply(convert_settings(AlertSettings, {}))
        assert world.alerts.alerting.lanes == ()
        assert world.alerts.listener is None


async def test_what_is_missing_or_wrong_is_told_on_the_page_and_harms_nothing(world: World) -> None:
    world.secrets.clear()
    await world.start(**TELEGRAM, webhook_enabled=True, webhook_urls="http://169.254.169.254/x secret:NONE")
    assert TOKEN in await world.told("alerts_configuration")
    assert world.alerts.alerting.lanes == ()
    world.secrets[TOKEN] = "not a token"
    await world.alerts.apply(world.alerts.settings)
    world.is_store_down = True
    await world.alerts.apply(world.alerts.settings)
    assert "database away" in await world.told("alerts_secret")
    assert all("not a token" not in each.text for each in world.alerts.alerting.recent)


async def test_a_store_that_is_away_at_the_start_is_asked_again(world: World) -> None:
    world.is_store_down = True
    await world.start(**TELEGRAM)
    assert "database away" in await world.told("alerts_secret")
    assert world.alerts.alerting.lanes == ()
    world.is_store_down = False
    async with asyncio.timeout(5):
        while not world.alerts.alerting.lanes:
            await asyncio.sleep(0.01)
    world.is_store_down = True
    await world.alerts.apply(world.alerts.settings)
    assert [each.channel.name for each in world.alerts.alerting.lanes] == ["telegram:42"]


async def test_another_authenticator_key_counts_without_a_restart(world: World) -> None:
    del world.secrets[TOTP]
    await world.start(**TELEGRAM, telegram_severity_min="critical")
    assert "no TELEGRAM_TOTP_SECRET is set" in await world.ask("/pause all")
    channel = world.alerts.alerting.lanes[0].channel
    world.secrets[TOTP] = KEY
    await world.alerts.apply(world.alerts.settings)
    assert "/confirm" in await world.ask("/pause all")
    assert world.alerts.alerting.lanes[0].channel is channel
    assert len(world.sessions) == 1


async def test_a_new_token_revives_what_a_wrong_one_stopped(world: World) -> None:
    world.server.is_token_valid = False
    await world.start(**TELEGRAM)
    assert "token is wrong" in await world.told("telegram_stopped")
    world.server.is_token_valid = True
    await world.alerts.apply(world.alerts.settings)
    before = len(world.server.ledger)
    world.server.say("/help", update_id=500, date=WallClock().now_ns() // NS_PER_S)
    async with asyncio.timeout(10):
        while not any("Help" in text for _, text in world.server.ledger[before:]):
            await asyncio.sleep(0.02)

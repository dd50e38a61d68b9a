"""The long poll: every command at most once, whatever the server and restarts do."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from adapters.telegram.api import BotApi
from adapters.telegram.commands import CommandDesk
from adapters.telegram.listener import TelegramListener
from adapters.telegram.progress import Progress
from adapters.telegram.wire import Answer, Update, read_answer, read_updates
from bus.clock import NS_PER_S, ManualClock
from kernel.alerts.alert_settings import AlertSettings
from kernel.errors import BadWire
from kernel.secrets.secret import Secret
from kernel.strategy import convert_settings
from tests.adapters.telegram.bot_api import TOKEN, BotServer, bot_server
from tests.adapters.telegram.desk_operator import DeskOperator
from tests.adapters.telegram.test_channel import NoPace
from tests.adapters.telegram.test_commands import ALLOWED, START_S


class Listening:
    """A listener on a server, with a data folder."""

    def __init__(self, server: BotServer, data: Path) -> None:
        self.clock = ManualClock(START_S * NS_PER_S)
        self.told: list[tuple[str, str, str]] = []
        self.progress = Progress(data / "telegram.json", self.clock)
        self.api = BotApi(Secret(TOKEN), aiohttp.ClientSession, base_url=server.url)
        settings = convert_settings(AlertSettings, ALLOWED)
        desk = CommandDesk(
            DeskOperator(), lambda: settings, self.clock, challenges=None, keep_step=lambda step: None, tell=self.tell
        )
        self.listener = TelegramListener(
            self.api, desk, NoPace(), self.progress, self.tell, poll_s=1, backoff_s_min=0.001
        )

    def tell(self, *said: str) -> None:
        self.told.append((said[0], said[1], said[2]))

    async def __aenter__(self) -> "Listening":
        self.task = asyncio.create_task(self.listener.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.api.close()


@pytest.fixture
async def server() -> AsyncIterator[BotServer]:
    async with bot_server() as running:
        yield running


async def test_a_command_is_answered_once_though_its_update_comes_twice(server: BotServer, tmp_path: Path) -> None:
    server.say("/help", update_id=5, date=START_S)
    server.say("/help", update_id=5, date=START_S)
    server.say("/status", update_id=6, date=START_S)
    async with Listening(server, tmp_path):
        await server.wait_for(2)
    assert ["Help" in server.ledger[0][1], "Status" in server.ledger[1][1]] == [True, True]
    assert len(server.ledger) == 2


async def test_a_restart_does_not_run_commands_again(server: BotServer, tmp_path: Path) -> None:
    server.say("/help", update_id=5, date=START_S)
    async with Listening(server, tmp_path):
        await server.wait_for(1)
    server.say("/status", update_id=6, date=START_S)
    async with Listening(server, tmp_path) as again:
        assert again.progress.offset == 6
        await server.wait_for(2)
    assert [text.split("</b>")[0] for _, text in server.ledger] == ["<b>Help", "<b>Status"]


async def test_edited_messages_and_updates_of_no_use_are_passed_over(server: BotServer, tmp_path: Path) -> None:
    edited = {"message_id": 1, "date": START_S, "chat": {"id": 42}, "from": {"id": 9}, "text": "/status"}
    server.push({"update_id": 1, "edited_message": edited})
    server.push({"update_id": 2, "message": {"text": 5}})
    server.push({"update_id": 3, "message": [1, 2]})
    server.push({"no": "number"})
    server.push({"update_id": 4})
    server.say("/help", update_id=7, date=START_S)
    async with Listening(server, tmp_path) as listening:
        await server.wait_for(1)
        assert listening.progress.offset == 8
    assert len(server.ledger) == 1
    assert "Help" in server.ledger[0][1]


async def test_the_poll_survives_every_fault_and_tells_after_some(server: BotServer, tmp_path: Path) -> None:
    server.polls.extend(["500", "garbage", "cut", "429", "nested", "other_shape"])
    server.say("/help", update_id=5, date=START_S)
    async with Listening(server, tmp_path) as listening:
        await server.wait_for(1)
    assert [code for _, code, _ in listening.told] == ["telegram_unreachable"]
    assert len(server.ledger) == 1


async def test_a_revoked_token_ends_the_poll_and_says_so(server: BotServer, tmp_path: Path) -> None:
    server.is_token_valid = False
    async with Listening(server, tmp_path) as listening:
        await asyncio.wait_for(listening.task, 5)
    assert listening.told[0][:2] == ("critical", "telegram_stopped")
    assert "token is wrong" in listening.listener.stopped_by


async def test_a_command_waits_while_its_number_cannot_be_kept(server: BotServer, tmp_path: Path) -> None:
    server.say("/help", update_id=5, date=START_S)
    folder = tmp_path / "not yet there"
    async with Listening(server, folder) as listening:
        await server.wait_call(4, "getUpdates")
        assert server.ledger == []
        folder.mkdir()
        await server.wait_for(1)
        assert set(server.offsets[:4]) == {0}
    assert listening.progress.offset == 6
    assert len(server.ledger) == 1


def test_a_progress_file_that_cannot_be_read_lets_no_code_of_now_through(tmp_path: Path) -> None:
    path = tmp_path / "telegram.json"
    clock = ManualClock(START_S * NS_PER_S)
    for broken in (b"", b"{", b"\xff", b'{"offset":"x","totp_step":1}'):
        path.write_bytes(broken)
        assert Progress(path, clock).totp_step > START_S // 30
    fresh = Progress(tmp_path / "none.json", clock)
    assert (fresh.offset, fresh.totp_step) == (0, 0)
    fresh.offset = 7
    fresh.save()
    assert Progress(tmp_path / "none.json", clock).offset == 7
    assert (tmp_path / "none.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"\xff", b'{"ok":1}', b'{"ok":true,"parameters":[]}'])
def test_answers_that_are_none_are_bad_wire(data: bytes) -> None:
    with pytest.raises(BadWire):
        read_answer(data)


def test_a_result_that_is_no_list_is_bad_wire() -> None:
    for data in (b'{"ok":true}', b'{"ok":true,"result":null}', b'{"ok":true,"result":{"update_id":1}}'):
        with pytest.raises(BadWire):
            read_updates(read_answer(data))
    assert isinstance(read_answer(b'{"ok":false}'), Answer)
    assert read_updates(read_answer(b'{"ok":true,"result":[{"update_id":2},{"update_id":1},5]}')) == [
        Update(update_id=1), Update(update_id=2),
    ]  # fmt: skip

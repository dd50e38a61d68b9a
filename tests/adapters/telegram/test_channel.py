"""A chat as a channel, through every fault: what we call delivered is what the server took."""

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator

import aiohttp
import pytest

from adapters.telegram.api import BotApi
from adapters.telegram.channel import TelegramChannel
from adapters.telegram.pace import Pace
from bus.clock import ManualClock
from kernel.alerts.channel import SendLater
from kernel.alerts.delivery_log import Delivery, DeliveryLog
from kernel.alerts.message import Message
from kernel.alerts.notice_lane import NoticeLane
from kernel.alerts.route import Route
from kernel.errors import ConfigError, FeedError, KernelError
from kernel.secrets.secret import Secret
from tests.adapters.telegram.bot_api import TOKEN, BotServer, bot_server


class NoPace(Pace):
    """A pace without waits; the real one has tests of its own."""

    async def wait(self, chat_id: int) -> None:
        await asyncio.sleep(0)


@pytest.fixture
async def server() -> AsyncIterator[BotServer]:
    async with bot_server() as running:
        yield running


@pytest.fixture
async def api(server: BotServer) -> AsyncIterator[BotApi]:
    made = BotApi(Secret(TOKEN), aiohttp.ClientSession, base_url=server.url)
    yield made
    await made.close()


async def deliver(api: BotApi, server: BotServer, *messages: Message, chat: int = 42) -> list[Delivery]:
    """Through a lane with short pauses, until every message has its end. Oldest first."""
    log = DeliveryLog()
    route = Route(messages_per_minute=60, attempts_max=4)
    lane = NoticeLane(TelegramChannel(api, chat, NoPace()), route, ManualClock(0), log, backoff_s_min=0.001)
    for each in messages:
        lane.offer_message(each)
    task = asyncio.create_task(lane.run())
    try:
        async with asyncio.timeout(10):
            while sum(log.totals.values()) < len(messages) and not lane.stopped_by:
                await asyncio.sleep(0.002)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return list(reversed(log.newest()))


@pytest.mark.parametrize("fault", ["429", "429_forged", "500", "garbage", "nested", "other_shape", "cut"])
async def test_one_fault_of_any_kind_is_tried_again_until_the_server_has_it(
    api: BotApi, server: BotServer, fault: str
) -> None:
    server.faults.append(fault)
    (done,) = await deliver(api, server, Message(title="T", text="hello"))
    assert (done.status, done.attempts, done.error) == ("delivered", 2, "")
    assert server.ledger == [(42, "<b>T</b>\nhello")]


async def test_what_is_given_up_was_never_taken(api: BotApi, server: BotServer) -> None:
    server.faults.extend(["500"] * 4)
    lost, kept = await deliver(api, server, Message(title="A"), Message(title="B"))
    assert (lost.status, lost.attempts) == ("given up", 4)
    assert "500" in lost.error
    assert kept.status == "delivered"
    assert [text for _, text in server.ledger] == ["<b>B</b>"]


@pytest.mark.slow
async def test_a_critical_message_is_never_given_up(api: BotApi, server: BotServer) -> None:
    server.faults.extend(["500", "cut", "garbage"] * 3)
    (done,) = await deliver(api, server, Message(title="A", severity="critical"))
    assert (done.status, done.attempts) == ("delivered", 10)
    assert len(server.ledger) == 1


async def test_a_cut_connection_resends_the_part_that_was_cut_and_no_other(api: BotApi, server: BotServer) -> None:
    text = "\n".join(f"{number:05d}" + "y" * 90 for number in range(100))
    server.faults.extend(["", "cut"])
    (done,) = await deliver(api, server, Message(title="T", text=text))
    assert done.status == "delivered"
    assert len(server.ledger) == 3
    assert len({each for _, each in server.ledger}) == 3
    assert "".join(part for _, part in server.ledger).removeprefix("<b>T</b>\n") == text


async def test_a_silent_server_is_left_and_the_message_may_then_come_twice(server: BotServer) -> None:
    api = BotApi(Secret(TOKEN), aiohttp.ClientSession, base_url=server.url)
    server.faults.append("half_open")
    try:
        with pytest.raises(FeedError, match=r"no answer within 0\.05 s"):
            await api.call("sendMessage", {"chat_id": 42, "text": "x"}, timeout_s=0.05)
    finally:
        await api.close()


async def test_a_wrong_chat_or_a_block_stops_this_channel_and_says_what_to_do(api: BotApi, server: BotServer) -> None:
    (wrong,) = await deliver(api, server, Message(title="T"), chat=999)
    assert wrong.status == "refused"
    assert "check the chat's id" in wrong.error
    server.faults.append("blocked")
    (blocked,) = await deliver(api, server, Message(title="T"))
    assert "blocked by the user" in blocked.error
    assert not server.ledger


async def test_a_wrong_token_stops_the_channel(api: BotApi, server: BotServer) -> None:
    server.is_token_valid = False
    (done,) = await deliver(api, server, Message(title="T"))
    assert done.status == "refused"
    assert "set TELEGRAM_BOT_TOKEN anew" in done.error
    assert server.calls == ["sendMessage"]


async def test_the_pause_that_telegram_asks_for_is_told(api: BotApi, server: BotServer) -> None:
    server.faults.append("429")
    with pytest.raises(SendLater) as caught:
        await api.send_message(42, "x")
    assert caught.value.after_s == 0.0


async def test_no_failure_shows_the_token(api: BotApi, server: BotServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    told: list[str] = []
    dead = BotApi(Secret(TOKEN), aiohttp.ClientSession, base_url="http://127.0.0.1:9")
    odd = BotApi(Secret(TOKEN), aiohttp.ClientSession, base_url="http://[half")
    server.faults.extend(["500", "garbage", "cut", "429", "blocked", "other_shape"])
    for bot, chat in [(api, 42)] * 6 + [(api, 999), (dead, 42), (odd, 42)]:
        try:
            await bot.send_message(chat, "x")
        except KernelError as error:
            told += [str(error), repr(error), "".join(traceback.format_exception(error)), repr(bot.__dict__)]
    with pytest.raises(ConfigError) as caught:
        BotApi(Secret("1234567:short-but-secret"), aiohttp.ClientSession)
    told += [str(caught.value), caplog.text]
    await dead.close()
    await odd.close()
    assert len(told) == 9 * 4 + 2
    key = TOKEN.partition(":")[2]
    assert [each for each in told if key in each or "short-but-secret" in each] == []


def test_a_chat_gets_one_message_a_second_and_a_group_twenty_a_minute() -> None:
    pace = Pace()
    assert [pace.reserve(42, 0.0) for _ in range(3)] == [0.0, 1.0, 2.0]
    group = [pace.reserve(-100, 100.0) for _ in range(21)]
    assert group[:20] == [100.0 + number for number in range(20)]
    assert group[20] == 160.0


def test_chats_do_not_wait_for_each_other_but_for_the_bots_own_limit() -> None:
    pace = Pace()
    assert pace.reserve(1, 0.0) == 0.0
    assert 0.0 < pace.reserve(2, 0.0) < 0.1

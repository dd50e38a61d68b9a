"""Commands: who may give them, and what an order needs before it runs."""

import base64
import re
from typing import Any

import msgspec
import pytest

from adapters.telegram.challenge import Challenges
from adapters.telegram.commands import CommandDesk
from adapters.telegram.totp import Totp
from adapters.telegram.wire import Incoming
from bus.clock import NS_PER_HOUR, NS_PER_S, ManualClock
from kernel.alerts.alert_settings import AlertSettings
from kernel.alerts.message import Message
from kernel.errors import StoreError
from kernel.secrets.secret import Secret
from kernel.strategy import convert_settings
from tests.adapters.telegram.desk_operator import DeskOperator

START_S = 1_700_000_000
KEY = base64.b32encode(b"12345678901234567890").decode()
ALLOWED = {
    "telegram_enabled": True,
    "telegram_chat_ids": "42, -100",
    "telegram_user_ids": "9",
    "commands_enabled": True,
    "control_enabled": True,
}


class Desk:
    """A desk with everything around it by hand."""

    def __init__(self, *, has_totp: bool = True, **settings: Any) -> None:
        self.clock = ManualClock(START_S * NS_PER_S)
        self.operator = DeskOperator()
        self.told: list[tuple[str, str, str]] = []
        self.kept: list[int] = []
        self.is_disk_full = False
        self.settings = convert_settings(AlertSettings, {**ALLOWED, **settings})
        self.codes = Totp(Secret(KEY))
        self.desk = CommandDesk(
            self.operator,
            lambda: self.settings,
            self.clock,
            challenges=Challenges(Totp(Secret(KEY)), self.clock) if has_totp else None,
            keep_step=self.keep,
            tell=lambda *said: self.told.append(said),
        )
        self.desk.username = "kernel_bot"

    def keep(self, step: int) -> None:
        if self.is_disk_full:
            raise StoreError("cannot write telegram.json: No space left on device")
        self.kept.append(step)

    async def say(self, text: str, *, chat: int = 42, user: int = 9, age_s: int = 0, **more: Any) -> Message | None:
        message = {
            "message_id": 1,
            "date": self.clock.now_ns() // NS_PER_S - age_s,
            "chat": {"id": chat},
            "from": {"id": user},
            "text": text,
            **more,
        }
        return await self.desk.answer(msgspec.convert(message, Incoming))

    def code(self) -> str:
        return self.codes.code_at(self.clock.now_ns() // NS_PER_S // 30)

    def later(self, seconds: int) -> None:
        self.clock.advance_to(self.clock.now_ns() + seconds * NS_PER_S)


def number_of(message: Message | None) -> str:
    assert message is not None
    found = re.search(r"/confirm (\d{4}) CODE", message.text)
    assert found is not None, message
    return found[1]


def text_of(message: Message | None) -> str:
    assert message is not None
    return f"{message.title}\n{message.text}"


@pytest.mark.parametrize("who", [{"chat": 5}, {"user": 5}, {"chat": 5, "user": 5}])
async def test_strangers_get_no_answer_and_are_told_of_once_an_hour_as_a_count(who: dict[str, int]) -> None:
    desk = Desk()
    assert [await desk.say("/kill now please", **who) for _ in range(5)] == [None] * 5
    assert [code for _, code, _ in desk.told] == ["telegram_stranger"]
    desk.clock.advance_to(desk.clock.now_ns() + NS_PER_HOUR)
    assert await desk.say("/status", **who) is None
    assert desk.told[1][2].startswith("5 message(s)")
    assert desk.operator.orders == []


async def test_a_message_without_a_sender_or_of_a_bot_counts_as_strange() -> None:
    desk = Desk()
    assert await desk.say("/status", **{"from": None}) is None
    assert await desk.say("/status", **{"from": {"id": 9, "is_bot": True}}) is None
    assert desk.told


async def test_talk_and_commands_for_other_bots_are_passed_over() -> None:
    desk = Desk()
    assert await desk.say("hello") is None
    assert await desk.say("/status@other_bot") is None
    assert "Status" in text_of(await desk.say("/STATUS@Kernel_Bot"))
    assert desk.told == []


async def test_answers_mark_the_simulated_and_the_unknown_and_never_mix_sums() -> None:
    desk = Desk()
    status = text_of(await desk.say("/status"))
    assert "today — · total −1,234.50 USD simulated" in status
    assert "\u202e" not in status
    profit = text_of(await desk.say("/profit 7d"))
    assert re.findall(r"total +(\S+) +USD(.*)", profit) == [("−2.34", ""), ("—", " simulated")]
    assert "so far" in text_of(await desk.say("/daily 2"))
    assert "1 position(s) without a price are left out" in text_of(await desk.say("/balance"))
    positions = text_of(await desk.say("/positions"))
    assert positions.count("PEPE") == 60
    assert "20 more on the page" in positions
    assert text_of(await desk.say("/logs cex_dex_arb 3")).count("cex_dex_arb:") == 3
    assert "no strategy is enabled" in text_of(await desk.say("/performance"))


@pytest.mark.parametrize(
    "text", ["/profit 99y", "/daily 0", "/daily ٣", "/daily 99999999999999", "/logs x 51", "/logs x -1"]
)
async def test_a_wrong_argument_is_answered_with_what_was_expected(text: str) -> None:
    assert "expected" in text_of(await Desk().say(text))


async def test_an_unknown_command_gets_the_list() -> None:
    assert "there is no command /forceexit" in text_of(await Desk().say("/forceexit all"))


async def test_an_old_or_forwarded_or_future_command_is_not_run_but_answered() -> None:
    desk = Desk()
    assert "61 s old" in text_of(await desk.say("/kill it all", age_s=61))
    assert "ahead" in text_of(await desk.say("/kill it all", age_s=-61))
    for passed_on in ({"forward_origin": {"type": "user"}}, {"forward_date": 1}, {"via_bot": {"id": 1}}):
        message = {
            "message_id": 1, "date": START_S, "chat": {"id": 42}, "from": {"id": 9}, "text": "/kill it", **passed_on,
        }  # fmt: skip
        incoming = msgspec.json.decode(msgspec.json.encode(message), type=Incoming)
        assert "forwarded" in text_of(await desk.desk.answer(incoming))
    assert "Status" in text_of(await desk.say("/status", age_s=60))


async def test_an_order_runs_after_the_second_code_and_not_before() -> None:
    desk = Desk()
    number = number_of(await desk.say("/kill  oracle\nbroken "))
    assert desk.operator.orders == []
    done = await desk.say(f"/confirm {number} {desk.code()}")
    assert "Done" in text_of(done)
    assert desk.operator.orders == [("kill", "oracle broken", "telegram:9")]
    assert desk.kept == [START_S // 30]
    assert "nothing waits" in text_of(await desk.say(f"/confirm {number} {desk.code()}"))


async def test_a_code_that_was_used_is_refused_for_the_next_order() -> None:
    desk = Desk()
    code = desk.code()
    await desk.say(f"/confirm {number_of(await desk.say('/pause all'))} {code}")
    number = number_of(await desk.say("/stop cex_dex_arb"))
    assert "used already" in text_of(await desk.say(f"/confirm {number} {code}"))
    desk.later(30)
    assert "Done" in text_of(await desk.say(f"/confirm {number} {desk.code()}"))
    assert [each[0] for each in desk.operator.orders] == ["pause", "stop"]


async def test_a_challenge_ends_after_a_minute_and_belongs_to_one_person_and_chat() -> None:
    desk = Desk(telegram_user_ids="9 10")
    number = number_of(await desk.say("/reload"))
    assert "nothing waits" in text_of(await desk.say(f"/confirm {number} {desk.code()}", user=10))
    assert "nothing waits" in text_of(await desk.say(f"/confirm {number} {desk.code()}", chat=-100))
    desk.later(61)
    assert "send the command again" in text_of(await desk.say(f"/confirm {number} {desk.code()}"))
    assert desk.operator.orders == []


async def test_wrong_codes_end_the_challenge_and_then_lock_all_orders() -> None:
    desk = Desk()
    number = number_of(await desk.say("/reload"))
    for _ in range(3):
        await desk.say(f"/confirm {number} 000000")
    assert "nothing waits" in text_of(await desk.say(f"/confirm {number} {desk.code()}"))
    number = number_of(await desk.say("/reload"))
    await desk.say(f"/confirm {number} 000000")
    assert "15 minutes" in text_of(await desk.say(f"/confirm {number} 000000"))
    assert "no code counts" in text_of(await desk.say("/reload"))
    assert len([each for each in desk.told if each[1] == "telegram_wrong_code"]) >= 5
    desk.later(15 * 60 + 1)
    number = number_of(await desk.say("/reload"))
    assert "Done" in text_of(await desk.say(f"/confirm {number} {desk.code()}"))


async def test_an_order_whose_code_cannot_be_kept_does_not_run() -> None:
    desk = Desk()
    number = number_of(await desk.say("/kill the disk is full"))
    desk.is_disk_full = True
    assert "No space left" in text_of(await desk.say(f"/confirm {number} {desk.code()}"))
    assert desk.operator.orders == []


async def test_control_is_refused_with_words_when_off_or_without_a_secret() -> None:
    for desk in (Desk(control_enabled=False), Desk(has_totp=False)):
        for text in ("/kill now please", "/resume it is fine", "/start all", "/stop all", "/pause all", "/reload"):
            assert "Not done" in text_of(await desk.say(text))
        assert desk.operator.orders == []


async def test_control_that_is_switched_off_meanwhile_does_not_run() -> None:
    desk = Desk()
    number = number_of(await desk.say("/stop all"))
    desk.settings = convert_settings(AlertSettings, {**ALLOWED, "control_enabled": False})
    assert "is off" in text_of(await desk.say(f"/confirm {number} {desk.code()}"))
    assert desk.operator.orders == []


async def test_an_order_for_a_strategy_that_is_none_or_without_a_reason_is_refused_before_any_code() -> None:
    desk = Desk()
    for text in ("/stop nope", "/stop", "/kill", "/kill x", "/kill " + "y" * 201):
        assert "expected" in text_of(await desk.say(text))


async def test_a_refusal_of_the_kernel_is_told_in_its_words() -> None:
    desk = Desk()
    number = number_of(await desk.say("/resume all is well"))
    assert "the kill switch is not on" in text_of(await desk.say(f"/confirm {number} {desk.code()}"))


async def test_a_flood_of_commands_is_answered_once_and_then_with_silence() -> None:
    desk = Desk()
    answers = [await desk.say("/help") for _ in range(30)]
    assert [each is not None for each in answers] == [True] * 21 + [False] * 9
    assert "more than 20 commands" in text_of(answers[20])
    assert await desk.say("/help", chat=-100) is not None
    desk.later(61)
    assert "Help" in text_of(await desk.say("/help"))


@pytest.mark.parametrize(
    "change",
    [
        {"control_enabled": True, "commands_enabled": False},
        {"telegram_user_ids": ""},
        {"telegram_chat_ids": "abc"},
        {"telegram_chat_ids": "1 " * 11},
        {"webhook_style": "teams"},
        {"daily_hour": 24},
    ],
)
def test_settings_that_would_open_too_much_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        convert_settings(AlertSettings, {**ALLOWED, **change})

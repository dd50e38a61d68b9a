"""Commands of a chat: who may give them, what they mean, and what they need before they run.

Questions: the chat and the person must both be on their list. Orders need `control_enabled` as well, and the code of an
authenticator for each. Strangers get no answer; that they knocked is told once an hour, as a count.
"""

from collections import deque
from collections.abc import Callable

from adapters.telegram.challenge import VALID_S, Challenges, Order
from adapters.telegram.wire import Incoming
from bus.clock import NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S, Clock
from kernel.alerts import operator_text as say
from kernel.alerts.alert_settings import AlertSettings
from kernel.alerts.legible import legible
from kernel.alerts.message import Message
from kernel.alerts.operator import DAYS_MAX, LOG_LINES_MAX, PERIODS, Operator
from kernel.errors import ConfigError, StoreError

AGE_S_MAX = 60  #: older commands belong to a moment that has passed
PER_MINUTE_MAX = 20  #: commands of one chat
REASON_CHARS_MAX = 200
REASON_CHARS_MIN = 3
DAYS_DEFAULT, LINES_DEFAULT = 7, 15
ALL = "all"

QUESTIONS = {
    "status": "what runs and what does not",
    "profit": "[24h|7d|30d|all] what was earned after all costs",
    "daily": "[days] the same by day",
    "balance": "equity and what is held where",
    "performance": "each strategy's record",
    "positions": "what is open",
    "logs": "[module] [lines] what was told lately",
    "help": "this list",
}
ORDERS = {
    "kill": "reason: stop everything and cancel its orders",
    "resume": "reason: lift the kill switch",
    "start": "strategy|all",
    "pause": "strategy|all: no new risk, exits go on",
    "stop": "strategy|all: cancel orders, close positions",
    "reload": "read the settings again",
}

Tell = Callable[[str, str, str], None]  #: severity, code, text


class CommandDesk:
    """Answers one message at a time."""

    def __init__(
        self,
        operator: Operator,
        settings: Callable[[], AlertSettings],
        clock: Clock,
        *,
        challenges: Challenges | None,
        keep_step: Callable[[int], None],
        tell: Tell,
    ) -> None:
        """`challenges` None: no TOTP secret, so orders are refused. `keep_step` stores a used code's step or raises
        `StoreError`. `tell` publishes an alert."""
        self.username = ""  #: the bot's own name, once known
        self._operator = operator
        self._settings = settings
        self._clock = clock
        self._challenges = challenges
        self._keep_step = keep_step
        self._tell = tell
        self._given_ns: dict[int, deque[int]] = {}
        self._strangers = 0
        self._strangers_told_ns: int | None = None

    async def answer(self, incoming: Incoming) -> Message | None:
        """The answer; None = stay silent."""
        settings = self._settings()
        sender = incoming.sender
        if not settings.commands_enabled:
            return None
        if (
            sender is None
            or sender.is_bot
            or incoming.chat.id not in settings.chat_ids
            or sender.id not in settings.user_ids
        ):
            self._on_stranger(incoming.chat.id)
            return None
        word, argument = self._parsed(incoming.text)
        if not word:
            return None
        refusal = self._refusal(incoming)
        if isinstance(refusal, str):
            return None
        if refusal is not None:
            return refusal
        who = (incoming.chat.id, sender.id)
        try:
            if word in QUESTIONS or word not in (*ORDERS, "confirm", "cancel"):
                return await self._question(word, argument.split())
            return await self._order(who, word, argument, settings)
        except (ConfigError, StoreError) as error:
            return _refused(str(error))

    def _parsed(self, text: str) -> tuple[str, str]:
        """Word and argument of a command that is for us; ("", "") of anything else."""
        if not text.startswith("/"):
            return "", ""
        head, _, argument = text[1:].replace("\n", " ").partition(" ")
        word, _, bot = head.partition("@")
        if bot and bot.lower() != self.username.lower():
            return "", ""
        return word.lower(), argument.strip()

    def _refusal(self, incoming: Incoming) -> "Message | str | None":
        """None = go on; a message = say that; "" = say nothing any more."""
        now_ns = self._clock.now_ns()
        given = self._given_ns.setdefault(incoming.chat.id, deque(maxlen=PER_MINUTE_MAX + 1))
        while given and given[0] <= now_ns - NS_PER_MINUTE:
            given.popleft()
        if len(given) > PER_MINUTE_MAX:  # said once; each further one would only add to the flood
            return ""
        given.append(now_ns)
        if len(given) > PER_MINUTE_MAX:
            return _refused(f"more than {PER_MINUTE_MAX} commands in a minute; wait a little")
        age_s = now_ns // NS_PER_S - incoming.date
        if age_s > AGE_S_MAX:
            return _refused(f"this command is {age_s:,} s old, so it was not run; send it again if it still holds")
        if age_s < -AGE_S_MAX:
            return _refused(f"this command is dated {-age_s:,} s ahead of the kernel's clock; set that clock right")
        if incoming.is_passed_on:
            return _refused("a forwarded command does not count; write it yourself")
        return None

    def _on_stranger(self, chat_id: int) -> None:
        self._strangers += 1
        now_ns = self._clock.now_ns()
        if self._strangers_told_ns is not None and now_ns < self._strangers_told_ns + NS_PER_HOUR:
            return
        text = f"{self._strangers} message(s) of people or chats that are not on the list, the last from chat {chat_id}"
        self._strangers, self._strangers_told_ns = 0, now_ns
        self._tell("warning", "telegram_stranger", text)

    # questions ------------------------------------------------------------------------------------------------------

    async def _question(self, word: str, words: list[str]) -> Message:
        ask = self._operator
        if word == "status":
            return say.status_message(ask.status())
        if word == "profit":
            period = words[0].lower() if words else "24h"
            if period not in PERIODS:
                raise ConfigError(f"/profit: expected one of {', '.join(PERIODS)}, found {legible(period, 20)!r}")
            return say.profit_message(await ask.profit(period))
        if word == "daily":
            return say.daily_message(await ask.daily(_number("/daily", words, DAYS_DEFAULT, DAYS_MAX)))
        if word == "balance":
            return say.balance_message(ask.balance())
        if word == "performance":
            return say.performance_message(ask.performance())
        if word == "positions":
            return say.positions_message(ask.positions())
        if word == "logs":
            module = words.pop(0) if words and not words[0].isdigit() else ""
            lines = ask.logs(module, _number("/logs", words, LINES_DEFAULT, LOG_LINES_MAX))
            return say.logs_message(lines, module)
        known = "" if word == "help" else f"there is no command /{legible(word, 20)}\n\n"
        return Message(title="Help", text=known + self._help())

    def _help(self) -> str:
        lines = [f"/{word} {text}" for word, text in QUESTIONS.items()]
        lines.append(f"\nOrders{'' if self._settings().control_enabled else ' (control is off in the settings)'}:")
        lines += [f"/{word} {text}" for word, text in ORDERS.items()]
        return "\n".join(lines)

    # orders ---------------------------------------------------------------------------------------------------------

    async def _order(self, who: tuple[int, int], word: str, argument: str, settings: AlertSettings) -> Message:
        if not settings.control_enabled:
            return _refused("control from Telegram is off; switch on Control in the alert settings, or use the page")
        challenges = self._challenges
        if challenges is None:
            return _refused(
                "orders need the code of an authenticator, and no TELEGRAM_TOTP_SECRET is set; use the page or"
                " `python -m kernel kill`"
            )
        if word == "cancel":
            return Message(title="Cancelled" if challenges.forget(who) else "Nothing to cancel")
        if word == "confirm":
            return await self._confirm(who, argument.split(), challenges)
        if challenges.locked_s:
            return _refused(f"too many wrong codes: no code counts for another {challenges.locked_s} s")
        order = Order(word, self._checked(word, argument))
        number = challenges.ask(who, order)
        return Message(
            title=f"Confirm · {word} {order.argument}".rstrip(),
            text=f"Within {VALID_S} s send\n/confirm {number} CODE\nwith the six digits of your authenticator for CODE,"
            " or /cancel.",
        )

    def _checked(self, word: str, argument: str) -> str:
        """The argument as it will be used. Raises `ConfigError`."""
        text = " ".join(legible(argument).split())
        if word in ("kill", "resume"):
            if not REASON_CHARS_MIN <= len(text) <= REASON_CHARS_MAX:
                raise ConfigError(f"/{word}: expected a reason of {REASON_CHARS_MIN} to {REASON_CHARS_MAX} characters")
            return text
        if word == "reload":
            return ""
        names = [each.name for each in self._operator.status().strategies]
        if text not in (*names, ALL):
            raise ConfigError(f"/{word}: expected {', '.join([*names, ALL])}, found {legible(text, 40)!r}")
        return text

    async def _confirm(self, who: tuple[int, int], words: list[str], challenges: Challenges) -> Message:
        if len(words) != 2:
            return _refused("expected /confirm, the number of the challenge, the six digits of your authenticator")
        found = challenges.answer(who, words[0][:20], words[1][:20])
        if isinstance(found, str):
            self._tell("warning", "telegram_wrong_code", f"an order of user {who[1]} was not confirmed: {found}")
            return _refused(found)
        self._keep_step(challenges.used_step)  # before it runs: what cannot be kept could be used twice
        by = f"telegram:{who[1]}"
        return Message(title=f"Done · {found.word}", text=await self._run(found, by))

    async def _run(self, order: Order, by: str) -> str:
        if order.word == "kill":
            return self._operator.kill(order.argument, by)
        if order.word == "resume":
            return self._operator.reset_kill(order.argument, by)
        if order.word == "reload":
            return await self._operator.reload(by)
        return self._operator.command(order.argument, order.word, by)


def _number(command: str, words: list[str], default: int, limit: int) -> int:
    if not words:
        return default
    text = words[0]
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= limit):
        raise ConfigError(f"{command}: expected a number from 1 to {limit}, found {legible(text, 20)!r}")
    return int(text)


def _refused(text: str) -> Message:
    return Message(title="Not done", text=text)

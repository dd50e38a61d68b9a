"""Asks Telegram for commands by long poll and answers. A command runs at most once: its number is kept before."""

import asyncio

from adapters.telegram.api import POLL_S, BotApi
from adapters.telegram.commands import CommandDesk, Tell
from adapters.telegram.markup import parts_of
from adapters.telegram.pace import Pace
from adapters.telegram.progress import Progress
from adapters.telegram.wire import Update, read_incoming
from kernel.alerts.channel import SendLater
from kernel.alerts.message import Message
from kernel.errors import ConfigError, FeedError, KernelError, StoreError

BACKOFF_S_MIN, BACKOFF_S_MAX = 1.0, 60.0
EMPTY_PAUSE_S = 1.0  #: after a poll that came back at once with nothing readable, lest we ask in a circle
ANSWER_TRIES = 3  #: an answer that is late is worth little
FAILURES_TOLD_AT = 5  #: in a row: half a minute without Telegram


class TelegramListener:
    """`run` until cancelled; ends by itself when the token is wrong, and tells."""

    def __init__(
        self,
        api: BotApi,
        desk: CommandDesk,
        pace: Pace,
        progress: Progress,
        tell: Tell,
        *,
        poll_s: int = POLL_S,
        backoff_s_min: float = BACKOFF_S_MIN,
    ) -> None:
        self.stopped_by = ""  #: why it ended; "" = it works
        self.failures = 0  #: in a row
        self._api = api
        self._desk = desk
        self._pace = pace
        self._progress = progress
        self._tell = tell
        self._poll_s = poll_s
        self._backoff_s_min = backoff_s_min

    async def run(self) -> None:
        """Learn the bot's name, then poll."""
        backoff_s = self._backoff_s_min
        while True:
            try:
                if not self._desk.username:
                    self._desk.username = (await self._api.get_me()).username or "-"
                await self._turn()
            except ConfigError as error:
                self.stopped_by = str(error)
                self._tell("critical", "telegram_stopped", f"no commands any more: {error}")
                return
            except KernelError as error:
                self.failures += 1
                if self.failures == FAILURES_TOLD_AT:
                    self._tell("warning", "telegram_unreachable", str(error))
                await asyncio.sleep(max(backoff_s, error.after_s if isinstance(error, SendLater) else 0.0))
                backoff_s = min(BACKOFF_S_MAX, backoff_s * 2)
            else:
                self.failures, backoff_s = 0, self._backoff_s_min

    async def _turn(self) -> None:
        loop = asyncio.get_running_loop()
        asked_s = loop.time()
        updates = await self._api.get_updates(self._progress.offset, self._poll_s)
        fresh = [each for each in updates if each.update_id >= self._progress.offset]
        if not fresh and loop.time() - asked_s < EMPTY_PAUSE_S:
            await asyncio.sleep(EMPTY_PAUSE_S)
        for update in fresh:
            await self._take(update)

    async def _take(self, update: Update) -> None:
        if update.update_id < self._progress.offset:  # twice in one answer
            return
        before = self._progress.offset
        self._progress.offset = update.update_id + 1
        try:
            await asyncio.to_thread(self._progress.save)
        except StoreError:
            self._progress.offset = before  # not handled yet: Telegram gives it again
            raise
        incoming = read_incoming(update)
        if incoming is None:
            return
        message = await self._desk.answer(incoming)
        if message is not None:
            await self._say(incoming.chat.id, message)

    async def _say(self, chat_id: int, message: Message) -> None:
        """Best effort: a lost answer is asked for again by the person, a lost poll would lose the kill command."""
        for part in parts_of(message):
            if not await self._is_sent(chat_id, part):
                return

    async def _is_sent(self, chat_id: int, part: str) -> bool:
        for _ in range(ANSWER_TRIES):
            await self._pace.wait(chat_id)
            try:
                await self._api.send_message(chat_id, part)
            except SendLater as error:
                await asyncio.sleep(min(error.after_s, BACKOFF_S_MAX))
            except FeedError:
                await asyncio.sleep(self._backoff_s_min)
            except KernelError as error:
                self._tell("warning", "telegram_answer_refused", str(error))
                return False
            else:
                return True
        return False

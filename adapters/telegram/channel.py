"""One chat as a channel of alerts."""

from adapters.telegram.api import BotApi
from adapters.telegram.markup import parts_of
from adapters.telegram.pace import Pace
from kernel.alerts.message import Message


class TelegramChannel:
    """Implements `kernel.alerts.channel.Channel`. The pace is shared by all chats of the bot."""

    def __init__(self, api: BotApi, chat_id: int, pace: Pace) -> None:
        self.chat_id = chat_id
        self._api = api
        self._pace = pace

    @property
    def name(self) -> str:
        return f"telegram:{self.chat_id}"

    def parts(self, message: Message) -> tuple[str, ...]:
        """The message as texts of at most 4096 UTF-16 units."""
        return parts_of(message)

    async def send(self, part: str) -> None:
        """Send one of them. Raises as `BotApi.call`."""
        await self._pace.wait(self.chat_id)
        await self._api.send_message(self.chat_id, part)

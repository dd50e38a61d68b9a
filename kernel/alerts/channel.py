"""Where messages go: one channel is one destination (a chat, a URL), so that a fault of one delays no other."""

from typing import Protocol

from kernel.alerts.message import Message
from kernel.errors import FeedError


class SendLater(FeedError):
    """The destination asked for a pause: nothing before `after_s` seconds have passed."""

    def __init__(self, text: str, after_s: float) -> None:
        super().__init__(text)
        self.after_s = after_s


class Channel(Protocol):
    """One destination.

    `send` raises `FeedError` (or `SendLater`) where trying again may help, `VenueRefused` where this message will never
    be taken, `ConfigError` where no message will: a wrong token or address, until settings change. No text of an error
    holds a secret.
    """

    @property
    def name(self) -> str:
        """As on the page: `telegram:42`, `webhook:hooks.example.com`; unique, and without a secret."""
        ...

    def parts(self, message: Message) -> tuple[str, ...]:
        """The message as texts of which each is sent, and sent again, alone; at least one."""
        ...

    async def send(self, part: str) -> None:
        """Deliver one part; returns when the destination confirmed it."""
        ...

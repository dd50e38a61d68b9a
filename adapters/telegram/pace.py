"""How fast a bot may speak: to a chat one message a second, to a group twenty a minute, in all thirty a second.

https://core.telegram.org/bots/faq#my-bot-is-hitting-limits, from memory, not verified live; a 429 has the last word.
"""

import asyncio
from collections import deque

CHAT_EVERY_S = 1.0
GROUP_PER_MINUTE = 20
BOT_EVERY_S = 1.0 / 30
MINUTE_S = 60.0
CHATS_MAX = 100  #: chats whose pace is remembered; the allow-list is shorter


class Pace:
    """Reserves moments. `now_s` is any steady clock, the loop's in practice."""

    def __init__(self) -> None:
        self._sent_s: dict[int, deque[float]] = {}
        self._bot_s = float("-inf")

    def reserve(self, chat_id: int, now_s: float) -> float:
        """Take the next moment at which this chat may get a message; groups and channels have negative ids."""
        sent = self._sent_s.get(chat_id)
        if sent is None:
            if len(self._sent_s) >= CHATS_MAX:
                del self._sent_s[next(iter(self._sent_s))]
            sent = self._sent_s[chat_id] = deque(maxlen=GROUP_PER_MINUTE)
        at_s = max(now_s, self._bot_s + BOT_EVERY_S)
        if sent:
            at_s = max(at_s, sent[-1] + CHAT_EVERY_S)
        if chat_id < 0 and len(sent) == GROUP_PER_MINUTE:
            at_s = max(at_s, sent[0] + MINUTE_S)
        sent.append(at_s)
        self._bot_s = at_s if at_s - now_s < CHAT_EVERY_S else self._bot_s
        return at_s

    async def wait(self, chat_id: int) -> None:
        """Sleep until that moment."""
        now_s = asyncio.get_running_loop().time()
        await asyncio.sleep(self.reserve(chat_id, now_s) - now_s)

"""Messages as Telegram's HTML, cut into parts that it takes. No text is lost and no entity is cut.

Telegram counts UTF-16 code units, at most 4096 after reading the entities; we keep the raw text below that, which is
stricter. (https://core.telegram.org/bots/api#formatting-options, from memory, not verified live.)
"""

import html
import re
from collections.abc import Iterator

from kernel.legible import legible
from kernel.message import Message

UNITS_MAX = 4096
TEXT_CHARS_MAX = 40_000  #: ten messages; a longer text is cut and says so
TITLE_CHARS_MAX = 200
BREAK_WITHIN = 0.5  #: a part ends at a line break if one lies in its last half
_TOKEN = re.compile(r"&(?:amp|lt|gt|quot|#x27);|.", re.DOTALL)


def units(text: str) -> int:
    """Length as Telegram counts: UTF-16 code units."""
    return len(text) + sum(1 for each in text if ord(each) > 0xFFFF)


def escape(text: str) -> str:
    """Text that stands for itself in Telegram's HTML."""
    return html.escape(text, quote=True)


def split(escaped: str, units_max: int) -> Iterator[str]:
    """The escaped text in pieces of at most `units_max` units, each cut between entities and characters.

    Joined they are the text again. `units_max` must be at least 8, the longest entity with room.
    """
    tokens = _TOKEN.findall(escaped)
    start = 0
    while start < len(tokens):
        end, used, break_at = start, 0, 0
        while end < len(tokens) and used + units(tokens[end]) <= units_max:
            used += units(tokens[end])
            end += 1
            if tokens[end - 1] == "\n" and used >= units_max * BREAK_WITHIN:
                break_at = end
        if end < len(tokens) and break_at:
            end = break_at
        yield "".join(tokens[start:end])
        start = end


def parts_of(message: Message) -> tuple[str, ...]:
    """The message as texts for `sendMessage` with `parse_mode` HTML."""
    title = f"<b>{escape(legible(message.title, TITLE_CHARS_MAX))}</b>"
    body = escape(legible(message.text, TEXT_CHARS_MAX))
    if not body.strip():
        return (title,)
    before, after = ("<pre>", "</pre>") if message.is_table else ("", "")
    overhead = units(before) + units(after)
    room = UNITS_MAX - overhead - units(title) - 1
    if units(body) <= room:
        return (f"{title}\n{before}{body}{after}",)
    pieces = [each for each in split(body, room) if each.strip()]  # Telegram refuses a blank message
    return (f"{title}\n{before}{pieces[0]}{after}", *(f"{before}{each}{after}" for each in pieces[1:]))

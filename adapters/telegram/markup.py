"""Messages as Telegram's HTML, cut into parts that it takes. No text is lost and no entity is cut.

Telegram counts UTF-16 code units, at most 4096 after reading the entities; we keep the raw text below that, which is
stricter. (https://core.telegram.org/bots/api#formatting-options, from memory, not verified live.)
"""

import html
from collections.abc import Iterator

from kernel.alerts.legible import legible
from kernel.alerts.message import Message

UNITS_MAX = 4096
TEXT_CHARS_MAX = 40_000  #: ten messages; a longer text is cut and says so
TITLE_CHARS_MAX = 200
ENTITY_CHARS_MAX = 6  #: of those that `escape` makes: &quot; and &#x27;


def units(text: str) -> int:
    """Length as Telegram counts: UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def escape(text: str) -> str:
    """Text that stands for itself in Telegram's HTML."""
    return html.escape(text, quote=True)


def split(escaped: str, units_max: int) -> Iterator[str]:
    """The escaped text in pieces of at most `units_max` units, each cut between entities and characters.

    Joined they are the text again. `units_max` must be at least 8, the longest entity with room.
    """
    start = 0
    while start < len(escaped):
        end = min(len(escaped), start + units_max)
        while (over := units(escaped[start:end]) - units_max) > 0:
            end -= (over + 1) // 2  # a character is two units at most
        if end < len(escaped):
            end = _clean_cut(escaped, start, end)
        yield escaped[start:end]
        start = end


def _clean_cut(escaped: str, start: int, end: int) -> int:
    """Where to cut at or before `end`: after a line if one ends in the last half, else not within an entity."""
    line_end = escaped.rfind("\n", start + (end - start) // 2, end) + 1
    if line_end:
        return line_end
    entity = escaped.rfind("&", max(start, end - ENTITY_CHARS_MAX), end)
    return entity if entity >= 0 and ";" not in escaped[entity:end] else end


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

"""The bodies that webhooks carry: all fields as JSON, or a text as Slack and Discord want it."""

import msgspec

from kernel.alerts.legible import legible
from kernel.alerts.message import Message

SLACK_CHARS_MAX = 3_500  #: Slack cuts texts beyond 4000 (its documentation, from memory)
DISCORD_CHARS_MAX = 1_900  #: Discord refuses contents beyond 2000
TEXT_CHARS_MAX = 40_000
PARTS_MAX = 10
STYLES = ("json", "slack", "discord")


def bodies_of(message: Message, style: str, delivery: str) -> tuple[str, ...]:
    """The message as one or more JSON texts. `delivery` lets a receiver know one that comes twice."""
    text = legible(message.text, TEXT_CHARS_MAX)
    title = legible(message.title, 200)
    if style == "slack":
        pieces = _pieces(text, SLACK_CHARS_MAX // 2, message.is_table)  # an escaped character grows
        return tuple(_encoded({"text": f"*{_slack(title)}*\n{_slack(each)}"}) for each in pieces)
    if style == "discord":
        pieces = _pieces(text, DISCORD_CHARS_MAX - len(title), message.is_table)
        return tuple(
            _encoded({"content": f"**{title}**\n{each}", "allowed_mentions": {"parse": []}}) for each in pieces
        )
    value = {
        "delivery": delivery,
        "severity": message.severity,
        "title": title,
        "text": text,
        "notices": [msgspec.to_builtins(each) for each in message.notices],
    }
    return (_encoded(value),)


def _pieces(text: str, chars_max: int, is_table: bool) -> list[str]:
    """Pieces that end at lines where they can; tables in a fixed-width face."""
    fence = "```" if is_table else ""
    text = text.replace("```", "'''")
    room = chars_max - 2 * len(fence) - 2
    pieces: list[str] = []
    while text and len(pieces) < PARTS_MAX:
        cut = text.rfind("\n", room // 2, room) + 1 if len(text) > room else len(text)
        piece, text = text[: cut or room], text[cut or room :]
        pieces.append(f"{fence}\n{piece}\n{fence}" if fence else piece)
    return pieces or [""]


def _slack(text: str) -> str:
    """Escaped, so that no text can mention people (`<!channel>`) or hide a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _encoded(value: object) -> str:
    return msgspec.json.encode(value).decode()

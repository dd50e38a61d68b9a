"""The Bot API's answers as checked values. Whatever does not fit raises `BadWire` and never quotes the URL."""

from typing import TypeVar

import msgspec
from msgspec import Raw, Struct, field

from kernel.errors import BadWire

UPDATES_MAX = 100  #: what one `getUpdates` gives at most, says Telegram
T = TypeVar("T")
_ABSENT = Raw()


def _is_there(raw: Raw) -> bool:
    return bytes(raw) not in (b"", b"null")


class User(Struct, frozen=True, kw_only=True):
    """Who wrote; `is_bot` also for an anonymous administrator."""

    id: int
    is_bot: bool = False
    username: str = ""


class Chat(Struct, frozen=True, kw_only=True):
    """Where. `type`: private, group, supergroup or channel."""

    id: int
    type: str = ""


class Incoming(Struct, frozen=True, kw_only=True):
    """A message. `date` is Telegram's, in seconds UTC."""

    message_id: int
    date: int
    chat: Chat
    sender: User | None = field(name="from", default=None)
    text: str = ""
    forward_origin: Raw = _ABSENT
    forward_date: int | None = None
    via_bot: Raw = _ABSENT

    @property
    def is_passed_on(self) -> bool:
        """Written by another hand than the sender's."""
        return _is_there(self.forward_origin) or self.forward_date is not None or _is_there(self.via_bot)


class Update(Struct, frozen=True, kw_only=True):
    """One update. Edited messages and everything else have no `message` and are passed over."""

    update_id: int
    message: Raw = _ABSENT


class Parameters(Struct, frozen=True, kw_only=True):
    """Hints of a refusal. `retry_after` in seconds."""

    retry_after: int | None = None
    migrate_to_chat_id: int | None = None


class Answer(Struct, frozen=True, kw_only=True):
    """The frame around every answer."""

    ok: bool
    result: Raw = _ABSENT
    error_code: int | None = None
    description: str = ""
    parameters: Parameters | None = None


_answer = msgspec.json.Decoder(Answer)
_incoming = msgspec.json.Decoder(Incoming)


def read_answer(data: bytes) -> Answer:
    """The frame. Raises `BadWire`."""
    try:
        return _answer.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadWire(f"Telegram: expected an answer of the Bot API, found {len(data)} bytes: {error}") from None


def read_result(answer: Answer, kind: type[T]) -> T:
    """What was asked for. Raises `BadWire`."""
    try:
        return msgspec.json.decode(answer.result if _is_there(answer.result) else b"null", type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadWire(f"Telegram: expected {kind.__name__} as result, found another shape: {error}") from None


def read_updates(answer: Answer) -> list[Update]:
    """Updates in their order. One that has no readable number is left out: it comes again and is then passed over.

    Raises `BadWire` when the list itself is none.
    """
    updates = []
    for raw in read_result(answer, list[Raw])[:UPDATES_MAX]:
        try:
            updates.append(msgspec.json.decode(raw, type=Update))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
    return sorted(updates, key=lambda each: each.update_id)


def read_incoming(update: Update) -> Incoming | None:
    """The message of an update; None where it has none that we can read."""
    if not _is_there(update.message):
        return None
    try:
        return _incoming.decode(update.message)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None

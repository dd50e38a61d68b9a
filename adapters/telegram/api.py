"""Calls of the Bot API. The token is part of every URL, so no URL and no text of the HTTP library leaves this file."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import aiohttp
import msgspec

from adapters.telegram.wire import Answer, Incoming, Update, User, read_answer, read_result, read_updates
from kernel.alerts.channel import SendLater
from kernel.alerts.legible import legible
from kernel.errors import BadWire, ConfigError, FeedError, VenueRefused
from kernel.secrets.redaction import redact
from kernel.secrets.secret import Secret

BASE_URL = "https://api.telegram.org"
TIMEOUT_S = 20.0
POLL_S = 50  #: Telegram holds a poll without news this long
ANSWER_BYTES_MAX = 8_000_000  #: a hundred updates of the longest text stay far below
PAUSE_S_DEFAULT = 5.0  #: for a 429 that does not say how long
DESCRIPTION_CHARS_MAX = 200
TOKEN = re.compile(r"[0-9]{3,20}:[A-Za-z0-9_-]{20,100}")

T = TypeVar("T")
SessionFactory = Callable[[], aiohttp.ClientSession]


class BotApi:
    """One bot. Opens its session with the first call and again after `close`."""

    def __init__(self, token: Secret, session_factory: SessionFactory, *, base_url: str = BASE_URL) -> None:
        """Raises `ConfigError` for a token that cannot be one; it is not quoted."""
        if not TOKEN.fullmatch(token.reveal()):
            raise ConfigError(
                "TELEGRAM_BOT_TOKEN: expected digits, a colon and a key as BotFather gives it, found another shape"
            )
        self._token = token
        self._make_session = session_factory
        self._base_url = base_url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def get_me(self) -> User:
        """Who this token's bot is. Raises as `call`."""
        return _read(await self.call("getMe", {}), User)

    async def send_message(self, chat_id: int, text: str) -> int:
        """Send text of Telegram's HTML. Returns the message's id, Telegram's proof that it has it."""
        payload = {
            "chat_id": chat_id,
            "text": text,
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": True},  # a preview would fetch what a hostile text links to
        }
        sent = _read(await self.call("sendMessage", payload), Incoming)
        if sent.chat.id != chat_id:
            raise VenueRefused(f"Telegram: expected delivery to chat {chat_id}, found {sent.chat.id}")
        return sent.message_id

    async def get_updates(self, offset: int, timeout_s: int = POLL_S) -> list[Update]:
        """New messages from `offset` on, in order; waits for some. Earlier ones are then forgotten by Telegram."""
        payload = {"offset": offset, "timeout": timeout_s, "allowed_updates": ["message"]}
        answer = await self.call("getUpdates", payload, timeout_s=timeout_s + TIMEOUT_S)
        try:
            return read_updates(answer)
        except BadWire as error:
            raise FeedError(str(error)) from None

    async def call(self, method: str, payload: dict[str, Any], *, timeout_s: float = TIMEOUT_S) -> Answer:
        """One request. Raises `FeedError` (try again), `SendLater`, `VenueRefused` (this request never works) or
        `ConfigError` (the token or the chat is wrong). After a `FeedError` it may have been done all the same.
        """
        if self._session is None or self._session.closed:
            self._session = self._make_session()
        url = f"{self._base_url}/bot{self._token.reveal()}/{method}"
        try:
            async with self._session.post(
                url,
                data=msgspec.json.encode(payload),
                headers={"content-type": "application/json"},
                timeout=aiohttp.ClientTimeout(total=timeout_s),
                allow_redirects=False,
            ) as response:
                status, body = response.status, await _body(response)
        except TimeoutError:
            raise FeedError(f"Telegram {method}: no answer within {timeout_s:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise FeedError(f"Telegram {method}: {type(error).__name__}") from None
        return _judged(method, status, body)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


async def _body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        body += chunk
        if len(body) > ANSWER_BYTES_MAX:
            raise ValueError("too long")
    return bytes(body)


def _judged(method: str, status: int, body: bytes) -> Answer:
    """The answer of a request that succeeded; else what kind of no it is."""
    try:
        answer = read_answer(body)
    except BadWire as error:
        if status in (401, 404):
            raise _wrong_token(status) from None
        raise FeedError(f"Telegram {method}: HTTP {status}: {error}") from None
    if status == 200 and answer.ok:
        return answer
    code = answer.error_code or status
    words = redact(legible(answer.description, DESCRIPTION_CHARS_MAX)) or "no reason given"
    told = f"Telegram {method}: {code}: {words}"
    hints = answer.parameters
    if code in (401, 404):
        raise _wrong_token(code)
    if code == 429:
        after_s = hints.retry_after if hints is not None and hints.retry_after is not None else PAUSE_S_DEFAULT
        raise SendLater(told, float(max(0, after_s)))
    if hints is not None and hints.migrate_to_chat_id is not None:
        raise ConfigError(f"{told}; the group has a new id: put {hints.migrate_to_chat_id} into the settings")
    if code == 403 or (code == 400 and "chat not found" in words.lower()):
        raise ConfigError(f"{told}; check the chat's id, and that the bot is in the chat and not blocked")
    if code == 409 or code >= 500:
        other = "; another process asks for the same bot's messages" if code == 409 else ""
        raise FeedError(told + other)
    if 400 <= code < 500:
        raise VenueRefused(told)
    raise FeedError(told)


def _wrong_token(code: int) -> ConfigError:
    return ConfigError(f"Telegram: {code}: the token is wrong or was revoked; set TELEGRAM_BOT_TOKEN anew")


def _read(answer: Answer, kind: type[T]) -> T:
    try:
        return read_result(answer, kind)
    except BadWire as error:
        raise FeedError(str(error)) from None

"""The body of an unsafe request: read whole first, within a size and a time, then given to the handler."""

import asyncio
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

import msgspec
from starlette.datastructures import Headers
from starlette.types import Message, Receive

from webui.refusal import Refusal

BODY_MAX = 64 * 1024
BODY_S = 15.0  #: a form of 64 kB takes longer only on a line of 35 kbit/s, or on purpose
UPLOAD_BYTES_MAX = 2 * 1024 * 1024 + BODY_MAX  #: a file of 1 MiB, of which browsers send each line feed as two bytes
UPLOAD_S = 60.0
FIELDS_MAX = 500  #: of a form; a settings page has about fifty
#: Routes that take files: exact path -> bytes.
UPLOADS: Mapping[str, int] = {
    "/settings/import": UPLOAD_BYTES_MAX,
    "/api/v1/settings/import": UPLOAD_BYTES_MAX,
}
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
_TOKEN_PART = re.compile(rb'name="csrf"\r\n\r\n([A-Za-z0-9_-]{1,200})\r\n')


class Body:
    """A body that was read. Call it as the handler's `receive`."""

    def __init__(self, raw: bytes, receive: Receive) -> None:
        self.raw = raw
        self._receive = receive
        self._is_given = False
        self._fields: dict[str, str] | None = None

    async def __call__(self) -> Message:
        if self._is_given:
            return await self._receive()
        self._is_given = True
        return {"type": "http.request", "body": self.raw, "more_body": False}

    def field(self, name: str, headers: Headers) -> str:
        """A text field of a classic form or of a flat JSON object, the first of its name; "" = none."""
        if self._fields is None:
            self._fields = self._parsed(headers.get("content-type", "").partition(";")[0].strip().lower())
        return self._fields.get(name, "")

    def _parsed(self, kind: str) -> dict[str, str]:
        """What cannot be read has no fields; the handler, which needs more of them, says what is wrong."""
        if kind == MULTIPART:  # the token alone; the handler reads the rest
            found_token = _TOKEN_PART.search(self.raw)
            return {"csrf": found_token.group(1).decode()} if found_token else {}
        if len(self.raw) > BODY_MAX:
            return {}
        try:
            if kind == FORM:
                pairs = parse_qsl(self.raw.decode("latin-1"), keep_blank_values=True, max_num_fields=FIELDS_MAX)
                return dict(reversed(pairs))
            found = msgspec.json.decode(self.raw) if kind == "application/json" else None
        except (ValueError, msgspec.DecodeError, RecursionError):
            return {}
        if not isinstance(found, dict):
            return {}
        return {name: value for name, value in found.items() if isinstance(value, str)}


def bytes_max(path: str) -> int:
    """How large a body this path takes."""
    return UPLOADS.get(path, BODY_MAX)


async def read_body(path: str, receive: Receive) -> Body | None:
    """The whole body, or None when the client went away. Raises Refusal 413 or 408, which close the connection."""
    most = bytes_max(path)
    parts = bytearray()
    try:
        async with asyncio.timeout(BODY_S if most <= BODY_MAX else UPLOAD_S):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    return None
                parts += message.get("body", b"")
                if len(parts) > most:
                    raise too_large(most)
                if not message.get("more_body", False):
                    return Body(bytes(parts), receive)
    except TimeoutError:
        raise Refusal(408, "the body came too slowly", code="slow_body", headers={"Connection": "close"}) from None


def too_large(most: int) -> Refusal:
    """413; the rest of the body is not waited for."""
    return Refusal(413, f"body larger than {most} bytes", code="too_large", headers={"Connection": "close"})

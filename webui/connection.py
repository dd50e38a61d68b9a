"""uvicorn's HTTP connection, with the limits that it lacks: how many, how long a head may take, how large one may be.

uvicorn 0.54 (read in its source) limits running requests but not connections, times out idle connections only after a
first answer, and has no limit on the size of headers. A client that opens connections and sends nothing, or one byte a
minute, would keep them for ever.
"""

import asyncio
import ipaddress
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from webui.body import UPLOAD_BYTES_MAX
from webui.guard import HEAD_BYTES_MAX

CONNECTIONS_MAX = 256  #: with one thread of a kernel behind it; 20 pages use about 40
PER_ADDRESS_MAX = 64  #: of one foreign address that connects to us directly
HEAD_S = 10.0  #: from the first byte that is expected to the end of the headers
REQUEST_BYTES_MAX = 2 * UPLOAD_BYTES_MAX  #: everything that one request may send, whatever it is called
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
TOO_MANY = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 5\r\nconnection: close\r\n\r\n"
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BoundedConnection(HttpToolsProtocol):
    """One connection. `head_s` is a class variable so that tests need not wait for ten seconds."""

    head_s = HEAD_S
    is_behind_proxy = False  #: then all connections come from one address

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._is_in_head = True
        self._head_bytes = 0
        self._request_bytes = 0
        self._slow: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_MAX or self._is_greedy():
            transport.write(TOO_MANY)
            transport.close()
            return
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._request_bytes += len(data)
        if self._is_in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._is_in_head and self._head_bytes > HEAD_BYTES_MAX:
            self._end(TOO_LARGE)
        elif self._request_bytes > REQUEST_BYTES_MAX:
            self.transport.abort()
        elif self._is_in_head:
            # Also after an answer: uvicorn's own idle timer ends with the first byte of the next request.
            self._expect_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head = True
        self._request_bytes = 0

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._head_bytes = 0
        self._disarm()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._is_in_head = True

    def _is_greedy(self) -> bool:
        """Whether this address holds too many connections already. Our own machine and a proxy are not counted."""
        if self.client is None or self.is_behind_proxy:
            return False
        address = self.client[0]
        try:
            if ipaddress.ip_address(address).is_loopback:
                return False
        except ValueError:
            return False
        same = sum(1 for each in self.connections if isinstance(each, BoundedConnection) and _address(each) == address)
        return same > PER_ADDRESS_MAX

    def _expect_head(self) -> None:
        is_busy = self.cycle is not None and not self.cycle.response_complete
        if self._slow is None and not is_busy:
            self._slow = self.loop.call_later(self.head_s, self._end, TOO_SLOW)

    def _disarm(self) -> None:
        if self._slow is not None:
            self._slow.cancel()
            self._slow = None

    def _end(self, answer: bytes) -> None:
        """Answer if nobody else is answering, and close."""
        self._disarm()
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(answer)
        self.transport.close()


def _address(connection: BoundedConnection) -> str:
    return connection.client[0] if connection.client else ""

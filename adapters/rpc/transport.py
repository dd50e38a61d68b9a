"""One request to one endpoint, and what its end means. The only file that sees a URL with its key.

An aiohttp exception may quote the URL, so none leaves: they become `Failure`s with a text of ours.
"""

import asyncio
import ssl
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from yarl import URL

from adapters.rpc.address_guard import AddressGuard
from adapters.rpc.ask import Ask, Failure, Reply
from adapters.rpc.endpoint import Endpoint, ResolveSecret
from adapters.rpc.rate_limit import retry_after_s
from adapters.rpc.session import guarded_session
from adapters.rpc.settings import RpcSettings
from bus.clock import Clock
from kernel.errors import KernelError
from kernel.rpc.rpc_errors import AddressRefused
from kernel.secrets.redaction import redact

MB = 1_000_000
WS_MESSAGE_BYTES_MAX = 16 * MB  #: a block with all its logs stays far below
RATE_LIMITED = frozenset({429, 418})  #: 418 is Binance's "banned for now"
DENIED = frozenset({401, 402, 403, 404, 405, 410, 451})
#: Raised before a byte of the request was written.
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL, AddressRefused)
_BROKEN = (aiohttp.ClientError, OSError, TimeoutError, asyncio.IncompleteReadError, ValueError)


class Transport:
    """Opens connections through one guarded session. `start` inside the loop, `stop` closes it."""

    def __init__(self, settings: RpcSettings, clock: Clock, guard: AddressGuard, resolve_secret: ResolveSecret) -> None:
        self.settings = settings
        self.guard = guard
        self._clock = clock
        self._resolve = resolve_secret
        self._session: aiohttp.ClientSession | None = None
        self._last_id = 0

    async def start(self) -> None:
        """Make the session."""
        if self._session is None:
            self._session = guarded_session(self.guard)

    async def stop(self) -> None:
        """Close every connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def next_id(self) -> int:
        """A request id that this process did not use yet."""
        self._last_id += 1
        return self._last_id

    async def exchange(self, endpoint: Endpoint, ask: Ask, timeout_s: float) -> Reply | Failure:
        """Ask and read. Never raises but for cancellation and bugs."""
        try:
            url = await endpoint.open_url(self._resolve)
            endpoint.key_trouble = ""
        except KernelError as error:
            endpoint.key_trouble = redact(str(error))
            return Failure(kind="not_sent", text=f"its URL cannot be opened: {endpoint.key_trouble}")
        request = ask.request(self.next_id())
        session = self._session
        if session is None:
            return Failure(kind="not_sent", text="the RPC pool is stopped")
        try:
            async with (
                asyncio.timeout(timeout_s),
                session.request(
                    request.verb,
                    _joined(url.reveal(), request.path),
                    params=request.query or None,
                    data=request.body or None,
                    headers=request.headers,
                    allow_redirects=False,
                    timeout=self._timeout(timeout_s),
                ) as response,
            ):
                early = self._judge_status(response)
                if early is not None:
                    return early
                body = await self._read(response)
        except _NOT_SENT as error:
            return Failure(kind="not_sent", text=f"no connection ({_why(error)})")
        except _BROKEN as error:
            return Failure(kind="broken", text=f"no whole answer ({_why(error)})")
        if body is None:
            return Failure(kind="broken", text=f"answer longer than {self.settings.answer_mb_max} MB; cut off")
        return ask.read(response.status, body, request, endpoint.provider.family)

    async def open_websocket(self, endpoint: Endpoint, path: str = "") -> aiohttp.ClientWebSocketResponse | Failure:
        """A connection with pings. Never raises but for cancellation and bugs."""
        try:
            url = await endpoint.open_url(self._resolve)
            endpoint.key_trouble = ""
        except KernelError as error:
            endpoint.key_trouble = redact(str(error))
            return Failure(kind="not_sent", text=f"its URL cannot be opened: {endpoint.key_trouble}")
        session = self._session
        if session is None:
            return Failure(kind="not_sent", text="the RPC pool is stopped")
        try:
            async with asyncio.timeout(self.settings.connect_timeout_s + self.settings.attempt_timeout_s):
                return await session.ws_connect(
                    _joined(url.reveal(), path),
                    heartbeat=self.settings.ws_ping_s,
                    max_msg_size=WS_MESSAGE_BYTES_MAX,
                )
        except aiohttp.WSServerHandshakeError as error:
            if error.status not in RATE_LIMITED:
                return Failure(kind="denied", text=f"answered HTTP {error.status} instead of a WebSocket")
            header = error.headers.get("Retry-After") if error.headers else None
            wait_s = retry_after_s(header, self._clock.now_ns())
            return Failure(kind="rate_limited", text=f"answered HTTP {error.status}", retry_after_s=wait_s)
        except (AddressRefused, *_BROKEN) as error:
            return Failure(kind="not_sent", text=f"no connection ({_why(error)})")

    def _timeout(self, timeout_s: float) -> aiohttp.ClientTimeout:
        connect_s = min(self.settings.connect_timeout_s, timeout_s)
        return aiohttp.ClientTimeout(total=timeout_s, connect=connect_s, sock_connect=connect_s)

    def _judge_status(self, response: aiohttp.ClientResponse) -> Failure | None:
        status = response.status
        wait_s = retry_after_s(response.headers.get("Retry-After"), self._clock.now_ns())
        if status in RATE_LIMITED:
            return Failure(kind="rate_limited", text=f"answered HTTP {status}", retry_after_s=wait_s)
        if status >= 500:
            return Failure(kind="broken", text=f"answered HTTP {status}", retry_after_s=wait_s)
        if status in DENIED:
            return Failure(kind="denied", text=f"answered HTTP {status}: check its URL and key")
        return None

    async def _read(self, response: aiohttp.ClientResponse) -> bytes | None:
        """The whole body after decompression; None when it is longer than allowed."""
        left = self.settings.answer_mb_max * MB
        chunks: list[bytes] = []
        async for chunk in response.content.iter_any():
            left -= len(chunk)
            if left < 0:
                response.close()
                return None
            chunks.append(chunk)
        return b"".join(chunks)


def _joined(url: str, path: str) -> URL:
    """The endpoint's URL with a path of ours behind its own; already encoded, as keys may hold any character."""
    if not path:
        return URL(url, encoded=True)
    parts = urlsplit(url)
    return URL(urlunsplit(parts._replace(path=parts.path.rstrip("/") + "/" + path.lstrip("/"))), encoded=True)


def _why(error: BaseException) -> str:
    """The kind of trouble in words that cannot hold a URL."""
    if isinstance(error, AddressRefused):
        return str(error)
    if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLError | aiohttp.ClientConnectorSSLError):
        return "TLS: the certificate or handshake was refused"
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, OSError) and error.strerror:
        return redact(error.strerror)[:120]
    return type(error).__name__

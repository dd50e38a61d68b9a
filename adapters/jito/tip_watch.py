"""Keeps the newest tip floor: from the stream while that runs, else asked for every few seconds.

The market's tips are a hint for bidding, so an old one is worse than none: `latest` forgets it after a while.
"""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import structlog

from adapters.jito.tip_floor import STREAM_PATH, TipFloor, fetch_tip_floor, read_tip_floor
from adapters.rpc.endpoint import Endpoint
from bus.clock import NS_PER_S
from kernel.errors import BadWire, KernelError
from kernel.rpc.api_caller import ApiCaller

PROVIDER_WS = "JITO_TIPS_WS"
FRESH_S = 60.0  #: the published numbers are those of the last minutes
SILENCE_S_MAX = 20.0  #: the stream speaks every few seconds
ASK_S = 10.0  #: between questions while there is no stream
_log = structlog.get_logger(__name__)

OpenSocket = Callable[[str, str], Awaitable[tuple[Endpoint, aiohttp.ClientWebSocketResponse]]]


class TipWatch:
    """`open_socket` is that of the RPC pool."""

    def __init__(
        self, api: ApiCaller, open_socket: OpenSocket, now_ns: Callable[[], int], ask_s: float = ASK_S
    ) -> None:
        self.bad_messages = 0
        self._api = api
        self._open = open_socket
        self._now_ns = now_ns
        self._ask_s = ask_s
        self._floor: TipFloor | None = None
        self._seen_ns = 0

    def latest(self) -> TipFloor | None:
        """The newest that is not older than a minute."""
        is_fresh = self._now_ns() - self._seen_ns <= FRESH_S * NS_PER_S
        return self._floor if is_fresh else None

    async def run(self) -> None:
        """Watch until cancelled. One question first, then the stream; after each break a question and a pause."""
        while True:
            try:
                self._see(await fetch_tip_floor(self._api))
                await self._stream()
            except KernelError as error:
                _log.info("tip_floor_not_read", error=str(error)[:200])
            await asyncio.sleep(self._ask_s)

    async def _stream(self) -> None:
        """Follow the stream until it ends. Raises `RpcUnavailable` where there is none."""
        _, socket = await self._open(PROVIDER_WS, STREAM_PATH)
        try:
            while True:
                async with asyncio.timeout(SILENCE_S_MAX):
                    message = await socket.receive()
                if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    return
                try:
                    self._see(read_tip_floor(message.data))
                except BadWire:
                    self.bad_messages += 1
        except TimeoutError:
            return
        finally:
            await socket.close()

    def _see(self, floor: TipFloor) -> None:
        self._floor, self._seen_ns = floor, self._now_ns()

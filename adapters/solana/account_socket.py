"""Account changes over one WebSocket: many `accountSubscribe` on one connection, and `slotSubscribe` as its pulse.

One connection for all accounts, because nodes limit connections and because one keeps the order of writes. A slot comes
several times a second, so a connection without slots is dead however open it looks.

Slow readers: changes wait per account, the latest takes the place of the one before (counted), so memory is bounded by
the accounts watched; the order among accounts stays that of their latest writes.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Collection
from typing import Annotated, Any

import aiohttp
import msgspec
from msgspec import Meta, Struct

from adapters.rpc.endpoint import Endpoint
from adapters.solana.account_bytes import account_of
from adapters.solana.account_source import AccountChange, SlotSeen, SourceEvent, SourceLost, SourceReady
from adapters.solana.rpc_answers import Context, RawAccount, Whole
from kernel.errors import BadWire, ConfigError
from kernel.rpc.rpc_errors import RpcUnavailable

WS = "SOLANA_WS"
ACCOUNTS_MAX = 5_000  #: of one connection; providers allow fewer and then say so
SILENCE_S_MAX = 10.0  #: without a slot for 25 slots the node has stopped or the connection is dead
SUBSCRIBED_S_MAX = 20.0  #: for all answers to our subscriptions
BACKOFF_S_MIN, BACKOFF_S_MAX = 0.2, 10.0
BAD_MESSAGES_MAX = 50  #: in a row; then the connection is given up
CLOSE_S = 1.0

OpenSocket = Callable[[str], Awaitable[tuple[Endpoint, aiohttp.ClientWebSocketResponse]]]
ReportFailure = Callable[[Endpoint, str], None]


class _Result(Struct):
    context: Context | None = None
    value: RawAccount | None = None
    slot: Whole | None = None


class _Params(Struct):
    subscription: int
    result: _Result


class _Message(Struct):
    method: Annotated[str, Meta(max_length=60)] = ""
    params: _Params | None = None
    id: int | None = None
    result: int | bool | None = None
    error: Any = None


_MESSAGES = msgspec.json.Decoder(_Message)
_WIRE_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class _Lost(Exception):
    """The connection is of no use any more."""


class AccountSocket:
    """See `AccountSource`. `open_socket` and `report_failure` are those of the RPC pool."""

    def __init__(
        self,
        open_socket: OpenSocket,
        report_failure: ReportFailure,
        *,
        commitment: str = "processed",
        silence_s_max: float = SILENCE_S_MAX,
    ) -> None:
        self.coalesced = 0  #: changes that a later one of the same account overtook before they were read
        self.bad_messages = 0
        self._open = open_socket
        self._report_failure = report_failure
        self._commitment = commitment
        self._silence_s_max = silence_s_max
        self._wanted: dict[str, None] = {}
        self._changes: OrderedDict[str, AccountChange] = OrderedDict()
        self._others: deque[SourceEvent] = deque(maxlen=1_000)  # ready, lost; slots are one at a time
        self._slot = 0
        self._filled = asyncio.Event()
        self._altered = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._last_id = 0
        self._asked: dict[int, str] = {}  # request id -> address, "" = the slots
        self._live: dict[int, str] = {}  # subscription -> address
        self._numbers: dict[str, int] = {}  # address -> subscription, -1 = asked for

    def watch(self, addresses: Collection[str]) -> None:
        """Beside those watched already. Raises `ConfigError` beyond what one connection can carry."""
        more = [each for each in addresses if each not in self._wanted]
        if len(self._wanted) + len(more) > ACCOUNTS_MAX:
            raise ConfigError(f"accounts to watch: expected at most {ACCOUNTS_MAX}; configure fewer pools")
        if more:
            self._wanted.update(dict.fromkeys(more))
            self._altered.set()

    def unwatch(self, addresses: Collection[str]) -> None:
        """No longer; a change on its way is dropped."""
        for each in addresses:
            self._wanted.pop(each, None)
            self._changes.pop(each, None)
        self._altered.set()

    def is_subscribed(self, address: str) -> bool:
        """Whether the node has confirmed the subscription on this connection."""
        return self._numbers.get(address, -1) >= 0

    async def get(self) -> SourceEvent:
        """Connection news first, then slots, then changes by the order of their latest writes."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="solana-accounts")
        while True:
            if self._others:
                return self._others.popleft()
            if self._slot:
                seen, self._slot = SlotSeen(self._slot), 0
                return seen
            if self._changes:
                return self._changes.popitem(last=False)[1]
            if self._task.done():
                self._task.result()
                raise asyncio.CancelledError
            self._filled.clear()
            await self._filled.wait()

    async def close(self) -> None:
        """End it. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._filled.set()

    async def _run(self) -> None:
        pause_s = BACKOFF_S_MIN
        while True:
            reason = ""
            try:
                endpoint, socket = await self._open(WS)
            except RpcUnavailable as error:
                reason = str(error)
            else:
                try:
                    await self._serve(socket, endpoint.label)
                except _Lost as error:
                    reason = f"{endpoint.label}: {error}"
                    if not self._asked:
                        pause_s = BACKOFF_S_MIN  # it had been serving
                    self._report_failure(endpoint, str(error))
                finally:
                    await asyncio.wait([asyncio.ensure_future(socket.close())], timeout=CLOSE_S)
            self._put(SourceLost(reason))
            await asyncio.sleep(pause_s)
            pause_s = min(BACKOFF_S_MAX, pause_s * 2)

    async def _serve(self, socket: aiohttp.ClientWebSocketResponse, label: str) -> None:
        """Subscribe everything, say ready, and read until the connection is lost."""
        self._asked, self._live, self._numbers = {}, {}, {}
        await self._send(socket, "slotSubscribe", [], "")
        await self._subscribe(socket)
        altering = asyncio.create_task(self._follow(socket), name="solana-accounts-altered")
        try:
            await self._read(socket, label)
        finally:
            altering.cancel()
            await asyncio.gather(altering, return_exceptions=True)

    async def _follow(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            await self._altered.wait()
            await self._subscribe(socket)

    async def _subscribe(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Ask for what is wanted and not asked for; take back what is no longer wanted."""
        self._altered.clear()
        for address in list(self._wanted):
            if address not in self._numbers:
                self._numbers[address] = -1
                config = {"encoding": "base64", "commitment": self._commitment}
                await self._send(socket, "accountSubscribe", [address, config], address)
        for number, address in list(self._live.items()):
            if address and address not in self._wanted:
                del self._live[number]
                self._numbers.pop(address, None)
                await self._send(socket, "accountUnsubscribe", [number], None)

    async def _send(
        self, socket: aiohttp.ClientWebSocketResponse, method: str, params: list[Any], address: str | None
    ) -> None:
        self._last_id += 1
        if address is not None:
            self._asked[self._last_id] = address
        body = {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params}
        try:
            await socket.send_str(msgspec.json.encode(body).decode())
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise _Lost(f"not to be written to ({type(error).__name__})") from None

    async def _read(self, socket: aiohttp.ClientWebSocketResponse, label: str) -> None:
        loop = asyncio.get_running_loop()
        pulse_s = begun_s = loop.time()
        is_ready, bad = False, 0
        while True:
            left_s = pulse_s + self._silence_s_max - loop.time()
            try:
                async with asyncio.timeout(max(0.0, left_s)):
                    message = await socket.receive()
            except TimeoutError:
                raise _Lost(f"no slot for {self._silence_s_max:g} s") from None
            if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                raise _Lost("the connection was closed")
            try:
                is_pulse = self._take(_MESSAGES.decode(message.data))
                bad = 0
            except (BadWire, *_WIRE_ERRORS) as error:
                self.bad_messages += 1
                bad += 1
                if bad >= BAD_MESSAGES_MAX:
                    raise _Lost(f"{bad} messages in a row that cannot be read: {str(error)[:100]}") from None
                continue
            if is_pulse:
                pulse_s = loop.time()
            if not is_ready and not self._asked:
                is_ready = True
                self._put(SourceReady(label))
            if self._asked and loop.time() - begun_s > SUBSCRIBED_S_MAX and not is_ready:
                raise _Lost(f"{len(self._asked)} subscriptions were not answered in {SUBSCRIBED_S_MAX:g} s")

    def _take(self, message: _Message) -> bool:
        """Returns whether it is a sign of life (a slot). Raises `BadWire`, or `_Lost` for a refused subscription."""
        if message.id is not None:
            self._answer(message)
            return False
        if message.params is None:
            raise BadWire("neither an answer nor a notification")
        address = self._live.get(message.params.subscription)
        found = message.params.result
        if message.method == "slotNotification" and found.slot is not None:
            self._slot = max(self._slot, found.slot)
            self._filled.set()
            return True
        if not address or found.context is None:
            return False  # of a subscription that was just taken back
        change = AccountChange(address, found.context.slot, account_of(found.value))
        if self._changes.pop(address, None) is not None:
            self.coalesced += 1
        self._changes[address] = change
        self._filled.set()
        return False

    def _answer(self, message: _Message) -> None:
        address = self._asked.pop(message.id or 0, None)
        if address is None:
            return  # to an unsubscribe
        if type(message.result) is not int:
            raise _Lost(f"refused to subscribe {address or 'slots'}: {str(message.error)[:100]!r}")
        self._live[message.result] = address
        if address:
            self._numbers[address] = message.result
            if address not in self._wanted:
                self._altered.set()

    def _put(self, event: SourceEvent) -> None:
        if isinstance(event, SourceLost):
            self._numbers = {}
            self._changes.clear()  # the state is read anew anyway
            self._slot = 0
        self._others.append(event)
        self._filled.set()

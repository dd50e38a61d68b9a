"""A subscription over a WebSocket that stays with its endpoint while that is well, moves to another when it is not, and
says where messages may be missing.

A connection counts as dead when it closes, when a ping is not answered, or when no data came for `silence_max_s`: a
half-open connection looks alive, only its data is old.
"""

import asyncio
import contextlib
import math
from collections.abc import Sequence
from typing import Any

import aiohttp
import msgspec
from msgspec import Raw, Struct

from adapters.rpc.ask import Failure, JsonRpcAsk
from adapters.rpc.attempt import report
from adapters.rpc.checker import Checker
from adapters.rpc.endpoint import Endpoint
from adapters.rpc.heads import quantity
from adapters.rpc.inbox import Inbox
from adapters.rpc.json_rpc import WIRE_ERRORS, decode_result
from adapters.rpc.roster import Roster
from adapters.rpc.socket_call import socket_call
from adapters.rpc.transport import Transport
from bus.clock import Clock
from kernel.errors import BadWire, KernelError
from kernel.rpc.caller import Notice, Overflow, SubscriptionGap
from kernel.rpc.rpc_errors import RpcUnavailable

CLASS = "subscribe"
BACKOFF_S_MIN = 0.1
BACKOFF_S_MAX = 10.0
BAD_MESSAGES_MAX = 20  #: in a row; then the connection is given up
CLOSE_S = 1.0


class _Params(Struct):
    subscription: int | str
    result: Raw


class _Message(Struct):
    params: _Params | None = None


_MESSAGES = msgspec.json.Decoder(_Message)


class Subscription:
    """An async iterator of `Notice` and `SubscriptionGap`. Ends when closed; `async with` or `close()` does that."""

    def __init__(
        self, roster: Roster, transport: Transport, checker: Checker, clock: Clock, provider_type: str, method: str,
        params: Sequence[Any], *, silence_max_s: float | None, queue_max: int | None, overflow: Overflow,
    ) -> None:  # fmt: skip
        self._roster = roster
        self._transport = transport
        self._checker = checker
        self._clock = clock
        self._type = provider_type
        self._ask = JsonRpcAsk(name=method, kind="read", method_class=CLASS, params=params)
        self._silence_max_s = silence_max_s
        self.inbox = Inbox(queue_max or roster.settings.ws_queue_max, overflow)
        self._heard_ns = 0  # the latest message; 0 = none yet
        self._lost = ""  # why the previous connection ended
        self._failed: set[Endpoint] = set()
        self._backoff_s = BACKOFF_S_MIN
        self._task: asyncio.Task[None] | None = None
        self.is_closed = False
        self.label = ""  #: of the endpoint that serves it now

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> Notice | SubscriptionGap:
        if self.is_closed:
            raise StopAsyncIteration
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"rpc-subscription {self._type}")
            self._task.add_done_callback(self._finish)
        return await self.inbox.get()

    def _finish(self, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        self.inbox.finish(StopAsyncIteration() if error is None else error)

    async def __aenter__(self) -> "Subscription":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End it. Idempotent."""
        self.is_closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            endpoint = await self._next_endpoint()
            why = await self._serve(endpoint)
            self._lost = f"{endpoint.label}: {why}"
            self._failed.add(endpoint)
            self.label = ""

    async def _next_endpoint(self) -> Endpoint:
        """Another one than those that just failed, if there is one; waits, ever longer, while there is none."""
        while True:
            try:
                choice = self._roster.choose(self._type, "normal", self._failed)
            except RpcUnavailable as error:
                self._roster.report_exhausted(self._type, str(error))
                choice = None
            if choice is not None and choice.endpoint is not None:
                return choice.endpoint
            if self._failed:  # once round: all again, after a pause
                self._failed.clear()
            elif choice is not None:
                self._roster.report_exhausted(
                    self._type, f"{self._type}: no endpoint for a subscription ({self._lost})"
                )
            wait_s = self._backoff_s
            if choice is not None and not math.isinf(choice.wait_s):
                wait_s = max(wait_s, min(choice.wait_s, BACKOFF_S_MAX))
            self._backoff_s = min(BACKOFF_S_MAX, self._backoff_s * 2)
            await asyncio.sleep(wait_s)

    async def _serve(self, endpoint: Endpoint) -> str:
        """Subscribe there and pass messages on until it ends; returns why it ended."""
        roster = self._roster
        timeout_s = roster.settings.attempt_timeout_s
        roster.begin(endpoint, CLASS, trial_s=timeout_s)
        begun_s = roster.now_s()
        opened = await self._transport.open_websocket(endpoint)
        if isinstance(opened, Failure):
            report(roster, endpoint, opened, 0.0, CLASS)
            return opened.text
        try:
            trouble = await self._checker.identify_socket(endpoint, opened)
            if trouble is not None:
                return trouble.text
            reply = await socket_call(opened, self._ask.request(self._transport.next_id()), timeout_s)
            if isinstance(reply, Failure):
                report(roster, endpoint, reply, 0.0, CLASS)
                return reply.text
            try:
                subscription = decode_result(reply, int | str)
            except BadWire as error:
                roster.report_failure(endpoint, str(error), CLASS)
                return str(error)
            roster.report_success(endpoint, roster.now_s() - begun_s, CLASS)
            self.label = endpoint.label
            self._mark_gap(endpoint)
            why = await self._listen(endpoint, opened, subscription)
            if not endpoint.is_retired:
                roster.report_failure(endpoint, why, CLASS)
            return why
        finally:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(opened.close(), CLOSE_S)

    def _mark_gap(self, endpoint: Endpoint) -> None:
        now_ns = self._clock.now_ns()
        if self._lost:
            self.inbox.put(
                SubscriptionGap(from_ns=self._heard_ns or now_ns, to_ns=now_ns, reason=self._lost, label=endpoint.label)
            )
        self._heard_ns = now_ns

    async def _listen(
        self, endpoint: Endpoint, socket: aiohttp.ClientWebSocketResponse, subscription: int | str
    ) -> str:
        silence_s = self._silence_max_s or self._roster.settings.ws_silence_s_max
        heard_s = self._roster.now_s()
        bad = 0
        while True:
            left_s = heard_s + silence_s - self._roster.now_s()
            try:
                async with asyncio.timeout(max(0.0, left_s)):
                    message = await socket.receive()
            except TimeoutError:
                return f"no data for {silence_s:g} s"
            if endpoint.is_retired or not endpoint.spec.is_enabled:
                return "it was taken out of the pool"
            if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                is_ping = isinstance(socket.exception(), TimeoutError | aiohttp.ServerTimeoutError)
                return "a ping was not answered" if is_ping else "the connection was closed"
            value = _value(message.data, subscription)
            if value is None:
                bad += 1
                if bad >= BAD_MESSAGES_MAX:
                    return f"{bad} messages in a row that belong to no subscription of ours"
                continue
            bad = 0
            heard_s = self._roster.now_s()
            self._heard_ns = self._clock.now_ns()
            self._failed.clear()
            self._backoff_s = BACKOFF_S_MIN
            self._see_head(endpoint, value[0])
            self.inbox.put(Notice(received_ns=self._heard_ns, value=value[0], label=endpoint.label))

    def _see_head(self, endpoint: Endpoint, value: Any) -> None:
        try:
            if self._ask.name == "eth_subscribe" and list(self._ask.params)[:1] == ["newHeads"]:
                endpoint.see_head(quantity(value["number"]), self._roster.now_s())
            elif self._ask.name == "slotSubscribe":
                endpoint.see_head(quantity(value["slot"]), self._roster.now_s())
        except (BadWire, KeyError, TypeError):
            return


def _value(data: str | bytes, subscription: int | str) -> tuple[Any] | None:
    """The message's value, in a tuple as it may be null; None for anything that is not of this subscription."""
    try:
        message = _MESSAGES.decode(data)
        if message.params is None or message.params.subscription != subscription:
            return None
        return (decode_result(message.params.result, Any),)
    except (KernelError, *WIRE_ERRORS):
        return None

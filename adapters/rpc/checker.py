"""Active checks: which chain an endpoint is on and where its head is. Hourly, more often for those in use, at once for
those in doubt, and as the trial after a breaker's cool-down.

A type without a chain behind it (Jupiter, Jito, Binance) has nothing to ask for; calls alone show how it is.
"""

import asyncio
import contextlib
import math
from typing import Any

import aiohttp

from adapters.rpc.ask import Ask, Failure, JsonRpcAsk, Reply
from adapters.rpc.attempt import report
from adapters.rpc.endpoint import Endpoint
from adapters.rpc.heads import HEAD_MAX, quantity
from adapters.rpc.json_rpc import decode_result
from adapters.rpc.roster import Roster
from adapters.rpc.socket_call import socket_call
from adapters.rpc.transport import Transport
from kernel.errors import BadWire

PROBE = "probe"
AT_ONCE_MAX = 16  #: checks at a time
RECHECK_S = 1.0  #: after a failed check, until the breaker decides
WRONG_CHAIN_S = 900.0  #: a wrong chain is looked at again this often
IDENTITY_ASK: dict[str, Ask] = {
    "evm": JsonRpcAsk(name="eth_chainId", kind="read", method_class=PROBE),
    "solana": JsonRpcAsk(name="getGenesisHash", kind="read", method_class=PROBE),
}
HEAD_ASK: dict[str, Ask] = {
    "evm": JsonRpcAsk(name="eth_blockNumber", kind="read", method_class=PROBE),
    "solana": JsonRpcAsk(name="getSlot", kind="read", method_class=PROBE, params=({"commitment": "confirmed"},)),
}


class Checker:
    """`run` until cancelled; `verify` for whoever must know before a first use."""

    def __init__(self, roster: Roster, transport: Transport) -> None:
        self._roster = roster
        self._transport = transport
        self._checking: dict[Endpoint, asyncio.Task[None]] = {}
        self._verifying: dict[Endpoint, asyncio.Task[Failure | None]] = {}
        self._slots = asyncio.Semaphore(AT_ONCE_MAX)
        self._woken = asyncio.Event()
        self._identified_at_s: dict[Endpoint, float] = {}
        roster.wake = self._woken.set

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self._woken.clear()
                now_s = self._roster.now_s()
                next_s = math.inf
                for each in self._roster:
                    if each.check_at_s <= now_s:
                        self._begin(each)
                    else:
                        next_s = min(next_s, each.check_at_s)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(None if math.isinf(next_s) else max(0.01, next_s - now_s)):
                        await self._woken.wait()
        finally:
            tasks = [*self._checking.values(), *self._verifying.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def check_all(self) -> None:
        """Check every enabled endpoint now, or wait for the check that is under way."""
        await asyncio.gather(*(self._begin(each) for each in self._roster))

    def _begin(self, endpoint: Endpoint) -> "asyncio.Task[None]":
        """One check of an endpoint at a time."""
        task = self._checking.get(endpoint)
        if task is None:
            task = asyncio.create_task(self._check(endpoint), name="rpc-check")
            self._checking[endpoint] = task
            task.add_done_callback(lambda _: self._end(endpoint))
        return task

    def _end(self, endpoint: Endpoint) -> None:
        self._checking.pop(endpoint, None)
        self._woken.set()

    async def check(self, endpoint: Endpoint) -> str:
        """Check one now (the page's "test" button), also while its breaker is open: "" or what is wrong."""
        if endpoint.provider.transport == "http" and endpoint.provider.family == "http":
            return "nothing can be asked of an API of this type; calls alone show how it is"
        trouble = await self._probe(endpoint, is_whole=True)
        return "" if trouble is None else trouble.text

    async def verify(self, endpoint: Endpoint, timeout_s: float) -> Failure | None:
        """None when it is on the right chain. Many callers share one request."""
        task = self._verifying.get(endpoint)
        if task is None:
            task = asyncio.create_task(self._identify(endpoint), name="rpc-verify")
            self._verifying[endpoint] = task
            task.add_done_callback(lambda _: self._verifying.pop(endpoint, None))
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.shield(task)
        except TimeoutError:
            return Failure(kind="not_sent", text="timeout while its chain was asked for")

    async def _check(self, endpoint: Endpoint) -> None:
        now_s = self._roster.now_s()
        settings = self._roster.settings
        if not endpoint.spec.is_enabled or endpoint.provider.family == "http":
            endpoint.check_at_s = math.inf
            return
        rest_s = max(endpoint.cool_until_s - now_s, endpoint.breaker.until_s - now_s)
        if rest_s > 0.0 and not endpoint.wrong_chain:
            endpoint.check_at_s = now_s + rest_s
            return
        if not endpoint.breaker.may_pass(now_s):
            endpoint.check_at_s = now_s + RECHECK_S
            return
        last_s = self._identified_at_s.get(endpoint)
        is_whole = (
            not endpoint.is_verified
            or endpoint.breaker.state(now_s) != "closed"
            or last_s is None
            or now_s - last_s >= settings.check_interval_s
        )
        is_in_use, endpoint.is_used_since_head = endpoint.is_used_since_head, False
        endpoint.check_at_s = math.inf  # what shortens it meanwhile (a call that gave up on it) must win
        trouble = await self._probe(endpoint, is_whole=is_whole)
        now_s = self._roster.now_s()
        if trouble is None:
            is_often = is_in_use and settings.head_interval_s and endpoint.provider.block_s
            wait_s = min(settings.head_interval_s, settings.check_interval_s) if is_often else settings.check_interval_s
        elif endpoint.wrong_chain:
            wait_s = WRONG_CHAIN_S
        else:
            wait_s = max(RECHECK_S, endpoint.cool_until_s - now_s, endpoint.breaker.until_s - now_s)
        endpoint.check_at_s = min(endpoint.check_at_s, now_s + wait_s)

    async def _probe(self, endpoint: Endpoint, *, is_whole: bool) -> Failure | None:
        async with self._slots:
            if endpoint.provider.transport == "ws":
                return await self._probe_socket(endpoint)
            if is_whole and endpoint.provider.identity:
                trouble = await self.verify(endpoint, self._roster.settings.attempt_timeout_s)
                if trouble is not None:
                    return trouble
            ask = HEAD_ASK.get(endpoint.provider.family)
            if ask is None:
                return None
            return await self._ask(endpoint, ask)

    async def _identify(self, endpoint: Endpoint) -> Failure | None:
        reply = await self._ask_raw(endpoint, IDENTITY_ASK[endpoint.provider.family])
        return reply if isinstance(reply, Failure) else self._judge_identity(endpoint, reply.value)

    async def _ask(self, endpoint: Endpoint, ask: Ask) -> Failure | None:
        reply = await self._ask_raw(endpoint, ask)
        return reply if isinstance(reply, Failure) else self._take_head(endpoint, reply.value)

    async def _ask_raw(self, endpoint: Endpoint, ask: Ask) -> Reply | Failure:
        timeout_s = self._roster.settings.attempt_timeout_s
        self._roster.begin(endpoint, PROBE, trial_s=timeout_s, is_check=True)
        begun_s = self._roster.now_s()
        reply = await self._transport.exchange(endpoint, ask, timeout_s)
        report(self._roster, endpoint, reply, self._roster.now_s() - begun_s, PROBE)
        return reply

    def _judge_identity(self, endpoint: Endpoint, value: Any) -> Failure | None:
        try:
            found = str(quantity(value)) if endpoint.provider.family == "evm" else str(value)[:80]
        except BadWire as error:
            self._roster.report_failure(endpoint, f"chain: {error}", PROBE)
            return Failure(kind="broken", text=f"chain: {error}")
        if not self._roster.report_identity(endpoint, found):
            return Failure(kind="denied", text=endpoint.last_error)
        self._identified_at_s[endpoint] = self._roster.now_s()
        if len(self._identified_at_s) > 2 * AT_ONCE_MAX:
            self._identified_at_s = {each: at for each, at in self._identified_at_s.items() if not each.is_retired}
        return None

    def _take_head(self, endpoint: Endpoint, value: Any) -> Failure | None:
        try:
            head = quantity(value)
            if not 0 <= head < HEAD_MAX:
                raise BadWire(f"expected a height, found {head}")
        except BadWire as error:
            self._roster.report_failure(endpoint, f"head: {error}", PROBE)
            return Failure(kind="broken", text=f"head: {error}")
        endpoint.see_head(head, self._roster.now_s())
        return None

    async def _probe_socket(self, endpoint: Endpoint) -> Failure | None:
        """Open a connection, ask what can be asked there, close it."""
        roster = self._roster
        timeout_s = roster.settings.attempt_timeout_s
        roster.begin(endpoint, PROBE, trial_s=timeout_s, is_check=True)
        begun_s = roster.now_s()
        opened = await self._transport.open_websocket(endpoint)
        if isinstance(opened, Failure):
            report(roster, endpoint, opened, 0.0, PROBE)
            return opened
        try:
            trouble = await self.identify_socket(endpoint, opened)
            if trouble is None:
                roster.report_success(endpoint, roster.now_s() - begun_s, PROBE)
            return trouble
        finally:
            await opened.close()

    async def identify_socket(self, endpoint: Endpoint, socket: aiohttp.ClientWebSocketResponse) -> Failure | None:
        """Ask for the chain on an open connection, where the type can be asked; a failure is already reported."""
        if not endpoint.provider.identity:
            return None
        request = IDENTITY_ASK[endpoint.provider.family].request(self._transport.next_id())
        reply = await socket_call(socket, request, self._roster.settings.attempt_timeout_s)
        if isinstance(reply, Failure):
            report(self._roster, endpoint, reply, 0.0, PROBE)
            return reply
        return self._judge_identity(endpoint, decode_result(reply, Any))

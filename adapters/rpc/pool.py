"""The RPC pool: every endpoint of the program, asked through one door that keeps health, budgets, keys and addresses.

`start` inside the loop, `run` beside it (checks), `stop` at the end. Endpoints come from `replace`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import aiohttp

from adapters.rpc.address_guard import AddressGuard
from adapters.rpc.agreement import Agreement, check_quorum
from adapters.rpc.ask import Failure, HttpAsk, JsonRpcAsk, Verb
from adapters.rpc.attempt import Attempts, report
from adapters.rpc.checker import Checker
from adapters.rpc.endpoint import Endpoint, ResolveSecret
from adapters.rpc.methods import class_of, kind_of
from adapters.rpc.race import Race
from adapters.rpc.roster import Roster
from adapters.rpc.settings import RpcSettings
from adapters.rpc.snapshot import PoolSnapshot
from adapters.rpc.subscription import Subscription
from adapters.rpc.transport import Transport
from bus.clock import NS_PER_S, Clock, stopwatch_ns
from kernel.errors import ConfigError
from kernel.rpc.caller import MakeHeaders, Overflow, Priority, Quorum, Tell
from kernel.rpc.rpc_endpoint import RpcEndpoint
from kernel.rpc.rpc_errors import RpcUnavailable
from kernel.rpc.rpc_providers import PROVIDER_TYPES
from kernel.rpc.rpc_usage import RpcUsage
from kernel.secrets.secret import Secret

T = TypeVar("T")
SUBSCRIPTIONS_MAX = 200  #: each has a connection of its own


async def no_secrets(name: str) -> Secret:
    """Where a run has no secrets: whoever needs one is told its name. Raises `ConfigError`."""
    raise ConfigError(f"secret {name}: expected a key for an RPC URL, found none")


def stopwatch_s() -> float:
    """Monotonic seconds."""
    return stopwatch_ns() / NS_PER_S


class RpcPool:
    """Implements `kernel.rpc.caller.RpcCaller`.

    `are_private_allowed`: whether endpoints may be on loopback or private networks. `tell(severity, code, text)` gets
    rpc_exhausted, rpc_wrong_chain, rpc_lying and rpc_back; texts hold no URL and no key.
    """

    def __init__(
        self,
        settings: RpcSettings,
        *,
        clock: Clock,
        tell: Tell,
        resolve_secret: ResolveSecret = no_secrets,
        are_private_allowed: bool = False,
    ) -> None:
        self.settings = settings
        self._clock = clock
        self.guard = AddressGuard(are_private_allowed=are_private_allowed)
        self._roster = Roster(settings, clock, tell, stopwatch_s)
        self._transport = Transport(settings, clock, self.guard, resolve_secret)
        self._checker = Checker(self._roster, self._transport)
        self._attempts = Attempts(self._roster, self._transport, self._checker.verify)
        self._subscriptions: set[Subscription] = set()
        self._checking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the session and begin to check. Idempotent."""
        await self._transport.start()
        if self._checking is None:
            self._checking = asyncio.create_task(self._checker.run(), name="rpc-checks")

    async def stop(self) -> None:
        """End checks and subscriptions, close every connection. Idempotent."""
        checking, self._checking = self._checking, None
        if checking is not None:
            checking.cancel()
            await asyncio.gather(checking, return_exceptions=True)
        for each in list(self._subscriptions):
            await each.close()
        self._subscriptions.clear()
        await self._transport.stop()

    def apply(self, settings: RpcSettings) -> None:
        """Other settings from now on; calls under way keep theirs."""
        self.settings = self._roster.settings = self._transport.settings = settings
        self._roster.wake()

    def replace(self, endpoints: Sequence[RpcEndpoint]) -> None:
        """From now on these; those kept keep their health. All or nothing: raises `ConfigError`."""
        self._roster.replace(endpoints)

    def forget_keys(self) -> None:
        """Ask for the keys of URLs again: one was replaced."""
        for each in self._roster:
            each.forget_key()

    def get_endpoint(self, provider_type: str, priority: Priority = "normal") -> Endpoint:
        """The endpoint to ask now; takes nothing of its budget. Raises `RpcUnavailable`, saying when there will be one.

        For code that keeps a connection of its own; `call` does all of this itself.
        """
        choice = self._roster.choose(provider_type, priority)
        if choice.endpoint is None:
            text = f"{provider_type}: no endpoint may be asked now"
            self._roster.report_exhausted(provider_type, text)
            raise RpcUnavailable(text, choice.wait_s)
        return choice.endpoint

    def report_success(self, endpoint: Endpoint, latency_s: float) -> None:
        """It answered."""
        self._roster.report_success(endpoint, latency_s)

    def report_failure(self, endpoint: Endpoint, why: str) -> None:
        """It did not answer."""
        self._roster.report_failure(endpoint, why)

    def report_rate_limit(self, endpoint: Endpoint, retry_after_s: float | None = None) -> None:
        """It wants to be left alone; None: for a time that it did not name."""
        self._roster.report_rate_limit(endpoint, retry_after_s)

    async def call(
        self,
        provider_type: str,
        method: str,
        params: Sequence[Any] | Mapping[str, Any] = (),
        *,
        result: type[T],
        priority: Priority = "normal",
        hedge_after_ms: int | None = None,
        quorum: Quorum | None = None,
        timeout_s: float | None = None,
        is_idempotent: bool | None = None,
        path: str = "",
        headers: MakeHeaders | None = None,
    ) -> T:
        """A JSON-RPC call with failover; the result read as `result` (what does not fit counts as no answer).

        `hedge_after_ms`: None = as set, 0 = never; reads alone are hedged. `is_idempotent` overrides what
        `methods.py` declares. `path` goes behind the endpoint's URL. `headers` gets the exact body.
        Raises RpcRefused, RpcUnavailable, OutcomeUnknown (sends alone), QuorumFailed, BadInput (a quorum without a
        pinned block). Whoever cancels a send does not know its outcome either.
        """
        ask = JsonRpcAsk(
            name=method, kind=kind_of(method, is_idempotent), method_class=class_of(method), params=params,
            result=result, path=path, make_headers=headers,
        )  # fmt: skip
        if timeout_s is None:
            timeout_s = self.settings.call_timeout_s
        if quorum is not None:
            known = PROVIDER_TYPES.get(provider_type)
            check_quorum(ask, quorum, known.family if known is not None else "")
            agreement = Agreement(self._attempts, provider_type, ask, quorum, priority=priority, timeout_s=timeout_s)
            _, reply = await agreement.run()
        else:
            _, reply = await self._race(provider_type, ask, priority, timeout_s, hedge_after_ms).run()
        value: T = reply.value
        return value

    async def fetch(
        self,
        provider_type: str,
        verb: Verb,
        path: str,
        *,
        result: type[T],
        query: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        priority: Priority = "normal",
        hedge_after_ms: int | None = 0,
        timeout_s: float | None = None,
        is_idempotent: bool | None = None,
    ) -> T:
        """A plain HTTP request to an API: `path` behind the endpoint's URL, JSON in and out. GET counts as a read.

        Raises as `call`; an HTTP 4xx is `RpcRefused` with the status as its code.
        """
        is_read = verb == "GET" if is_idempotent is None else is_idempotent
        ask = HttpAsk(
            name=f"{verb} {path}", kind="read" if is_read else "once", method_class="read" if is_read else "send",
            verb=verb, path=path, query=query or {}, headers=headers or {}, body=body, result=result,
        )  # fmt: skip
        if timeout_s is None:
            timeout_s = self.settings.call_timeout_s
        _, reply = await self._race(provider_type, ask, priority, timeout_s, hedge_after_ms).run()
        value: T = reply.value
        return value

    def subscribe(
        self,
        provider_type: str,
        method: str,
        params: Sequence[Any] = (),
        *,
        silence_max_s: float | None = None,
        queue_max: int | None = None,
        overflow: Overflow = "gap",
    ) -> Subscription:
        """An async iterator of `Notice` and `SubscriptionGap`; it connects when first read, and reconnects for ever.

        `silence_max_s`: for subscriptions that are quiet by nature. Close it (`async with`, or `close()`).
        """
        known = PROVIDER_TYPES.get(provider_type)
        if known is None or known.transport != "ws":
            raise ConfigError(
                f"subscribe: expected a WebSocket provider type such as ETHEREUM_WS, found {provider_type!r}"
            )
        self._subscriptions = {each for each in self._subscriptions if not each.is_closed}
        if len(self._subscriptions) >= SUBSCRIPTIONS_MAX:
            raise ConfigError(f"subscribe: expected at most {SUBSCRIPTIONS_MAX} subscriptions at a time")
        subscription = Subscription(
            self._roster, self._transport, self._checker, self._clock, provider_type, method, params,
            silence_max_s=silence_max_s, queue_max=queue_max, overflow=overflow,
        )  # fmt: skip
        self._subscriptions.add(subscription)
        return subscription

    async def open_websocket(
        self, provider_type: str, path: str = "", *, timeout_s: float | None = None
    ) -> tuple[Endpoint, aiohttp.ClientWebSocketResponse]:
        """A guarded connection for a protocol of the caller's own (Binance streams), `path` behind the endpoint's URL.

        Each endpoint is tried at most once. The caller closes it, and reports a later failure by `report_failure`.
        Raises `RpcUnavailable`.
        """
        deadline_s = stopwatch_s() + (self.settings.call_timeout_s if timeout_s is None else timeout_s)
        tried: set[Endpoint] = set()
        told: list[str] = []
        while stopwatch_s() < deadline_s:
            choice = self._roster.choose(provider_type, "normal", tried)
            if choice.endpoint is None:
                break
            endpoint = choice.endpoint
            tried.add(endpoint)
            self._roster.begin(endpoint, "subscribe", trial_s=self.settings.attempt_timeout_s)
            begun_s = stopwatch_s()
            opened = await self._transport.open_websocket(endpoint, path)
            if not isinstance(opened, Failure):
                self._roster.report_success(endpoint, stopwatch_s() - begun_s, "subscribe")
                return endpoint, opened
            report(self._roster, endpoint, opened, 0.0, "subscribe")
            told.append(f"{endpoint.label}: {opened.text}")
        text = f"{provider_type}: no WebSocket ({'; '.join(told[-8:]) or 'none may be asked now'})"
        self._roster.report_exhausted(provider_type, text)
        raise RpcUnavailable(text)

    async def check(self, provider_type: str, label: str) -> str:
        """Ask one endpoint for its chain and head now: "" when all is well, else what is wrong."""
        for each in self._roster.of(provider_type):
            if each.label == label:
                return await self._checker.check(each)
        raise ConfigError(f"check: {provider_type} has no endpoint called {label[:40]!r}")

    async def check_all(self) -> None:
        """Check every endpoint that may be asked now, and wait for it."""
        await self._checker.check_all()

    def snapshot(self) -> PoolSnapshot:
        """Everything a page shows."""
        return self._roster.snapshot(sum(not each.is_closed for each in self._subscriptions))

    def take_usage(self) -> list[RpcUsage]:
        """Counts since the last time, for the database."""
        return self._roster.usage.take()

    def put_back_usage(self, rows: list[RpcUsage]) -> None:
        """The database did not take them."""
        self._roster.usage.put_back(rows)

    def _race(
        self, provider_type: str, ask: JsonRpcAsk | HttpAsk, priority: Priority, timeout_s: float,
        hedge_after_ms: int | None,
    ) -> Race:  # fmt: skip
        hedge_ms = self.settings.hedge_after_ms if hedge_after_ms is None else hedge_after_ms
        return Race(
            self._attempts, provider_type, ask, priority=priority, timeout_s=timeout_s, hedge_s=hedge_ms / 1000.0
        )

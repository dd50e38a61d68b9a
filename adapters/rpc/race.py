"""One call with failover and hedging: endpoints are asked one after the other, or beside each other when one is slow.

The rules of repeating (`methods.py`) are kept here: a send that may have arrived is unknown, never failed.
"""

import asyncio
import math

from adapters.rpc.ask import Ask, Failure, Reply
from adapters.rpc.attempt import Attempts
from adapters.rpc.endpoint import Endpoint
from adapters.rpc.selection import Choice
from kernel.rpc.caller import Priority
from kernel.rpc.rpc_errors import OutcomeUnknown, RpcRefused, RpcUnavailable

IN_FLIGHT_MAX = (
    4  #: of one read: the first and three hedges, so that three silent endpoints cost under two hedge delays
)
ATTEMPTS_EACH_MAX = 2  #: of one call at one endpoint
RETRY_PAUSE_S = 0.1  #: before the same endpoint is asked again in one call
FAILURES_SHOWN = 8


class Race:
    """One call. `hedge_s`: 0 = never. Use once: `run`."""

    def __init__(
        self, attempts: Attempts, provider_type: str, ask: Ask, *, priority: Priority, timeout_s: float, hedge_s: float
    ) -> None:
        self._attempts = attempts
        self._roster = attempts.roster
        self._type = provider_type
        self._ask = ask
        self._priority = priority
        self._timeout_s = timeout_s
        self._hedge_s = hedge_s if ask.kind == "read" else 0.0
        self._in_flight: dict[asyncio.Task[Reply | Failure], tuple[Endpoint, float]] = {}
        self._tries: dict[Endpoint, int] = {}
        self._paused: dict[Endpoint, float] = {}
        self._failed: list[str] = []
        self._unknown: list[str] = []
        self._no: RpcRefused | None = None  # of a node that could not say; final when nobody can

    async def run(self) -> tuple[Endpoint, Reply]:
        """The first good answer and who gave it. Raises RpcUnavailable, RpcRefused or OutcomeUnknown."""
        now_s = self._roster.now_s
        deadline_s = now_s() + self._timeout_s
        launch_s = now_s()  # when another endpoint is to be asked
        try:
            while True:
                at_s = now_s()
                if at_s >= deadline_s:
                    raise self._lost("no answer in time")
                if at_s >= launch_s:
                    launch_s = at_s + self._launch(at_s, deadline_s)
                wait_s = max(0.0, min(deadline_s, launch_s) - now_s())
                if not self._in_flight:
                    await asyncio.sleep(wait_s)
                    continue
                done, _ = await asyncio.wait(self._in_flight, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
                for task in [each for each in self._in_flight if each in done]:
                    endpoint, _ = self._in_flight.pop(task)
                    reply = task.result()
                    if isinstance(reply, Reply):
                        return endpoint, reply
                    self._judge(endpoint, reply)
                    launch_s = now_s()
        finally:
            await self._abandon()

    def _launch(self, at_s: float, deadline_s: float) -> float:
        """Ask one more if there is one; returns after how many seconds to look again."""
        excluded = {each for each, tries in self._tries.items() if tries >= ATTEMPTS_EACH_MAX}
        excluded |= {endpoint for endpoint, _ in self._in_flight.values()}
        fresh = excluded | self._tries.keys()
        choice = self._roster.choose(self._type, self._priority, fresh)
        if choice.endpoint is None and not self._in_flight:  # those asked before, after a pause
            resting = {each: until_s for each, until_s in self._paused.items() if until_s > at_s}
            again = self._roster.choose(self._type, self._priority, excluded | resting.keys())
            if again.endpoint is not None or again.wait_s < choice.wait_s:
                choice = again
            if choice.endpoint is None:
                again = self._roster.choose(self._type, self._priority, excluded | resting.keys(), is_last_resort=True)
                if again.wait_s < choice.wait_s:
                    choice = again
            for each, until_s in resting.items():
                if each not in excluded:
                    rest_s = max(until_s - at_s, each.rest_s(at_s, is_last_resort=True))
                    if rest_s < choice.wait_s:
                        choice = Choice(None, rest_s)
        if choice.endpoint is not None:
            self._start(choice.endpoint, at_s, deadline_s)
            is_more_allowed = self._hedge_s and len(self._in_flight) < IN_FLIGHT_MAX
            # Each further hedge waits half as long: when two are silent the third is not worth the same patience.
            return self._hedge_s / 2 ** (len(self._in_flight) - 1) if is_more_allowed else math.inf
        if not self._in_flight and at_s + choice.wait_s >= deadline_s:
            raise self._lost("nobody left to ask")
        return choice.wait_s

    def _start(self, endpoint: Endpoint, at_s: float, deadline_s: float) -> None:
        timeout_s = min(self._roster.settings.attempt_timeout_s, deadline_s - at_s)
        self._roster.begin(endpoint, self._ask.method_class, trial_s=timeout_s)
        self._tries[endpoint] = self._tries.get(endpoint, 0) + 1
        task = asyncio.create_task(self._attempts.make(endpoint, self._ask, timeout_s), name="rpc-attempt")
        self._in_flight[task] = (endpoint, at_s)

    def _judge(self, endpoint: Endpoint, reply: Failure) -> None:
        """Go on with others, or raise."""
        label = self._roster.name(endpoint)
        self._paused[endpoint] = self._roster.now_s() + RETRY_PAUSE_S
        kind = self._ask.kind
        if reply.kind == "refused" or (reply.kind == "elsewhere" and kind != "read"):
            # A no after an attempt without an answer may mean "I have it already".
            if self._unknown or reply.error is None:
                raise self._outcome_unknown(reply.text)
            raise reply.error
        self._failed.append(f"{endpoint.label}: {reply.text}")
        if reply.kind == "elsewhere":
            self._no = reply.error
            self._tries[endpoint] = ATTEMPTS_EACH_MAX
        elif reply.kind == "denied":
            self._tries[endpoint] = ATTEMPTS_EACH_MAX
        elif reply.kind == "broken" and kind != "read":
            self._unknown.append(label)
            if kind == "once":
                raise self._outcome_unknown(reply.text)

    def _lost(self, why: str) -> Exception:
        if self._ask.kind != "read":
            self._unknown.extend(self._roster.name(endpoint) for endpoint, _ in self._in_flight.values())
            if self._unknown:
                return self._outcome_unknown(why)
        waiting = [f"{endpoint.label}: no answer yet" for endpoint, _ in self._in_flight.values()]
        if self._no is not None and not waiting:
            return self._no
        told = [*self._failed, *waiting][-FAILURES_SHOWN:]
        wait_s = self._roster.choose(self._type, self._priority).wait_s
        retry_after_s = None if math.isinf(wait_s) else wait_s
        again = f"; the first may be asked again in {retry_after_s:.1f} s" if retry_after_s else ""
        text = f"{self._type}: {self._ask.name}: {why} ({'; '.join(told) or 'none may be asked now'}){again}"
        self._roster.report_exhausted(self._type, text)
        return RpcUnavailable(text, retry_after_s)

    def _outcome_unknown(self, why: str) -> OutcomeUnknown:
        named = ", ".join(self._unknown)
        return OutcomeUnknown(
            f"{self._ask.name} may have been carried out by {named or 'the endpoint asked'} ({why}); treat it as "
            "landed and look it up before sending anything in its place",
            method=self._ask.name,
            endpoints=tuple(self._unknown),
        )

    async def _abandon(self) -> None:
        """Take back what is still under way; who is that slow is remembered."""
        tasks, self._in_flight = self._in_flight, {}
        for task, (endpoint, begun_s) in tasks.items():
            if task.cancel():
                self._roster.report_overtaken(endpoint, self._roster.now_s() - begun_s)
        if tasks:
            await asyncio.gather(*tasks, return_exceptions=True)

"""One attempt: verify the endpoint if that is due, ask it, report how it went."""

from collections.abc import Awaitable, Callable

from adapters.rpc.ask import Ask, Failure, Reply
from adapters.rpc.endpoint import Endpoint
from adapters.rpc.heads import head_in
from adapters.rpc.roster import Roster
from adapters.rpc.transport import Transport

Verify = Callable[[Endpoint, float], Awaitable[Failure | None]]  #: (endpoint, timeout_s); None = it is the right chain


class Attempts:
    """Makes attempts. The budget is taken, and success or failure told, in here and nowhere else."""

    def __init__(self, roster: Roster, transport: Transport, verify: Verify) -> None:
        self.roster = roster
        self._transport = transport
        self._verify = verify

    async def make(self, endpoint: Endpoint, ask: Ask, timeout_s: float) -> Reply | Failure:
        """Never raises but for cancellation and bugs. `begin` must have been called for it."""
        roster = self.roster
        begun_s = roster.now_s()
        if endpoint.provider.identity and not endpoint.is_verified:
            trouble = await self._verify(endpoint, timeout_s)
            if trouble is not None:  # the caller's own bytes did not leave
                return Failure(kind="not_sent", text=trouble.text, retry_after_s=trouble.retry_after_s)
            timeout_s = max(0.05, timeout_s - (roster.now_s() - begun_s))
        sent_s = roster.now_s()
        reply = await self._transport.exchange(endpoint, ask, timeout_s)
        report(roster, endpoint, reply, roster.now_s() - sent_s, ask.method_class)
        if isinstance(reply, Reply):
            head = head_in(ask.name, endpoint.provider.family, reply.raw)
            if head is not None:
                endpoint.see_head(head, roster.now_s())
        return reply


def report(roster: Roster, endpoint: Endpoint, reply: Reply | Failure, latency_s: float, method_class: str) -> None:
    """What a reply says about the endpoint."""
    if isinstance(reply, Reply) or reply.kind == "refused":
        roster.report_success(endpoint, latency_s, method_class)
    elif reply.kind == "rate_limited":
        roster.report_rate_limit(endpoint, reply.retry_after_s, reply.text, method_class)
    elif reply.kind == "elsewhere":
        roster.report_elsewhere(endpoint, latency_s, reply.text, method_class)
    else:
        roster.report_failure(endpoint, reply.text, method_class, is_final=reply.kind == "denied")

"""A read that several endpoints must answer alike, for decisions about money: one that lies, or is on a fork, is found.

The block must be pinned: two honest nodes answer differently about "latest". An endpoint that has nothing (null) next
to others that have something is behind, and has not answered.
"""

import asyncio
from collections.abc import Mapping

from adapters.rpc.ask import Failure, JsonRpcAsk, Reply
from adapters.rpc.attempt import Attempts
from adapters.rpc.endpoint import Endpoint
from adapters.rpc.json_rpc import canonical
from adapters.rpc.methods import BLOCK_PARAMETER, MOVING_TAGS
from kernel.errors import BadInput, BadWire
from kernel.rpc.caller import Priority, Quorum
from kernel.rpc.rpc_errors import QuorumFailed, RpcRefused, RpcUnavailable

NOTHING = b"null"
SHOWN_CHARS_MAX = 120
ASK_MAX = 9  #: endpoints of one quorum; more cost budget and prove nothing


def check_quorum(ask: JsonRpcAsk, quorum: Quorum, family: str) -> None:
    """Raises `BadInput` when this call cannot have a quorum."""
    if not 1 <= quorum.agree <= quorum.ask <= ASK_MAX:
        raise BadInput(f"quorum: expected 1 <= agree <= ask <= {ASK_MAX}, found {quorum.agree} of {quorum.ask}")
    if ask.kind != "read":
        raise BadInput(f"quorum: expected a read, found {ask.name}, which sends")
    place = BLOCK_PARAMETER.get(ask.name)
    if family != "evm" or place is None:
        return
    block = ask.params[place] if not isinstance(ask.params, Mapping) and len(ask.params) > place else None
    if block is None or (isinstance(block, str) and block in MOVING_TAGS):
        raise BadInput(
            f"quorum: {ask.name}: expected a block number or hash as parameter {place + 1}, found {block!r}: honest "
            "nodes differ about a block that moves; read eth_blockNumber first"
        )


class Agreement:
    """One such read. Use once: `run`."""

    def __init__(
        self, attempts: Attempts, provider_type: str, ask: JsonRpcAsk, quorum: Quorum,
        *, priority: Priority, timeout_s: float,
    ) -> None:  # fmt: skip
        self._attempts = attempts
        self._roster = attempts.roster
        self._type = provider_type
        self._ask = ask
        self._quorum = quorum
        self._priority = priority
        self._timeout_s = timeout_s
        self._said: dict[bytes, list[Endpoint]] = {}
        self._answers: dict[bytes, Reply | RpcRefused] = {}
        self._asked: set[Endpoint] = set()
        self._failed: list[str] = []

    async def run(self) -> tuple[Endpoint, Reply]:
        """The answer that enough gave. Raises QuorumFailed, RpcUnavailable, or the RpcRefused that enough gave."""
        roster = self._roster
        deadline_s = roster.now_s() + self._timeout_s
        in_flight: dict[asyncio.Task[Reply | Failure], tuple[Endpoint, float]] = {}
        try:
            while True:
                at_s = roster.now_s()
                wait_s = self._widen(in_flight, at_s, deadline_s)
                if at_s >= deadline_s or (not in_flight and at_s + wait_s >= deadline_s):
                    raise self._failed_with()
                timeout_s = min(deadline_s - at_s, wait_s)
                if not in_flight:
                    await asyncio.sleep(timeout_s)
                    continue
                done, _ = await asyncio.wait(in_flight, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
                for task in [each for each in in_flight if each in done]:
                    endpoint, _ = in_flight.pop(task)
                    self._count(endpoint, task.result())
                winner = self._winner()
                if winner is not None:
                    return self._conclude(winner)
        finally:
            for task, (endpoint, begun_s) in in_flight.items():
                if task.cancel():
                    roster.report_overtaken(endpoint, roster.now_s() - begun_s)
            if in_flight:
                await asyncio.gather(*in_flight, return_exceptions=True)

    def _widen(
        self, in_flight: dict[asyncio.Task[Reply | Failure], tuple[Endpoint, float]], at_s: float, deadline_s: float
    ) -> float:
        """Ask as many as are needed; returns how long until another may be asked."""
        most = max((len(each) for each in self._said.values()), default=0)
        answered = sum(len(each) for each in self._said.values())
        wanted = max(self._quorum.ask - answered, self._quorum.agree - most)
        while len(in_flight) < wanted:
            choice = self._roster.choose(self._type, self._priority, self._asked)
            if choice.endpoint is None:
                return choice.wait_s
            endpoint = choice.endpoint
            timeout_s = min(self._roster.settings.attempt_timeout_s, max(0.05, deadline_s - at_s))
            self._roster.begin(endpoint, self._ask.method_class, trial_s=timeout_s)
            self._asked.add(endpoint)
            task = asyncio.create_task(self._attempts.make(endpoint, self._ask, timeout_s), name="rpc-quorum")
            in_flight[task] = (endpoint, at_s)
        return deadline_s - at_s

    def _count(self, endpoint: Endpoint, reply: Reply | Failure) -> None:
        answer: Reply | RpcRefused
        if isinstance(reply, Failure):
            if reply.kind != "refused" or reply.error is None:
                self._failed.append(f"{endpoint.label}: {reply.text}")
                return
            said, answer = b"refused with code %d" % reply.error.code, reply.error
        else:
            try:
                said, answer = canonical(reply.raw, endpoint.provider.family), reply
            except BadWire as error:
                self._failed.append(f"{endpoint.label}: {error}")
                return
        self._said.setdefault(said, []).append(endpoint)
        self._answers.setdefault(said, answer)

    def _winner(self) -> bytes | None:
        for said, endpoints in self._said.items():
            if len(endpoints) < self._quorum.agree:
                continue
            if said == NOTHING and len(self._said) > 1:
                continue  # the others have something
            return said
        return None

    def _conclude(self, winner: bytes) -> tuple[Endpoint, Reply]:
        for said, endpoints in self._said.items():
            if said in (winner, NOTHING):
                continue
            for each in endpoints:
                self._roster.report_liar(
                    each,
                    f"{self._ask.name}: it says {_short(said)}, {len(self._said[winner])} others say {_short(winner)}",
                )
        answer = self._answers[winner]
        if isinstance(answer, RpcRefused):
            raise answer
        return self._said[winner][0], answer

    def _failed_with(self) -> Exception:
        said = {self._roster.name(each): _short(value) for value, endpoints in self._said.items() for each in endpoints}
        need = f"{self._quorum.agree} of {self._quorum.ask}"
        if len(self._said) > 1:
            quoted = "; ".join(f"{label} says {value}" for label, value in said.items())
            return QuorumFailed(
                f"{self._type}: {self._ask.name}: expected {need} equal answers, found {quoted}; act on none of them",
                said,
            )
        told = "; ".join(self._failed[-ASK_MAX:]) or "no more endpoints may be asked now"
        text = f"{self._type}: {self._ask.name}: expected {need} equal answers, found {len(said)} answers ({told})"
        return RpcUnavailable(text)


def _short(said: bytes) -> str:
    text = said.decode("utf-8", "replace")
    return text if len(text) <= SHOWN_CHARS_MAX else text[:SHOWN_CHARS_MAX] + "…"

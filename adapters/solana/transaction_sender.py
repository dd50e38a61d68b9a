"""Sends signed transactions and finds out what became of them. The signature is the identity; nothing is signed here.

A transaction is written to disk and synced before its first byte leaves. The same bytes go out again and again until it
is confirmed, or until the chain has passed the last height at which it is valid and two answers, both from nodes that
had reached that height, know nothing of it. After a restart it is only watched: the decision behind it is old.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable, Mapping

import structlog
from msgspec import Struct

from adapters.solana.error_text import error_text
from adapters.solana.fills import fills_of
from adapters.solana.node import SIGNATURES_MAX, SolanaNode
from adapters.solana.outcome import outcome_of
from adapters.solana.pending_transactions import End, PendingTransaction, PendingTransactions
from adapters.solana.reports import Reports
from adapters.solana.rpc_answers import SignatureStatus
from bus.clock import NS_PER_S
from bus.events import Fill
from kernel.errors import BadWire, KernelError, StoreError
from kernel.market import Market

FINAL = ("confirmed", "finalized")  #: processed is a hint: it can still be rolled back
MISSES_TO_EXPIRE = 2
_log = structlog.get_logger(__name__)

Send = Callable[[PendingTransaction], Awaitable[object]]


class Pace(Struct, frozen=True, kw_only=True):
    """How often; the recommended values are the defaults."""

    send_s: float = 1.5  #: between sendings of the same bytes: leaders change every 1.6 s
    poll_s: float = 0.5  #: between looks at all signatures under way, in one call
    height_s: float = 2.0  #: between looks at the block height
    unknown_s: float = 10.0  #: without any answer for so long, the outcome is told as unknown


class _Flight:
    """One transaction under way."""

    def __init__(self, sent: PendingTransaction, now_ns: int, *, is_resumed: bool, is_order: bool) -> None:
        self.sent = sent
        self.is_resumed = is_resumed
        self.is_order = is_order
        self.begun_ns = self.heard_ns = now_ns
        self.is_unknown_told = False
        self.dead_slot = -1  # when the chain was seen past its last valid height
        self.misses = 0
        self.last_error = ""
        self.pushing: asyncio.Task[None] | None = None

    def stop_pushing(self) -> None:
        if self.pushing is not None:
            self.pushing.cancel()
            self.pushing = None


class TransactionSender:
    """Flights of one wallet. `sends` maps a route (`PendingTransaction.route`) to how its bytes leave."""

    def __init__(
        self,
        node: SolanaNode,
        pending: PendingTransactions,
        reports: Reports,
        market: Market,
        sends: Mapping[str, Send] | None = None,
        pace: Pace = Pace(),  # noqa: B008  (immutable)
    ) -> None:
        self.pending = pending
        self.reports = reports
        self._node = node
        self._market = market
        self._sends: dict[str, Send] = {"rpc": lambda sent: node.send(sent.raw), **(sends or {})}
        self._pace = pace
        self._flights: dict[str, _Flight] = {}
        self._launching: dict[str, asyncio.Task[None]] = {}  # being written
        self._looking: asyncio.Task[None] | None = None
        self._height_ns = 0
        self._is_stopping = False
        self._numbers = itertools.count(1)

    def next_number(self) -> int:
        """A number for the next transaction of this wallet, to tell it from an equal one (`message.told_apart`)."""
        return next(self._numbers)

    async def begin(self, sent: PendingTransaction, *, is_order: bool = False) -> None:
        """Write it down, then send and watch it; returns when it is on disk. Reports by itself from then on.

        Raises `StoreError`: then nothing was or will be sent. Whoever stops waiting does not stop it.
        """
        if sent.route not in self._sends:
            raise StoreError(f"nothing sends transactions by {sent.route!r} here")
        if self._is_stopping:
            raise StoreError("stopping: nothing new is sent")
        launching = asyncio.create_task(self._launch(sent, is_order), name=f"solana-launch {sent.order_id}")
        self._launching[sent.order_id] = launching
        launching.add_done_callback(lambda _: self._launching.pop(sent.order_id, None))
        await asyncio.shield(launching)

    async def _launch(self, sent: PendingTransaction, is_order: bool) -> None:
        await self.pending.add(sent)
        self.reports.submitted(sent.strategy, sent.order_id, sent.signature)
        flight = self._watch(sent, is_resumed=False, is_order=is_order)
        if not self._is_stopping:
            flight.pushing = asyncio.create_task(self._push(flight), name=f"solana-send {sent.order_id}")

    def resume(self, sent: PendingTransaction, *, is_order: bool = False) -> None:
        """After a restart: find out what became of it; it is not sent again. Does nothing while it is watched."""
        if sent.order_id in self._launching:
            return
        if sent.order_id in self._flights:
            self._look_on()
        elif not self.reports.has_ended(sent.order_id):
            self._watch(sent, is_resumed=True, is_order=is_order)

    def hold(self, order_id: str) -> None:
        """Send it no more; what has left may still land and is watched."""
        flight = self._flights.get(order_id)
        if flight is not None:
            flight.stop_pushing()

    def is_watching(self, order_id: str) -> bool:
        """Whether its outcome is being looked for."""
        return order_id in self._flights or order_id in self._launching

    def under_way(self) -> int:
        """How many outcomes are not known yet."""
        return len(self._flights) + len(self._launching)

    async def stop(self, limit_s: float) -> int:
        """Send nothing more, look on until every outcome is known or time is up; returns how many are not known.

        Those stay in the file and are asked for after the next start.
        """
        self._is_stopping = True
        await asyncio.gather(*self._launching.values(), return_exceptions=True)
        for each in self._flights.values():
            each.stop_pushing()
        looking = self._looking
        if looking is not None:
            await asyncio.wait([looking], timeout=limit_s)
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
        return len(self._flights)

    def _watch(self, sent: PendingTransaction, *, is_resumed: bool, is_order: bool) -> _Flight:
        flight = _Flight(sent, self.reports.now_ns(), is_resumed=is_resumed, is_order=is_order)
        self._flights[sent.order_id] = flight
        self._look_on()
        return flight

    def _look_on(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="solana-outcomes")
            self._looking.add_done_callback(self._looked)

    async def _push(self, flight: _Flight) -> None:
        """The same bytes, again and again; how it went is only a hint."""
        send = self._sends[flight.sent.route]
        while True:
            try:
                await send(flight.sent)
                flight.last_error = ""
            except (KernelError, TimeoutError) as error:
                if not flight.last_error:
                    _log.info("transaction_send_failed", order=flight.sent.order_id, error=str(error)[:300])
                flight.last_error = str(error)[:300]
            await asyncio.sleep(self._pace.send_s)

    async def _look(self) -> None:
        while self._flights:
            await self._round()
            is_hopeful = any(not each.is_unknown_told for each in self._flights.values())
            await asyncio.sleep(self._pace.poll_s if is_hopeful or not self._flights else self._pace.unknown_s)

    def _looked(self, task: "asyncio.Task[None]") -> None:
        """A bug of ours must not leave orders without an end in silence; the router's next question starts it again."""
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        _log.error("transaction_outcomes_failed", error=repr(error)[:300])
        self.reports.alert("critical", "sender_failed", f"outcomes are not looked for: {error!r}")
        for each in self._flights.values():
            self.reports.unknown(each.sent.strategy, each.sent.order_id, "looking for its outcome failed")

    async def _round(self) -> None:
        """One look at everything under way."""
        flights = list(self._flights.values())
        try:
            await self._see_height(flights)
        except KernelError as error:  # it may have landed all the same
            self._tell_unknown(flights, str(error), self._height_ns)
        try:
            recent = [each for each in flights if not each.is_resumed and each.dead_slot < 0]
            old = [each for each in flights if each.is_resumed or each.dead_slot >= 0]
            for part, is_history_searched in (*_parts(recent, False), *_parts(old, True)):
                await self._see_statuses(part, is_history_searched)
        except KernelError as error:
            self._tell_unknown(flights, str(error))

    async def _see_height(self, flights: list[_Flight]) -> None:
        now_ns = self.reports.now_ns()
        if now_ns - self._height_ns < self._pace.height_s * NS_PER_S and self._height_ns:
            return
        info = await self._node.epoch_info()
        self._height_ns = now_ns
        for each in flights:
            if each.dead_slot < 0 and info.block_height > each.sent.last_valid_height:
                each.dead_slot = info.absolute_slot
                each.stop_pushing()

    async def _see_statuses(self, flights: list[_Flight], is_history_searched: bool) -> None:
        signatures = [each.sent.signature for each in flights]
        answer = await self._node.statuses(signatures, is_history_searched=is_history_searched)
        ended = []
        for flight, status in zip(flights, answer.value, strict=True):
            if status is not None and status.confirmation_status in FINAL:
                ended.append(self._settle(flight, status))
                continue
            flight.heard_ns = self.reports.now_ns()
            if status is not None:
                flight.misses = 0
            elif 0 <= flight.dead_slot <= answer.context.slot and is_history_searched:
                flight.misses += 1
                if flight.misses >= MISSES_TO_EXPIRE:
                    self._expire(flight)
        await asyncio.gather(*ended)

    async def _settle(self, flight: _Flight, status: SignatureStatus) -> None:
        """It is in a block for good: read what it did, and report."""
        sent = flight.sent
        flight.stop_pushing()
        try:
            found = await self._node.transaction(sent.signature)
            if found is None:
                raise BadWire(
                    f"{sent.signature} is confirmed in slot {status.slot}, but its balances are not there yet"
                )
            outcome = outcome_of(found, sent.wallet, sent.accounts, sent.tip_account, sent.signature)
            if (outcome.err is None) != (status.err is None):
                raise BadWire(f"{sent.signature}: nodes disagree whether it succeeded ({status.err!r:.80})")
            if outcome.err is not None:
                reason = error_text(outcome.err, outcome.logs)
                if sent.route == "jito":
                    reason = f"unbundled: it landed outside its bundle and failed ({reason})"
                self.reports.reverted(sent.strategy, sent.order_id, sent.signature, outcome, reason)
                self._end(flight, "reverted")
                return
            fills: list[Fill] = fills_of(
                sent, outcome, self._market, now_ns=self.reports.now_ns(), simulated=self.reports.simulated,
                gas_usd=self.reports.gas_usd,
            )  # fmt: skip
        except KernelError as error:
            self._tell_unknown([flight], str(error))
            return
        self.reports.landed(sent.strategy, sent.order_id, sent.signature, outcome, fills, is_order=flight.is_order)
        self._end(flight, "landed")

    def _expire(self, flight: _Flight) -> None:
        sent = flight.sent
        reason = f"not in a block by height {sent.last_valid_height}: the chain can no longer take it"
        if flight.last_error:
            reason += f"; last sending: {flight.last_error}"
        self.reports.expired(sent.strategy, sent.order_id, reason)
        self._end(flight, "expired")

    def _end(self, flight: _Flight, end: End) -> None:
        flight.stop_pushing()
        self._flights.pop(flight.sent.order_id, None)
        self.pending.end(flight.sent.order_id, end, self.reports.now_ns())

    def _tell_unknown(self, flights: Iterable[_Flight], reason: str, heard_ns: int | None = None) -> None:
        """Once for each that was not heard of for long. `heard_ns`: instead, when the chain's height was last heard."""
        now_ns = self.reports.now_ns()
        for each in flights:
            since_ns = each.heard_ns if heard_ns is None else max(heard_ns, each.begun_ns)
            if not each.is_unknown_told and now_ns - since_ns >= self._pace.unknown_s * NS_PER_S:
                each.is_unknown_told = True
                self.reports.unknown(each.sent.strategy, each.sent.order_id, reason)
                text = f"order {each.sent.order_id}, transaction {each.sent.signature}: {reason}"
                self.reports.alert("warning", "outcome_unknown", text)


def _parts(flights: list[_Flight], is_history_searched: bool) -> list[tuple[list[_Flight], bool]]:
    return [(flights[at : at + SIGNATURES_MAX], is_history_searched) for at in range(0, len(flights), SIGNATURES_MAX)]

"""Keeps tracked pools up to date: a snapshot, then every change, then the snapshot again after every gap.

Order of things: subscribe first, read the state after that, so that nothing between is missed; of two states of one
account the one with the higher slot stays, and on a tie the one that came as a change. Every so often all accounts are
read again and compared: a difference that no change announced is told, counted and repaired.
"""

import asyncio
from collections.abc import Callable, Iterable

import structlog
from msgspec import Struct

from adapters.solana.account_bytes import AccountBytes
from adapters.solana.account_source import AccountChange, AccountSource, SlotSeen, SourceEvent, SourceLost, SourceReady
from adapters.solana.mints import MintBook
from adapters.solana.node import SolanaNode
from adapters.solana.slot_clock import CLOCK_SYSVAR, SlotClock
from adapters.solana.tracked_pool import TrackedPool, UnknownLayout
from bus.clock import Clock
from bus.events import Alert, Event, FeedGap, VenueHealth
from bus.pool_parts.base import PoolPart
from kernel.errors import BadWire, KernelError

RECHECK_S = 30.0  #: between comparisons with the chain; one call per hundred accounts
GRACE_S = 3.0  #: for a change that a comparison saw before the stream told it
SUBSCRIBING_S = 0.05  #: before it is looked again whether new accounts are subscribed
RETRY_S = 0.5  #: before a snapshot that failed is read again
NEIGHBOURS_MAX = 64  #: of one pool; more is a mistake of its code
_log = structlog.get_logger(__name__)

Publish = Callable[[str, int, tuple[PoolPart, ...]], None]  #: (instrument, slot, parts)


class FeedCounts(Struct):
    """Since the start."""

    changes: int = 0
    dropped_old: int = 0  #: changes older than what was known
    missed: int = 0  #: differences that a comparison found
    gaps: int = 0
    disabled: int = 0


class _Watched:
    """One account and the pools that read it."""

    def __init__(self) -> None:
        self.instruments: dict[str, None] = {}
        self.slot = -1
        self.account: AccountBytes | None = None


class AccountFeed:
    """Feeds pools by instrument. Call `track` before or while `run` runs.

    `publish` gets decoded parts; `emit` gets `FeedGap`, `VenueHealth` and `Alert` events; `on_disabled(instrument,
    text)` is called when an account of a pool is not what it must be, and that pool alone is dropped.
    """

    def __init__(
        self,
        node: SolanaNode,
        source: AccountSource,
        mints: MintBook,
        clock: Clock,
        slots: SlotClock,
        *,
        publish: Publish,
        emit: Callable[[Event], None],
        on_disabled: Callable[[str, str], None],
        recheck_s: float = RECHECK_S,
        grace_s: float = GRACE_S,
    ) -> None:
        self.counts = FeedCounts()
        self.is_live = False  #: the stream runs and the state behind it was read
        self.slots = slots
        self._node = node
        self._source = source
        self._mints = mints
        self._clock = clock
        self._publish = publish
        self._emit = emit
        self._on_disabled = on_disabled
        self._recheck_s = recheck_s
        self._grace_s = grace_s
        self._pools: dict[str, TrackedPool] = {}
        self._watched: dict[str, _Watched] = {}
        self._accounts_of: dict[str, tuple[str, ...]] = {}  # instrument -> what it watches
        self._unread: dict[str, None] = {}  # accounts whose state was never read
        self._is_streaming = False
        self._lost_ns = 0
        self._heard_ns = 0
        self._wanted = asyncio.Event()  # something is to be read
        self._told_fees: dict[str, tuple[PoolPart, ...]] = {}
        self._fees_epoch = -1

    def track(self, instrument: str, pool: TrackedPool) -> None:
        """Begin with a pool; one that is tracked already is replaced."""
        self.untrack(instrument)
        self._pools[instrument] = pool
        self._look_around(instrument, pool)

    def untrack(self, instrument: str) -> None:
        """Forget a pool."""
        if self._pools.pop(instrument, None) is not None:
            self._told_fees.pop(instrument, None)
            self._leave(instrument, self._accounts_of.pop(instrument, ()))

    def tracked(self) -> tuple[str, ...]:
        """Instruments, in the order of `track`."""
        return tuple(self._pools)

    async def run(self) -> None:
        """Serve until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read_when_wanted(), name="solana-snapshots")
                tasks.create_task(self._listen(), name="solana-changes")
        finally:
            await self._source.close()

    async def _listen(self) -> None:
        get, on_source = self._source.get, self._on_source
        while True:
            on_source(await get())

    def _on_source(self, event: SourceEvent) -> None:
        now_ns = self._clock.now_ns()
        match event:
            case AccountChange():
                self._heard_ns = now_ns
                self.slots.see(event.slot, now_ns)
                self._take(event.address, event.slot, event.account, is_change=True)
            case SlotSeen():
                self._heard_ns = now_ns
                self.slots.see(event.slot, now_ns)
            case SourceLost():
                self._on_lost(event.reason, now_ns)
            case SourceReady():
                self._is_streaming = True
                self._unread.update(dict.fromkeys(self._watched))
                self._wanted.set()

    def _on_lost(self, reason: str, now_ns: int) -> None:
        if not self._lost_ns:
            self._lost_ns = self._heard_ns or now_ns
            self._tell_health("stale", reason)
        self.is_live = self._is_streaming = False

    async def _read_when_wanted(self) -> None:
        """Snapshots: of all accounts after a (re)connect, of new ones when they appear, of all every so often."""
        while True:
            try:
                async with asyncio.timeout(self._recheck_s):
                    await self._wanted.wait()
            except TimeoutError:
                pass
            self._wanted.clear()
            if not self._is_streaming:
                continue
            is_recheck = not self._unread
            if is_recheck and not self.is_live:
                continue
            addresses = [each for each in (self._unread or self._watched) if self._source.is_subscribed(each)]
            if len(addresses) < len(self._unread):  # some are subscribed only just now
                self._wanted.set()
                await asyncio.sleep(SUBSCRIBING_S)
            if not addresses:
                continue
            try:
                await self._snapshot(addresses, is_recheck=is_recheck)
            except KernelError as error:
                _log.warning("accounts_not_read", count=len(addresses), error=str(error)[:300])
                self._wanted.set()
                await asyncio.sleep(RETRY_S)

    async def _snapshot(self, addresses: list[str], *, is_recheck: bool) -> None:
        """Read and take. At `processed` like the stream, and at no slot that is older than a change we know."""
        names = [each for each in addresses if each in self._watched]
        answers = await self._node.accounts([*names, CLOCK_SYSVAR], commitment="processed", min_slot=self._floor(names))
        slot, sysvar = answers.pop()
        await self._read_mints()
        self._see_sysvar(sysvar)
        if is_recheck:
            await self._compare(dict(zip(names, answers, strict=True)))
            return
        for address, (at_slot, account) in zip(names, answers, strict=True):
            self._unread.pop(address, None)
            self._take(address, at_slot, account, is_change=False)
        if self._unread:
            self._wanted.set()
        elif self._is_streaming and not self.is_live:
            self._on_whole(slot)

    async def _compare(self, found: dict[str, tuple[int, AccountBytes | None]]) -> None:
        """A change that is on its way has some seconds to come before it counts as missed."""
        waiting = {name: state for name, state in found.items() if self._is_news(name, *state)}
        if waiting:
            await asyncio.sleep(self._grace_s)
        for name, (slot, account) in waiting.items():
            if self._is_news(name, slot, account):
                self.counts.missed += 1
                text = f"account {name}: another state at slot {slot} than the stream had told; it was read anew"
                self._alert("warning", "account_change_missed", text)
                self._take(name, slot, account, is_change=False)

    def _is_news(self, address: str, slot: int, account: AccountBytes | None) -> bool:
        watched = self._watched.get(address)
        return watched is not None and watched.slot < slot and watched.account != account

    def _see_sysvar(self, sysvar: AccountBytes | None) -> None:
        if sysvar is None:
            return
        try:
            self.slots.see_sysvar(sysvar.data, self._clock.now_ns())
        except BadWire as error:
            self._alert("warning", "chain_clock_refused", str(error))

    def _floor(self, names: Iterable[str]) -> int:
        """A node behind what we saw last before a gap must not take us back."""
        return max((self._watched[each].slot for each in names), default=0) if not self.is_live else 0

    def _on_whole(self, slot: int) -> None:
        now_ns = self._clock.now_ns()
        self.is_live = True
        lost_ns, self._lost_ns = self._lost_ns, 0
        if lost_ns:
            self.counts.gaps += 1
            for instrument in self._pools:
                self._emit(
                    FeedGap(
                        ts_ns=now_ns, source="solana", instrument=instrument, from_ts_ns=lost_ns, to_ts_ns=now_ns,
                        reason=f"the stream was lost; state read anew at slot {slot}",
                    )
                )  # fmt: skip
        self._tell_health("ok", "")

    def _take(self, address: str, slot: int, account: AccountBytes | None, *, is_change: bool) -> None:
        watched = self._watched.get(address)
        if watched is None:
            return
        if slot < watched.slot or (slot == watched.slot and not is_change):
            self.counts.dropped_old += 1
            return
        if watched.slot >= 0 and account == watched.account:
            watched.slot = slot
            return
        watched.slot, watched.account = slot, account
        self.counts.changes += 1
        for instrument in list(watched.instruments):
            self._update(instrument, address, slot, account)

    def _update(self, instrument: str, address: str, slot: int, account: AccountBytes | None) -> None:
        pool = self._pools.get(instrument)
        if pool is None:  # dropped while another pool of this account was told
            return
        try:
            if account is None:
                if address == pool.address:
                    raise UnknownLayout(f"pool {address}: expected an account, found none: it does not exist")
                parts = pool.missing(address)
            else:
                parts = pool.update(address, account.owner, account.data, slot)
        except UnknownLayout as error:
            self._disable(instrument, str(error))
            return
        if parts:
            self._publish(instrument, slot, parts)
        self._look_around(instrument, pool)

    def _look_around(self, instrument: str, pool: TrackedPool) -> None:
        """A pool whose price moved watches other neighbours."""
        wanted = tuple(dict.fromkeys((pool.address, *pool.neighbours())))[: NEIGHBOURS_MAX + 1]
        had = self._accounts_of.get(instrument, ())
        if wanted == had:
            return
        self._accounts_of[instrument] = wanted
        fresh = []
        for address in wanted:
            watched = self._watched.get(address)
            if watched is None:
                watched = self._watched[address] = _Watched()
                fresh.append(address)
            elif instrument not in watched.instruments:
                self._unread[address] = None  # known, but this pool has not been given it
                watched.slot = -1
            watched.instruments[instrument] = None
        if fresh:
            self._source.watch(fresh)
            self._unread.update(dict.fromkeys(fresh))
        if self._unread:
            self._wanted.set()
        self._leave(instrument, [each for each in had if each not in wanted])

    def _leave(self, instrument: str, addresses: Iterable[str]) -> None:
        gone = []
        for address in addresses:
            watched = self._watched.get(address)
            if watched is not None:
                watched.instruments.pop(instrument, None)
                if not watched.instruments:
                    del self._watched[address]
                    self._unread.pop(address, None)
                    gone.append(address)
        if gone:
            self._source.unwatch(gone)

    async def _read_mints(self) -> None:
        """Transfer fees of both tokens, as valid in this epoch, to pools that were not told or were told otherwise."""
        if not self.slots.epoch:  # without it the fee of another epoch would be taken for this one's
            self.slots.epoch = (await self._node.epoch_info()).epoch
        epoch = self.slots.epoch
        names = list(dict.fromkeys(mint for pool in self._pools.values() for mint in pool.mints))
        await self._mints.prefetch(names, is_fresh=epoch != self._fees_epoch)  # a new fee is told two epochs ahead
        self._fees_epoch = epoch
        for instrument, pool in list(self._pools.items()):
            try:
                first, second = await self._mints.read(pool.mints)
            except UnknownLayout as error:
                self._disable(instrument, str(error))
                continue
            parts = (first.token_fee(epoch, is_first=True), second.token_fee(epoch, is_first=False))
            if self._told_fees.get(instrument) != parts:
                self._told_fees[instrument] = parts
                self._publish(instrument, self.slots.slot, parts)

    def _disable(self, instrument: str, text: str) -> None:
        self.counts.disabled += 1
        self.untrack(instrument)
        self._alert("critical", "pool_disabled", f"{instrument} is no longer used: {text}")
        self._on_disabled(instrument, text)

    def _alert(self, severity: str, code: str, text: str) -> None:
        self._emit(Alert(ts_ns=self._clock.now_ns(), severity=severity, source="solana", code=code, text=text[:1_000]))

    def _tell_health(self, status: str, reason: str) -> None:
        for venue in dict.fromkeys(each.partition(":")[0] for each in self._pools):
            self._emit(VenueHealth(ts_ns=self._clock.now_ns(), venue=venue, status=status, reason=reason[:300]))

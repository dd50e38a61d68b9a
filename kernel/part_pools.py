"""Exact pools that are told account by account (`PoolSeen`), folded into states that quote; shared like `Market`.

A part that contradicts itself, or that the adapter could not read, disables its pool until the adapter lists it anew:
what cannot be read is not repaired and not traded.
"""

from math import sqrt

from bus.bus import Bus
from bus.clock import NS_PER_S
from bus.events import Alert, InstrumentListed, PoolDisabled, PoolSeen, SlotSeen
from kernel.amm.errors import PoolRefused
from kernel.amm.families import builder_of
from kernel.amm.pool import Pool, PoolBuilder


class _Tracked:
    __slots__ = ("builder", "listed", "price", "priced_version", "slot", "ts_ns", "version")

    def __init__(self, listed: InstrumentListed, builder: PoolBuilder) -> None:
        self.listed = listed
        self.builder = builder
        self.slot = 0
        self.ts_ns = 0
        self.version = 0
        self.price: float | None = None
        self.priced_version = -1


class PartPools:
    """Pools by instrument, with the slot and the version of each state."""

    def __init__(self) -> None:
        self._tracked: dict[str, _Tracked] = {}
        self._bus: Bus | None = None
        self.disabled: dict[str, str] = {}  #: instrument -> why nothing is quoted from it
        self.heads: dict[str, SlotSeen] = {}  #: newest slot by chain

    def attach(self, bus: Bus) -> None:
        """Subscribe the fold."""
        self._bus = bus
        bus.subscribe(InstrumentListed, self._on_listed)
        bus.subscribe(PoolSeen, self._on_seen)
        bus.subscribe(PoolDisabled, self._on_disabled)
        bus.subscribe(SlotSeen, self._on_slot)

    def get(self, instrument: str) -> Pool | None:
        """The pool as last seen; None while it is incomplete, unknown or disabled."""
        tracked = self._tracked.get(instrument)
        return None if tracked is None or instrument in self.disabled else tracked.builder.pool()

    def slot(self, instrument: str) -> int:
        """The newest slot at which one of its accounts was seen; 0 = never."""
        tracked = self._tracked.get(instrument)
        return 0 if tracked is None else tracked.slot

    def seen_ns(self, instrument: str) -> int:
        """Until when its state is known to hold: its last change, or the newest slot heard of; 0 = never seen."""
        tracked = self._tracked.get(instrument)
        if tracked is None or not tracked.ts_ns:
            return 0
        head = self.heads.get(tracked.listed.chain)
        return tracked.ts_ns if head is None else max(tracked.ts_ns, head.ts_ns)

    def version(self, instrument: str) -> int:
        """How many parts changed it."""
        tracked = self._tracked.get(instrument)
        return 0 if tracked is None else tracked.version

    def price(self, instrument: str) -> tuple[float, int] | None:
        """(quote per base between its two sides, when it was last known to hold), or None."""
        tracked = self._tracked.get(instrument)
        if tracked is None or instrument in self.disabled or tracked.ts_ns == 0:
            return None
        if tracked.priced_version != tracked.version:
            tracked.priced_version = tracked.version
            tracked.price = _middle(tracked)
        if tracked.price is None:
            return None
        return tracked.price, self.seen_ns(instrument)

    def _on_listed(self, event: InstrumentListed) -> None:
        if not event.family:
            return
        builder = builder_of(event.family)
        if builder is None:
            self._disable(event.instrument, f"no maths for pools of the kind {event.family!r:.40}", event.ts_ns)
            return
        self.disabled.pop(event.instrument, None)
        self._tracked[event.instrument] = _Tracked(event, builder)

    def _on_seen(self, event: PoolSeen) -> None:
        tracked = self._tracked.get(event.instrument)
        if tracked is None:
            return
        tracked.version += 1
        tracked.ts_ns = event.ts_ns
        if event.slot > tracked.slot:
            tracked.slot = event.slot
        try:
            for part in event.parts:
                tracked.builder.add(part)
        except PoolRefused as error:
            self._disable(event.instrument, str(error), event.ts_ns)

    def _on_disabled(self, event: PoolDisabled) -> None:
        self._disable(event.instrument, event.reason, event.ts_ns)

    def _on_slot(self, event: SlotSeen) -> None:
        self.heads[event.chain] = event

    def _disable(self, instrument: str, reason: str, ts_ns: int) -> None:
        if instrument not in self.disabled and self._bus is not None:
            self._bus.publish(
                Alert(
                    ts_ns=ts_ns,
                    severity="warning",
                    source="pools",
                    code="pool_disabled",
                    text=f"{instrument}: {reason}; not traded until it is listed again",
                )
            )
        self.disabled[instrument] = reason


def _middle(tracked: _Tracked) -> float | None:
    """Between what one gets for a base unit and what one pays for it; fees of both sides cancel out."""
    pool = tracked.builder.pool()
    if pool is None:
        return None
    listed = tracked.listed
    now_s = tracked.ts_ns // NS_PER_S
    sold = pool.rate(listed.base_is_token0, now_s)  # raw quote per raw base
    bought = pool.rate(not listed.base_is_token0, now_s)  # raw base per raw quote
    if sold <= 0.0 and bought <= 0.0:
        return None
    if sold <= 0.0 or bought <= 0.0:
        ratio = sold if sold > 0.0 else 1.0 / bought
    else:
        ratio = sqrt(sold / bought)
    return ratio * 10.0 ** (listed.base_decimals - listed.quote_decimals)

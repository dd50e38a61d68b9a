"""Concentrated-liquidity pools as exact states, folded from their events; shared by strategies and the paper venue.

A pool seen from its birth is known whole. Any other is exact only as far as it is known; beyond that quotes refuse with
`depth_unknown`. A state that contradicts an event is dropped and reported, never repaired in silence.
"""

from bus.bus import Bus
from bus.events import Alert, InstrumentListed, LiquidityChanged, PoolState, PoolSwap
from kernel.amm.errors import PoolRefused
from kernel.amm.pool import Pool
from kernel.amm.v3 import V3Pool, apply_mint_burn, apply_swap, pool_within_interval
from kernel.market import Market
from kernel.part_pools import PartPools


class Pools:
    """Exact pool states by instrument. `get` is None for a pool that is unknown or quarantined."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._bus: Bus | None = None
        self._states: dict[str, V3Pool] = {}
        self.versions: dict[str, int] = {}  #: how many events changed each pool
        self.quarantined: dict[str, str] = {}
        self.parts = PartPools()  #: pools that are told account by account
        market.pool_price = self.parts.price

    def attach(self, bus: Bus) -> None:
        """Subscribe the fold."""
        self._bus = bus
        self.parts.attach(bus)
        bus.subscribe(PoolState, self._on_pool)
        bus.subscribe(PoolSwap, self._on_swap)
        bus.subscribe(LiquidityChanged, self._on_liquidity)

    def get(self, instrument: str) -> V3Pool | None:
        """The pool as last seen."""
        return self._states.get(instrument)

    def exact(self, instrument: str) -> Pool | None:
        """Any pool that is told in parts, as last seen (`kernel.amm.pool`)."""
        return self.parts.get(instrument)

    def _listed(self, instrument: str) -> InstrumentListed | None:
        return self._market.instruments.get(instrument)

    def _on_pool(self, event: PoolState) -> None:
        listed = self._listed(event.instrument)
        if not event.is_birth or listed is None or listed.tick_spacing <= 0:
            self._on_state(event)
            return
        self._set(
            event.instrument,
            V3Pool,
            sqrt_price_x96=event.sqrt_price_x96,
            tick=event.tick,
            liquidity=0,
            fee_pips=listed.fee_pips,
            tick_spacing=listed.tick_spacing,
        )

    def _on_state(self, event: PoolState | PoolSwap) -> None:
        listed = self._listed(event.instrument)
        if listed is None or listed.tick_spacing <= 0:
            return
        self._set(
            event.instrument,
            pool_within_interval,
            sqrt_price_x96=event.sqrt_price_x96,
            tick=event.tick,
            liquidity=event.liquidity,
            fee_pips=listed.fee_pips,
            tick_spacing=listed.tick_spacing,
        )

    def _on_swap(self, event: PoolSwap) -> None:
        known = self._states.get(event.instrument)
        if known is None:
            self._on_state(event)
        else:
            self._set(event.instrument, apply_swap, known, event.sqrt_price_x96, event.liquidity, event.tick)

    def _on_liquidity(self, event: LiquidityChanged) -> None:
        known = self._states.get(event.instrument)
        if known is not None:
            self._set(
                event.instrument, apply_mint_burn, known, event.tick_lower, event.tick_upper, event.liquidity_delta
            )

    def _set(self, instrument: str, make, /, *args, **kwargs) -> None:  # type: ignore[no-untyped-def]
        self.versions[instrument] = self.versions.get(instrument, 0) + 1
        try:
            self._states[instrument] = make(*args, **kwargs)
            self.quarantined.pop(instrument, None)
        except PoolRefused as error:
            self._states.pop(instrument, None)
            if instrument not in self.quarantined and self._bus is not None:
                self._bus.publish(
                    Alert(
                        ts_ns=self._bus.now_ns,
                        severity="warning",
                        source="pools",
                        code="pool_quarantined",
                        text=f"{instrument}: {error}; not traded until its next swap",
                    )
                )
            self.quarantined[instrument] = str(error)

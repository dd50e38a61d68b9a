"""What the projector must remember of the market between batches: kept as one row per instrument beside the offset.

It is the market fold of the kernel, fed from the log; after a restart it stands exactly where the last commit left it.
"""

from collections.abc import Callable, Iterable
from typing import Any, cast

import msgspec
from msgspec import Struct

from bus.bus import Bus
from bus.clock import NS_PER_MINUTE
from bus.events import Bar, GasPrice, InstrumentListed, PoolState, PoolSwap, Quote, Trade
from bus.events.base import Event
from bus.ids import stable_uuid
from kernel.market import Market

SAVE = """
INSERT INTO kernel_fold_state (projector, log_id, key, value)
SELECT $1, $2, key, value FROM json_to_recordset($3::json) AS state (key text, value text)
ON CONFLICT (projector, log_id, key) DO UPDATE SET value = excluded.value"""

LOAD = "SELECT value FROM kernel_fold_state WHERE projector = $1 AND log_id = $2"

_KINDS: tuple[type[Event], ...] = (Quote, Trade, Bar, PoolState, PoolSwap, InstrumentListed)


class InstrumentState(Struct, kw_only=True, omit_defaults=True):
    """The last state of an instrument (or of a chain's gas, `gas:<chain>`)."""

    instrument: str
    minute: int = -1  #: of the last sample
    values: str = ""  #: the underlying whose USD price it gives
    listed: InstrumentListed | None = None
    quote: Quote | None = None
    trade: Trade | None = None
    bar: Bar | None = None
    pool: PoolState | None = None


class StateRow(Struct):
    """A line of `kernel_fold_state`; `value` is JSON text, so every number is exact."""

    key: str
    value: str


class Instruments:
    """The market fold, the sampling minutes, and which of them changed since the last `save`."""

    def __init__(self) -> None:
        self.market = Market()
        self._minutes: dict[str, int] = {}
        self._dirty: set[str] = set()
        self._handlers: dict[type[Event], Callable[[Any], object]] = {}
        self.market.attach(cast(Bus, self))

    def subscribe(self, kind: type[Event], handler: Callable[[Any], object]) -> None:
        """What `Market.attach` needs of a bus."""
        self._handlers[kind] = handler

    def fold(self, event: Any) -> None:
        """Take a market event; other kinds change nothing."""
        if type(event) in _KINDS:
            self._handlers[type(event)](event)
            self._dirty.add(event.instrument)

    def is_due(self, event: Any) -> bool:
        """Whether the event is the first of its instrument in its minute of event time; remembers that it was."""
        name = f"gas:{event.chain}" if type(event) is GasPrice else event.instrument
        minute = event.ts_ns // NS_PER_MINUTE
        if minute <= self._minutes.get(name, -1):
            return False
        self._minutes[name] = minute
        self._dirty.add(name)
        return True

    def save(self) -> list[StateRow]:
        """Rows of what changed since the last call."""
        market = self.market
        sources = {source: underlying for underlying, source in market.usd_marks.items()}
        rows = []
        for name in self._dirty:
            state = InstrumentState(
                instrument=name,
                minute=self._minutes.get(name, -1),
                values=sources.get(name, ""),
                listed=market.instruments.get(name),
                quote=market.quotes.get(name),
                trade=market.trades.get(name),
                bar=market.bars.get(name),
                pool=market.pools.get(name),
            )
            rows.append(StateRow(str(stable_uuid("instrument", name)), msgspec.json.encode(state).decode()))
        self._dirty.clear()
        return rows

    def restore(self, values: Iterable[str]) -> None:
        """Start from saved rows."""
        market = self.market
        for value in values:
            state = msgspec.json.decode(value, type=InstrumentState)
            name = state.instrument
            self._minutes[name] = state.minute
            if state.values:
                market.usd_marks[state.values] = name
            if state.listed is not None:
                market.instruments[name] = state.listed
            if state.quote is not None:
                market.quotes[name] = state.quote
            if state.trade is not None:
                market.trades[name] = state.trade
            if state.bar is not None:
                market.bars[name] = state.bar
            if state.pool is not None:
                market.pools[name] = state.pool

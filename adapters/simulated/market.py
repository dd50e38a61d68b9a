"""All streams of the simulated market, merged in time."""

import heapq
from collections.abc import Iterator

from adapters.simulated.books import perp_health, perp_quotes, spot_quotes, spot_trades
from adapters.simulated.chain import chain_events
from adapters.simulated.funding import funding_gap, funding_history, funding_rates
from adapters.simulated.listing import listing
from adapters.simulated.paths import Paths
from adapters.simulated.scenario import ASSETS, LAST_MS, ts_ns
from bus.events import ClockTick, Event


def simulated_market(seed: int) -> Iterator[Event]:
    """Twelve hours from 2026-01-05T00:00:00Z in order of `ts_ns`; the same events for the same seed, everywhere."""
    paths = Paths(seed)
    yield from listing()
    yield from funding_history(seed)
    streams: list[Iterator[Event]] = [perp_health(), chain_events(seed, paths), funding_rates(paths), funding_gap()]
    for asset in ASSETS:
        streams += [spot_quotes(seed, asset, paths), perp_quotes(seed, asset, paths), spot_trades(seed, asset, paths)]
    yield from heapq.merge(*streams, key=lambda event: event.ts_ns)
    yield ClockTick(ts_ns=ts_ns(LAST_MS))

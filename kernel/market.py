"""The market as last seen: one fold shared, read-only, by strategies, gate, ledger and paper venue.

It is updated before anybody else sees the same event. Nothing here is guessed: no price means None.
"""

from collections.abc import Callable
from decimal import Decimal

from bus.bus import Bus
from bus.clock import NS_PER_MINUTE
from bus.events import (
    Bar,
    FundingRate,
    GasPrice,
    InstrumentListed,
    LendingRate,
    PoolState,
    PoolSwap,
    Quote,
    Trade,
    VenueHealth,
)
from bus.units import ONE, exact

USD_LIKE = frozenset({"USD", "USDT", "USDC", "USDC.e", "DAI", "FDUSD"})  #: valued at 1 USD; the report says so
Q96 = 1 << 96


class Market:
    """Last known state per instrument, chain and venue."""

    __slots__ = (
        "_pairs",
        "bar_steps_ns",
        "bars",
        "funding",
        "gas",
        "holdings",
        "instruments",
        "lending",
        "pool_marks",
        "pool_price",
        "pools",
        "quotes",
        "trades",
        "usd_marks",
        "venues",
    )

    def __init__(self) -> None:
        self.instruments: dict[str, InstrumentListed] = {}
        self.quotes: dict[str, Quote] = {}
        self.trades: dict[str, Trade] = {}
        self.bars: dict[str, Bar] = {}
        self.bar_steps_ns: dict[str, int] = {}  #: from the close before to the last close
        self.pools: dict[str, PoolState] = {}
        self.gas: dict[str, GasPrice] = {}
        self.funding: dict[str, FundingRate] = {}
        self.lending: dict[tuple[str, str, str], LendingRate] = {}  #: by (venue, chain, asset)
        self.venues: dict[str, VenueHealth] = {}
        self.holdings: dict[str, str] = {}  #: pool -> the pool of the same pair that was listed first on its chain
        self._pairs: dict[tuple[str, str, str], str] = {}
        self.usd_marks: dict[str, str] = {}  #: underlying -> the USD-quoted instrument that values it
        self.pool_marks: dict[str, str] = {}  #: likewise a pool that is told in parts, where no other instrument does
        self.pool_price: Callable[[str], tuple[float, int] | None] = _no_price  #: of pools that are told in parts

    def attach(self, bus: Bus) -> None:
        """Subscribe the fold (first stage)."""
        bus.subscribe(Quote, self._on_quote)
        bus.subscribe(Trade, self._on_trade)
        bus.subscribe(Bar, self._on_bar)
        bus.subscribe(PoolState, self._on_pool)
        bus.subscribe(PoolSwap, self._on_pool_swap)
        bus.subscribe(GasPrice, self._on_gas)
        bus.subscribe(FundingRate, self._on_funding)
        bus.subscribe(LendingRate, self._on_lending)
        bus.subscribe(InstrumentListed, self._on_instrument)
        bus.subscribe(VenueHealth, self._on_health)

    def _on_quote(self, event: Quote) -> None:
        self.quotes[event.instrument] = event

    def _on_trade(self, event: Trade) -> None:
        self.trades[event.instrument] = event

    def _on_bar(self, event: Bar) -> None:
        before = self.bars.get(event.instrument)
        self.bar_steps_ns[event.instrument] = event.close_ts_ns - (
            event.open_ts_ns if before is None else min(before.close_ts_ns, event.open_ts_ns)
        )
        self.bars[event.instrument] = event

    def _on_pool(self, event: PoolState) -> None:
        self.pools[event.instrument] = event

    def _on_pool_swap(self, event: PoolSwap) -> None:
        self.pools[event.instrument] = PoolState(
            ts_ns=event.ts_ns,
            instrument=event.instrument,
            block=event.block,
            log_index=event.log_index,
            sqrt_price_x96=event.sqrt_price_x96,
            tick=event.tick,
            liquidity=event.liquidity,
        )

    def _on_gas(self, event: GasPrice) -> None:
        self.gas[event.chain] = event

    def _on_funding(self, event: FundingRate) -> None:
        self.funding[event.instrument] = event

    def _on_lending(self, event: LendingRate) -> None:
        self.lending[event.venue, event.chain, event.asset] = event

    def _on_instrument(self, event: InstrumentListed) -> None:
        self.instruments[event.instrument] = event
        if event.kind == "pool":
            first = self._pairs.setdefault((event.chain, event.base, event.quote), event.instrument)
            self.holdings[event.instrument] = first
        if event.family and event.quote in USD_LIKE:
            self.pool_marks.setdefault(event.underlying, event.instrument)
        if event.kind != "pool" and event.quote in USD_LIKE:
            self.usd_marks.setdefault(event.underlying, event.instrument)

    def _on_health(self, event: VenueHealth) -> None:
        self.venues[event.venue] = event

    def holding_of(self, instrument: str) -> str:
        """Under which instrument a holding is kept: what one wallet bought in a pool it may sell in any other.

        All pools of a chain with the same base and quote share the one that was listed first; others keep their own.
        """
        return self.holdings.get(instrument, instrument)

    def venue_of(self, instrument: str) -> str:
        """The venue part of an instrument id."""
        listed = self.instruments.get(instrument)
        return listed.venue if listed is not None else instrument.partition(":")[0]

    def price(self, instrument: str) -> tuple[float, int] | None:
        """Last own price (mid, close, trade or pool price, in quote per base) and when we learnt it, or None."""
        best: tuple[float, int] | None = None
        if (quote := self.quotes.get(instrument)) is not None:
            best = ((quote.bid + quote.ask) / 2, quote.ts_ns)
        if (bar := self.bars.get(instrument)) is not None and (best is None or bar.ts_ns > best[1]):
            best = (bar.close, bar.ts_ns)
        if best is None and (trade := self.trades.get(instrument)) is not None:
            best = (trade.price, trade.ts_ns)
        if (pool := self.pools.get(instrument)) is not None:
            listed = self.instruments.get(instrument)
            if listed is not None and pool.sqrt_price_x96 > 0:
                best = (pool_price(pool.sqrt_price_x96, listed), pool.ts_ns)
        if best is None:
            best = self.pool_price(instrument)
        return best

    def step_ns(self, instrument: str) -> int:
        """How far apart an instrument's prices are where only bars or samples are known, else 0."""
        if instrument in self.bars and instrument not in self.quotes:
            return self.bar_steps_ns[instrument]
        pool = self.pools.get(instrument)
        return NS_PER_MINUTE if pool is not None and pool.is_sampled else 0

    def mark(self, instrument: str) -> tuple[float, int] | None:
        """The price that values a position: that of `mark_from` where the instrument names one, else its own."""
        listed = self.instruments.get(instrument)
        source = listed.mark_from if listed is not None and listed.mark_from else instrument
        return self.price(source)

    def usd_per_unit(self, asset: str) -> Decimal | None:
        """USD value of one unit of an asset: 1 for dollar-like ones, else its USD mark, else None."""
        if asset in USD_LIKE:
            return ONE
        underlying = asset.removeprefix("W") if asset in {"WETH", "WBTC", "WSOL", "WPOL"} else asset
        source = self.usd_marks.get(underlying) or self.pool_marks.get(underlying)
        if source is None:
            return None
        price = self.price(source)
        return None if price is None else exact(price[0])

    def quote_usd(self, instrument: str) -> Decimal | None:
        """USD value of one unit of the instrument's quote currency; unlisted instruments count as USD-quoted."""
        listed = self.instruments.get(instrument)
        return ONE if listed is None or listed.quote in USD_LIKE else self.usd_per_unit(listed.quote)


def _no_price(instrument: str) -> None:
    return None


def pool_price(sqrt_price_x96: int, listed: InstrumentListed) -> float:
    """Quote per base of a pool at a square-root price, as a float for signals and marks."""
    ratio = (sqrt_price_x96 / Q96) ** 2  # raw token1 per raw token0
    if listed.base_is_token0:
        return ratio * 10.0 ** (listed.base_decimals - listed.quote_decimals)
    return 10.0 ** (listed.base_decimals - listed.quote_decimals) / ratio
